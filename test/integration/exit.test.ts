/** An evaluation may not end the process unless its operator is an admin, and the service's own exit is never in the way. */
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { ask } from '../helpers/operator.ts';
import { answering, journalOf, startService, type Service } from '../helpers/service.ts';

const main = `
const { exit, kill, abort, reallyExit } = process;
export const leave = () => { process.exit(5) };
export const leaveLater = async () => { await new Promise((done) => setTimeout(done, 20)); process.exit(6) };
export const stubborn = () => { try { process.exit(5) } catch { return 'caught' } };
const own = { untouched: () => process.exit === exit && process.kill === kill && process.abort === abort && process.reallyExit === reallyExit };
own.leaves = () => process.exit();
own.emits = () => process.emit('left');
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
  afterEach(async () => expect(await service.ask('here')).toBe('"here"'));

  test('what can leave nothing behind leaves the functions of process as they were', async () => {
    expect(await ask(service, 'evaluate', { expression: 'process.pid' })).toMatchObject({ ok: true });
    await expect(ask(service, 'evaluate', { expression: 'process.exit()' })).rejects.toMatchObject({ code: 'EXIT' });
    expect(await service.ask('untouched')).toBe('true');
  });

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
    // Thrown into what nobody awaits it would be an unhandled rejection, which ends the service too.
    ['process.exit', 'void (async () => { await 1; process.exit() })(); await new Promise((done) => setTimeout(done, 100))'],
    ['process.exit', 'const later = async () => { await 1; process.exit() }; await later()'],
    ['process.exit', 'const { pid } = process; await pid; process.exit()'],
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
    expect(await service.ask('leaves')).toBe('"replaced"');
  });

  test('not by functions that an evaluation left behind, whether it is over or was let go; that is said on stderr', async () => {
    const service = await start();
    for (const code of [
      'setTimeout(() => process.exit(9), 20); 1',
      "process.once('left', () => process.exit(9)); 1",
      'void (async () => { await new Promise((done) => setTimeout(done, 20)); process.exit(9) })(); 1',
    ]) {
      const before = service.stderr().length;
      expect((await service.keyhole('eval', 'svc', code)).code).toBe(0);
      if (code.includes('left')) expect(await service.ask('emits')).toBe('true');
      await vi.waitFor(
        () => expect(service.stderr().slice(before)).toContain('what an evaluation of an operator has left behind, and not done'),
        10_000,
      );
    }
    const before = service.stderr().length;
    const letGo = 'await new Promise((done) => setTimeout(done, 300)); process.exit(9)';
    expect((await service.keyhole('eval', 'svc', letGo, '--timeout', '100ms')).code).not.toBe(0);
    await vi.waitFor(() => expect(service.stderr().slice(before)).toContain('has left behind, and not done'), 10_000);
    expect(await service.ask('here')).toBe('"here"');
    // Its own still goes through.
    service.write('leave');
    expect(await service.ended).toBe(3);
  });

  test('by process.exit itself, handed to a timer: that is told from nobody', async () => {
    const service = await start();
    expect((await service.keyhole('eval', 'svc', 'setTimeout(process.exit, 300, 9); 1')).code).toBe(0);
    expect(await service.ended).toBe(9);
  });

  test('by an evaluation of an admin', async () => {
    const service = await start('admin');
    expect((await service.keyhole('eval', 'svc', 'process.exit(7)')).code).toBe(3);
    expect(await service.ended).toBe(7);
  });
});
