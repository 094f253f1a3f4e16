/** What becomes of patches when their process ends and another one starts: real processes, killed, rebuilt, in a fresh container, with hostile files. */
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { Hotfix, Params } from '../../packages/agent/dist/protocol/index.js';
import { ask, pushEdits } from '../helpers/operator.ts';
import {
  agentUrl,
  answering,
  commitAll,
  journalOf,
  newFolder,
  newKey,
  run,
  startService,
  type Service,
  type ServiceOptions,
} from '../helpers/service.ts';

const lib = `export function price(n) {
  return n * 2; // per piece
}
export function name() { return 'old'; }
class Cart {
  #items = [];
  add(item) { this.#items.push(item); return this.#items.length; }
}
export const cart = new Cart();
`;
const main = `import { cart, name, price } from './lib.js';
const first = [price(10), name(), cart.add('x')];
const answer = (line) => (line === 'first' ? first : [price(10), name()]);
${answering}`;
const files = { 'main.js': main, 'lib.js': lib };
const pending = { KEYHOLE_REPLAY: 'pending' };

const start = (more: Partial<ServiceOptions> = {}): Promise<Service> => startService({ files, main: 'main.js', ...more });
const restart = async (service: Service, more: Partial<ServiceOptions> = {}): Promise<Service> => {
  service.kill();
  await service.ended;
  return startService({ files: {}, main: 'main.js', environment: pending, ...more, again: service });
};
const push = async (service: Service, from: string, to: string, more: Partial<Params<'patch.apply'>> = {}): Promise<string> =>
  (await pushEdits(service, 'lib.js', [[from, to]], more))[0] ?? '';
const replays = (service: Service): Record<string, unknown>[] => journalOf(service).filter(({ kind }) => kind === 'replay');
const first = async (service: Service): Promise<unknown> => JSON.parse(await service.ask('first'));
const states = async (service: Service): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await ask(service, 'patch.history', {})).patches.map(({ id, state, why }) => [id, why === undefined ? state : `${state}: ${why}`]),
  );
const doctor = async (service: Service, check: string): Promise<string> =>
  ((await service.keyhole('doctor', 'svc', '--json')).json() as { check: string; detail: string }[]).find((each) => each.check === check)?.detail ??
  '';

describe('a patch comes back', () => {
  test('after kill -9, before the first line of the service; and again after the next one', async () => {
    let service = await start();
    const id = await push(service, 'n * 2', 'n * 3');
    const { build } = await ask(service, 'info', { build: true });
    service = await restart(service);
    expect(await first(service)).toEqual([30, 'old', 1]);
    // A patch is none of the build's.
    expect((await ask(service, 'info', { build: true })).build).toEqual(build);
    const [due, outcome] = replays(service);
    expect(due).toMatchObject({ phase: 'due', by: 'agent', id, address: 'lib.js:price', original: { seq: Number(id.slice(1)) } });
    expect(outcome).toMatchObject({ phase: 'outcome', intent: due?.['seq'], status: 'done', result: { became: 'live', strategy: 'slots' } });
    service = await restart(service);
    expect(await first(service)).toEqual([30, 'old', 1]);
    expect((await service.keyhole('journal', 'verify', 'svc', '--json')).json()).toMatchObject({ ok: true });
    // It is the same patch: it can be changed, reverted and exported.
    expect((await service.keyhole('fn', 'svc', 'lib.js:price', '--json')).json()).toMatchObject({ patches: [id] });
    expect((await service.keyhole('revert', 'svc', id, '--reason', 'enough', '--json')).json()).toMatchObject({ ok: true });
    expect(JSON.parse(await service.ask('now'))).toEqual([20, 'old']);
    service = await restart(service);
    expect(await first(service)).toEqual([20, 'old', 1]);
  });

  test('with private names, and where comments, quotes and white space are others', async () => {
    let service = await start();
    await push(service, 'return this.#items.length', 'return -this.#items.length');
    await push(service, 'n * 2', 'n * 3');
    service = await restart(service, { files: { 'lib.js': lib.replace('// per piece', '/* each */').replace('price(n) {', 'price( n )  {') } });
    expect(await first(service)).toEqual([30, 'old', -1]);
  });

  test('when its file is loaded, whenever that is; until then it is not called live', async () => {
    const lazy = {
      'main.js': `const answer = async () => (await import('./lib.js')).price(10);\n${answering.replace('JSON.stringify(answer(line))', 'await answer(line)').replace("'line', (", "'line', async (")}`,
      'lib.js': lib,
    };
    let service = await start({ files: lazy });
    expect(await service.ask('x')).toBe('20');
    const id = await push(service, 'n * 2', 'n * 3');
    service = await restart(service);
    expect(await states(service)).toEqual({ [id]: 'lost' });
    expect(await doctor(service, 'replay')).toContain(`${id} lib.js:price`);
    expect((await service.keyhole('ps', '--json')).json()).toMatchObject([{ patches: 0 }]);
    expect(await service.ask('x')).toBe('30');
    expect(await states(service)).toEqual({ [id]: 'live' });
    service = await restart(service);
    // It can be taken back before.
    expect((await service.keyhole('revert', 'svc', id, '--reason', 'no', '--json')).json()).toMatchObject({ ok: true });
    expect(await service.ask('x')).toBe('20');
    expect(await states(service)).toEqual({ [id]: 'reverted' });
  });

  test('in CommonJS, and into what is loaded already where startAgent asks for it late', async () => {
    const commonjs = {
      'package.json': '{"name":"svc"}',
      'lib.js': 'exports.price = function price(n) { return n * 2; };\nexports.name = () => "old";\n',
      'main.js': `const { name, price } = require('./lib.js');\nconst first = [price(10), name()];\nconst answer = (line) => (line === 'first' ? first : [price(10), name()]);\n${answering.replace(/import (.*) from ('.*');/, 'const $1 = require($2);')}`,
    };
    let service = await start({ files: commonjs });
    const id = await push(service, 'n * 2', 'n * 3');
    service = await restart(service);
    expect(await first(service)).toEqual([30, 'old']);
    const asking = `import(${JSON.stringify(agentUrl)}).then(({ startAgent }) => startAgent({ replay: 'pending' })).then(() => console.log('ready'));`;
    service = await restart(service, { environment: {}, files: { 'main.js': commonjs['main.js'].replace("console.log('ready');", asking) } });
    expect(await first(service)).toEqual([20, 'old']);
    expect(JSON.parse(await service.ask('now'))).toEqual([30, 'old']);
    expect(await states(service)).toEqual({ [id]: 'live' });
  });

  test('in worker threads, also of files that only they load', async () => {
    const threads = {
      'main.js': `import { Worker } from 'node:worker_threads';
import { createInterface } from 'node:readline';
const worker = new Worker(new URL('./pool.js', import.meta.url));
worker.on('message', (value) => console.log(value));
createInterface({ input: process.stdin }).on('line', () => worker.postMessage(''));
worker.once('online', () => console.log('ready'));
`,
      'pool.js': `import { parentPort } from 'node:worker_threads';\nimport { price } from './lib.js';\nconst first = price(10);\nparentPort.on('message', () => parentPort.postMessage(first));\n`,
      'lib.js': lib,
    };
    let service = await start({ files: threads });
    expect(await service.ask('x')).toBe('20');
    const id = await push(service, 'n * 2', 'n * 3');
    service = await restart(service);
    expect(await service.ask('x')).toBe('30');
    // The thread says it to the main thread, which says it to the door.
    await vi.waitFor(async () => expect(await states(service)).toEqual({ [id]: 'live' }), 20_000);
    const listed = (await service.keyhole('fn', 'svc', 'lib.js:price', '--json')).json();
    expect(listed).toMatchObject({ patches: [id], threads: [{ patched: true, patch: id }] });
    expect(replays(service).map(({ phase }) => phase)).toEqual(['due', 'outcome']);
    service = await restart(service, { files: { 'lib.js': lib.replace('n * 2', 'n * 3') } });
    expect(await service.ask('x')).toBe('30');
    await vi.waitFor(async () => expect(await states(service)).toEqual({ [id]: 'landed' }), 20_000);
  });
});

describe('a patch does not come back', () => {
  test('where the new build holds it: it has landed, for good', async () => {
    let service = await start();
    const id = await push(service, 'n * 2', 'n * 3');
    service = await restart(service, { files: { 'lib.js': lib.replace('return n * 2; // per piece', 'return n * 3;') } });
    expect(await first(service)).toEqual([30, 'old', 1]);
    expect(await states(service)).toEqual({ [id]: 'landed' });
    expect((await service.keyhole('ps', '--json')).json()).toMatchObject([{ patches: 0 }]);
    service = await restart(service, { files: { 'lib.js': lib } });
    expect(await first(service)).toEqual([20, 'old', 1]);
    expect(replays(service)).toHaveLength(2);
  });

  test('where its function was changed otherwise, or is gone: superseded, and said; it does with the old build', async () => {
    let service = await start();
    const price = await push(service, 'n * 2', 'n * 3');
    const name = await push(service, "'old'", "'new'");
    service = await restart(service, {
      files: { 'lib.js': lib.replace('n * 2', 'n * 2 + 1').replace('function name()', 'const name = () => called();\nfunction called()') },
    });
    expect(await first(service)).toEqual([21, 'old', 1]);
    const { [price]: changed, [name]: gone } = await states(service);
    expect(changed).toBe('superseded: its function is neither the one that was patched nor the one that the patch made: it was changed otherwise');
    expect(gone).toContain('superseded');
    expect(service.stderr()).toContain(`${price} of lib.js:price is not live again`);
    expect(await doctor(service, 'since the start')).toContain(`${price} of lib.js:price is not live again`);
    service = await restart(service, { files: { 'lib.js': lib } });
    expect(await first(service)).toEqual([30, 'new', 1]);
  });

  test('where nobody asked for it, or where it was on probation', async () => {
    let service = await start();
    const kept = await push(service, 'n * 2', 'n * 3');
    const tried = await push(service, "'old'", "'new'", { confirmMs: 600_000 });
    service = await restart(service, { environment: {} });
    expect(await first(service)).toEqual([20, 'old', 1]);
    expect(await states(service)).toEqual({ [kept]: 'lost', [tried]: 'lost: it was on probation when its process ended' });
    service = await restart(service);
    expect(await first(service)).toEqual([30, 'old', 1]);
    expect(await states(service)).toEqual({ [kept]: 'live', [tried]: 'lost: it was on probation when its process ended' });
    expect(service.stderr()).toContain(`${tried} of lib.js:name is not put into effect again: it was on probation when its process ended`);
  });

  test('where a later patch was pushed without it, even when that was taken back', async () => {
    let service = await start();
    const kept = await push(service, 'n * 2', 'n * 3');
    service = await restart(service, { environment: {} });
    const other = await push(service, 'n * 2', 'n * 5');
    expect((await service.keyhole('revert', 'svc', other, '--reason', 'no', '--json')).code).toBe(0);
    service = await restart(service);
    expect(await first(service)).toEqual([20, 'old', 1]);
    expect(await states(service)).toMatchObject({ [kept]: `lost: ${other} was pushed without it`, [other]: 'reverted' });
  });

  test('where its operator may not patch any more', async () => {
    let service = await start();
    const id = await push(service, 'n * 2', 'n * 3');
    const lines = readFileSync(service.operators, 'utf8');
    writeFileSync(service.operators, lines.replace('roles="patch"', 'roles="eval"'));
    service = await restart(service);
    expect(await first(service)).toEqual([20, 'old', 1]);
    expect((await states(service))[id]).toMatch(/^lost: alice \(SHA256:.*\) may not patch any more$/);
  });

  test('where its operator is none; it does when he is one again', async () => {
    let service = await start();
    await push(service, 'n * 2', 'n * 3');
    const lines = readFileSync(service.operators, 'utf8');
    const { publicKey } = newKey(newFolder(), 'bob');
    writeFileSync(service.operators, `name="bob",roles="patch" ${publicKey}\n`);
    service = await restart(service);
    expect(await first(service)).toEqual([20, 'old', 1]);
    expect(service.stderr()).toMatch(/the key SHA256:\S+ \(alice\) is not one of the operators/);
    writeFileSync(service.operators, lines);
    service = await restart(service);
    expect(await first(service)).toEqual([30, 'old', 1]);
  });

  test('from a journal that was changed', async () => {
    let service = await start();
    await push(service, 'n * 2', 'n * 3');
    service.kill();
    await service.ended;
    const file = path.join(service.journal, '00000001.ndjson');
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('n * 3');
    writeFileSync(file, text.replace('n * 3', 'n * 9'));
    service = await restart(service);
    expect(await first(service)).toEqual([20, 'old', 1]);
    expect(service.stderr()).toContain('nothing is replayed: the journal is broken at entry');
    expect(await doctor(service, 'since the start')).toContain('nothing is replayed');
  });

  test('where nothing is instrumented, and that is said', async () => {
    let service = await start();
    await push(service, 'n * 2', 'n * 3');
    const asking = `import { startAgent } from ${JSON.stringify(agentUrl)};\nawait startAgent({ replay: 'pending', operators: process.env.KEYHOLE_OPERATORS, journal: { dir: process.env.KEYHOLE_JOURNAL_DIR } });\n`;
    service = await restart(service, { nodeArguments: [], files: { 'main.js': asking + main } });
    expect(await first(service)).toEqual([20, 'old', 1]);
    expect(service.stderr()).toContain('nothing is replayed: the code is not instrumented');
  });

  test('when the process ended soon after it twice in a row', async () => {
    let service = await start();
    const id = await push(service, 'n * 2', 'n * 3');
    for (const _ of [1, 2]) {
      service = await restart(service);
      expect(await first(service)).toEqual([30, 'old', 1]);
    }
    for (const _ of [3, 4]) {
      service = await restart(service);
      expect(await first(service)).toEqual([20, 'old', 1]);
      expect((await states(service))[id]).toBe(
        'lost: the process ended within 60 s of its replay twice in a row; push it again when it is not the cause',
      );
    }
    const again = await push(service, 'n * 2', 'n * 3');
    service = await restart(service);
    expect(await first(service)).toEqual([30, 'old', 1]);
    expect((await states(service))[again]).toBe('live');
  });
});

describe('a file that was renamed since', () => {
  test('has no patch: it is said where the file is now, and what has its old name is held against the text that was patched', async () => {
    let service = await start({ git: true });
    const id = await push(service, 'n * 2', 'n * 3');
    const moved = main.replace("'./lib.js'", "'./prices.js'");
    run(service.folder, 'git', 'mv', 'lib.js', 'prices.js');
    writeFileSync(path.join(service.folder, 'main.js'), moved);
    commitAll(service.folder, 'renamed');
    service = await restart(service);
    expect(await first(service)).toEqual([20, 'old', 1]);
    const status = async (): Promise<unknown> =>
      ((await service.keyhole('status', 'svc', '--repo', service.folder, '--json')).json() as { functions: unknown }).functions;
    expect(await status()).toMatchObject([
      { patch: id, state: 'lost', movedTo: 'prices.js', why: 'its file is prices.js now, and it comes back under its old name only: push it again' },
    ]);
    expect(await doctor(service, 'replay')).toContain(`${id} lib.js:price`);
    // Another file takes the old name: its function is not the one that was patched.
    writeFileSync(path.join(service.folder, 'lib.js'), 'export function price(n) {\n  return n * 100;\n}\n');
    writeFileSync(path.join(service.folder, 'main.js'), `import './lib.js';\n${moved}`);
    commitAll(service.folder, 'another');
    service = await restart(service);
    expect(await first(service)).toEqual([20, 'old', 1]);
    expect(await states(service)).toEqual({ [id]: expect.stringMatching(/^superseded: its function is neither/) as string });
    expect((await service.keyhole('eval', 'svc', 'price(1)', '--in', 'lib.js')).stdout.trim()).toBe('100');
  });
});

describe('a hotfix file', () => {
  /** A service in another container: another journal, the same operators, and files. */
  const container = async (of: Service, hotfixes: Record<string, string>, more: Partial<ServiceOptions> = {}): Promise<Service> => {
    const names = Object.keys(hotfixes).map((name) => path.join(newFolder(), name));
    for (const [index, text] of Object.values(hotfixes).entries()) writeFileSync(names[index] ?? '', text);
    return start({ environment: { KEYHOLE_OPERATORS: of.operators, KEYHOLE_HOTFIXES: names.join(',') }, ...more });
  };

  test('brings patches into a container that starts fresh; they are known there, and leave it again', async () => {
    const origin = await start();
    await push(origin, 'n * 2', 'n * 3');
    writeFileSync(path.join(origin.folder, 'lib.js'), lib.replace('n * 2', 'n * 3'));
    const id = await push(origin, 'n * 3', 'n * 4');
    const { hotfix } = await ask(origin, 'patch.hotfix', { ids: [id] });
    expect(hotfix.pushes).toHaveLength(2);
    const file = path.join(newFolder(), 'fix.json');
    expect((await origin.keyhole('export', 'svc', id, '--format', 'keyhole', '-o', file)).code).toBe(0);
    const text = readFileSync(file, 'utf8');
    expect(JSON.parse(text)).toEqual(hotfix);
    // Who took what out, and which file it became.
    const sha256 = createHash('sha256').update(text).digest('hex');
    const taken = journalOf(origin)
      .filter(({ kind }) => kind === 'export')
      .slice(-2);
    expect(taken).toMatchObject([
      { phase: 'intent', op: 'patch.hotfix', operator: 'alice', request: { ids: [id] } },
      { phase: 'outcome', status: 'done', result: { hotfix: [id], sha256 } },
    ]);
    expect((await origin.keyhole('log', 'svc', '--oneline')).stdout).toContain(`${id} in a hotfix file (sha256 ${sha256})`);
    const environment = { KEYHOLE_OPERATORS: origin.operators };
    let service = await start({ files: { ...files, 'fix.json': text, 'keyhole.config.json': '{"hotfixes":"fix.json"}' }, environment });
    expect(await first(service)).toEqual([40, 'old', 1]);
    const { patches } = await ask({ ...service, env: { ...service.env, KEYHOLE_IDENTITY: origin.env['KEYHOLE_IDENTITY'] } }, 'patch.history', {});
    expect(patches).toMatchObject([
      {
        id: expect.stringMatching(/^h[0-9a-f]{8}$/) as string,
        state: 'live',
        operator: 'alice',
        reason: 'a hotfix',
        baseSource: expect.stringContaining('n * 2') as string,
      },
    ]);
    const again = (
      await ask({ ...service, env: { ...service.env, KEYHOLE_IDENTITY: origin.env['KEYHOLE_IDENTITY'] } }, 'patch.hotfix', {
        ids: [patches[0]?.id ?? ''],
      })
    ).hotfix;
    expect(again.pushes).toEqual(hotfix.pushes);
    // Without the file it is gone, and its journal says so; with it, it is the same patch.
    service = await restart(service, { files: { 'keyhole.config.json': '{}' }, environment: { ...environment, ...pending } });
    expect(await first(service)).toEqual([20, 'old', 1]);
    const due = replays(service).find(({ phase }) => phase === 'due') as { hotfix: { file: string; sha256: string } };
    expect(due.hotfix).toMatchObject({ file: expect.stringMatching(/fix\.json$/) as string, sha256 });
    service = await restart(service, { environment: { ...environment, KEYHOLE_HOTFIXES: due.hotfix.file } });
    expect(await first(service)).toEqual([40, 'old', 1]);
    expect(new Set(replays(service).flatMap(({ id: each }) => (each === undefined ? [] : [each])))).toEqual(new Set([patches[0]?.id]));
    expect((await service.keyhole('journal', 'verify', service.journal, '--json')).json()).toMatchObject({ ok: true });
  });

  test('in which anything was changed, of another service, too large or no file: nothing of it, or not that patch, and said', async () => {
    const origin = await start();
    const id = await push(origin, 'n * 2', 'n * 3');
    const other = await push(origin, "'old'", "'new'");
    const { hotfix } = await ask(origin, 'patch.hotfix', { ids: [id, other] });
    const evil = JSON.stringify(hotfix).replace('n * 3', 'n * 9');
    const stranger = JSON.parse(JSON.stringify(hotfix)) as Hotfix;
    const { publicKey } = newKey(newFolder(), 'mallory');
    for (const push_ of stranger.pushes) push_.login.publicKey = publicKey;
    const service = await container(origin, {
      'evil.json': evil,
      'other.json': JSON.stringify({
        ...hotfix,
        service: 'other',
        pushes: hotfix.pushes.map((each) => ({ ...each, login: { ...each.login, service: 'other' } })),
      }),
      'stranger.json': JSON.stringify(stranger),
      'no.json': '{"format":',
      'twice.json': JSON.stringify({ ...hotfix, patches: [...hotfix.patches, ...hotfix.patches] }),
    });
    // The one that nobody touched in the first file is whole.
    expect(await first(service)).toEqual([20, 'new', 1]);
    expect(service.stderr()).toContain('of lib.js:price is not put into effect again: alice did not sign this');
    expect(service.stderr()).toContain('other.json is put into effect: it is for the service other, and this is svc');
    expect(service.stderr()).toContain('is not the one with its fingerprint');
    expect(service.stderr()).toContain('no.json is put into effect: the file must be JSON');
    expect(service.stderr()).toContain('twice.json is put into effect: patches[2] must be');
    await vi.waitFor(() => expect(journalOf(service).filter(({ kind }) => kind === 'refusal')).toHaveLength(3), 20_000);
    const missing = await start({ environment: { KEYHOLE_HOTFIXES: '/nowhere/fix.json' } });
    expect(await first(missing)).toEqual([20, 'old', 1]);
    expect(missing.stderr()).toContain('nothing of /nowhere/fix.json is put into effect: ENOENT');
  });

  test('of operators who are not known here', async () => {
    const origin = await start();
    const id = await push(origin, 'n * 2', 'n * 3');
    const { hotfix } = await ask(origin, 'patch.hotfix', { ids: [id] });
    const file = path.join(newFolder(), 'fix.json');
    writeFileSync(file, JSON.stringify(hotfix));
    const service = await start({ environment: { KEYHOLE_HOTFIXES: file } });
    expect(await first(service)).toEqual([20, 'old', 1]);
    expect(service.stderr()).toMatch(/the key SHA256:\S+ \(alice\) is not one of the operators/);
  });

  test('which nobody here approved, or whose functions the policy keeps out', async () => {
    const origin = await start();
    const [id = ''] = await pushEdits(origin, 'lib.js', [['n * 2', 'n * 3']]);
    const { hotfix } = await ask(origin, 'patch.hotfix', { ids: [id] });
    const text = { 'fix.json': JSON.stringify(hotfix) };
    const asking = await container(origin, text, { files: { ...files, 'keyhole.config.json': '{"approvals":{"patch":1}}' } });
    expect(await first(asking)).toEqual([20, 'old', 1]);
    expect(asking.stderr()).toContain('this service asks others to approve a push, and a hotfix file does not say who did');
    const policy = { 'keyhole.config.json': '{"policy":"policy.json"}', 'policy.json': '{"rules":[{"addresses":["src/**"]}]}' };
    const narrow = await container(origin, text, { files: { ...files, ...policy } });
    expect(await first(narrow)).toEqual([20, 'old', 1]);
    expect(narrow.stderr()).toContain('rule 1 of the policy: lib.js:price is not among the functions that may be patched');
  });
});

test('a replay that can not be written down does not happen, and the service starts', async () => {
  let service = await start();
  await push(service, 'n * 2', 'n * 3');
  service.kill();
  await service.ended;
  // Somebody else's bytes at the end: the journal is damaged and takes no more entries.
  for (const name of readdirSync(service.journal).filter((each) => each.endsWith('.ndjson')))
    appendFileSync(path.join(service.journal, name), '{"seq":1}\n');
  service = await restart(service);
  expect(await first(service)).toEqual([20, 'old', 1]);
  expect(service.stderr()).toContain('nothing is replayed');
});
