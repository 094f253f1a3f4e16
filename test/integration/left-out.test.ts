/** Files that run without slots in an instrumented process (left out by a glob, a package's, or not to be transformed): patched by the other ways, also together with files that have slots. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { answering, editFile, journalOf, startService, type Service } from '../helpers/service.ts';

interface Done {
  ok: boolean;
  patches: { id: string; address: string; strategy: string; pauseMs: number; verified: boolean }[];
  refused: { address: string; why: string }[];
}

const files = {
  'price.js': `import { rate } from './legacy/rate.js';
export function price(n) { return n * rate(); }
`,
  'legacy/rate.js': `let factor = 2;
export function rate() { return factor; }
export const raise = () => { factor += 1; };
`,
  'legacy/tax.cjs': `const percent = 10;
const share = (n) => n * percent;
function tax(n) { return share(n) / 100; }
module.exports = { tax };
`,
  'node_modules/pack/package.json': '{"name":"pack","version":"1.0.0","main":"index.cjs"}',
  'node_modules/pack/index.cjs': 'function pack(n) { return `pack ${n}`; }\nexports.pack = pack;\n',
  'main.js': `import { price } from './price.js';
import { rate } from './legacy/rate.js';
import * as tax from './legacy/tax.cjs';
import pack from 'pack';
const all = () => [price(10), rate(), tax.default.tax(200), pack.pack(1)];
const lock = () => Object.getOwnPropertyNames(globalThis).filter((name) => /^\\$k(?!eyhole)/.test(name))
  .map((name) => Object.defineProperty(globalThis, name, { writable: false, configurable: false })).length;
const answer = (line) => line === 'lock' ? lock() : all();
setInterval(all, 20).unref();
${answering}`,
};
const canLiveEdit = Number(process.versions.node.split('.')[0]) < 26;
const way = canLiveEdit ? 'live-edit' : 'rebind';
/** Enough for a live edit; for a rebind without a look at who holds the old function, which takes a heap snapshot. */
const maxPause = canLiveEdit ? '60000' : '1000';
const before = '[20,2,20,"pack 1"]';

const start = (): Promise<Service> => startService({ files, main: 'main.js', git: true, environment: { KEYHOLE_EXCLUDE: 'legacy/**' } });

async function run(service: Service, ...words: string[]): Promise<Done> {
  const done = await service.keyhole(...words, '--reason', 'because', '--json');
  return done.json() as Done;
}

const both = ['price.js', 'legacy/rate.js'];
/** Both files as they were, with another number in each. */
function changeBoth(service: Service, by: number): void {
  writeFileSync(path.join(service.folder, 'price.js'), files['price.js']);
  writeFileSync(path.join(service.folder, 'legacy/rate.js'), files['legacy/rate.js']);
  editFile(service, 'legacy/rate.js', 'return factor;', `return factor + ${by};`);
  editFile(service, 'price.js', 'n * rate();', `n * rate() + ${by};`);
}

function pushBoth(service: Service, ...words: string[]): Promise<Done> {
  return run(service, 'push', 'svc', ...both, '--max-pause', maxPause, ...words);
}

async function untilAnswer(service: Service, wanted: string): Promise<void> {
  while ((await service.ask('all')) !== wanted);
}

describe('one service', () => {
  let service: Service;
  beforeAll(async () => {
    service = await start();
  });
  const edit = (address: string, text: string, ...words: string[]): Promise<Done> => {
    const file = path.join(service.folder, '..', 'new.txt');
    writeFileSync(file, text);
    return run(service, 'edit', 'svc', address, '--from', file, '--max-pause', maxPause, ...words);
  };

  test('they are not listed and not looked at unless somebody names them', async () => {
    const listed = await service.keyhole('fn', 'svc', '', '--json');
    expect((listed.json() as { file: string }[]).map(({ file }) => file)).not.toContain('legacy/rate.js');
    expect(listed.stderr).toContain('run without slots (name one to see its functions): legacy/rate.js, legacy/tax.cjs');
    expect(listed.stderr).not.toContain('node_modules');
    const all = await service.keyhole('push', 'svc', '--dry-run');
    expect(all.stderr).toContain('not compared, for they run without slots: legacy/rate.js, legacy/tax.cjs; name those that you mean');
    expect((await service.keyhole('fn', 'svc', 'node_modules/')).stderr).toContain('node_modules/pack/index.cjs');
    const named = (await service.keyhole('fn', 'svc', 'legacy/tax.cjs', '--json')).json() as { address: string }[];
    expect(named.map(({ address }) => address)).toEqual(['legacy/tax.cjs:share', 'legacy/tax.cjs:tax']);
    const { strategies } = (await service.keyhole('fn', 'svc', 'legacy/rate.js:rate', '--json')).json() as {
      strategies: { name: string; possible: boolean; why: string }[];
    };
    expect(strategies.filter(({ possible }) => possible).map(({ name }) => name)).toContain(way);
    const watched = await service.keyhole('watch', 'svc', 'legacy/rate.js:rate');
    expect(watched.stderr).toMatch(/can not be watched: its file was not instrumented: it is not selected; see KEYHOLE_EXCLUDE/);
    const inside = await service.keyhole('eval', 'svc', 'factor', '--in', 'legacy/rate.js');
    expect(inside.stderr).toContain('legacy/rate.js has no way in');
    expect(strategies[0]).toMatchObject({ name: 'slots', possible: false, why: expect.stringContaining('KEYHOLE_EXCLUDE') as string });
  });

  test.each([
    ['an ES module', 'legacy/rate.js:rate', 'function rate() { return factor + 5; }', '[70,7,20,"pack 1"]'],
    ['a CommonJS file', 'legacy/tax.cjs:tax', 'function tax(n) { return share(n) / 50; }', '[20,2,40,"pack 1"]'],
    ['a package', 'node_modules/pack/index.cjs:pack', 'function pack(n) { return `PACK ${n}`; }', '[20,2,20,"PACK 1"]'],
  ])('a function of %s is patched and put back', async (_, address, text, after) => {
    expect(await service.ask('all')).toBe(before);
    const done = await edit(address, text);
    expect(done).toMatchObject({ ok: true, patches: [{ address, strategy: way, verified: true }] });
    expect(await service.ask('all')).toBe(after);
    expect(await run(service, 'revert', 'svc', '--all')).toMatchObject({ ok: true });
    expect(await service.ask('all')).toBe(before);
  });

  test('one push with both kinds: one intent, one outcome, one pause; reverted together', async () => {
    changeBoth(service, 3);
    const done = await pushBoth(service);
    expect(done).toMatchObject({ ok: true, refused: [] });
    expect(done.patches.map(({ address, strategy, verified }) => [address, strategy, verified])).toEqual([
      ['price.js:price', 'slots', true],
      ['legacy/rate.js:rate', way, true],
    ]);
    expect(new Set(done.patches.map(({ pauseMs }) => pauseMs)).size).toBe(1);
    expect(done.patches[0]?.pauseMs).toBeGreaterThan(0);
    expect(await service.ask('all')).toBe('[53,5,20,"pack 1"]');
    const entries = journalOf(service)
      .filter(({ kind }) => kind === 'patch')
      .slice(-2);
    expect(entries).toMatchObject([
      { kind: 'patch', phase: 'intent', request: { patches: [{}, {}] } },
      { kind: 'patch', phase: 'outcome', intent: entries[0]?.seq, status: 'done' },
    ]);
    const status = (await service.keyhole('status', 'svc', '--json')).stdout;
    expect(status).toContain('legacy/rate.js:rate');
    expect(status).toContain('price.js:price');
    expect(await run(service, 'revert', 'svc', '--all')).toMatchObject({ ok: true, patches: [{}, {}] });
    expect(await service.ask('all')).toBe(before);
  });

  test.runIf(canLiveEdit)('functions of one file without slots are changed in one way, or not at all', async () => {
    // The arrow is a constant that others call, which only live edit changes; what no function of the file used before only rebind finds.
    const arrow = '(n) => n * percent * 2';
    const onlyRebind = 'function tax(n) { return typeof __dirname === "string" ? share(n) / 10 : 0; }';
    writeFileSync(
      path.join(service.folder, 'legacy/tax.cjs'),
      files['legacy/tax.cjs'].replace('(n) => n * percent', arrow).replace(/function tax.*/, onlyRebind),
    );
    const together = await run(service, 'push', 'svc', 'legacy/tax.cjs', '--max-pause', maxPause);
    expect(together).toMatchObject({ ok: false, patches: [], refused: [{ address: 'legacy/tax.cjs:share' }, { address: 'legacy/tax.cjs:tax' }] });
    expect(together.refused[0]?.why).toContain('all functions of a file without slots are changed in one way, and no way does for all of these');
    expect(await edit('legacy/tax.cjs:tax', onlyRebind)).toMatchObject({ ok: true, patches: [{ strategy: 'rebind' }] });
    expect(await service.ask('all')).toBe('[20,2,200,"pack 1"]');
    const after = await edit('legacy/tax.cjs:share', arrow);
    expect(after.refused[0]?.why).toMatch(/legacy\/tax\.cjs:tax of the same file is patched by rebind \(p\d+\)/);
    expect(await run(service, 'revert', 'svc', '--all')).toMatchObject({ ok: true });
    expect(await edit('legacy/tax.cjs:tax', 'function tax(n) { return share(n) / 50; }')).toMatchObject({
      ok: true,
      patches: [{ strategy: 'live-edit' }],
    });
    const beside = await edit('legacy/tax.cjs:share', '(n) => (__dirname ? n : 0)');
    expect(beside.refused[0]?.why).toMatch(/legacy\/tax\.cjs:tax of the same file is patched by live-edit/);
    expect(await run(service, 'revert', 'svc', '--all')).toMatchObject({ ok: true });
    expect(await service.ask('all')).toBe(before);
  });

  test('to read such a file stops the process too, and --max-pause holds for that', async () => {
    const other = await start();
    const file = path.join(other.folder, '..', 'new.txt');
    writeFileSync(file, 'function rate() { return factor + 9; }');
    // Only reading tells that there is no such function, and that nothing has changed.
    const words = ['edit', 'svc', 'legacy/rate.js:none', '--from', file, '--reason', 'x', '--json'];
    const push = ['push', 'svc', 'legacy/rate.js', '--reason', 'x', '--json'];
    for (const asked of [words, push])
      expect((await other.keyhole(...asked, '--max-pause', '3')).json()).toMatchObject({ error: { code: 'PAUSE_BUDGET' } });
    expect((await other.keyhole(...words, '--max-pause', maxPause)).json()).toMatchObject({ error: { code: 'NOT_FOUND' } });
    // Now it is known, and costs nothing.
    expect((await other.keyhole(...push, '--max-pause', '3')).json()).toMatchObject({ ok: true, patches: [] });
  });

  test('what is refused of one part refuses both: the pause, and what takes slots', async () => {
    changeBoth(service, 4);
    const dear = await service.keyhole('push', 'svc', ...both, '--reason', 'x', '--max-pause', '1', '--json');
    expect(dear.stdout + dear.stderr).toContain('PAUSE_BUDGET');
    const counted = await pushBoth(service, '--if-errors', '1');
    expect(counted).toMatchObject({ ok: false, patches: [], refused: [{ address: 'legacy/rate.js:rate' }] });
    expect(counted.refused[0]?.why).toMatch(/takes a slot.*KEYHOLE_EXCLUDE/);
    expect(await service.ask('all')).toBe(before);
  });

  test('on probation both go back together, to the patches before them', async () => {
    changeBoth(service, 5);
    const first = await pushBoth(service);
    expect(await service.ask('all')).toBe('[75,7,20,"pack 1"]');
    changeBoth(service, 6);
    expect(await pushBoth(service, '--confirm', '1s')).toMatchObject({ ok: true });
    expect(await service.ask('all')).toBe('[86,8,20,"pack 1"]');
    await untilAnswer(service, '[75,7,20,"pack 1"]');
    const list = (await service.keyhole('status', 'svc', '--json')).stdout;
    for (const { id } of first.patches) expect(list).toContain(`"${id}"`);
    expect(await run(service, 'revert', 'svc', '--all')).toMatchObject({ ok: true, patches: [{}, {}] });
    expect(await service.ask('all')).toBe(before);
  });

  test('where one part fails while both are made, nothing is left of the other, and that is said', async () => {
    changeBoth(service, 7);
    expect(Number(await service.ask('lock'))).toBeGreaterThan(0);
    const failed = await service.keyhole('push', 'svc', ...both, '--reason', 'x', '--max-pause', maxPause, '--json');
    expect(failed.code).not.toBe(0);
    expect(failed.stdout + failed.stderr).toMatch(/applying failed: .*; the change was undone/);
    expect(await service.ask('all')).toBe(before);
    expect((await service.keyhole('fn', 'svc', 'legacy/rate.js', '--json')).json()).toMatchObject([{ patched: false }, { patched: false }]);
    // What has no slots is not concerned.
    expect(await edit('legacy/rate.js:rate', 'function rate() { return factor + 5; }')).toMatchObject({ ok: true });
    expect(await service.ask('all')).toBe('[70,7,20,"pack 1"]');
  });
});

test('a restart: the part with slots is replayed, the other one is said to have failed, and nothing is claimed of it', async () => {
  let service = await start();
  changeBoth(service, 3);
  const { patches } = await pushBoth(service);
  const mails = path.join(service.folder, '..', 'mails');
  expect((await service.keyhole('export', 'svc', '--output', mails, '--json')).json()).toMatchObject({ patches: patches.map(({ id }) => id) });
  for (const file of both) expect(readFileSync(mails, 'utf8')).toContain(`+++ b/${file}`);
  service.kill();
  await service.ended;
  service = await startService({
    files,
    main: 'main.js',
    environment: { KEYHOLE_EXCLUDE: 'legacy/**', KEYHOLE_REPLAY: 'pending' },
    again: service,
  });
  expect(await service.ask('all')).toBe('[23,2,20,"pack 1"]');
  const [slots = '', other = ''] = patches.map(({ id }) => id);
  const outcomes = (): unknown[] => journalOf(service).filter(({ kind, phase }) => kind === 'replay' && phase === 'outcome');
  await vi.waitFor(() => expect(outcomes()).toHaveLength(2), { timeout: 20_000 });
  expect(outcomes()).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ result: expect.objectContaining({ became: 'live' }) as unknown }),
      expect.objectContaining({
        error: { code: 'PATCH_FAILED', message: expect.stringContaining('legacy/rate.js:rate: its file runs without slots') as string },
      }),
    ]),
  );
  const { patches: live } = (await service.keyhole('fn', 'svc', 'legacy/rate.js:rate', '--json')).json() as { patches: string[] };
  expect(live).toEqual([]);
  const checks = (await service.keyhole('doctor', 'svc', '--json')).json() as { check: string; detail: string }[];
  expect(checks.find(({ check }) => check === 'replay')?.detail).toContain(`${other} legacy/rate.js:rate`);
  const status = (await service.keyhole('status', 'svc')).stdout;
  expect(status).toMatch(new RegExp(`^live-only +price\\.js:price +${slots} `, 'm'));
  expect(status).toMatch(new RegExp(`^lost +legacy/rate\\.js:rate +${other} .*its file runs without slots`, 'm'));
});
