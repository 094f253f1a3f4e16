/**
 * What strangers and operators hand us, in numbers: good examples, changed. Coverage-guided fuzzing (test/fuzz) finds what is deep, this finds what is rare. Each run starts at another seed, and names it.
 * `KEYHOLE_TIMES=50` does fifty times as many.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import {
  KeyholeError,
  armorSignature,
  authMessage,
  authNamespace,
  canonicalJson,
  canonicalRequest,
  capabilities,
  catalogue,
  decodeFrame,
  encodeFrame,
  limits,
  protocolVersion,
  requestNamespace,
  unarmorSignature,
  type OperationName,
  type Request,
  type ServerFrame,
  type Transcript,
} from '../../packages/agent/dist/protocol/index.js';
import { parseKeyLine } from '../../packages/agent/dist/server/authorized-keys.js';
import { serveConnection, type Gate } from '../../packages/agent/dist/server/connection.js';
import { Dispatcher, type DispatcherParts } from '../../packages/agent/dist/server/dispatcher.js';
import { resolveLimits } from '../../packages/agent/dist/server/door-limits.js';
import { Operators } from '../../packages/agent/dist/server/operators.js';
import { PolicyFile } from '../../packages/agent/dist/server/policy.js';
import { Approvals } from '../../packages/agent/dist/server/approvals.js';
import { OperatorSession } from '../../packages/agent/dist/server/session.js';
import { checkSignature, signatureBlob } from '../../packages/agent/dist/ssh/index.js';
import { armoredSignature, publicKeyLine } from '../../packages/console/dist/client/ssh-wire.js';
// @ts-expect-error -- a plain module
import { Mutator } from '../fuzz/mutate.mjs';

const times = Number(process.env['KEYHOLE_TIMES'] ?? 1);
const seed = Math.floor(Math.random() * 0x7fff_ffff);

interface Changing {
  below(below: number): number;
  mutate(input: Uint8Array, other: Uint8Array, maxBytes: number): Buffer;
}
const changing = (...words: string[]): Changing => new Mutator(seed, words) as Changing;
const pick = <T>(mutator: Changing, from: readonly T[]): T => from[mutator.below(from.length)] as T;

/** Writing down a stack for each refusal takes longer than the refusal. */
async function withoutStacks(work: () => Promise<void>): Promise<void> {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    await work();
  } finally {
    Error.stackTraceLimit = before;
  }
}

const { privateKey: operatorKey } = generateKeyPairSync('ed25519');
const { privateKey: hostPrivateKey } = generateKeyPairSync('ed25519');
const publicKey = publicKeyLine(operatorKey);

const frames = 400_000 * times;
test(
  `${frames} changed frames, seed ${seed}: a value or one of our errors; nothing is done that its operator did not sign`,
  { timeout: 600_000 * times },
  () =>
    withoutStacks(async () => {
      const asked: { op: string; params: object }[] = [];
      const drafts: string[] = [];
      const answers = () => {
        throw new KeyholeError('BUSY', 'nobody is at home');
      };
      const nobody = new Proxy({}, { get: () => answers });
      const journal = {
        append: async ({ kind }: { kind: string }) => void drafts.push(kind),
        // What comes as far as this is believed to be signed.
        appendAll: async (make: (segmentStart: number) => { phase?: string; op: string; request: object }[]) => {
          for (const { phase, op, request } of make(1)) if (phase === 'intent') asked.push({ op, params: request });
          return answers();
        },
        contradicts: answers,
      };
      const bridge = {
        call: (op: string, params: object) => {
          asked.push({ op, params });
          return { id: 1, result: Promise.reject(new KeyholeError('BUSY', 'nobody is at home')) };
        },
      };
      const all = { ...{ rescuer: nobody, profiler: nobody, interrupter: nobody, places: nobody, hostKey: nobody }, journal, bridge };
      const rest = { operators: { lines: '' }, approvals: new Approvals({ patch: 0 }), policy: new PolicyFile(null), sessions: new Set(), build: {} };
      const looks = { take: (_: string, look: (took: () => void) => unknown) => look(() => undefined) };
      const dispatcher = new Dispatcher({
        ...all,
        ...rest,
        looks,
        announce: answers,
        report: answers,
        patchesChanged: answers,
      } as unknown as DispatcherParts);
      const newSession = (roles: readonly string[]): OperatorSession => {
        const operator = { name: 'alice', email: 'a@b.c', publicKey, fingerprint: 'f', capabilities: [...roles], verifyRequired: false };
        const login = { service: 's', bootId: 'b', publicKey, sessionKey: null, signature: '', message: '' };
        const parts = { operator, claim: { publicKey, certificate: null, address: 'local' }, login };
        const session = new OperatorSession(parts as never, { say: answers, tell: answers, end: answers });
        // As if each request were the first: that none is taken twice would hide what is wrong with the others.
        return Object.assign(session, { take: () => true });
      };
      const [mighty, powerless] = [newSession(capabilities), newSession([])];

      const patch = { address: 'a.js:f', code: 'function f() {}', baseCode: '', source: '', baseSource: '' };
      const params = { patches: [patch], reason: 'R', confirmMs: 1_000 };
      const nonce = 'ab'.repeat(16);
      const bytes = canonicalRequest({ service: 's', bootId: 'b', session: mighty.id, request: 1, op: 'patch.apply', params, head: null, nonce });
      const signed = { head: null, nonce, signature: unarmorSignature(armoredSignature(operatorKey, requestNamespace, bytes)) };
      const frame = { t: 'req', id: 1, op: 'patch.apply', params };
      const signedFrame = encodeFrame({ ...frame, signed });
      const seeds = [
        encodeFrame({ t: 'hello', versions: [2], clientNonce: new Uint8Array(32) }),
        encodeFrame({ t: 'auth', publicKey, signature: armorSignature('U1NIU0lH') }),
        encodeFrame(frame),
        encodeFrame({ ...frame, signed: { ...signed, signature: 'AAAA' } }),
        encodeFrame({ t: 'req', id: 2, op: 'evaluate', params: { expression: '1', depth: 1, keep: true, timeoutMs: 10 } }),
        encodeFrame({ t: 'req', id: 3, op: 'inspect', params: { actor: 'room/lobby', start: 1, count: 20 } }),
        encodeFrame({ t: 'req', id: 4, op: 'actor.set', params: { actor: 'a', path: 'b', value: '1', reason: 'x' } }),
        encodeFrame({ t: 'req', id: 5, op: 'rescue.end', params: { reason: 'x' } }),
      ];
      const mutator = changing(...Object.keys(catalogue), 'signed', 'params', 'dryRun');
      const counts = { decoded: 0, requests: 0, dispatched: 0 };
      const scratch = new Uint8Array(4_096);
      /** One to three bytes are other ones: that takes a tenth of the time of a mutation. */
      const inPlace = (base: Uint8Array): Uint8Array => {
        const bytes = scratch.subarray(0, base.length);
        bytes.set(base);
        for (let left = 1 + mutator.below(3); left > 0; left -= 1) {
          const at = mutator.below(bytes.length);
          bytes[at] = left === 2 ? (bytes[at] ?? 0) ^ (1 << mutator.below(8)) : mutator.below(256);
        }
        return bytes;
      };
      const take = (data: Uint8Array): Promise<void> | null => {
        let value: Partial<Request> | null;
        try {
          value = decodeFrame(data, limits.maxFrameBytes) as Partial<Request> | null;
        } catch (thrown) {
          if (thrown instanceof KeyholeError && (thrown.code === 'BAD_FRAME' || thrown.code === 'TOO_LARGE')) return null;
          throw thrown;
        }
        counts.decoded += 1;
        if (value?.t !== 'req' || typeof value.op !== 'string') return null;
        counts.requests += 1;
        // One in eight goes on to the dispatcher: each gets there the same way.
        return counts.requests % 8 === 0 ? dispatch(value.op, value) : null;
      };
      const dispatch = async (op: string, value: Partial<Request>): Promise<void> => {
        const { params: wanted } = value;
        for (const session of [powerless, mighty]) {
          asked.length = 0;
          let answer: unknown;
          try {
            answer = await dispatcher.dispatch(session, 1, op, wanted, value.signed);
          } catch (thrown) {
            if (!(thrown instanceof KeyholeError)) throw thrown;
            if (session === powerless && thrown.code !== 'NOT_ALLOWED' && thrown.code !== 'BAD_REQUEST') throw thrown;
          }
          if (session === powerless) expect([answer, asked]).toEqual([undefined, []]);
          if (asked.length === 0) continue;
          counts.dispatched += 1;
          const isDryRun = op === 'patch.apply' && (wanted as { dryRun?: boolean }).dryRun === true;
          const isTheSigned = op === 'patch.apply' && canonicalJson(wanted) === canonicalJson(params);
          if (catalogue[op as OperationName].journal !== null && !isDryRun && !isTheSigned)
            throw new Error(`done, and not signed: ${JSON.stringify(value)}`);
        }
      };
      for (let count = 0; count < frames; count += 1) {
        // A signature takes longer to look at than a thousand frames.
        const base = count % 64 === 0 ? signedFrame : pick(mutator, seeds);
        const data = count % 8 === 0 ? mutator.mutate(base, pick(mutator, seeds), 4_096) : inPlace(base);
        const pending = take(data);
        if (pending !== null) await pending;
      }
      expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
      expect(new Set(drafts)).toEqual(new Set(['refusal']));
      // A run in which hardly anything is understood shows nothing.
      expect(counts.decoded).toBeGreaterThan(frames / 5);
      expect(counts.requests).toBeGreaterThan(frames / 10);
      expect(counts.dispatched).toBeGreaterThan(frames / 2_000);
    }),
);

const logins = 2_000 * times;
test(
  `${logins} logins at the door whose transcript, key or signature was changed, seed ${seed}: nobody comes in; the good ones between them do`,
  { timeout: 600_000 * times },
  () =>
    withoutStacks(async () => {
      const lines = `name="alice",roles="admin" ${publicKey}`;
      const operators = new Operators(lines);
      const admitted: string[] = [];
      const gate = {
        bootId: 'boot',
        service: 'svc',
        limits: resolveLimits(),
        hostKey: {
          publicKey: publicKeyLine(hostPrivateKey),
          sign: (message: string) => new Uint8Array(sign(null, Buffer.from(message), hostPrivateKey)),
        },
        dispatcher: null,
        approvals: 0,
        journal: () => ({ dir: '/', writable: true, head: null }),
        operators: () => operators,
        admit: ({ operator }: OperatorSession) => admitted.push(operator.name) > 0,
        leave: () => undefined,
        refused: () => undefined,
      } as unknown as Gate;
      const mutator = changing('"', '\n', ',', 'wss:', 'unix:', '-', publicKey, 'keyhole-auth-v2', 'SSHSIG', 'sha256', 'sha512');
      const text = (value: string): string => mutator.mutate(Buffer.from(value), Buffer.from(publicKey), 1_000).toString();

      /** @returns what was sent was not what is signed. */
      const login = (isGood: boolean): boolean => {
        const sent: ServerFrame[] = [];
        const socket = Object.assign(new EventEmitter(), {
          ...{ OPEN: 1, readyState: 1, bufferedAmount: 0, terminate: () => undefined, close: () => undefined },
          send: (bytes: Uint8Array) => void sent.push(decodeFrame(bytes, limits.maxFrameBytes) as ServerFrame),
        });
        const visit = { proven: () => undefined, failed: () => undefined };
        serveConnection({ socket, peer: 'local', binding: 'unix:/run/svc.sock', exporter: null, visit } as never, gate);
        const clientNonce = new Uint8Array(randomBytes(32));
        const offered = [protocolVersion];
        socket.emit('message', encodeFrame({ t: 'hello', versions: offered, clientNonce }), true);
        const hello = sent[0] as Extract<ServerFrame, { t: 'hello' }>;
        const { serverNonce, service, bootId, hostKey, version } = hello;
        const transcript: Transcript = {
          binding: 'unix:/run/svc.sock',
          exporter: null,
          offered,
          version,
          clientNonce,
          serverNonce,
          service,
          bootId,
          hostKey,
        };
        const good = authMessage(transcript, { publicKey });
        let message = good;
        let claimed = publicKey;
        let namespace = authNamespace;
        let signer = operatorKey;
        if (!isGood) {
          const bytes = (nonce: Uint8Array): Uint8Array => new Uint8Array(mutator.mutate(nonce, clientNonce, 64));
          const changed: (() => void)[] = [
            () => (message = authMessage({ ...transcript, binding: text(transcript.binding) }, { publicKey })),
            () => (message = authMessage({ ...transcript, exporter: bytes(serverNonce) }, { publicKey })),
            () => (message = authMessage({ ...transcript, offered: [mutator.below(9), protocolVersion] }, { publicKey })),
            () => (message = authMessage({ ...transcript, version: mutator.below(99) }, { publicKey })),
            () => (message = authMessage({ ...transcript, clientNonce: bytes(clientNonce) }, { publicKey })),
            () => (message = authMessage({ ...transcript, serverNonce: bytes(serverNonce) }, { publicKey })),
            () => (message = authMessage({ ...transcript, service: text(service) }, { publicKey })),
            () => (message = authMessage({ ...transcript, bootId: text(bootId) }, { publicKey })),
            () => (message = authMessage({ ...transcript, hostKey: text(hostKey) }, { publicKey })),
            () => (message = authMessage(transcript, { publicKey, sessionKey: publicKey })),
            () => (message = text(message)),
            () => (message = authMessage(transcript, { publicKey: (claimed = text(publicKey)) })),
            () => (claimed = text(publicKey)),
            () => (namespace = text(namespace)),
            () => (signer = hostPrivateKey),
          ];
          pick(mutator, changed)();
        }
        let signature = armoredSignature(signer, namespace, message);
        let isChanged = message !== good || claimed !== publicKey || namespace !== authNamespace || signer !== operatorKey;
        if (!isGood && !isChanged) {
          const blob = signatureBlob(signature) ?? Buffer.alloc(0);
          const other = mutator.mutate(blob, blob, 4_096);
          isChanged = !other.equals(blob);
          signature = armorSignature(other.toString('base64'));
        }
        socket.emit('message', encodeFrame({ t: 'auth', publicKey: claimed, signature }), true);
        socket.emit('close');
        return isChanged;
      };
      let changed = 0;
      while (changed < logins) {
        if (login(false)) {
          changed += 1;
          expect(admitted, `login ${changed}`).toEqual([]);
        } else admitted.length = 0;
        if (changed % 500 === 0) {
          login(true);
          expect(admitted).toEqual(['alice']);
          admitted.length = 0;
        }
      }
    }),
);

const signatures = 18_000 * times;
test(`${signatures} times one signature of a login, or what it was made of, changed, seed ${seed}: it is none`, { timeout: 600_000 * times }, () => {
  const transcript: Transcript = {
    ...{ binding: 'wss:127.0.0.1:4444', exporter: new Uint8Array(randomBytes(32)), offered: [protocolVersion], version: protocolVersion },
    ...{
      clientNonce: new Uint8Array(randomBytes(32)),
      serverNonce: new Uint8Array(randomBytes(32)),
      service: 'svc',
      bootId: 'boot',
      hostKey: publicKey,
    },
  };
  const message = authMessage(transcript, { publicKey });
  const blob = signatureBlob(armoredSignature(operatorKey, authNamespace, message)) ?? Buffer.alloc(0);
  const accepts = (signature: Buffer, text: string): boolean => checkSignature(signature, publicKey, authNamespace, text) !== null;
  expect(accepts(blob, message)).toBe(true);
  const mutator = changing('"', '\n', ',', 'wss:', 'ws:', '-', publicKey, 'keyhole-auth-v2', 'SSHSIG', 'sha256', 'sha512', 'keyhole');
  const other = authMessage({ ...transcript, exporter: null, service: 'other' }, { publicKey, sessionKey: publicKey });
  for (let changed = 0; changed < signatures;) {
    const isSignature = mutator.below(2) === 0;
    const signature = isSignature ? mutator.mutate(blob, blob, 4_096) : blob;
    const text = isSignature ? message : mutator.mutate(Buffer.from(message), Buffer.from(other), 4_096).toString();
    if (signature.equals(blob) && text === message) continue;
    changed += 1;
    if (accepts(signature, text)) expect.fail(`accepted: ${signature.toString('base64')} of ${JSON.stringify(text)}`);
  }
});

/**
 * What a line grants, read by sshd's manual: options end at the first blank outside of quotes, and are parted by commas outside of quotes. Written apart from the reader that it judges.
 */
function grantedBy(line: string): string[] {
  const options = /^(?:[^\s"]|"(?:\\.|[^"\\])*")+(?=\s)/.exec(line)?.[0] ?? '';
  const parts = options.match(/(?:[^,"]|"(?:\\.|[^"\\])*")+/g) ?? [];
  const words = parts.flatMap((part) => /^roles="(.*)"$/s.exec(part)?.[1]?.replace(/\\(.)/g, '$1').split(',') ?? []).map((word) => word.trim());
  const ladder = ['view', 'inspect', 'trace', 'eval', 'patch', 'admin'];
  const highest = Math.max(-1, ...words.map((word) => ladder.indexOf(word)));
  return [...ladder.slice(0, highest + 1), ...(words.includes('approve') ? ['approve'] : [])].sort();
}

const keyLines = 100_000 * times;
test(`${keyLines} changed lines of a keys file, seed ${seed}: each grants what stands in it, or is refused`, { timeout: 600_000 * times }, () =>
  withoutStacks(async () => {
    const token = 'sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIPBE1uMqpyxyYKjRpPZQEiPE5cm5TEsqf3KxYbDBvR9rAAAABHNzaDo=';
    const seeds = [
      `name="a",roles="inspect,approve",from="10.0.0.0/8,!10.0.0.1",expiry-time="202712312359Z" ${publicKey} a@b.example`,
      `roles="view" ${publicKey} roles="admin"`,
      `name="roles=admin",roles="trace" ${publicKey}`,
      `name="\\"",email="a@b.c",roles="eval" ${publicKey}`,
      `cert-authority,principals="a,b",roles="patch" ${publicKey}`,
      `verify-required,roles="inspect" ${token}`,
      `restrict ${publicKey} roles`,
      `${publicKey} ,roles="admin"`,
    ].map((line) => Buffer.from(line));
    const mutator = changing(
      'roles="admin"',
      'roles="',
      ',',
      '"',
      '\\"',
      '\\',
      ' ',
      '\t',
      'admin',
      'patch',
      'approve',
      'roles=',
      'name="',
      '#',
      publicKey,
    );
    const counts = { understood: 0, granting: 0 };
    for (let count = 0; count < keyLines; count += 1) {
      const line = mutator.mutate(pick(mutator, seeds), pick(mutator, seeds), 1_000).toString();
      let granted: string[];
      try {
        granted = [...parseKeyLine(line).capabilities].sort();
      } catch (thrown) {
        if (thrown instanceof Error && !(thrown instanceof TypeError) && !(thrown instanceof RangeError)) continue;
        throw thrown;
      }
      counts.understood += 1;
      if (granted.length > 0) counts.granting += 1;
      if (granted.join() !== grantedBy(line).join()) expect([line, granted]).toEqual([line, grantedBy(line)]);
    }
    expect(counts.understood).toBeGreaterThan(keyLines / 50);
    expect(counts.granting).toBeGreaterThan(keyLines / 100);
  }),
);
