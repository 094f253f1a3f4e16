/** Who holds an object, on a real process: every way in which the language can hold one, and none of our own. */
import { beforeAll, expect, test, vi } from 'vitest';
import type { Retainers } from '../../packages/agent/dist/protocol/index.js';
import { ask, withConnection } from '../helpers/operator.ts';
import { answering, startService, type Service } from '../helpers/service.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const files = {
  'src/store.js': `
export const state = { handler: null };
export function makeHandler(cache) { return function handler() { return cache; }; }
`,
  'src/main.js': `
import { state, makeHandler } from './store.js';
class Item { constructor(n) { this.n = n; this.self = this; } }
const weak = {};
globalThis.weak = weak;
const made = (n) => { const item = new Item(n); weak[n] = new WeakRef(item); return item; };
(() => {
  state.handler = makeHandler(made('closure'));
  globalThis.theGlobal = { a: made('global') };
  { const timed = made('timer'); setInterval(() => void timed, 1e6).unref(); }
})();
const answer = (line) => line;
${answering}`,
};

let service: Service;
beforeAll(async () => {
  service = await startService({ files, main: 'src/main.js', roles: 'admin' });
});

/** As the REPL does: the object is there by a WeakRef alone, and then as $1. */
const retainersOf = (expression: string): Promise<Retainers> =>
  withConnection(service, async (connection) => {
    const evaluated = await connection.call('evaluate', { expression, keep: true });
    expect(evaluated).toMatchObject({ ok: true, name: '$1' });
    return connection.call('retainers', { expression: '$1', maxPauseMs: 600_000 }, { timeoutMs: 100_000 });
  });

const said = ({ ways: [way = []] }: Retainers): string[] =>
  way.map(({ by, name, held, at }) => `${by} ${name}: ${held}${at === undefined ? '' : ` ${at.address ?? `${at.function} ${at.file}`}`}`);

test('the shortest way, in the names of the author; what this console keeps does not count', async () => {
  const found = await retainersOf('weak.closure.deref()');
  expect(said(found)).toEqual([
    'module state: Object  src/store.js',
    'property handler: function src/store.js:makeHandler.handler',
    'variable cache: Item',
  ]);
  expect(found).toMatchObject({ holders: 1, held: true, of: { className: 'Item' } });
  expect(found.pauseMs).toBeGreaterThan(0);
});

test('through Node: a timer ends where Node keeps it', async () => {
  expect(said(await retainersOf('weak.timer.deref()')).slice(-2)).toEqual([
    expect.stringMatching(/^property _onTimeout: function src\/main\.js:\d+$/),
    'variable : Item',
  ]);
});

test('what was made by an evaluation is held by the session alone', async () => {
  expect(await retainersOf('({ fresh: 1 })')).toMatchObject({ ways: [], holders: 0, held: true });
});

test('a pause that is not allowed is refused with the flag that allows it; so is what has no identity', async () => {
  const refused = await service.keyhole('retainers', 'svc', 'theGlobal.a');
  expect(refused.code).toBe(1);
  const [, pauseMs = ''] = /would stop the process for about (\d+) ms, and 50 are allowed/.exec(refused.stderr) ?? [];
  expect(refused.stderr).toContain(`--max-pause ${pauseMs} allows it`);
  expect((await service.keyhole('retainers', 'svc', 'theGlobal.a.n', '--max-pause', '600000')).stderr).toContain('nobody holds a primitive');
});

test('for people, also of a global one: and no thread of ours is left', async () => {
  const shown = await service.keyhole('retainers', 'svc', 'theGlobal.a', '--max-pause', '600000');
  expect(shown.stdout).toMatch(
    /^Item is held in 1 place\nthe global object: global\n {2}\.theGlobal: Object\n {2}\.a: Item\nthe process stood still for \d+ ms \(\d+ expected\)\n$/,
  );
  expect((await ask(service, 'threads.list', {})).threads.map(({ id }) => id)).toEqual([0]);
});
