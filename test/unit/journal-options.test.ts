/** What a service may say about its journal: every bound, and what is cut out of entries. */
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createRedaction, resolveJournal } from '../../packages/agent/dist/journal/index.js';
import type { JournalOptions } from '../../packages/agent/dist/journal/index.js';
import type { IntentEntry, JournalDraft } from '../../packages/agent/dist/protocol/index.js';
import { newFolder } from '../helpers/service.ts';

describe('options', () => {
  const bounds: [string, (value: number) => JournalOptions, number[], unknown[]][] = [
    ['maxSegmentBytes', (value) => ({ maxSegmentBytes: value }), [4_096, 1_073_741_824], [4_095, 1_073_741_825, 4_096.5, '4096', null]],
    ['retention.maxBytes', (value) => ({ retention: { maxBytes: value } }), [8_192, Number.MAX_SAFE_INTEGER], [8_191, 2 ** 53, 'all']],
    ['retention.maxAgeDays', (value) => ({ retention: { maxAgeDays: value } }), [1, 36_500], [0, 36_501, 1.5]],
  ];
  for (const [name, options, taken, refused] of bounds) {
    test(name, () => {
      for (const value of taken) expect(() => resolveJournal(options(value))).not.toThrow();
      for (const value of refused) expect(() => resolveJournal(options(value as number))).toThrow(`journal.${name}`);
    });
  }

  test('lists have a longest', () => {
    const sink = { type: 'stdout' } as const;
    expect(resolveJournal({ sinks: Array.from({ length: 8 }, () => sink) }).sinks).toHaveLength(8);
    expect(() => resolveJournal({ sinks: Array.from({ length: 9 }, () => sink) })).toThrow('journal.sinks');
    expect(resolveJournal({ redact: { names: Array.from({ length: 100 }, () => 'x') } }).redact.names).toHaveLength(100);
    expect(() => resolveJournal({ redact: { names: Array.from({ length: 101 }, () => 'x') } })).toThrow('journal.redact.names');
  });

  const wrong: [unknown, string][] = [
    [{ dirr: 'x' }, 'no option journal.dirr'],
    [{ dir: '' }, 'journal.dir'],
    [{ retention: { days: 1 } }, 'no option journal.retention.days'],
    [{ sinks: [{ type: 'udp' }] }, 'journal.sinks[0].type'],
    [{ sinks: [{ type: 'http', url: 'file:///x' }] }, 'journal.sinks[0].url'],
    [{ sinks: [{ type: 'http', url: 'http://x', headers: { a: 1 } }] }, 'journal.sinks[0].headers'],
    [{ sinks: [{ type: 'file' }] }, 'undefined'],
    [{ sinks: [{ type: 'stdout', path: 'x' }] }, 'no option journal.sinks[0].path'],
    [{ redact: { patterns: ['('] } }, 'journal.redact.patterns'],
    [{ redact: { names: [''] } }, 'journal.redact.names'],
    [null, 'journal must be an object'],
  ];
  for (const [options, why] of wrong.filter(([, reason]) => reason !== 'undefined')) {
    test(`${JSON.stringify(options)} is refused by name`, () => expect(() => resolveJournal(options as JournalOptions)).toThrow(why));
  }

  test('a file sink without a path is refused', () => {
    expect(() => resolveJournal({ sinks: [{ type: 'file' } as never] })).toThrow('journal.sinks[0].path');
  });
});

describe('redaction', () => {
  const intent = (request: Record<string, unknown>): IntentEntry => ({
    kind: 'set',
    phase: 'intent',
    op: 'set',
    session: 's',
    operator: 'alice',
    fingerprint: 'f',
    request,
    signed: { request: 1, head: null, nonce: '0'.repeat(32), digest: 'd', signature: 's' },
  });
  const redacted = async (draft: JournalDraft, redact: JournalOptions['redact'] = {}): Promise<JournalDraft> =>
    (await createRedaction(resolveJournal({ redact }).redact))(draft);

  test('names, also of what is set, at any depth; the nonce goes with them', async () => {
    const draft = await redacted(
      intent({ path: 'db.Password', value: 'hunter2', options: { deep: [{ apiKey: { a: 1 } }], session_token: 5, fine: 'x' } }),
    );
    expect(draft).toMatchObject({
      request: { value: '[redacted]', options: { deep: [{ apiKey: '[redacted]' }], session_token: '[redacted]', fine: 'x' } },
    });
    expect(JSON.stringify(draft)).not.toContain('hunter2');
    expect((draft as IntentEntry).signed).toEqual({ request: 1, head: null, digest: 'd', signature: 's' });
    expect(await redacted(intent({ path: 'db.pin', value: 1 }), { names: ['PIN'] })).toMatchObject({ request: { value: '[redacted]' } });
  });

  test('patterns, wherever they match', async () => {
    const draft = await redacted(intent({ reason: 'key AKIA1234 and AKIA9999', ids: ['AKIA0000'] }), { patterns: ['AKIA\\d{4}'] });
    expect(draft).toMatchObject({ request: { reason: 'key [redacted] and [redacted]', ids: ['[redacted]'] } });
    expect(await redacted({ kind: 'refusal', why: 'AKIA1234' }, { patterns: ['AKIA\\d{4}'] })).toMatchObject({ why: '[redacted]' });
  });

  test('source texts are kept whole, and what was not touched keeps its nonce', async () => {
    const source = 'const password = "AKIA1234"';
    const patches = [{ address: 'a.js:f', code: source, baseCode: source, source, baseSource: source }];
    const draft = await redacted({ ...intent({ patches, reason: 'r' }), kind: 'patch' }, { patterns: ['AKIA\\d{4}'] });
    expect(draft).toMatchObject({ request: { patches }, signed: { nonce: '0'.repeat(32) } });
    expect((draft as IntentEntry).signed).not.toHaveProperty('digest');
    expect(await redacted({ ...intent({ expression: source }), kind: 'eval' }, { patterns: ['AKIA'] })).toMatchObject({
      request: { expression: source },
    });
  });

  test("a service's own function; one that throws keeps nothing, and one that is none is an error", async () => {
    const folder = newFolder();
    const file = (name: string, text: string): string => {
      writeFileSync(path.join(folder, name), text);
      return path.join(folder, name);
    };
    const upper = file('upper.mjs', 'export default (value, path) => (path[0] === "reason" ? value.toUpperCase() : value);');
    expect(await redacted(intent({ reason: 'why', n: 1 }), { module: upper })).toMatchObject({ request: { reason: 'WHY', n: 1 } });
    const throwing = file('throwing.mjs', 'export default () => { throw new Error("x"); };');
    expect(await redacted(intent({ reason: 'why' }), { module: throwing })).toMatchObject({ request: { reason: '[redacted]' } });
    await expect(redacted(intent({}), { module: file('none.mjs', 'export default 1;') })).rejects.toThrow('no function');
    await expect(redacted(intent({}), { module: path.join(folder, 'missing.mjs') })).rejects.toThrow('missing.mjs');
  });
});
