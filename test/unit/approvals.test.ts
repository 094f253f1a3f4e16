/** The rules of four eyes, without a service around them. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { canonicalRequest, limits, unarmorSignature, type AskedChange, type JournalDraft } from '../../packages/agent/dist/protocol/index.js';
import { Approvals } from '../../packages/agent/dist/server/approvals.js';
import { Changes, type ChangesParts } from '../../packages/agent/dist/server/changes.js';
import { OperatorSession } from '../../packages/agent/dist/server/session.js';
import { armoredSignature, publicKeyLine } from '../../packages/console/dist/client/ssh-wire.js';

function session(name: string, fingerprint = `key of ${name}`, publicKey = 'k'): OperatorSession {
  const operator = { name, email: 'a@b.c', publicKey, fingerprint, capabilities: [], verifyRequired: false };
  const login = { service: 's', bootId: 'b', publicKey, sessionKey: null, signature: '', message: '' };
  const claim = { publicKey, certificate: null, address: 'local' };
  return new OperatorSession({ operator, claim, login }, { say: () => undefined, tell: () => undefined, end: () => undefined });
}
const asked = (reason: string): AskedChange => ({
  service: 's',
  bootId: 'b',
  session: 'x',
  request: 1,
  op: 'patch.apply',
  params: { patches: [], reason },
  head: null,
  nonce: '0'.repeat(32),
});
const digestOf = (change: AskedChange): string => createHash('sha512').update(canonicalRequest(change)).digest('hex');
const waiting = (approvals: Approvals, author: OperatorSession, change: AskedChange, entry = 1): { id: string; end: Promise<unknown> } => {
  const end = approvals.wait(author, { entry, at: '', asked: change, expected: [], before: null }).catch((error: unknown) => error);
  return { id: approvals.list().find((each) => each.entry === entry)?.id ?? '', end };
};

test('as many others as the rule says, each once, whatever keys and names they have', async () => {
  const approvals = new Approvals({ patch: 2 });
  const { id, end } = waiting(approvals, session('alice'), asked('r'));
  const digest = digestOf(asked('r'));
  const give = (who: OperatorSession, entry: number, what = digest): unknown => approvals.check(who, id, what)(entry);
  expect(() => give(session('alice', 'another key'), 2)).toThrow('can not approve it too');
  expect(() => give(session('anna', 'key of alice'), 2)).toThrow('can not approve it too');
  expect(() => give(session('bob'), 2, digestOf(asked('another reason')))).toThrow('is not what waits');
  expect(give(session('bob'), 3)).toEqual({ missing: 1 });
  expect(() => give(session('bob', 'another key'), 4)).toThrow('already');
  expect(() => give(session('rob', 'key of bob'), 4)).toThrow('already');
  expect(give(session('carol'), 5)).toEqual({ missing: 0 });
  expect(await end).toMatchObject([
    { operator: 'bob', entry: 3 },
    { operator: 'carol', entry: 5 },
  ]);
  expect(() => give(session('dave'), 6)).toThrow('nothing waits');
});

test('an approval that was being written when the change went away counts for nothing', () => {
  const approvals = new Approvals({ patch: 1 });
  const author = session('alice');
  const { id } = waiting(approvals, author, asked('r'));
  const count = approvals.check(session('bob'), id, digestOf(asked('r')));
  approvals.withdraw(author);
  expect(() => count(2)).toThrow('nothing waits');
  waiting(approvals, author, asked('r'));
  expect(() => count(2)).toThrow('waits no longer');
});

test('ends: in time, with its author, and never two of the same', async () => {
  expect(await waiting(new Approvals({ patch: 1 }, 1), session('alice'), asked('r')).end).toMatchObject({ code: 'NOT_APPROVED' });
  const approvals = new Approvals({ patch: 1 });
  const author = session('alice');
  const first = waiting(approvals, author, asked('r'));
  expect(await waiting(approvals, author, asked('r'), 2).end).toMatchObject({ code: 'BUSY' });
  approvals.withdraw(session('bob'));
  expect(approvals.list()).toHaveLength(1);
  approvals.withdraw(author);
  expect(await first.end).toMatchObject({ code: 'NOT_APPROVED' });
});

test('so many wait and no more', async () => {
  const approvals = new Approvals({ patch: 1 });
  const author = session('alice');
  for (let index = 1; index <= limits.maxWaitingChanges; index += 1) waiting(approvals, author, asked(String(index)), index);
  expect(approvals.list()).toHaveLength(limits.maxWaitingChanges);
  expect(await waiting(approvals, author, asked('one more'), 99).end).toMatchObject({ code: 'BUSY' });
  approvals.withdraw(author);
});

test('is asked for where it is the rule, and glass is there to be broken', () => {
  const rules = new Approvals({ patch: 1 });
  expect(rules.isNeeded('patch.apply', {})).toBe(true);
  expect(rules.isNeeded('patch.apply', { breakGlass: true })).toBe(false);
  for (const op of ['actor.set', 'actor.suspend', 'actor.resume', 'actor.send'] as const) {
    expect([op, rules.isNeeded(op, {}), rules.isNeeded(op, { breakGlass: true })]).toEqual([op, true, false]);
    expect(() => new Approvals({ patch: 0 }).isNeeded(op, { breakGlass: true })).toThrow('asks for no approval');
  }
  for (const op of ['patch.revert', 'patch.confirm', 'actor.restore', 'rescue.end', 'evaluate'] as const)
    expect([op, rules.isNeeded(op, {})]).toEqual([op, false]);
  expect(new Approvals({ patch: 0 }).isNeeded('patch.apply', {})).toBe(false);
  expect(() => new Approvals({ patch: 0 }).isNeeded('patch.apply', { breakGlass: true })).toThrow('asks for no approval');
});

test('an approval has one outcome in the journal, also where the change went away while that was written', async () => {
  const approvals = new Approvals({ patch: 1 });
  const author = session('alice');
  const { id } = waiting(approvals, author, asked('r'));
  const written: JournalDraft[] = [];
  const journal = {
    contradicts: () => undefined,
    appendAll: async (make: (start: number) => JournalDraft[]) =>
      make(1).map((draft, index) => ({ seq: written.push(draft) + index, hash: '', time: '' })),
    append: async (draft: JournalDraft) => {
      written.push(draft);
      approvals.withdraw(author);
    },
  };
  const changes = new Changes({ journal, approvals, announce: () => undefined, report: () => undefined } as unknown as ChangesParts);
  const { privateKey } = generateKeyPairSync('ed25519');
  const bob = session('bob', 'key of bob', publicKeyLine(privateKey));
  const params = { id, digest: digestOf(asked('r')) };
  const request = { service: 's', bootId: 'b', session: bob.id, request: 1, op: 'approval.give', params, head: null, nonce: '1'.repeat(32) };
  const signature = unarmorSignature(armoredSignature(privateKey, 'keyhole', canonicalRequest(request)));
  const signed = { head: null, nonce: request.nonce, signature };
  await expect(changes.make(bob, 'approve', { request: 1, op: 'approval.give', params, signed })).rejects.toThrow('nothing waits');
  expect(written.filter((draft) => 'phase' in draft && draft.phase === 'outcome')).toMatchObject([{ kind: 'approve', status: 'done' }]);
});
