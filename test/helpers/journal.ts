/** Journals as an agent writes them, with operators who really sign; and a disk that fails when it is told to. */
import { createHash, generateKeyPairSync, randomBytes, randomUUID, type KeyObject } from 'node:crypto';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { Journal } from '../../packages/agent/dist/journal/index.js';
import type { JournalConfig } from '../../packages/agent/dist/journal/index.js';
import { realDisk, type Disk } from '../../packages/agent/dist/journal/disk.js';
import { fingerprintOf } from '../../packages/agent/dist/ssh/index.js';
import { authMessage, authNamespace, canonicalRequest, requestNamespace, unarmorSignature } from '../../packages/agent/dist/protocol/index.js';
import type { IntentEntry, JournalHead, OutcomeEntry, SessionEntry, StartEntry } from '../../packages/agent/dist/protocol/index.js';
import { armoredSignature, publicKeyLine } from '../../packages/console/dist/client/ssh-wire.js';
import { newFolder } from './service.ts';

export const startEntry: StartEntry = { kind: 'start', service: 'svc', pid: 1, node: 'v0', bootId: 'boot', run: 'run', commit: null };
const megabyte = 1_048_576;

export function configFor(dir: string, more: Partial<JournalConfig> = {}): JournalConfig {
  return {
    dir,
    maxSegmentBytes: 16 * megabyte,
    retention: { maxBytes: null, maxAgeDays: null },
    sinks: [],
    redact: { names: [], patterns: [], module: null },
    ...more,
  };
}

const operations = { eval: 'evaluate', patch: 'patch.apply', revert: 'patch.revert', confirm: 'patch.confirm' } as const;

/** An operator at a console: his login, and requests he signs. */
export class SigningOperator {
  readonly session = randomUUID();
  readonly #own: KeyObject = generateKeyPairSync('ed25519').privateKey;
  readonly #sessionKey: KeyObject = generateKeyPairSync('ed25519').privateKey;
  readonly name: string;
  #request = 0;

  constructor(name: string) {
    this.name = name;
  }

  get publicKey(): string {
    return publicKeyLine(this.#own);
  }

  get who(): { session: string; operator: string; fingerprint: string } {
    return { session: this.session, operator: this.name, fingerprint: fingerprintOf(this.publicKey) };
  }

  login(event: 'open' | 'continued' = 'open'): SessionEntry {
    const { publicKey } = this;
    const sessionKey = publicKeyLine(this.#sessionKey);
    const nonces = { clientNonce: Buffer.alloc(32), serverNonce: Buffer.alloc(32) };
    const transcript = {
      binding: 'unix:/x',
      exporter: null,
      offered: [2],
      version: 2,
      ...nonces,
      service: 'svc',
      bootId: 'boot',
      hostKey: 'ssh-ed25519 AAAA',
    };
    const message = authMessage(transcript, { publicKey, sessionKey });
    const signature = unarmorSignature(armoredSignature(this.#own, authNamespace, message));
    return { kind: 'session', event, ...this.who, login: { service: 'svc', bootId: 'boot', publicKey, sessionKey, signature, message } };
  }

  /** An intent with its signature: by the operator's own key, but for an evaluation by the session's. */
  asks(kind: keyof typeof operations, request: Record<string, unknown>, head: JournalHead | null = null): IntentEntry {
    this.#request += 1;
    const op = operations[kind];
    const nonce = randomBytes(16).toString('hex');
    const message = canonicalRequest({
      service: 'svc',
      bootId: 'boot',
      session: this.session,
      request: this.#request,
      op,
      params: request,
      head,
      nonce,
    });
    const signature = unarmorSignature(armoredSignature(kind === 'eval' ? this.#sessionKey : this.#own, requestNamespace, message));
    const digest = createHash('sha512').update(message).digest('hex');
    return {
      kind,
      phase: 'intent',
      op,
      ...this.who,
      request,
      signed: { request: this.#request, head, nonce, signature, ...(kind === 'patch' && { digest }) },
    };
  }
}

export const outcomeOf = (intent: number, kind: keyof typeof operations = 'eval', result: Record<string, unknown> = {}): OutcomeEntry => ({
  kind,
  phase: 'outcome',
  intent,
  status: 'done',
  result,
});

/** A closed journal: a start, a login, then evaluations and their outcomes. */
export async function writtenJournal(count: number, more: Partial<JournalConfig> = {}): Promise<{ dir: string; operator: SigningOperator }> {
  const dir = path.join(newFolder(), 'journal');
  const journal = Journal.open(configFor(dir, more), startEntry);
  const operator = new SigningOperator('alice');
  await journal.append(operator.login());
  for (let seq = (journal.head?.seq ?? 0) + 1; seq < count; seq = (journal.head?.seq ?? 0) + 1) {
    const appended = await journal.appendAll(() => [
      operator.login('continued'),
      operator.asks('eval', { expression: `line\n${seq} \u2028 "quoted"` }),
    ]);
    await journal.append(outcomeOf(appended.at(-1)?.seq ?? 0));
  }
  journal.close();
  return { dir, operator };
}

/** On a file system in memory where there is one: for thousands of journals, whose fsyncs are not what is tested. */
export function memoryFolder(): string {
  return newFolder(existsSync('/dev/shm') ? '/dev/shm' : tmpdir());
}

export function copyOf(dir: string): string {
  const copy = path.join(newFolder(), 'copy');
  cpSync(dir, copy, { recursive: true });
  return copy;
}

export function edit(file: string, change: (text: string) => string): void {
  writeFileSync(file, change(readFileSync(file, 'utf8')));
}

/** A disk whose calls fail while they are named here, each with its code. */
export function failingDisk(): { disk: Disk; failing: Map<keyof Disk, string> } {
  const failing = new Map<keyof Disk, string>();
  const wrapped = Object.fromEntries(
    Object.entries(realDisk).map(([name, call]) => [
      name,
      (...args: unknown[]) => {
        const code = failing.get(name as keyof Disk);
        if (code === 'SHORT') return (call as (...all: unknown[]) => number)(args[0], (args[1] as Buffer).subarray(0, 10));
        if (code !== undefined) throw Object.assign(new Error(`${code}: ${name}`), { code });
        return (call as (...all: unknown[]) => unknown)(...args);
      },
    ]),
  );
  return { disk: wrapped as unknown as Disk, failing };
}
