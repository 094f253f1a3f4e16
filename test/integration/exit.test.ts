/** An evaluation may not end the process unless its operator is an admin, and the service's own exit is never in the way. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../helpers/operator.ts';
import { answering, journalOf, startService, type Service } from '../helpers/service.ts';

const main = `
const { exit, kill, abort, reallyExit } = process;
export const leave = () => { process.exit(5) };
export const leaveLater = async () => { await new Promise((done) => setTimeout(done, 20)); process.exit(6) };
export const stubborn = () => { try { process.exit(5) } catch { return 'caught' } };
const own = { untouched: () => process.exit === exit && process.kill === kill && process.abort === abort && process.reallyExit === reallyExit };
const answer = (line) => line === 'leave' ? process.exit(3) : line === 'replace' ? void (process.exit = own.replaced = () => 'replaced') : own[line]?.() ?? line;
globalThis.own = own;
${answering}`;

const start = (roles?: string): Promise<Service> =>
  startService({ files: { 'main.js': main }, main: 'main.js', ...(roles !== undefined && { roles }) });

describe('who may evaluate and is no admin', () => {
  let service: Service;
  beforeAll(async () => {
    service = await start();
  });
  afterEach(async () => expect(await service.ask('untouched')).toBe('true'));

  test.each([
    ['process.exit', 'process.exit()'],
    ['process.exit', 'process.exit(0), 1'],
    ['process.reallyExit', 'process.reallyExit(0)'],
    ['process.abort', 'process.abort()'],
    ['process.kill', 'process.kill(process.pid)'],
    ['process.kill', "process.kill(process.pid, 'SIGKILL')"],
    ['process.kill', 'process.kill(0, 9)'],
    ['process.exit', 'try { process.exit() } catch { 1 }'],
    ['process.exit', 'const { exit } = process; exit.call(process, 2)'],
    ['process.exit', 'Reflect.apply(process.exit, undefined, [1])'],
    ['process.exit', 'await 1; process.exit()'],
    ['process.exit', 'await new Promise((done) => setTimeout(done, 20)); process.exit()'],
    ['process.exit', "eval('process.exit()')"],
    ['process.exit', "await 1; eval('process.exit()')"],
    ['process.exit', 'await new Promise((done) => setTimeout(() => { process.exit(); done() }, 10))'],
    ['process.exit', "await new Promise(() => { process.once('ping', () => process.exit()); setImmediate(() => process.emit('ping')) })"],
  ])('%s: %s', async (name, code) => {
    await expect(ask(service, 'evaluate', { expression: code })).rejects.toMatchObject({
      code: 'EXIT',
      message: `${name} was called by the evaluation and not done: it would have ended the service`,
    });
    expect(journalOf(service).findLast(({ kind }) => kind === 'eval')).toMatchObject({ phase: 'outcome', status: 'failed', error: { code: 'EXIT' } });
  });

  test.each([['leave()'], ['stubborn()'], ['await leaveLater()'], ['await 1; stubborn()']])('through a function of the service: %s', async (code) => {
    await expect(ask(service, 'evaluate', { expression: code, in: 'main.js' })).rejects.toMatchObject({ code: 'EXIT' });
  });

  test('a signal to somebody else, and asking whether a process is there, go through', async () => {
    const spawned = "const { spawn } = await import('node:child_process'); process.kill(spawn('sleep', ['60']).pid, 'SIGKILL')";
    for (const expression of ['process.kill(process.pid, 0)', spawned])
      expect(await ask(service, 'evaluate', { expression, in: 'main.js' })).toMatchObject({ ok: true, value: { value: true } });
  });

  test('the command says what was not done, and ends with 4', async () => {
    const { code, stderr } = await service.keyhole('eval', 'svc', 'process.exit(1)');
    expect(stderr).toContain('process.exit was called by the evaluation and not done');
    expect(code).toBe(4);
  });

  test("a stack tells the evaluation's own lines", async () => {
    const answer = await ask(service, 'evaluate', { expression: '\n\nnull.x' });
    expect(answer).toMatchObject({ ok: false, error: { stack: expect.stringMatching(/evaluation-\d+:3:6/) } });
  });
});

describe('the service ends when it wants to', () => {
  test('while an evaluation is awaited', async () => {
    const service = await start();
    const asked = service.keyhole('eval', 'svc', 'own.begun = () => true; await new Promise(() => {})');
    while ((await service.ask('begun')) !== 'true') await new Promise((done) => setTimeout(done, 10));
    service.write('leave');
    expect(await service.ended).toBe(3);
    expect((await asked).code).toBe(3);
  });

  test('with an exit that it puts there while one is awaited', async () => {
    const service = await start();
    const asked = service.keyhole('eval', 'svc', 'own.begun = () => true; await new Promise((done) => { own.go = done })');
    while ((await service.ask('begun')) !== 'true') await new Promise((done) => setTimeout(done, 10));
    service.write('replace');
    service.write('go');
    expect((await asked).code).toBe(0);
    expect((await service.keyhole('eval', 'svc', 'process.exit === own.replaced', '--json')).json()).toMatchObject({ value: false });
    await service.keyhole('eval', 'svc', 'own.kept = () => process.exit === own.replaced');
    expect(await service.ask('kept')).toBe('true');
  });

  test('by what an evaluation left behind: that is too far from it', async () => {
    const service = await start();
    expect((await service.keyhole('eval', 'svc', 'setTimeout(() => process.exit(9), 300); 1')).code).toBe(0);
    expect(await service.ended).toBe(9);
  });

  test('by an evaluation of an admin', async () => {
    const service = await start('admin');
    expect((await service.keyhole('eval', 'svc', 'process.exit(7)')).code).toBe(3);
    expect(await service.ended).toBe(7);
  });
});
