/** Patches with their texts, as the journal's lines hold them: pages of the history, and what a hotfix file is made of. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { KeyholeError, canonicalRequest, hotfixFormat, limits, signedRequestOf } from '../protocol/index.ts';
import type {
  HistoricPatch,
  Hotfix,
  HotfixPatch,
  IntentEntry,
  JournalEntry,
  PatchRecord,
  PatchRequest,
  PatchState,
  ReplayEntry,
  SessionEntry,
  SignedPush,
} from '../protocol/index.ts';
import { hashOf, parseLine } from './chain.ts';
import type { Fate, LinePlace } from './fate.ts';
import type { PatchHistory } from './history.ts';

export interface HistoryQuery {
  before?: string;
  count?: number;
  ids?: readonly string[];
  states?: readonly PatchState[];
}

const defaultCount = 50;

/**
 * One page, newest first.
 * @throws {KeyholeError} NOT_FOUND where an id is none; TOO_LARGE where the patches that are asked for by id do not fit into one page.
 */
export function historyPage(
  history: PatchHistory,
  { before, count = defaultCount, ids, states }: HistoryQuery,
): { patches: Omit<HistoricPatch, 'email'>[]; next: string | null } {
  const fates = ids === undefined ? [...history.fates.values()] : fatesOf(history, ids);
  fates.reverse();
  const from = before === undefined ? 0 : fates.indexOf(fateOf(history, before)) + 1;
  const patches: Omit<HistoricPatch, 'email'>[] = [];
  let bytes = 0;
  for (const fate of fates.slice(from).filter(({ state }) => states?.includes(state) ?? true)) {
    const patch = recordOf(fate);
    bytes += [patch.code, patch.source, patch.baseCode, patch.baseSource].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (patches.length > 0 && (patches.length >= count || bytes > limits.maxHistoryPageBytes)) {
      if (ids === undefined) return { patches, next: patches.at(-1)?.id ?? null };
      throw new KeyholeError(
        'TOO_LARGE',
        `the texts of ${ids.length} patches are more than ${limits.maxHistoryPageBytes} bytes`,
        'Ask for fewer at once.',
      );
    }
    patches.push(patch);
  }
  return { patches, next: null };
}

/** @throws {KeyholeError} NOT_FOUND */
export function fatesOf(history: PatchHistory, ids: readonly string[]): Fate[] {
  return ids.map((id) => fateOf(history, id));
}

function fateOf({ fates }: PatchHistory, id: string): Fate {
  const fate = fates.get(id);
  if (fate !== undefined) return fate;
  const known = [...fates.keys()].slice(-20).reverse().join(', ');
  throw new KeyholeError('NOT_FOUND', `the journal knows no patch ${id}`, known === '' ? 'It knows none.' : `The latest are ${known}.`);
}

/** A patch as it was pushed, with its way from the loaded code. */
export function recordOf(fate: Fate): Omit<HistoricPatch, 'email'> {
  const { id, address, entry, strategy, thread, commit, state, since, why, by, replayed } = fate;
  const pushes = pushesOf(fate);
  const push = pushes.at(-1);
  const request = requestIn(push, address);
  const { baseCode, baseSource } = requestIn(pushes[0], address);
  if (push === undefined) throw misread(fate);
  return {
    ...request,
    baseCode,
    baseSource,
    id,
    file: fileOf(address),
    strategy,
    operator: push.operator,
    fingerprint: push.fingerprint,
    reason: push.request.reason,
    ...reviewOf(fate, push),
    ...(push.request.commits !== undefined && { commits: push.request.commits }),
    at: push.at,
    entry,
    entryHash: hashOf(bytesAt(fate.place)),
    commit,
    state,
    since,
    ...(thread !== undefined && { thread }),
    ...(why !== undefined && { why }),
    ...(by !== undefined && { by }),
    ...(replayed !== undefined && { replayed }),
  };
}

/**
 * The hotfix file of patches.
 * @throws {KeyholeError} HOTFIX where one can not be proven by what the journal holds; NOT_FOUND.
 */
export function hotfixOf(history: PatchHistory, service: string, ids: readonly string[]): Hotfix {
  const pushes: SignedPush[] = [];
  const placeOf = (push: SignedPush): number => {
    const place = pushes.findIndex((each) => each.signed.signature === push.signed.signature);
    return place === -1 ? pushes.push(push) - 1 : place;
  };
  const patches = fatesOf(history, [...new Set(ids)]).map((fate): HotfixPatch => {
    const { id, address, commit, thread } = fate;
    if (thread !== undefined) throw new KeyholeError('HOTFIX', `${id} was made in thread ${thread} alone`, 'Push it into the whole service first.');
    const of = pushesOf(fate).map((push) => provable(id, push));
    const misfit = of.find((push) => push.login.service !== service);
    if (misfit !== undefined) throw new KeyholeError('HOTFIX', `${id} was pushed into another service, ${misfit.login.service}`);
    return { id, address, commit, pushes: of.map(placeOf) };
  });
  for (const [index, { id, address }] of patches.entries()) {
    const other = patches.slice(0, index).find((each) => each.address === address);
    if (other !== undefined)
      throw new KeyholeError('HOTFIX', `${other.id} and ${id} are patches of the same function, ${address}`, 'Name the one that shall run.');
  }
  return { format: hotfixFormat, version: 1, service, patches, pushes };
}

/** A push as the journal holds it: redacted, or without the login it rests on, it proves nothing elsewhere. */
type KeptPush = Omit<SignedPush, 'signed' | 'login'> & { signed: IntentEntry['signed']; login: SignedPush['login'] | null };

/** The pushes a patch is made of, oldest first. */
export function pushesOf(fate: Fate): KeptPush[] {
  const earlier = fate.base === null ? [] : pushesOf(fate.base);
  const bytes = bytesAt(fate.place);
  const entry = parseLine(bytes);
  if (entry?.seq !== fate.entry) throw misread(fate);
  if (entry.kind === 'replay') return [...earlier, ...((entry as ReplayEntry).hotfix?.pushes ?? [])];
  const { time, operator, fingerprint, session, request, signed } = entry as JournalEntry & IntentEntry;
  const login = fate.login === null ? undefined : (parseLine(bytesAt(fate.login)) as (JournalEntry & SessionEntry) | null)?.login;
  const push = {
    entry: fate.entry,
    entryHash: hashOf(bytes),
    at: time,
    operator,
    fingerprint,
    session,
    request: request as SignedPush['request'],
    signed,
  };
  return [...earlier, { ...push, login: login ?? null }];
}

/** @throws {KeyholeError} HOTFIX */
export function provable(id: string, { signed, login, ...push }: KeptPush): SignedPush {
  if (signed?.nonce === undefined)
    throw new KeyholeError(
      'HOTFIX',
      `the request of ${id} was redacted, so its signature does not prove what it holds`,
      'Push it again with another reason.',
    );
  if (login === null) throw new KeyholeError('HOTFIX', `the login that the signature of ${id} rests on is not in the journal any more`);
  const { request, head, nonce, signature } = signed;
  return { ...push, signed: { request, head, nonce, signature }, login };
}

/** Who approved exactly what its author signed, and that nobody had to. */
function reviewOf({ approvals }: Fate, { session, request, signed, login }: KeptPush): Pick<PatchRecord, 'approvals' | 'breakGlass'> {
  if (request.breakGlass === true) return { breakGlass: true };
  const asked =
    signed === undefined || login === null ? null : signedRequestOf({ op: 'patch.apply', session, request: { ...request } }, signed, login);
  // Where the request was redacted, the door has kept the digest in place of the nonce.
  const digest = asked === null ? signed?.digest : createHash('sha512').update(canonicalRequest(asked), 'utf8').digest('hex');
  const given = approvals.filter((each) => each.digest === digest);
  return given.length === 0 ? {} : { approvals: given.map(({ operator, fingerprint, entry }) => ({ operator, fingerprint, entry })) };
}

function requestIn(push: KeptPush | undefined, address: string): PatchRequest {
  const request = push?.request.patches.find((each) => each.address === address);
  if (request === undefined) throw new KeyholeError('JOURNAL', `the entry of a push of ${address} does not hold it`);
  const { code, baseCode, source, baseSource, imports } = request;
  return { address, code, baseCode, source, baseSource, ...(imports !== undefined && { imports }) };
}

function misread({ id, entry, place }: Fate): KeyholeError {
  return new KeyholeError('JOURNAL', `entry ${entry}, which holds ${id}, is not in ${place.file} any more`);
}

function bytesAt({ file, start, length }: LinePlace): Buffer {
  const bytes = Buffer.alloc(length);
  const fd = openSync(file, 'r');
  try {
    readSync(fd, bytes, 0, length, start);
  } finally {
    closeSync(fd);
  }
  return bytes;
}

function fileOf(address: string): string {
  return address.slice(0, Math.max(0, address.lastIndexOf(':')));
}
