/** The audit journal: append, recover, read, verify; and the signatures it holds. */
export { Journal } from './journal.ts';
export type { Appended } from './writer.ts';
export type { JournalConfig, JournalOptions, SinkOptions } from './options.ts';
export { resolveJournal } from './options.ts';
export { findLine, findLogin } from './read.ts';
export type { PatchHistory, Run } from './history.ts';
export { patchKey } from './fate.ts';
export type { Fate } from './fate.ts';
export { historyPage, hotfixOf, provable, pushesOf, recordOf } from './patches.ts';
export { createRedaction } from './redact.ts';
export { pushMisfit } from './verify-signatures.ts';
export { verifyJournal } from './verify.ts';
export type { VerifyOptions } from './verify.ts';
