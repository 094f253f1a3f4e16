/** The REPL, at a pseudo-terminal and from a pipe, against an agent with known answers. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeyholeError, type FunctionDetail } from '@keyhole/agent/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { consoleProgram, runConsole, runHere } from '../helpers/console-process.ts';
import { startFakeAgent, type FakeAgent, type Handlers } from '../helpers/fake-agent.ts';
import { openPseudoTerminal, type PseudoTerminal } from '../helpers/pseudo-terminal.ts';

let dir: string;
let env: NodeJS.ProcessEnv;
let agent: FakeAgent;
let terminal: PseudoTerminal | null = null;
let stuck: ((error: KeyholeError) => void) | null = null;

const text = 'function add(a, b) { return a - b; }';
const detail: FunctionDetail = {
  address: 'src/cart.js:add',
  file: 'src/cart.js',
  line: 1,
  kind: 'function',
  patched: false,
  code: text,
  originalCode: text,
  start: 0,
  source: text,
  original: text,
  strategies: [],
  reachable: [],
  patches: [],
  threads: [],
};

const handlers: Handlers = {
  evaluate: ({ expression }) => {
    if (expression.trim() === 'hang()') return new Promise((_, reject) => (stuck = reject));
    if (expression.trim() === 'die()') {
      agent.cut();
      return new Promise(() => undefined);
    }
    if (expression.trim() === 'boom') return { ok: false, error: { name: 'Error', message: 'boom', stack: 'Error: boom\n    at x' } };
    return { ok: true, value: { type: 'string', value: `<${expression.trim()}>` } };
  },
  interrupt: () => {
    stuck?.(new KeyholeError('INTERRUPTED', 'the evaluation was interrupted'));
    return { interrupted: true };
  },
  'actors.list': ({ type }) => ({ actors: [{ id: 'room/lobby', type: type ?? 'Room', mailbox: 0 }] }),
  complete: ({ expression }) => ({ names: expression === 'rooms' ? ['lobbyist', 'size', 'bad\u001bname'] : ['rooms'] }),
  inspect: ({ actor }) => ({ value: { type: 'string', value: actor ?? '' }, properties: [], total: 0, start: 0 }),
  'fn.get': () => detail,
  'module.get': () => ({
    file: detail.file,
    url: `file:///srv/${detail.file}`,
    format: 'commonjs',
    instrumented: true,
    running: `${detail.code}\n`,
    author: `${detail.code}\n`,
    map: null,
  }),
  'patch.apply': ({ patches }) => {
    if (patches[0]?.source.includes('first') === true) throw new KeyholeError('NOT_PATCHABLE', 'it can not be patched', 'Try again');
    const applied = { id: 'p7', address: detail.address, strategy: 'slots' as const, pauseMs: 0, verified: true };
    return { ok: true, dryRun: false, patches: [applied], refused: [] };
  },
  'patch.revert': ({ reason }) => {
    throw new KeyholeError('NOT_FOUND', `no such patch (${reason})`);
  },
};

beforeEach(async () => {
  stuck = null;
  dir = mkdtempSync(join(tmpdir(), 'keyhole-attach-'));
  const identity = join(dir, 'key.pem');
  const made = await runHere(['keygen', identity, '--json'], { env: { PATH: process.env['PATH'] }, cwd: dir });
  const { publicKey } = made.json() as { publicKey: string };
  agent = await startFakeAgent({ operators: [publicKey], handlers });
  env = { ...agent.env, KEYHOLE_IDENTITY: identity, NO_COLOR: '1' };
});
afterEach(async () => {
  terminal?.kill();
  terminal = null;
  await agent.close();
  rmSync(dir, { recursive: true, force: true });
});

const expressions = (): unknown[] =>
  agent.requests.filter(({ op }) => op === 'evaluate').map(({ params }) => (params['expression'] as string).trim());
async function attach(): Promise<PseudoTerminal> {
  terminal = openPseudoTerminal([process.execPath, consoleProgram, 'attach', 'rooms'], env);
  await terminal.see(prompt());
  return terminal;
}
const prompt = (): RegExp => new RegExp(`rooms#${process.pid}> `);

describe('from a pipe', () => {
  test('lines are evaluated in order, statements over several lines as one', async () => {
    const done = await runConsole(['attach', 'rooms'], {
      env,
      input: '1\nasync function f() {\n  await g(`\n`)\n}\n.actors Hall\nboom\nawait x',
    });
    expect([done.code, done.stderr.split('\n').length]).toEqual([0, 2]);
    expect(expressions()).toEqual(['1', 'async function f() {\n  await g(`\n`)\n}', 'boom', 'await x']);
    expect(done.stdout).toMatch(/^'<1>'\n[^]*room\/lobby +Hall[^]*Uncaught Error: boom\n {4}at x\n'<await x>'\n$/);
  });

  test('a lost line ends with 3', async () => {
    const done = await runConsole(['attach', 'rooms'], { env, input: '1\ndie()\n2\n' });
    expect(done.code).toBe(3);
    expect(expressions()).toEqual(['1', 'die()']);
    expect(done.stderr).toContain('keyhole: UNREACHABLE: ');
  });

  test('an unknown dot command is told, and the next line goes on', async () => {
    const done = await runConsole(['attach', 'rooms'], { env, input: '.nope\n1\n.exit\n2\n' });
    expect([done.code, expressions()]).toEqual([0, ['1']]);
    expect(done.stderr).toContain('there is no command .nope');
  });
});

test('Ctrl-C at an eval of the command line interrupts it in the service', async () => {
  terminal = openPseudoTerminal([process.execPath, consoleProgram, 'eval', 'rooms', 'hang()'], env);
  await vi.waitFor(() => expect(stuck).not.toBeNull(), 20_000);
  terminal.type('\u0003');
  await terminal.see(/INTERRUPTED/);
  expect(await terminal.ended).toBe(1);
  expect(agent.requests.filter(({ op }) => op === 'interrupt')).toHaveLength(1);
});

describe('at a terminal', () => {
  test('evaluates, over several lines too, and ends with .exit', async () => {
    const { type, see, ended } = await attach();
    type('1 + 1\r');
    await see(/'<1 \+ 1>'\r\n/);
    await see(prompt());
    type('[1,\r');
    await see(/\.\.\. |\| /);
    type('2]\r');
    await see(/'<\[1,\\n2\]>'/);
    type('.exit\r');
    expect(await ended).toBe(0);
    expect(expressions()).toEqual(['1 + 1', '[1,\n2]']);
  });

  test('what is pasted is evaluated line by line, each after the one before', async () => {
    const { type, see } = await attach();
    type('one\rtwo\rthree\r');
    await see(/'<one>'[^]*'<two>'[^]*'<three>'/);
    expect(expressions()).toEqual(['one', 'two', 'three']);
  });

  test('Ctrl-C interrupts the evaluation and nothing else; twice at an empty prompt it ends', async () => {
    const { type, see, ended } = await attach();
    type('hang()\r');
    await vi.waitFor(() => expect(stuck).not.toBeNull(), 20_000);
    type('\u0003');
    await see(/interrupted\r\n/);
    await see(prompt());
    type('2\r');
    await see(/'<2>'/);
    await see(prompt());
    type('\u0003');
    await see(/again/);
    type('\u0003');
    expect(await ended).toBe(0);
    expect(agent.requests.filter(({ op }) => op === 'interrupt')).toHaveLength(1);
  });

  test('what is typed ahead waits for the evaluation, and an interrupt throws it away', async () => {
    const { type, see } = await attach();
    type('hang()\rtwo\r');
    await vi.waitFor(() => expect(stuck).not.toBeNull(), 20_000);
    type('\u0003');
    await see(/interrupted\r\n/);
    await see(prompt());
    type('3\r');
    await see(/'<3>'/);
    expect(expressions()).toEqual(['hang()', '3']);
  });

  test('dot commands are the commands, with a reason asked for', async () => {
    const { type, see } = await attach();
    type('.actors Hall\r');
    await see(/room\/lobby +Hall/);
    await see(prompt());
    type('.inspect rooms.get("a b") --depth 1\r');
    await see(/'rooms\.get\("a b"\)'\r\n/);
    await see(prompt());
    expect(agent.requests.at(-1)?.params).toEqual({ actor: 'rooms.get("a b")', depth: 1 });
    type('.revert p1\r');
    await see(/Reason: /);
    type('because\r');
    await see(/NOT_FOUND: no such patch \(because\)/);
    await see(prompt());
    type('.help\r');
    await see(/\.actors[^]*\.journal[^]*\.reconnect/);
    await see(prompt());
    type('3\r');
    await see(/'<3>'/);
  });

  test('.edit opens the editor on the same terminal, and again after a refusal', async () => {
    const editor = join(dir, 'editor.sh');
    // Reads a line as an editor reads keys, and makes it the function's name.
    writeFileSync(editor, '#!/bin/sh\nprintf "name? "\nread -r name\nsed -i "s/function [a-z]*/function $name/" "$1"\n');
    chmodSync(editor, 0o700);
    env['EDITOR'] = editor;
    const { type, see } = await attach();
    type('.edit src/cart.js:add -r why\r');
    await see(/name\? /);
    type('first\r');
    await see(/NOT_PATCHABLE[^]*Edit again\? \[Y\/n\] /);
    type('y\r');
    await see(/name\? /);
    type('second\r');
    await see(/patched p7 {2}src\/cart\.js:add/);
    await see(prompt());
    type('3\r');
    await see(/'<3>'/);
  });

  test('Tab completes names of the service, actors and commands', async () => {
    const { type, see } = await attach();
    type('rooms.si\t');
    await see(/rooms\.size/);
    type('\u0015.inspect room\t');
    await see(/room\/lobby/);
    type('\u0015.act\t');
    await see(/\.actors/);
    type('\u0015.revert --al\t');
    await see(/--all/);
  });

  test('a lost line is told, and Enter connects again', async () => {
    const { type, see, ended } = await attach();
    agent.cut();
    await see(/UNREACHABLE[^]*Enter connects again/);
    await see(/\(lost\)> /);
    type('1\r');
    await see(/UNREACHABLE/);
    type('\r');
    await see(/attached to rooms/);
    await see(prompt());
    type('1\r');
    await see(/'<1>'/);
    type('die()\r');
    await see(/UNREACHABLE[^]*\.reconnect/);
    await see(/\(lost\)> /);
    type('.reconnect\r');
    await see(/attached to rooms/);
    type('.exit\r');
    expect(await ended).toBe(0);
  });

  test('remembers what was typed, for its owner alone', async () => {
    const { type, see, ended } = await attach();
    type('secret\r');
    await see(/'<secret>'/);
    type('.exit\r');
    await ended;
    const file = join(agent.dir, 'state', 'keyhole', 'history-rooms');
    expect(readFileSync(file, 'utf8')).toContain('secret');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});
