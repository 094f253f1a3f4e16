/** What is done when the journal fails between the effect and its outcome, and what others hear: on a real journal, whose disk fails when it is told to. */
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { Journal, verifyJournal } from '../../packages/agent/dist/journal/index.js';
import {
  KeyholeError,
  authMessage,
  authNamespace,
  canonicalRequest,
  unarmorSignature,
  type ChangeKind,
  type News,
} from '../../packages/agent/dist/protocol/index.js';
import { Approvals } from '../../packages/agent/dist/server/approvals.js';
import { Changes } from '../../packages/agent/dist/server/changes.js';
import { OperatorSession } from '../../packages/agent/dist/server/session.js';
import { fingerprintOf } from '../../packages/agent/dist/ssh/index.js';
import { armoredSignature, publicKeyLine } from '../../packages/console/dist/client/ssh-wire.js';
import { configFor, failingDisk, startEntry } from '../helpers/journal.ts';
import { newFolder } from '../helpers/service.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const publicKey = publicKeyLine(privateKey);

class Door {
  readonly dir = path.join(newFolder(), 'journal');
  readonly disk = failingDisk();
  readonly journal = Journal.open(configFor(this.dir), startEntry, { disk: this.disk.disk });
  readonly told: News[] = [];
  readonly reports: string[] = [];
  readonly asked: { op: string; params: unknown }[] = [];
  /** What the host does. */
  host: (op: string) => unknown = () => ({});
  readonly session: OperatorSession;
  readonly changes: Changes;
  #request = 0;

  constructor() {
    const transcript = {
      ...{ binding: 'unix:/x', exporter: null, offered: [2], version: 2, service: 'svc', bootId: 'boot', hostKey: 'ssh-ed25519 AAAA' },
      ...{ clientNonce: Buffer.alloc(32), serverNonce: Buffer.alloc(32) },
    };
    const message = authMessage(transcript, { publicKey });
    const signature = unarmorSignature(armoredSignature(privateKey, authNamespace, message));
    const login = { service: 'svc', bootId: 'boot', publicKey, sessionKey: null, signature, message };
    const operator = { name: 'alice', email: 'a@b.c', publicKey, fingerprint: fingerprintOf(publicKey), capabilities: [], verifyRequired: false };
    const nothing = (): void => undefined;
    this.session = new OperatorSession(
      { operator, claim: { publicKey, certificate: null, address: 'local' }, login },
      { say: nothing, tell: nothing, end: nothing },
    );
    this.changes = new Changes({
      journal: this.journal,
      approvals: new Approvals({ patch: 0 }),
      announce: (_, news) => void this.told.push(news),
      ask: async (_session, _request, op, params) => {
        this.asked.push({ op, params });
        return this.host(op);
      },
      report: (_, said) => void this.reports.push(said),
    });
  }

  /** A request as the console signs it. */
  make(kind: ChangeKind, op: string, params: Record<string, unknown>): Promise<unknown> {
    this.#request += 1;
    const request = {
      service: 'svc',
      bootId: 'boot',
      session: this.session.id,
      request: this.#request,
      op,
      params,
      head: null,
      nonce: 'ab'.repeat(16),
    };
    const signature = unarmorSignature(armoredSignature(privateKey, 'keyhole', canonicalRequest(request)));
    return this.changes.make(this.session, kind, { request: this.#request, op, params, signed: { head: null, nonce: request.nonce, signature } });
  }

  /** The disk fails from here on. */
  breaks(): void {
    for (const call of ['write', 'datasync', 'open'] as const) this.disk.failing.set(call, 'EIO');
  }

  /** It works again: the journal as it is then. */
  async mended(): Promise<Record<string, unknown>[]> {
    this.disk.failing.clear();
    await expect.poll(() => this.journal.state().writable, { timeout: 5_000 }).toBe(true);
    await this.journal.append({ kind: 'refusal', why: 'none', op: 'info', operator: 'bob', fingerprint: 'f', session: 's' });
    expect(await verifyJournal(this.dir)).toMatchObject({ ok: true });
    return readdirSync(this.dir)
      .filter((name) => name.endsWith('.ndjson'))
      .sort()
      .flatMap((name) => readFileSync(path.join(this.dir, name), 'utf8').trimEnd().split('\n'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

const patches = [{ address: 'a.js:f', code: 'function f() {}', baseCode: '', source: '', baseSource: '' }];
const applied = { ok: true, dryRun: false, patches: [{ id: 'p3', address: 'a.js:f', strategy: 'slots', pauseMs: 0, verified: true }], refused: [] };
let door: Door;
beforeEach(() => {
  door = new Door();
});
const outcomes = (entries: Record<string, unknown>[]): Record<string, unknown>[] => entries.filter(({ phase }) => phase === 'outcome');

describe('the outcome can not be written', () => {
  test('a patch is taken back, the operator hears it, and so does the journal when it can be written again', async () => {
    door.host = (op) => {
      if (op === 'patch.apply') door.breaks();
      return op === 'patch.apply' ? applied : {};
    };
    await expect(door.make('patch', 'patch.apply', { patches, reason: 'R' })).rejects.toMatchObject({
      code: 'JOURNAL',
      message: expect.stringContaining('the patch was applied and has been taken back') as string,
    });
    expect(door.asked.map(({ op }) => op)).toEqual(['patch.apply', 'patch.revert']);
    expect(door.asked[1]).toMatchObject({ params: { ids: ['p3'] } });
    expect(door.reports.join()).toContain('the journal could not record it yet');
    // Nobody is told of what is not there.
    expect(door.told).toEqual([]);
    expect(outcomes(await door.mended())).toMatchObject([{ kind: 'patch', status: 'failed', error: { code: 'JOURNAL' } }]);
  });

  test('what can not be taken back is said to be done, and is recorded later', async () => {
    door.host = () => {
      door.breaks();
      return { ok: true, id: 's3', actor: 'a', mailbox: null, suspended: false, entry: 3 };
    };
    await expect(door.make('set', 'actor.send', { actor: 'a', message: '1', reason: 'R' })).rejects.toMatchObject({
      code: 'JOURNAL',
      message: expect.stringContaining('actor.send was done, and its outcome is not recorded yet') as string,
    });
    expect(door.asked.map(({ op }) => op)).toEqual(['actor.send']);
    expect(outcomes(await door.mended())).toMatchObject([{ kind: 'set', status: 'done', result: { id: 's3' } }]);
  });

  test('what failed by itself is told as it failed', async () => {
    door.host = () => {
      door.breaks();
      throw new KeyholeError('PATCH_FAILED', 'no way into it');
    };
    await expect(door.make('patch', 'patch.apply', { patches, reason: 'R' })).rejects.toMatchObject({ code: 'PATCH_FAILED' });
    expect(outcomes(await door.mended())).toMatchObject([{ kind: 'patch', status: 'failed', error: { code: 'PATCH_FAILED' } }]);
  });
});

test('where not even the intent can be written nothing is asked of the service; but an undo is', async () => {
  door.breaks();
  await expect(door.make('patch', 'patch.apply', { patches, reason: 'R' })).rejects.toMatchObject({ code: 'JOURNAL' });
  await expect(door.make('set', 'actor.send', { actor: 'a', message: '1', reason: 'R' })).rejects.toMatchObject({ code: 'JOURNAL' });
  expect(door.asked).toEqual([]);
  door.host = () => ({ ...applied, patches: [] });
  await door.make('revert', 'patch.revert', { ids: ['p1'], reason: 'R' });
  expect(door.asked.map(({ op }) => op)).toEqual(['patch.revert']);
  expect((await door.mended()).filter(({ phase }) => phase === 'late')).toMatchObject([{ kind: 'revert', status: 'done', request: { ids: ['p1'] } }]);
});

test('an approval of what does not wait is refused, and the journal says so', async () => {
  await expect(door.make('approve', 'approval.give', { id: 'w0', digest: 'x' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(outcomes(await door.mended())).toMatchObject([{ kind: 'approve', status: 'refused', error: { code: 'NOT_FOUND' } }]);
});

test('others hear who ended what hung, and who changed which actor', async () => {
  door.host = () => ({ blockedMs: 1, stack: [{ file: 'a.js', line: 3, address: 'a.js:spin' }], terminated: true });
  await door.make('rescue', 'rescue.end', { reason: 'R' });
  door.host = () => ({ ok: true, id: 's1', actor: 'a', resumed: true });
  await door.make('set', 'actor.restore', { id: 's1', reason: 'R' });
  door.host = () => ({ ok: true, id: 's2', actor: 'a', path: 'b', before: { text: '1' }, after: { text: '2' }, entry: 2 });
  await door.make('set', 'actor.set', { actor: 'a', path: 'b', value: '"secret value"', reason: 'R' });
  const words = door.told.map(({ data }) => data as { what: string; patches: string[] }).map(({ what, patches: of }) => `${what} ${of.join()}`);
  expect(words).toEqual(['ended what hung in a.js:spin', 'changed an actor: undo s1', 'changed an actor: set a b']);
  expect(JSON.stringify(door.told)).not.toContain('secret value');
});
