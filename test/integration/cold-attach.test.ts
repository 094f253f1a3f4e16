/** `keyhole attach PID` on programs that never heard of us. Each opens its inspector on a port of its own, so that tests beside this one are not met. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import * as path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { holdsSocket, listeningSockets } from '../../packages/console/dist/client/cold/listening.js';
import { runConsole, type Finished } from '../helpers/console-process.ts';
import { agentUrl, newFolder, newKey } from '../helpers/service.ts';

const [major = 0] = process.versions.node.split('.').map(Number);
const anyPort = ['--inspect-port=127.0.0.1:0'];
/** Ends with its stdin. */
const lives = "process.stdin.resume(); console.log('ready');";

interface Program {
  pid: number;
  child: ChildProcess;
  folder: string;
  env: NodeJS.ProcessEnv;
  publicKey: string;
  output(): string;
  said(text: string): Promise<void>;
  keyhole(words: string[], input?: string): Promise<Finished>;
  attach(input: string, ...more: string[]): Promise<Finished>;
  ports(): number[];
  isAlive(): boolean;
}

const running: ChildProcess[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
});

async function start(options: {
  files: Record<string, string>;
  command?: string[];
  nodeArguments?: string[];
  environment?: Record<string, string>;
  uid?: number;
}): Promise<Program> {
  const home = newFolder();
  const folder = path.join(home, 'app');
  for (const [name, text] of Object.entries(options.files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  const runtime = path.join(home, 'run');
  mkdirSync(runtime, { mode: 0o700 });
  const { file: key, publicKey } = newKey(home, 'alice');
  const { NODE_OPTIONS: _, KEYHOLE_TARGET: __, SSH_AUTH_SOCK: ___, ...inherited } = process.env;
  const base = { ...inherited, HOME: home, XDG_RUNTIME_DIR: runtime, NO_COLOR: '1' };
  const [program = '', ...words] = options.command ?? [process.execPath, ...(options.nodeArguments ?? anyPort), Object.keys(options.files)[0] ?? ''];
  const child = spawn(program, words, {
    cwd: options.uid === undefined ? folder : '/',
    env: { ...base, ...options.environment },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.uid !== undefined && { uid: options.uid, gid: options.uid }),
  });
  running.push(child);
  let output = '';
  let wake = (): void => undefined;
  const hear = (piece: Buffer): void => {
    output += piece.toString();
    wake();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  child.stdin.on('error', () => undefined);
  const pid = child.pid ?? 0;
  const said = async (text: string): Promise<void> => {
    while (!output.includes(text)) {
      if (child.exitCode !== null) throw new Error(`it ended before it said ${text}: ${output}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
        child.once('exit', () => resolve());
      });
    }
  };
  const env = { ...base, KEYHOLE_IDENTITY: key };
  const keyhole: Program['keyhole'] = (list, input = '') => runConsole(list, { env, cwd: home, input });
  return {
    pid,
    child,
    folder,
    env,
    publicKey,
    output: () => output,
    said,
    keyhole,
    attach: (input, ...more) => keyhole(['attach', String(pid), ...more], input),
    ports: () =>
      listeningSockets()
        .filter(({ inode }) => holdsSocket(pid, inode))
        .map(({ port }) => port),
    isAlive: () => child.exitCode === null && child.signalCode === null,
  };
}

async function startNode(main: string, more: Partial<Parameters<typeof start>[0]> & { name?: string } = {}): Promise<Program> {
  const { name = 'main.cjs', files = {}, ...rest } = more;
  const program = await start({ files: { [name]: main, ...files }, ...rest });
  await program.said('ready');
  return program;
}

/** Nothing was sent: no inspector was ever opened, and the program lives. */
function expectUntouched(program: Program): void {
  expect(program.output()).not.toContain('Debugger listening');
  expect(program.isAlive()).toBe(true);
  expect(program.ports()).toEqual([]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('attaches', () => {
  const programs: [string, string, string, Record<string, string>?][] = [
    ['CommonJS', 'main.cjs', `const fs = require('node:fs'); globalThis.kind = typeof fs.statSync; ${lives}`],
    ['an ES module', 'main.mjs', `import fs from 'node:fs'; globalThis.kind = typeof fs.statSync; ${lives}`],
    ['an ES module with top-level await that never ends', 'main.mjs', `globalThis.kind = 'function'; ${lives} await new Promise(() => {});`],
    ['a single file without a package', 'bundle.js', `(()=>{var e=require("fs");globalThis.kind=typeof e.statSync;${lives}})();`],
    [
      'a program that handles other signals',
      'main.cjs',
      `for (const s of ['SIGTERM', 'SIGHUP', 'SIGUSR2']) process.on(s, () => {}); globalThis.kind = 'function'; ${lives}`,
    ],
    [
      'a program that hides what we use',
      'main.cjs',
      `globalThis.kind = 'function'; globalThis.setImmediate = globalThis.require = undefined; Date.now = () => 0; ${lives}`,
    ],
  ];
  for (const [title, name, main] of programs) {
    test(title, async () => {
      const program = await startNode(main, { name });
      const done = await program.attach('kind\nprocess.pid\n');
      expect([done.code, done.stderr]).toEqual([
        0,
        expect.stringMatching(/^opened the inspector of \d+ at 127\.0\.0\.1:\d+ for \d+ ms, and closed it again$/m),
      ]);
      expect(done.stderr).toContain('not instrumented');
      expect(done.stdout).toBe(`'function'\n${program.pid}\n`);
      expect(program.ports()).toEqual([]);
      // It keeps nothing alive, and ends as it would have.
      program.child.stdin?.end();
      if (!main.includes('await new')) expect(await once(program.child, 'exit')).toEqual([0, null]);
    });
  }

  test('the journal says who brought it in and whose keys count; doctor and a second attach know', async () => {
    const program = await startNode(`function half(n) { return n / 2; } globalThis.half = half; ${lives}`, {
      files: { 'package.json': '{"name":"shop"}' },
    });
    const first = await program.attach('half(42)\n');
    expect([first.code, first.stdout]).toEqual([0, '21\n']);
    expect(first.stderr).toContain('no operators file');
    const again = await program.attach('half(2)\n');
    expect([again.stdout, again.stderr]).toEqual(['1\n', expect.not.stringContaining('inspector')]);
    const [listed] = (await program.keyhole(['ps', '--json'])).json() as Record<string, unknown>[];
    expect(listed).toMatchObject({ name: 'shop', pid: program.pid, instrumented: false });
    const journal = path.join(program.folder, '.keyhole/journal');
    const [line = ''] = readFileSync(path.join(journal, readdirSync(journal).find((file) => file.endsWith('.ndjson')) ?? ''), 'utf8').split('\n');
    expect(JSON.parse(line)).toMatchObject({
      kind: 'start',
      cold: { fingerprints: [expect.stringMatching(/^SHA256:/)], keys: expect.stringContaining('only those who attached') as unknown },
    });
    const checks = (await program.keyhole(['doctor', 'shop', '--json'])).json() as { check: string; ok: boolean; detail: string }[];
    expect(checks.find(({ check }) => check === 'slots')).toMatchObject({
      ok: false,
      detail: expect.stringContaining('the agent came later') as unknown,
    });
    expect(checks.find(({ check }) => check === 'inspector')).toMatchObject({ ok: true });
    const functions = (await program.keyhole(['fn', 'shop', 'main.cjs', '--json'])).json();
    expect(functions).toMatchObject([{ address: 'main.cjs:half' }]);
  });

  test('--operators: the file decides, and roles count', async () => {
    const program = await startNode(lives);
    const operators = path.join(newFolder(), 'operators');
    writeFileSync(operators, `name="alice",roles="view" ${program.publicKey}\n`, { mode: 0o600 });
    const done = await program.attach('1 + 1\n', '--operators', operators);
    expect(done.stderr).toContain('alice: view.');
    expect(`${done.stdout}${done.stderr}`).toContain('NOT_ALLOWED');
  });

  test('a child of a cluster; the others are left alone', async () => {
    const program = await startNode(`
      const cluster = require('node:cluster');
      if (cluster.isPrimary) {
        cluster.setupPrimary({ inspectPort: 0 });
        cluster.fork().on('message', (pid) => console.log('child ' + pid + '.'));
      } else { process.send(process.pid); require('node:http').createServer().listen(0); }
      ${lives}`);
    await program.said('child ');
    await program.said('.');
    const pid = Number(/child (\d+)\./.exec(program.output())?.[1]);
    const done = await program.keyhole(['attach', String(pid)], 'process.pid\n');
    expect([done.code, done.stdout]).toEqual([0, `${pid}\n`]);
    expect((await program.keyhole(['ps', '--json'])).json()).toHaveLength(1);
  });

  test('an inspector that was open before is used and left open', async () => {
    const port = await freePort();
    const program = await startNode(lives, { nodeArguments: [`--inspect=127.0.0.1:${port}`] });
    const done = await program.attach('process.pid\n');
    expect([done.code, done.stdout]).toEqual([0, `${program.pid}\n`]);
    expect(done.stderr).toContain(`open already at 127.0.0.1:${port}`);
    expect(program.ports()).toEqual([port]);
  });
});

describe('refuses before anything is sent', () => {
  const refused = async (program: Program, code: string, message: RegExp, ...more: string[]): Promise<void> => {
    const done = await program.attach('1\n', ...more);
    expect([done.stdout, done.stderr]).toEqual(['', expect.stringMatching(new RegExp(`^keyhole: ${code}: `))]);
    expect(done.stderr).toMatch(message);
    expect(done.code).toBe(code === 'NOT_ALLOWED' ? 4 : 3);
    expectUntouched(program);
  };

  test('a program that handles SIGUSR1 itself', async () => {
    const program = await startNode(`process.on('SIGTERM', () => {}); process.on('SIGUSR1', () => console.log('mine')); ${lives}`);
    await refused(program, 'NOT_ATTACHABLE', /handles SIGUSR1 itself/);
    expect(program.output()).not.toContain('mine');
  });

  test('a program that handled it once: the signal would end it', async () => {
    const program = await startNode(`process.once('SIGUSR1', () => {}); process.removeAllListeners('SIGUSR1'); ${lives}`);
    await refused(program, 'NOT_ATTACHABLE', /would end process/);
  });

  test.skipIf(major < 22)('--disable-sigusr1 (Node 20 has no such flag)', async () => {
    await refused(await startNode(lives, { nodeArguments: ['--disable-sigusr1'] }), 'NOT_ATTACHABLE', /it runs with --disable-sigusr1/);
  });

  test('the permission model', async () => {
    const flag = major < 22 ? '--experimental-permission' : '--permission';
    await refused(await startNode(lives, { nodeArguments: [flag, '--allow-fs-read=*', ...anyPort] }), 'NOT_ATTACHABLE', /permission model/);
  });

  test('KEYHOLE_DISABLE=1', async () => {
    await refused(await startNode(lives, { environment: { KEYHOLE_DISABLE: '1' } }), 'NOT_ATTACHABLE', /KEYHOLE_DISABLE/);
  });

  test('an inspector that would open to the network', async () => {
    await refused(await startNode(lives, { nodeArguments: ['--inspect-port=0.0.0.0:0'] }), 'NOT_ATTACHABLE', /would open on 0\.0\.0\.0/);
  });

  test('a port that somebody else holds', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await refused(
      await startNode(lives, { nodeArguments: [`--inspect-port=${port}`] }),
      'NOT_ATTACHABLE',
      new RegExp(`port ${port}, which another process holds`),
    );
    other.close();
  });

  test('a key that the operators file does not know; a file that is not there', async () => {
    const program = await startNode(lives);
    const operators = path.join(newFolder(), 'operators');
    expect((await program.attach('1\n', '--operators', operators)).code).toBe(2);
    writeFileSync(operators, '', { mode: 0o600 });
    await refused(program, 'NOT_ALLOWED', /your key is not in/, '--operators', operators);
  });

  test('what is not Node', async () => {
    const program = await start({ files: { x: '' }, command: ['sh', '-c', 'echo ready; read line'] });
    await program.said('ready');
    await refused(program, 'NOT_ATTACHABLE', /is not Node/);
  });

  test('a process that is stopped', async () => {
    const program = await startNode(lives);
    program.child.kill('SIGSTOP');
    await refused(program, 'NOT_ATTACHABLE', /is stopped/);
  });

  test('a thread', async () => {
    const program = await startNode(lives);
    const thread = readdirSync(`/proc/${program.pid}/task`).find((id) => id !== String(program.pid)) ?? '';
    const done = await program.keyhole(['attach', thread]);
    expect([done.code, done.stderr]).toEqual([3, expect.stringContaining(`is a thread of process ${program.pid}`)]);
    expectUntouched(program);
  });

  test.skipIf(process.getuid?.() !== 0)('a process of another user (only root can make one)', async () => {
    const program = await start({ files: { x: '' }, command: ['sh', '-c', 'echo ready; read line'], uid: 65534 });
    await program.said('ready');
    await refused(program, 'NOT_ALLOWED', /belongs to user 65534/);
  });

  test('a number that nobody has', async () => {
    const program = await startNode(lives);
    // Another command says which one helps.
    expect((await program.keyhole(['eval', String(program.pid), '1'])).stderr).toContain(`keyhole attach ${program.pid} brings one into`);
    program.child.kill('SIGKILL');
    await once(program.child, 'exit');
    const done = await program.attach('');
    expect([done.code, done.stderr]).toEqual([3, expect.stringContaining('there is no process')]);
  });
});

describe('what goes wrong on the way is said', () => {
  test('an agent that announces itself elsewhere is not doubled', async () => {
    const program = await startNode(`import(${JSON.stringify(agentUrl)}).then(({ startAgent }) => startAgent()).then(() => { ${lives} });`);
    const elsewhere = newFolder();
    const done = await runConsole(['attach', String(program.pid)], { env: { ...program.env, XDG_RUNTIME_DIR: elsewhere }, input: '1\n' });
    expect([done.code, done.stderr]).toEqual([3, expect.stringContaining('has an agent already')]);
    expect(program.ports()).toEqual([]);
  });

  test('a configuration that is wrong: the service runs on', async () => {
    const program = await startNode(lives, { environment: { KEYHOLE_REPLAY: 'maybe' } });
    const done = await program.attach('1\n');
    expect([done.code, done.stderr]).toEqual([3, expect.stringContaining('KEYHOLE_REPLAY must be')]);
    expect([program.isAlive(), program.ports()]).toEqual([true, []]);
  });

  test('a main thread that spins: the inspector is closed, also after it has opened once more, and nothing is loaded', async () => {
    // Spins until it has seen the inspector open and closed again, and then for longer than the console gives it.
    const program = await startNode(`${lives}
      const { url } = require('node:inspector');
      setTimeout(() => {
        console.log('spins');
        const end = performance.now() + 25_000;
        let until = Infinity;
        for (let opened = false; performance.now() < Math.min(until, end); ) {
          if (url() !== undefined) opened = true;
          else if (opened && until === Infinity) until = performance.now() + 1_000;
        }
        console.log(until === Infinity ? 'never opened' : 'spun');
      }, 1);`);
    await program.said('spins');
    const done = await program.attach('1\n', '--timeout', '500ms');
    expect([done.code, done.stderr]).toEqual([3, expect.stringContaining('busy for too long')]);
    await program.said('spun');
    expect([program.isAlive(), program.ports()]).toEqual([true, []]);
    expect((await program.keyhole(['ps', '--json'])).json()).toEqual([]);
  });

  test('a main thread that is blocked: it opens later, and the next attach closes it', async () => {
    const port = await freePort();
    const wait = 'while [ ! -e go ]; do sleep 0.05; done';
    const program = await startNode(
      `${lives} setTimeout(() => { console.log('blocks'); require('node:child_process').spawnSync('sh', ['-c', ${JSON.stringify(wait)}]); }, 1);`,
      { nodeArguments: [`--inspect-port=127.0.0.1:${port}`] },
    );
    await program.said('blocks');
    const done = await program.attach('1\n', '--timeout', '300ms');
    writeFileSync(path.join(program.folder, 'go'), '');
    expect([done.code, done.stderr]).toEqual([1, expect.stringContaining('opened no inspector within 300 ms')]);
    await program.said('Debugger listening');
    expect(program.ports()).toEqual([port]);
    const again = await program.attach('process.pid\n');
    expect([again.code, again.stdout]).toEqual([0, `${program.pid}\n`]);
    expect(again.stderr).toContain('closed it again');
    expect(program.ports()).toEqual([]);
  });
});
