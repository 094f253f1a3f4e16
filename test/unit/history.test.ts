/** What a journal says became of every patch: folded from entries as an agent writes them. */
import { appendFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Journal, historyPage, hotfixOf, verifyJournal } from '../../packages/agent/dist/journal/index.js';
import { changesOf, limits, parseHotfix } from '../../packages/agent/dist/protocol/index.js';
import type { HistoricPatch, JournalDraft, UndoneEntry } from '../../packages/agent/dist/protocol/index.js';
import { SigningOperator, configFor, outcomeOf, startEntry } from '../helpers/journal.ts';
import { newFolder } from '../helpers/service.ts';

const address = 'src/a.ts:f';
const change = (code: string, baseCode = 'old', at = address): Record<string, string> => ({
  address: at,
  code,
  baseCode,
  source: `${code}!`,
  baseSource: `${baseCode}!`,
});

/** A journal of several runs, and short words for what happens in it. */
class Story {
  readonly dir = path.join(newFolder(), 'journal');
  readonly alice = new SigningOperator('alice');
  journal = Journal.open(configFor(this.dir), startEntry);

  async begin(): Promise<this> {
    await this.journal.append(this.alice.login());
    return this;
  }
  /** The process ends, and another one begins; or only its worker does. */
  async restart(run: string, more: object = {}): Promise<void> {
    this.journal.close();
    this.journal = Journal.open(configFor(this.dir), { ...startEntry, run, ...more });
    await this.journal.append(this.alice.login('continued'));
  }
  async push(patches: Record<string, string>[], more: object = {}, result?: object): Promise<string[]> {
    const { seq } = await this.journal.append(this.alice.asks('patch', { patches, reason: 'because', ...more }));
    const ids = patches.map((_, index) => (patches.length === 1 ? `p${seq}` : `p${seq}-${index + 1}`));
    const applied = patches.map((each, index) => ({ id: ids[index], address: each['address'], strategy: 'slots' }));
    await this.journal.append(outcomeOf(seq, 'patch', { patches: applied, refused: [], ...result }));
    return ids;
  }
  async pushOne(code: string, baseCode?: string, more?: object): Promise<string> {
    return (await this.push([change(code, baseCode)], more))[0] ?? '';
  }
  async revert(request: Record<string, unknown>, result: Record<string, unknown> = { patches: [] }): Promise<void> {
    const { seq } = await this.journal.append(this.alice.asks('revert', { reason: 'no', ...request }));
    await this.journal.append(outcomeOf(seq, 'revert', result));
  }
  async confirm(id: string): Promise<void> {
    const { seq } = await this.journal.append(this.alice.asks('confirm', { id }));
    await this.journal.append(outcomeOf(seq, 'confirm', { patches: [id] }));
  }
  undone(id: string, now: string | null): Promise<unknown> {
    const entry: UndoneEntry = {
      kind: 'revert',
      phase: 'undone',
      by: 'agent',
      number: 1,
      entry: 1,
      at: '2026-01-01T00:00:00Z',
      cause: 'errors',
      patches: [{ id, address, now }],
      lateMs: 0,
    };
    return this.journal.append(entry);
  }
  append(draft: JournalDraft): Promise<{ seq: number; hash: string }> {
    return this.journal.append(draft);
  }
  async patches(query = {}): Promise<Omit<HistoricPatch, 'email'>[]> {
    return historyPage(await this.journal.history(), query).patches;
  }
  async states(): Promise<Record<string, string>> {
    return Object.fromEntries(
      (await this.patches()).map(({ id, state, why, by }) => [id, [state, by, why].filter((each) => each !== undefined).join(': ')]),
    );
  }
}
const begin = (): Promise<Story> => new Story().begin();

describe('what became of a patch', () => {
  test('live, then replaced, with the way from the loaded code; reverted; lost with the process', async () => {
    const story = await begin();
    const first = await story.pushOne('one');
    expect(await story.patches()).toMatchObject([
      { id: first, state: 'live', operator: 'alice', reason: 'because', strategy: 'slots', file: 'src/a.ts', commit: null },
    ]);
    const second = await story.pushOne('two', 'one');
    expect(await story.states()).toEqual({ [first]: `replaced: ${second}`, [second]: 'live' });
    expect((await story.patches())[0]).toMatchObject({ id: second, code: 'two', baseCode: 'old', baseSource: 'old!', source: 'two!' });
    const [third, fourth] = await story.push([change('x', 'y', 'b.js:g'), change('x', 'y', 'b.js:h')]);
    await story.revert({ ids: [third] });
    await story.restart('next', { commit: 'c0ffee' });
    expect(await story.states()).toEqual({ [first]: `replaced: ${second}`, [second]: 'lost', [third ?? '']: 'reverted', [fourth ?? '']: 'lost' });
    // What is pushed next begins with the loaded code.
    const fifth = await story.pushOne('five');
    expect((await story.patches())[0]).toMatchObject({ id: fifth, baseCode: 'old', commit: 'c0ffee', state: 'live' });
    expect(await verifyJournal(story.dir)).toMatchObject({ ok: true });
  });

  test('a worker that is started again is the same process', async () => {
    const story = await begin();
    const id = await story.pushOne('one');
    await story.restart('run');
    expect(await story.states()).toEqual({ [id]: 'live' });
    await story.restart('other');
    expect(await story.states()).toEqual({ [id]: 'lost' });
  });

  test('undone by the agent, and what is live again', async () => {
    const story = await begin();
    const first = await story.pushOne('one');
    const second = await story.pushOne('two', 'one');
    await story.undone(second, first);
    expect(await story.states()).toEqual({ [first]: 'live', [second]: 'undone: too many of its calls failed' });
  });

  test('taken back by an operator to the one before it, which is live again', async () => {
    const story = await begin();
    const first = await story.pushOne('one');
    const second = await story.pushOne('two', 'one');
    await story.revert({ ids: [second], earlier: true }, { patches: [{ id: second, address, now: first }] });
    expect(await story.states()).toEqual({ [first]: 'live', [second]: 'reverted' });
    await story.restart('next');
    expect(await story.states()).toEqual({ [first]: 'lost', [second]: 'reverted' });
  });

  test('on trial when its process ended', async () => {
    const story = await begin();
    const [waiting, confirmed, counted] = [
      (await story.push([change('1', '0', 'a.js:a')], { confirmMs: 60_000 }))[0] ?? '',
      (await story.push([change('1', '0', 'a.js:b')], { confirmMs: 60_000 }))[0] ?? '',
      (await story.push([change('1', '0', 'a.js:c')], { ifErrors: 3 }))[0] ?? '',
    ];
    const [stood = ''] = await story.push([change('1', '0', 'a.js:d')], { ifErrors: 3 });
    await story.append({ kind: 'confirm', phase: 'stood', by: 'agent', entry: 1, patches: [stood] });
    await story.confirm(confirmed);
    await story.restart('next');
    expect(await story.states()).toEqual({
      [waiting]: 'lost: it was on probation when its process ended',
      [confirmed]: 'lost',
      [stood]: 'lost',
      [counted]: 'lost: its errors were still being counted when its process ended, as far as the journal shows',
    });
  });

  test('of one thread alone: it neither replaces what is live, nor comes back', async () => {
    const story = await begin();
    const everywhere = await story.pushOne('one');
    const alone = await story.pushOne('two', 'one', { thread: 2 });
    expect(await story.states()).toEqual({ [everywhere]: 'live', [alone]: 'live' });
    await story.revert({ ids: [everywhere], thread: 2 });
    expect((await story.states())[everywhere]).toBe('live');
    await story.restart('next');
    expect(await story.states()).toEqual({ [everywhere]: 'lost', [alone]: 'lost: it was live in one thread alone' });
  });

  test('what was refused, failed, or was never answered is no patch; a revert that nobody knows the end of is one', async () => {
    const story = await begin();
    const refused = await story.append(story.alice.asks('patch', { patches: [change('x')], reason: '' }));
    await story.append({ ...outcomeOf(refused.seq, 'patch', { patches: [], refused: [] }), status: 'refused' });
    const id = await story.pushOne('one');
    await story.revert({ all: true, ids: [] }, undefined);
    const again = await story.pushOne('two');
    await story.append(story.alice.asks('revert', { ids: [again], reason: '' }));
    await story.append(story.alice.asks('patch', { patches: [change('never')], reason: '' }));
    await story.restart('next');
    expect(await story.states()).toEqual({ [id]: 'reverted', [again]: 'reverted' });
  });

  test('replayed, landed, superseded, not replayed', async () => {
    const story = await begin();
    const ids = await story.push(['a', 'b', 'c', 'd'].map((each) => change('1', '0', `a.js:${each}`)));
    const original = { seq: Number(/\d+/.exec(ids[0] ?? '')?.[0]), hash: '0'.repeat(64) };
    await story.restart('next');
    const due = async (index: number, result: object): Promise<void> => {
      const of = { id: ids[index] ?? '', address: `a.js:${'abcd'[index]}` };
      const { seq } = await story.append({ kind: 'replay', phase: 'due', by: 'agent', ...of, original });
      await story.append({ kind: 'replay', phase: 'outcome', intent: seq, status: 'done', result: { ...of, ...result } });
    };
    await due(0, { became: 'live', strategy: 'slots' });
    await due(1, { became: 'landed' });
    await due(2, { became: 'superseded', why: 'it is another one' });
    await story.append({ kind: 'replay', phase: 'refused', by: 'agent', id: ids[3] ?? '', address: 'a.js:d', original, why: 'its key is gone' });
    expect(Object.values(await story.states())).toEqual(['lost: its key is gone', 'superseded: it is another one', 'landed', 'live']);
    expect((await story.patches())[3]).toMatchObject({ id: ids[0], replayed: { entry: expect.any(Number) as number } });
    await story.restart('third');
    expect(Object.values(await story.states())).toEqual(['lost: its key is gone', 'superseded: it is another one', 'landed', 'lost']);
    // It names an entry with another hash.
    expect(await verifyJournal(story.dir)).toMatchObject({ ok: false, firstBroken: { why: expect.stringContaining('which is not here') as string } });
  });
});

describe('pages', () => {
  test('newest first, by count and by size, and by id', async () => {
    const story = await begin();
    const big = 'x'.repeat(limits.maxSourceBytes);
    const ids: string[] = [];
    for (const code of ['1', '2', '3', `4${big}`, `5${big}`, `6${big}`, `7${big}`, `8${big}`].map((each) => each.slice(0, limits.maxSourceBytes)))
      ids.push(await story.pushOne(code));
    const pages: string[][] = [];
    let before: string | undefined;
    do {
      const { patches, next } = historyPage(await story.journal.history(), { count: 3, ...(before !== undefined && { before }) });
      pages.push(patches.map(({ id }) => id));
      before = next ?? undefined;
    } while (before !== undefined);
    const newest = [...ids].reverse();
    expect(pages.flat()).toEqual(newest);
    expect(pages.map((page) => page.length)).toEqual([3, 3, 2]);
    expect(await story.patches({ ids: [ids[0] ?? ''] })).toMatchObject([{ id: ids[0], code: '1' }]);
    await expect(story.patches({ ids: ['p99999'] })).rejects.toThrow('the journal knows no patch p99999');
    await expect(story.patches({ ids: ids.slice(3) })).rejects.toThrow('are more than 2097152 bytes');
  });

  test('lines that are no entries are passed over', async () => {
    const story = await begin();
    const id = await story.pushOne('one');
    story.journal.close();
    appendFileSync(path.join(story.dir, '00000001.ndjson'), '{"seq":5,"phase":"nonsense\n{"phase":');
    expect(await story.states()).toEqual({ [id]: 'live' });
  });
});

describe('a hotfix file made of it', () => {
  test('holds each push as it was signed, and is read again', async () => {
    const story = await begin();
    await story.pushOne('one');
    const second = await story.pushOne('two', 'one');
    const [third] = await story.push([change('x', 'y', 'b.js:g'), change('x', 'y', 'b.js:h')]);
    await story.restart('next');
    const hotfix = hotfixOf(await story.journal.history(), 'svc', [second, third ?? '']);
    const read = parseHotfix(JSON.stringify(hotfix));
    expect(read).toEqual(hotfix);
    expect(changesOf(read)).toMatchObject([
      { id: second, address, code: 'two', baseCode: 'old', source: 'two!', baseSource: 'old!' },
      { id: third, address: 'b.js:g', code: 'x', baseCode: 'y' },
    ]);
    expect(read.pushes).toHaveLength(3);
  });

  test('what can not be proven elsewhere is refused', async () => {
    const story = await begin();
    const one = await story.pushOne('one');
    const two = await story.pushOne('two');
    const alone = await story.pushOne('three', 'old', { thread: 3 });
    const history = await story.journal.history();
    expect(() => hotfixOf(history, 'svc', [one, two])).toThrow('are patches of the same function');
    expect(() => hotfixOf(history, 'svc', [alone])).toThrow('was made in thread 3 alone');
    expect(() => hotfixOf(history, 'other', [one])).toThrow('was pushed into another service, svc');
    const { signed, ...intent } = story.alice.asks('patch', { patches: [change('secret')], reason: '[redacted]' });
    const { nonce: _, ...redacted } = signed ?? { request: 0, head: null, signature: '' };
    const { seq } = await story.append({ ...intent, signed: redacted });
    await story.append(outcomeOf(seq, 'patch', { patches: [{ id: `p${seq}`, address, strategy: 'slots' }] }));
    expect(() => hotfixOf(history, 'svc', ['p77'])).toThrow('the journal knows no patch p77');
    const later = await story.journal.history();
    expect(() => hotfixOf(later, 'svc', [`p${seq}`])).toThrow('was redacted');
  });
});
