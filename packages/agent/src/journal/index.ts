/** The audit journal: append, recover, verify. */
export { Journal } from './journal.ts';
export type { Appended } from './writer.ts';
export { verifyJournal } from './verify.ts';
