/** Reads hotfix files, which may come from anywhere: strictly, within bounds, and what is wrong with one is said by the place where it is. */
import { checkRequest } from './catalogue.ts';
import { digest, time } from './checks.ts';
import { KeyholeError } from './errors.ts';
import { hotfixFormat } from './hotfix.ts';
import type { Hotfix, HotfixChange, HotfixPatch } from './hotfix.ts';
import type { LoginProof, SignedPush } from './journal.ts';
import { limits } from './limits.ts';
import type { PatchRequest } from './patches.ts';

/**
 * Reads a hotfix file. Its form and whether its pushes fit together are checked here; signatures are not.
 * @throws {KeyholeError} HOTFIX, naming the place.
 */
export function parseHotfix(text: string): Hotfix {
  if (text.length > limits.maxHotfixBytes) throw wrong('the file', `at most ${limits.maxHotfixBytes} characters long, not ${text.length}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw wrong('the file', `JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  const hotfix = fields(value, 'the file', ['format', 'version', 'service', 'patches', 'pushes']);
  if (hotfix.format !== hotfixFormat) throw wrong('format', JSON.stringify(hotfixFormat));
  if (hotfix.version !== 1) throw wrong('version', `1, not ${JSON.stringify(hotfix.version)}`);
  const service = words(hotfix.service, 'service', 64);
  const pushes = list(hotfix.pushes, 'pushes', limits.maxHotfixPushes).map((each, index) => pushOf(each, `pushes[${index}]`));
  const patches = list(hotfix.patches, 'patches', limits.maxHotfixPatches).map((each, index) => patchOf(each, `patches[${index}]`));
  const parsed: Hotfix = { format: hotfixFormat, version: 1, service, patches, pushes };
  for (const [index, { signed, login }] of pushes.entries()) {
    if (pushes.findIndex((each) => each.signed.signature === signed.signature) !== index)
      throw wrong(`pushes[${index}]`, 'another one than those before it');
    if (login.service !== service) throw wrong(`pushes[${index}].login.service`, `that of the file, ${service}`);
  }
  for (const [index, patch] of patches.entries()) {
    changeOf(parsed, patch, `patches[${index}]`);
    const { address, id } = patch;
    if (patches.some((each, other) => other < index && (each.address === address || each.id === id)))
      throw wrong(`patches[${index}]`, `of a function and with an id that no patch before it has: ${id}, ${address}`);
  }
  return parsed;
}

/** The patches of a hotfix file that was read with {@link parseHotfix}. */
export function changesOf(hotfix: Hotfix): HotfixChange[] {
  return hotfix.patches.map((patch) => changeOf(hotfix, patch, patch.id));
}

/** From what was loaded, through each push, to what shall run. */
function changeOf({ pushes }: Hotfix, { id, address, commit, pushes: places }: HotfixPatch, where: string): HotfixChange {
  let change: HotfixChange | null = null;
  for (const [index, place] of places.entries()) {
    const push = pushes[place];
    const request = push?.request.patches.find((each) => each.address === address);
    if (push === undefined || request === undefined) throw wrong(`${where}.pushes[${index}]`, `the place of a push of ${address}`);
    if (change !== null && change.code !== request.baseCode)
      throw wrong(`${where}.pushes[${index}]`, 'a push that began with what the one before it made');
    const { baseCode, baseSource }: PatchRequest = change ?? request;
    change = { ...request, baseCode, baseSource, id, commit, push };
  }
  if (change === null) throw wrong(`${where}.pushes`, 'a list that is not empty');
  return change;
}

function patchOf(value: unknown, where: string): HotfixPatch {
  const { id, address, commit, pushes } = fields(value, where, ['id', 'address', 'commit', 'pushes']);
  const patchId = words(id, `${where}.id`, 100);
  if (!/^(?:p\d+(?:-\d+)?|h[0-9a-f]{8})$/.test(patchId)) throw wrong(`${where}.id`, 'the id of a patch');
  return {
    id: patchId,
    address: words(address, `${where}.address`, 1_000),
    commit: commit === null ? null : words(commit, `${where}.commit`, 200),
    pushes: list(pushes, `${where}.pushes`, limits.maxHotfixPushes).map((each, index) => place(each, `${where}.pushes[${index}]`)),
  };
}

function pushOf(value: unknown, where: string): SignedPush {
  const names = ['entry', 'entryHash', 'at', 'operator', 'fingerprint', 'session', 'request', 'signed', 'login'];
  const push = fields(value, where, names);
  try {
    checkRequest('patch.apply', push.request);
  } catch (thrown) {
    throw wrong(`${where}.request`, `one of patch.apply: ${KeyholeError.from(thrown).message}`);
  }
  const wrongTime = time(push.at);
  if (wrongTime !== null) throw wrong(`${where}.at`, wrongTime);
  return {
    entry: count(push.entry, `${where}.entry`),
    entryHash: hash(push.entryHash, `${where}.entryHash`),
    at: push.at as string,
    operator: words(push.operator, `${where}.operator`, 100),
    fingerprint: words(push.fingerprint, `${where}.fingerprint`, 100),
    session: words(push.session, `${where}.session`, 100),
    request: push.request as SignedPush['request'],
    signed: proofOf(push.signed, `${where}.signed`),
    login: loginOf(push.login, `${where}.login`),
  };
}

function proofOf(value: unknown, where: string): SignedPush['signed'] {
  const { request, head, nonce, signature } = fields(value, where, ['request', 'head', 'nonce', 'signature']);
  const seen = head === null ? null : fields(head, `${where}.head`, ['seq', 'hash']);
  if (typeof nonce !== 'string' || !/^[0-9a-f]{32}$/.test(nonce))
    throw wrong(`${where}.nonce`, '32 hex digits: a request that was redacted can not be proven');
  return {
    request: count(request, `${where}.request`),
    head: seen === null ? null : { seq: count(seen.seq, `${where}.head.seq`), hash: hash(seen.hash, `${where}.head.hash`) },
    nonce,
    signature: base64(signature, `${where}.signature`),
  };
}

function loginOf(value: unknown, where: string): LoginProof {
  const login = fields(value, where, ['service', 'bootId', 'publicKey', 'sessionKey', 'signature', 'message'], 'certificate');
  return {
    service: words(login.service, `${where}.service`, 64),
    bootId: words(login.bootId, `${where}.bootId`, 100),
    publicKey: words(login.publicKey, `${where}.publicKey`, 4_096),
    ...(login.certificate !== undefined && { certificate: words(login.certificate, `${where}.certificate`, 16_384) }),
    sessionKey: login.sessionKey === null ? null : words(login.sessionKey, `${where}.sessionKey`, 1_000),
    signature: base64(login.signature, `${where}.signature`),
    message: words(login.message, `${where}.message`, 65_536),
  };
}

/** An object with exactly these fields, and that one where there is one. */
function fields<Name extends string, Optional extends string = never>(
  value: unknown,
  where: string,
  names: readonly Name[],
  optional?: Optional,
): Record<Name | Optional, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(where, `an object with ${names.join(', ')}`);
  for (const name of Object.keys(value))
    if (name !== optional && !(names as readonly string[]).includes(name)) throw wrong(where, `without a field ${JSON.stringify(name.slice(0, 40))}`);
  for (const name of names) if (!Object.hasOwn(value, name)) throw wrong(where, `with a field ${name}`);
  return value as Record<Name | Optional, unknown>;
}

function list(value: unknown, where: string, most: number): unknown[] {
  if (!Array.isArray(value) || value.length > most) throw wrong(where, `a list of at most ${most}`);
  return value;
}

function words(value: unknown, where: string, maxLength: number): string {
  if (typeof value === 'string' && value !== '' && value.length <= maxLength) return value;
  throw wrong(where, `a text of 1 to ${maxLength} characters`);
}

function count(value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw wrong(where, 'a whole number from 1 on');
}

function place(value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw wrong(where, 'the place of a push');
}

function hash(value: unknown, where: string): string {
  const misfit = digest(value);
  if (misfit !== null) throw wrong(where, misfit);
  return value as string;
}

function base64(value: unknown, where: string): string {
  if (typeof value === 'string' && /^[A-Za-z0-9+/=]{1,8192}$/.test(value)) return value;
  throw wrong(where, 'a signature in base64');
}

function wrong(where: string, what: string): KeyholeError {
  return new KeyholeError(
    'HOTFIX',
    `${where} must be ${what}`,
    'A hotfix file is made by keyhole export --format keyhole, and not changed afterwards.',
  );
}
