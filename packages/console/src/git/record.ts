/** What an agent says of a patch, checked before git hears of it: an agent that was taken over may say anything. */
import { KeyholeError, limits, patchImport, type PatchRecord } from '@keyhole/agent/protocol';
import { checkPath } from './path.ts';

const maxTextLength = 2_000;
/** What the date of a mail can say. */
const earliest = Date.parse('1970-01-02T00:00:00Z');
const latest = Date.parse('2099-12-31T00:00:00Z');

const nothingDone = 'Nothing was exported.';

/** @throws {KeyholeError} GIT where the agent sent something else than a list of records. */
export function checkRecords(records: readonly PatchRecord[]): void {
  if (!Array.isArray(records)) throw new KeyholeError('GIT', 'the agent sent no list of patches', nothingDone);
  for (const record of records) checkRecord(record);
}

/** @throws {KeyholeError} GIT naming the field. */
function checkRecord(record: PatchRecord): void {
  const given: Partial<Record<keyof PatchRecord, unknown>> = Object(record);
  const wrong = (field: keyof PatchRecord, what: string): KeyholeError =>
    new KeyholeError('GIT', `the agent's record of a patch can not be used: its ${field} is ${what}`, nothingDone);
  if (typeof given.id !== 'string' || !/^[\w-]{1,100}$/.test(given.id)) throw wrong('id', 'not the id of a patch');
  for (const field of ['address', 'file', 'operator', 'email', 'fingerprint', 'reason', 'at', 'entryHash'] as const) {
    const text = given[field];
    if (typeof text !== 'string' || text.length > maxTextLength) throw wrong(field, `not a text of at most ${maxTextLength} characters`);
  }
  for (const field of ['source', 'baseSource', 'code', 'baseCode'] as const) {
    const text = given[field];
    if (typeof text !== 'string' || text.length > limits.maxSourceBytes)
      throw wrong(field, `not a text of at most ${limits.maxSourceBytes} characters`);
    if (/\p{Cs}/u.test(text)) throw wrong(field, 'no text: it holds halves of characters');
  }
  const at = Date.parse(record.at);
  if (!(at >= earliest && at <= latest)) throw wrong('at', 'no time of this century');
  if (!Number.isSafeInteger(given.entry)) throw wrong('entry', 'not a number of an entry');
  if (!/^[0-9a-f]{64}$/.test(record.entryHash)) throw wrong('entryHash', 'not a SHA-256');
  if (given.breakGlass !== undefined && given.breakGlass !== null && given.breakGlass !== true) throw wrong('breakGlass', 'neither true nor absent');
  if (!areCommits(given.commits ?? [])) throw wrong('commits', `no list of at most ${limits.maxPushedCommits} ids of commits`);
  if (!areImports(given.imports ?? [])) throw wrong('imports', `no list of at most ${limits.maxPatchImports} imports`);
  if (!areApprovals(given.approvals ?? [])) throw wrong('approvals', `no list of at most ${limits.maxApprovals} approvals`);
  // Where an absolute one lies is looked at later.
  checkPath(record.file.replace(/^\//, ''));
  if (!record.address.startsWith(`${record.file}:`)) throw wrong('address', `not one in ${JSON.stringify(record.file)}`);
}

function areCommits(value: unknown): boolean {
  return Array.isArray(value) && value.length <= limits.maxPushedCommits && value.every((each) => /^[0-9a-f]{40,64}$/.test(String(each)));
}

function areImports(value: unknown): boolean {
  return Array.isArray(value) && value.length <= limits.maxPatchImports && value.every((each) => patchImport(each) === null);
}

function areApprovals(value: unknown): boolean {
  return Array.isArray(value) && value.length <= limits.maxApprovals && value.every(isApproval);
}

function isApproval(given: unknown): boolean {
  const { operator, fingerprint, entry } = Object(given) as Record<string, unknown>;
  return [operator, fingerprint].every((text) => typeof text === 'string' && text.length <= maxTextLength) && Number.isSafeInteger(entry);
}
