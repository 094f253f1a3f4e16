/** Each command as a process against an agent with known answers: JSON, exit codes, and what reaches the agent. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { KeyholeError, type FunctionDetail } from '@keyhole/agent/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runConsole, type Finished } from '../helpers/console-process.ts';
import { startFakeAgent, type FakeAgent, type Handlers } from '../helpers/fake-agent.ts';

const detail: FunctionDetail = {
  address: 'src/cart.js:add',
  file: 'src/cart.js',
  line: 3,
  kind: 'function',
  patched: false,
  code: 'function add(a, b) { return a - b; }',
  originalCode: 'function add(a, b) { return a - b; }',
  start: 0,
  source: 'function add(a, b) { return a - b; }',
  original: 'function add(a, b) { return a - b; }',
  strategies: [{ name: 'slots', possible: true, pauseMs: 0, why: 'it has a slot' }],
  reachable: ['tax'],
  patches: [],
  threads: [],
};
const moduleText = `let tax = 1;\n\n${detail.code}\nexport { add, tax };\n`;

let dir: string;
let identity: string;
let operator: string;
let agent: FakeAgent | null = null;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'keyhole-console-'));
  identity = join(dir, 'key.pem');
  const made = await runConsole(['keygen', identity, '--name', 'alice', '--json'], { env: { PATH: process.env['PATH'] } });
  expect(made.code, made.stderr).toBe(0);
  operator = (made.json() as { publicKey: string }).publicKey;
});
afterEach(async () => {
  await agent?.close();
  agent = null;
  rmSync(dir, { recursive: true, force: true });
});

async function withAgent(handlers: Handlers, more: { name?: string; pid?: number; dir?: string } = {}): Promise<FakeAgent> {
  agent = await startFakeAgent({ operators: [operator], handlers, ...more });
  return agent;
}
function run(words: string[], options: { env?: NodeJS.ProcessEnv; cwd?: string; input?: string } = {}): Promise<Finished> {
  return runConsole(words, {
    ...options,
    env: { ...(agent?.env ?? { PATH: process.env['PATH'] }), KEYHOLE_IDENTITY: identity, ...options.env },
  });
}

describe('keygen', () => {
  test('writes a key that only its owner reads, and never over another', async () => {
    expect(statSync(identity).mode & 0o777).toBe(0o600);
    const before = readFileSync(identity, 'utf8');
    expect(before).toContain('BEGIN PRIVATE KEY');
    const again = await run(['keygen', identity]);
    expect(again.code).toBe(2);
    expect(readFileSync(identity, 'utf8')).toBe(before);
  });

  test('prints the line for the operators file', async () => {
    const made = await run(['keygen', join(dir, 'other.pem'), '--name', 'bob']);
    expect(made.stdout).toMatch(/^name="bob",roles="patch" ssh-ed25519 AAAA\S+\n$/);
    expect((await run(['keygen', join(dir, 'third.pem'), '--name', 'x",roles="admin'])).code).toBe(2);
  });
});

describe('targets', () => {
  test('ps lists what is announced', async () => {
    const { label } = await withAgent({});
    const listed = await run(['ps', '--json']);
    expect(listed.json()).toMatchObject([{ name: 'rooms', pid: process.pid, commit: null, instrumented: true, patches: 0 }]);
    expect(label).toBe(`rooms#${process.pid}`);
  });

  test('an unknown one ends with 3 and the list of what there is', async () => {
    const { label } = await withAgent({});
    const wrong = await run(['eval', 'nope', '1', '--json']);
    expect(wrong.code).toBe(3);
    expect(wrong.json()).toMatchObject({ ok: false, error: { code: 'NO_TARGET', hint: expect.stringContaining(label) as unknown } });
    const text = await run(['eval', 'nope', '1']);
    expect(text.stdout).toBe('');
    expect(text.stderr.split('\n')[0]).toMatch(/^keyhole: NO_TARGET: /);
    expect(text.stderr.split('\n')[1]).toContain(label);
  });

  test('a name, a name with pid, a pid, a path, KEYHOLE_TARGET and nothing lead to the same', async () => {
    const { label, socketPath } = await withAgent({ 'actors.list': () => ({ actors: [] }) });
    for (const target of ['rooms', label, String(process.pid), socketPath]) {
      expect((await run(['actors', target, '--json'])).json()).toEqual([]);
    }
    expect((await run(['actors', '--json'])).json()).toEqual([]);
    expect((await run(['actors', '--json'], { env: { KEYHOLE_TARGET: label } })).json()).toEqual([]);
    expect((await run(['actors', '--json'], { env: { KEYHOLE_TARGET: 'other' } })).code).toBe(3);
  });

  test('two of one name are told apart by pid', async () => {
    const first = await withAgent({ 'actors.list': () => ({ actors: [] }) });
    const second = await startFakeAgent({ operators: [operator], handlers: {}, pid: 1, dir: first.dir });
    try {
      const ambiguous = await run(['actors', 'rooms', '--json']);
      expect(ambiguous.code).toBe(1);
      expect(ambiguous.json()).toMatchObject({ error: { code: 'AMBIGUOUS', message: expect.stringContaining('rooms#1') as unknown } });
      expect((await run(['actors', '--json'])).json()).toMatchObject({ error: { code: 'AMBIGUOUS' } });
      expect((await run(['actors', first.label, '--json'])).json()).toEqual([]);
    } finally {
      await second.close();
    }
  });

  test('an address that leads out of this machine without TLS', async () => {
    const refused = await run(['actors', 'ws://example.org:1', '--json']);
    expect([refused.code, refused.json()]).toMatchObject([2, { error: { code: 'USAGE' } }]);
  });
});

describe('the operator', () => {
  test('is kept out with a key that is not one of the operators', async () => {
    await withAgent({ 'actors.list': () => ({ actors: [] }) });
    await run(['keygen', join(dir, 'mallory.pem')]);
    const refused = await run(['actors', 'rooms', '--json', '--identity', join(dir, 'mallory.pem')]);
    expect(refused.code).toBe(4);
    expect(refused.json()).toMatchObject({ ok: false, error: { code: 'NOT_ALLOWED' } });
    expect(agent?.requests).toEqual([]);
  });

  test('may use an OpenSSH key file, named or in its usual place, and one that ssh-agent holds', async () => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'alice', '-f', join(dir, 'id')]);
    operator = readFileSync(join(dir, 'id.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
    const { dir: home } = await withAgent({ 'actors.list': () => ({ actors: [] }) });
    expect((await run(['actors', '--json', '--identity', join(dir, 'id')])).json()).toEqual([]);

    mkdirSync(join(home, '.ssh'), { mode: 0o700 });
    writeFileSync(join(home, '.ssh', 'id_ed25519'), readFileSync(join(dir, 'id')), { mode: 0o600 });
    expect((await run(['actors', '--json'], { env: { KEYHOLE_IDENTITY: '' } })).json()).toEqual([]);
    rmSync(join(home, '.ssh'), { recursive: true });
    expect((await run(['actors', '--json'], { env: { KEYHOLE_IDENTITY: '' } })).json()).toMatchObject({ error: { code: 'USAGE' } });

    const socket = join(dir, 'agent.sock');
    const started = execFileSync('ssh-agent', ['-s', '-a', socket], { encoding: 'utf8' });
    const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(started)?.[1]);
    try {
      execFileSync('ssh-add', ['-q', join(dir, 'id')], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'ignore' });
      const env = { KEYHOLE_IDENTITY: '', SSH_AUTH_SOCK: socket };
      expect((await run(['actors', '--json'], { env })).json()).toEqual([]);
    } finally {
      process.kill(pid);
    }
  });

  test('comes without an Origin and with our Host', async () => {
    const { headers } = await withAgent({ 'actors.list': () => ({ actors: [] }) });
    await run(['actors']);
    expect(headers[0]).toMatchObject({ host: 'keyhole', 'sec-websocket-protocol': 'keyhole.1' });
    expect(headers[0]).not.toHaveProperty('origin');
    expect(headers[0]).not.toHaveProperty('sec-websocket-extensions');
  });
});

describe('eval', () => {
  test('gives type, preview and the value where it is JSON', async () => {
    await withAgent({ evaluate: () => ({ ok: true, value: { type: 'number', value: 3 }, json: 3 }) });
    const answer = await run(['eval', 'rooms', '1 + 2', '--json', '--in', 'src/a.js', '--safe', '--depth', '2', '--timeout', '500ms']);
    expect(answer.code).toBe(0);
    expect(answer.json()).toEqual({ ok: true, type: 'number', preview: '3', value: 3 });
    expect(answer.stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(agent?.requests).toEqual([{ op: 'evaluate', params: { expression: '1 + 2', in: 'src/a.js', safe: true, depth: 2, timeoutMs: 500 } }]);
  });

  test('of a throw ends with 1', async () => {
    await withAgent({
      evaluate: () => ({ ok: false, error: { name: 'TypeError', message: 'x is odd', stack: 'TypeError: x is odd\n    at here' } }),
    });
    const answer = await run(['eval', 'rooms', 'x()', '--json']);
    expect(answer.code).toBe(1);
    expect(answer.json()).toEqual({
      ok: false,
      error: { name: 'TypeError', message: 'x is odd', stack: 'TypeError: x is odd\n    at here' },
    });
    expect((await run(['eval', 'rooms', 'x()'])).stdout).toBe('Uncaught TypeError: x is odd\n    at here\n');
  });

  test('shows where a syntax error is', async () => {
    await withAgent({ evaluate: () => ({ ok: false, error: { name: 'SyntaxError', message: 'Unexpected token', stack: '' } }) });
    expect((await run(['eval', 'rooms', 'let 1 = 2'])).stdout).toContain('expression:1:5\n  let 1 = 2\n      ^\n');
  });

  test('takes braces for an object', async () => {
    await withAgent({ evaluate: () => ({ ok: true, value: { type: 'undefined' } }) });
    await run(['eval', 'rooms', '{ a: 1 }']);
    expect(agent?.requests[0]?.params['expression']).toBe('({ a: 1 })');
  });

  test('wants its words', async () => {
    await withAgent({});
    for (const words of [
      ['eval'],
      ['eval', 'rooms'],
      ['eval', 'rooms', '1', '2'],
      ['eval', 'rooms', '1', '--depth', 'x'],
      ['eval', 'rooms', '1', '--timeout', 'soon'],
    ]) {
      expect((await run(words)).code, words.join(' ')).toBe(2);
    }
  });

  test('lets no control sequence of the service reach stdout', async () => {
    await withAgent({
      evaluate: () => ({ ok: true, value: { type: 'string', value: '\u001b[2J\u202e\u009b' }, json: '\u001b[2J\u202e\u009b\u{e0001}' }),
    });
    for (const words of [
      ['eval', 'rooms', 'x'],
      ['eval', 'rooms', 'x', '--json'],
    ]) {
      // oxlint-disable-next-line no-control-regex
      expect((await run(words)).stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]|\p{Cf}/u);
    }
    expect((await run(['eval', 'rooms', 'x', '--json'])).json()).toMatchObject({ value: '\u001b[2J\u202e\u009b\u{e0001}' });
  });

  test('ends with 3 when the service dies meanwhile', async () => {
    const fake = await withAgent({
      evaluate: () => {
        fake.cut();
        return new Promise(() => undefined);
      },
    });
    const lost = await run(['eval', 'rooms', '1', '--json']);
    expect(lost.code).toBe(3);
    expect(lost.json()).toMatchObject({ ok: false, error: { code: 'UNREACHABLE' } });
  });

  test('passes on a refusal with its code', async () => {
    await withAgent({
      evaluate: () => {
        throw new KeyholeError('JOURNAL', 'the journal can not be written', 'Free some space');
      },
    });
    const refused = await run(['eval', 'rooms', '1', '--json']);
    expect([refused.code, refused.json()]).toEqual([
      5,
      { ok: false, error: { code: 'JOURNAL', message: 'the journal can not be written', hint: 'Free some space' } },
    ]);
  });
});

describe('looking', () => {
  test('actors have id, type, mailbox and state', async () => {
    await withAgent({
      'actors.list': ({ type }) => ({
        actors: [{ id: 'room/lobby', type: type ?? 'Room', mailbox: 2, state: { type: 'number', value: 7 } }],
      }),
    });
    expect((await run(['actors', 'rooms', 'Hall', '--json'])).json()).toEqual([{ id: 'room/lobby', type: 'Hall', mailbox: 2, state: '7' }]);
    expect((await run(['actors', 'rooms'])).stdout).toMatch(/ACTOR +TYPE +MAILBOX +STATE\nroom\/lobby +Room +2 +7\n/);
  });

  test('inspect tries an actor, then an expression', async () => {
    const page = { value: { type: 'number' as const, value: 1 }, total: 1, start: 0 };
    await withAgent({
      inspect: ({ actor }) => {
        if (actor !== undefined && actor !== 'room/lobby') throw new KeyholeError('NOT_FOUND', `no actor ${actor}`);
        return { ...page, properties: [{ name: 'bids', kind: 'data', enumerable: true, value: { type: 'number', value: 5 } }] };
      },
    });
    const actor = await run(['inspect', 'rooms', 'room/lobby', '--json', '--depth', '1']);
    expect(actor.json()).toEqual({
      id: 'room/lobby',
      type: 'number',
      preview: '1',
      properties: [{ name: 'bids', type: 'number', preview: '5' }],
      total: 1,
      start: 0,
    });
    const expression = await run(['inspect', 'rooms', 'process.env', '--json']);
    expect(expression.json()).not.toHaveProperty('id');
    expect(agent?.requests.at(-1)).toEqual({ op: 'inspect', params: { expression: 'process.env' } });
  });

  test('fn shows one function, or the list below a prefix', async () => {
    await withAgent({
      'fn.get': ({ address }) => {
        if (address !== detail.address) throw new KeyholeError('NOT_FOUND', `no function ${address}`);
        return detail;
      },
      'fn.list': ({ prefix }) => ({ functions: detail.address.startsWith(prefix) ? [{ ...detail, threads: [0] }] : [] }),
    });
    expect((await run(['fn', 'rooms', detail.address, '--json'])).json()).toEqual({
      address: detail.address,
      file: 'src/cart.js',
      line: 3,
      source: detail.source,
      original: detail.original,
      strategies: detail.strategies,
      reachable: ['tax'],
      patches: [],
      threads: [],
    });
    const list = [{ address: detail.address, file: 'src/cart.js', line: 3, kind: 'function', patched: false, threads: [0] }];
    expect((await run(['fn', 'rooms', 'src/cart.js', '--json'])).json()).toEqual(list);
    expect((await run(['fn', 'rooms', 'src/cart.js:a', '--json'])).json()).toEqual(list);
    expect((await run(['fn', 'rooms', 'src/cart.js:zzz', '--json'])).code).toBe(1);
  });

  test('log pages backwards until it has enough', async () => {
    const entry = (seq: number) => ({
      kind: 'session' as const,
      event: 'open' as const,
      seq,
      time: 't',
      prev: '',
      hash: 'h',
      crc: '',
      operator: 'alice',
      fingerprint: 'f',
      session: 's',
    });
    await withAgent({
      'journal.read': ({ before = 1_201, count = 100 }) => ({
        entries: Array.from({ length: Math.min(count, before - 1) }, (_, index) => entry(before - 1 - index)),
        next: before - count > 1 ? before - count : null,
      }),
    });
    const entries = (await run(['log', 'rooms', '-n', '1100', '--json'])).json() as { seq: number }[];
    expect([entries.length, entries[0]?.seq, entries.at(-1)?.seq]).toEqual([1_100, 1_200, 101]);
    expect((await run(['log', '--json', '-n', '5000'])).json()).toHaveLength(1_200);
  });
});

describe('changing', () => {
  const applied = { id: 'p1', address: detail.address, strategy: 'slots' as const, pauseMs: 0, verified: true };
  const handlers: Handlers = {
    'fn.get': () => ({ ...detail, start: moduleText.indexOf(detail.code) }),
    'module.get': () => ({
      file: detail.file,
      url: 'file:///srv/src/cart.js',
      format: 'module',
      instrumented: true,
      running: moduleText,
      author: moduleText,
      map: null,
    }),
    'patch.apply': ({ dryRun = false }) => ({ ok: true, dryRun, patches: [applied], refused: [] }),
    'patch.revert': () => ({ ok: true, dryRun: false, patches: [applied], refused: [] }),
  };
  const newText = 'function add(a, b) { return a + b; }';

  test('edit --from sends the new text with the text it was made from', async () => {
    await withAgent(handlers);
    writeFileSync(join(dir, 'new.js'), newText);
    const edited = await run(['edit', 'rooms', detail.address, '--from', 'new.js', '--reason', 'sum', '--max-pause', '20', '--json'], {
      cwd: dir,
    });
    expect(edited.json()).toEqual({ ok: true, dryRun: false, patches: [applied], refused: [] });
    const sent = agent?.requests.find(({ op }) => op === 'patch.apply')?.params as { patches: { baseCode: string; source: string }[] };
    expect(sent).toMatchObject({ reason: 'sum', maxPauseMs: 20, dryRun: false });
    expect(sent.patches[0]).toMatchObject({ address: detail.address, baseCode: detail.code });
    expect(sent.patches[0]?.source.trim()).toBe(newText);
  });

  test('needs a reason', async () => {
    await withAgent(handlers);
    writeFileSync(join(dir, 'new.js'), newText);
    expect((await run(['edit', 'rooms', detail.address, '--from', join(dir, 'new.js'), '--json'])).json()).toMatchObject({
      error: { code: 'USAGE' },
    });
    expect((await run(['revert', 'rooms', 'p1', '--reason', ' '])).code).toBe(2);
    expect(agent?.requests.some(({ op }) => op.startsWith('patch.'))).toBe(false);
  });

  test('edit opens the editor; an unchanged text sends nothing, a refused one is kept', async () => {
    let refuse = false;
    await withAgent({
      ...handlers,
      'patch.apply': () => {
        if (refuse) throw new KeyholeError('STALE_BASE', 'it changed', 'Look again', { expected: 'old();', actual: 'new();' });
        return { ok: true, dryRun: false, patches: [applied], refused: [] };
      },
    });
    const untouched = await run(['edit', 'rooms', detail.address, '-r', 'x', '--json'], { env: { EDITOR: 'true' } });
    expect(untouched.json()).toEqual({ ok: true, dryRun: false, patches: [], refused: [] });

    const editor = join(dir, 'editor.sh');
    writeFileSync(editor, `#!/bin/sh\nsed -i 's/a - b/a + b/' "$2"\n`);
    chmodSync(editor, 0o700);
    const env = { VISUAL: `${editor} --wait` };
    expect((await run(['edit', 'rooms', detail.address, '-r', 'x', '--json'], { env })).json()).toMatchObject({
      ok: true,
      patches: [{ id: 'p1' }],
    });

    refuse = true;
    const refused = await run(['edit', 'rooms', detail.address, '-r', 'x'], { env });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('-old();\n+new();\n');
    const kept = /your text is kept in (\S+)/.exec(refused.stderr)?.[1] ?? '';
    expect(readFileSync(kept, 'utf8').trim()).toBe(newText);
    rmSync(dirname(kept), { recursive: true });
    expect((await run(['edit', 'rooms', detail.address, '-r', 'x'])).code).toBe(2);
  });

  test('revert takes ids or --all', async () => {
    await withAgent(handlers);
    expect((await run(['revert', 'rooms', 'p1', 'p2', '-r', 'no', '--json'])).json()).toMatchObject({ ok: true });
    expect(agent?.requests.at(-1)).toEqual({ op: 'patch.revert', params: { ids: ['p1', 'p2'], reason: 'no' } });
    expect((await run(['revert', '--all', '-r', 'no', '--json'])).code).toBe(0);
    expect(agent?.requests.at(-1)).toEqual({ op: 'patch.revert', params: { ids: [], all: true, reason: 'no' } });
  });

  test('a refusal by the engine ends with 1 and says why', async () => {
    await withAgent({
      ...handlers,
      'patch.apply': () => ({ ok: false, dryRun: false, patches: [], refused: [{ address: detail.address, why: 'it has no slot' }] }),
    });
    writeFileSync(join(dir, 'new.js'), newText);
    const words = ['edit', 'rooms', detail.address, '--from', join(dir, 'new.js'), '-r', 'x'];
    expect([(await run([...words, '--json'])).code, (await run(words)).stdout]).toEqual([
      1,
      `refused ${detail.address}: it has no slot\nnothing was changed\n`,
    ]);
  });
});

describe('journal verify', () => {
  function journal(): string {
    const where = join(dir, 'journal');
    mkdirSync(where);
    let prev = '0'.repeat(64);
    for (let seq = 1; seq <= 3; seq += 1) {
      const line = JSON.stringify({
        seq,
        time: new Date(0).toISOString(),
        prev,
        kind: 'start',
        service: 's',
        pid: 1,
        node: 'v',
        bootId: 'b',
        commit: null,
      });
      appendFileSync(join(where, '00000001.ndjson'), `${line}\n`);
      prev = createHash('sha256').update(line).digest('hex');
    }
    return where;
  }

  test('of a running agent asks it, and ends with 5 where it is broken', async () => {
    await withAgent({
      'journal.verify': () => ({
        ok: false,
        entries: 4,
        first: 1,
        signatures: null,
        head: 'ab',
        firstBroken: { seq: 5, file: 'x', line: 5, why: 'its prev is wrong' },
      }),
    });
    const broken = await run(['journal', 'verify', 'rooms', '--json']);
    expect([broken.code, broken.json()]).toEqual([
      5,
      { ok: false, entries: 4, first: 1, signatures: null, head: 'ab', firstBroken: { seq: 5, file: 'x', line: 5, why: 'its prev is wrong' } },
    ]);
    expect((await run(['journal', 'verify'])).code).toBe(5);
  });

  test('of a directory needs no agent', async () => {
    const where = journal();
    expect(existsSync(where)).toBe(true);
    const report = await run(['journal', 'verify', where, '--json']);
    expect([report.code, report.json()]).toMatchObject([0, { ok: true, entries: 3 }]);
  });
});

test('usage errors end with 2, also as JSON', async () => {
  for (const words of [['nope'], [], ['ps', '--bogus'], ['ps', 'extra']]) expect((await run(words)).code, words.join(' ')).toBe(2);
  expect((await run(['ps', '--bogus', '--json'])).json()).toMatchObject({ ok: false, error: { code: 'USAGE' } });
  const help = await run(['push', '--help']);
  expect([help.code, help.stdout.includes('--dry-run')]).toEqual([0, true]);
});
