/**
 * What strangers hand us, one function each. A target takes bytes and returns, or throws what counts as found: another error than ours, something applied, something accepted that should not be,
 * or an input that takes too long.
 */
import { EventEmitter } from 'node:events';
import { generateKeyPairSync, sign } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { parseLine, kindOf } from '../../packages/agent/dist/journal/chain.js';
import { KeyholeError, changesOf, checkRequest, decodeFrame, encodeFrame, limits, parseHotfix } from '../../packages/agent/dist/protocol/index.js';
import { parseKeyLine } from '../../packages/agent/dist/server/authorized-keys.js';
import { serveConnection } from '../../packages/agent/dist/server/connection.js';
import { resolveLimits } from '../../packages/agent/dist/server/door-limits.js';
import { Operators } from '../../packages/agent/dist/server/operators.js';
import { checkSignature, parseCertificate, parsePublicKey, signatureBlob } from '../../packages/agent/dist/ssh/index.js';

import { commitParts } from '../../packages/console/dist/git/message.js';
import { checkPath } from '../../packages/console/dist/git/path.js';
import { certificateBlob } from './issued.mjs';

/** Longer than that for a few kilobytes is a way to hold up the door. */
const slowMs = 1_000;

/** Runs what may only throw errors of these codes. */
function ours(codes, work) {
  // Of the processor's time: others may have the machine.
  const before = process.cpuUsage();
  let result;
  try {
    result = work();
  } catch (thrown) {
    if (!(thrown instanceof KeyholeError) || !codes.includes(thrown.code)) throw thrown;
  }
  const { user, system } = process.cpuUsage(before);
  const tookMs = (user + system) / 1_000;
  if (tookMs > slowMs) throw new Error(`it took ${Math.round(tookMs)} ms`);
  return result;
}
const crcLength = ',"crc":"01234567"}'.length;
const must = (condition, what) => {
  if (!condition) throw new Error(what);
};

export function frame(data) {
  const value = ours(['BAD_FRAME', 'TOO_LARGE'], () => decodeFrame(data, limits.maxUnauthenticatedFrameBytes));
  if (value === null || typeof value !== 'object') return;
  must(!Object.hasOwn(Object.prototype, 'polluted'), 'a prototype was changed');
  // What was taken can be said again, and is then as long at most as it was before, but for numbers.
  encodeFrame(value);
}

/** A request as it arrives, up to where it would be done. */
export function patchRequest(data) {
  const value = ours(['BAD_FRAME', 'TOO_LARGE'], () => decodeFrame(data, limits.maxFrameBytes));
  for (const op of ['patch.apply', 'evaluate', 'inspect', String(value?.op)]) ours(['BAD_REQUEST'], () => checkRequest(op, value?.params ?? value));
}

const { privateKey } = generateKeyPairSync('ed25519');
const hostKey = { publicKey: 'ssh-ed25519 AAAA', sign: (message) => new Uint8Array(sign(null, Buffer.from(message), privateKey)) };
const bounds = resolveLimits();
const hello = encodeFrame({ t: 'hello', versions: [2], clientNonce: new Uint8Array(32) });

/** Two messages of a stranger; with an even first byte a good hello goes before. Nobody comes in, and nothing is dispatched. */
export function handshake(data) {
  if (data.length === 0) return;
  const socket = Object.assign(new EventEmitter(), { OPEN: 1, readyState: 1, bufferedAmount: 0, send: () => undefined, terminate: () => undefined });
  socket.close = () => void (socket.readyState = 3);
  const found = [];
  const gate = {
    bootId: 'boot',
    service: 'svc',
    limits: bounds,
    hostKey,
    dispatcher: { dispatch: () => found.push('dispatched') },
    approvals: 0,
    journal: () => ({ dir: '/', writable: true, head: null }),
    operators: () => new Operators('name="a",roles="admin" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPBE1uMqpyxyYKjRpPZQEiPE5cm5TEsqf3KxYbDBvR9r'),
    admit: () => found.push('admitted'),
    leave: () => undefined,
    refused: () => undefined,
  };
  serveConnection(
    { socket, peer: 'local', binding: 'unix:/a', exporter: null, visit: { proven: () => found.push('proven'), failed: () => undefined } },
    gate,
  );
  const rest = Buffer.from(data.subarray(1));
  const half = Math.floor(rest.length / 2);
  const messages = data[0] % 2 === 0 ? [Buffer.from(hello), rest] : [rest.subarray(0, half), rest.subarray(half)];
  for (const message of messages) socket.emit('message', message, true);
  socket.emit('close');
  must(found.length === 0, found.join());
}

/** One line that is not understood and nobody comes in; nobody gets a role that is not in the text. */
export function keyFile(data) {
  const text = Buffer.from(data).toString('utf8');
  let operators;
  try {
    operators = new Operators(text);
  } catch (thrown) {
    must(thrown instanceof Error && thrown.message.startsWith('line '), String(thrown));
    return;
  }
  for (const { publicKey, capabilities } of operators.named) {
    must(text.includes(publicKey.split(' ')[1]), 'a key that is not in the text');
    must(capabilities.length === 0 || /roles="/.test(text), 'a role that is not in the text');
    operators.find({ publicKey, certificate: null }, 0);
  }
}

export function certificate(data) {
  const base64 = Buffer.from(data).toString('base64');
  const isIssued = certificateBlob.equals(data);
  for (const type of ['ssh-ed25519-cert-v01@openssh.com', 'sk-ssh-ed25519-cert-v01@openssh.com', 'ecdsa-sha2-nistp256-cert-v01@openssh.com'])
    must(parseCertificate(`${type} ${base64}`) === null || isIssued, 'a certificate that nobody signed');
  const line = Buffer.from(data).toString('utf8');
  const blob = parseCertificate(line) === null ? null : Buffer.from(line.trim().split(/\s+/)[1] ?? '', 'base64');
  must(blob === null || certificateBlob.equals(blob), 'a line with a certificate that nobody signed');
  parsePublicKey(Buffer.from(data).toString('utf8'));
  for (const type of ['ssh-ed25519', 'sk-ssh-ed25519@openssh.com', 'ecdsa-sha2-nistp256']) {
    const key = parsePublicKey(`${type} ${base64}`);
    if (key !== null) must(checkSignature(Buffer.from(data), key.line, 'n', 'm') === null, 'a signature of nobody');
  }
  signatureBlob(Buffer.from(data).toString('utf8'));
  try {
    parseKeyLine(Buffer.from(data).toString('utf8'));
  } catch (thrown) {
    must(thrown instanceof Error, String(thrown));
  }
}

export function journal(data) {
  const line = Buffer.from(data);
  parseLine(line);
  const prev = '0'.repeat(64);
  kindOf(line, 1, prev);
  // Again with a crc that fits, as whoever writes to the file would have it.
  const body = line.subarray(0, Math.max(0, line.length - crcLength));
  const sealed = Buffer.concat([body, Buffer.from(`,"crc":"${crc32(body).toString(16).padStart(8, '0')}"}`)]);
  const kind = kindOf(sealed, 1, prev);
  if ('kind' in kind) must(sealed.includes(Buffer.from(`"kind":"${kind.kind}"`, 'latin1')), 'a kind that is not in the line');
  parseLine(sealed);
}

/** A hotfix file: what is taken is taken whole, and says the same when it is written and read again. */
export function hotfix(data) {
  const text = Buffer.from(data).toString('utf8');
  const parsed = ours(['HOTFIX'], () => parseHotfix(text));
  if (parsed === undefined) return;
  for (const { address, code } of ours(['HOTFIX'], () => changesOf(parsed)) ?? [])
    must(text.length > address.length + code.length, 'a patch from nowhere');
  must(JSON.stringify(parseHotfix(JSON.stringify(parsed))) === JSON.stringify(parsed), 'a hotfix that changes when it is read again');
}

/** Texts of an operator on their way to git. */
export function exportPath(data) {
  const [file = '', reason = '', operator = '', email = '', address = ''] = Buffer.from(data).toString('utf8').split('\u0000');
  if (ours(['GIT'], () => (checkPath(file), true)) === true) {
    must(!file.startsWith('/') && !file.split('/').includes('..') && !/[\0\n\\]/.test(file), 'a path that leaves the repository');
    must(!file.split('/').some((part) => part.toLowerCase() === '.git'), 'a path into the repository itself');
  }
  const record = { id: 'p1', address, reason, operator, email, fingerprint: 'SHA256:x', entry: 1, entryHash: 'h', at: '2026-01-01T00:00:00Z' };
  const { author, subject, body } = commitParts([record], 'svc', 'base');
  must(!/[\n\r\0<>]/.test(author.name + author.email), 'an author with syntax in it');
  must(!/[\n\r\0]/.test(subject), 'a subject of several lines');
  for (const text of body.split('\n')) must(!/^(?:diff |--- |\+\+\+ |From |From: |---$|index )/.test(text), 'a line that is syntax to git');
}
