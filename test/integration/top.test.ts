/** `top` on a real service: figures that are true, one JSON object a second, and a screen of 80 by 24 that keys work on. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, expect, test, vi } from 'vitest';
import { consoleProgram } from '../helpers/console-process.ts';
import { openPseudoTerminal } from '../helpers/pseudo-terminal.ts';
import { agentUrl, answering, startService, type Service } from '../helpers/service.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

// What burns the processor is too long for V8 to put it into its caller, and does more itself than it calls: both would count elsewhere.
const main = `
import { createServer } from 'node:http';
import { startAgent } from '${agentUrl}';
class Room { constructor() { this.queue = []; } }
const rooms = { full: new Room(), growing: new Room(), broken: new Room() };
rooms.full.queue.length = 5_000_000;
globalThis.kept = rooms;
const agent = await startAgent();
agent.actors.register('room/full', rooms.full, { mailbox: (room) => room.queue.length, state: () => { throw new Error('asked for state'); } });
agent.actors.register('room/growing', rooms.growing, { mailbox: (room) => room.queue.length });
agent.actors.register('room/\\u001b[31mred', rooms.broken, { mailbox: () => { throw new Error('no mailbox'); } });
setInterval(() => { rooms.growing.queue.push(1, 2, 3, 4, 5); }, 20);
function burn() { const until = performance.now() + 10; while (performance.now() < until) { ${'sum += Math.sqrt(sum + 1); '.repeat(100)} } }
let sum = 0;
setInterval(burn, 20);
await new Promise((done) => createServer().listen(0, '127.0.0.1', done));
const answer = (line) => line;
${answering}`;

let service: Service;

beforeAll(async () => {
  service = await startService({ files: { 'src/main.js': main }, main: 'src/main.js' });
});

interface Looked {
  eventLoop: { utilization: number; delayMs: { p99: number } };
  memory: { heapUsed: number; heapLimit: number; nearlyFull: boolean; spaces: { name: string }[] };
  resources: Record<string, number>;
  actors: { count: number; top: { id: string; mailbox: number | null; growth: number | null }[] };
  hottest: { address?: string; self: number }[];
  patches: unknown[];
}

test('one look says what the process does', async () => {
  const looked = await service.keyhole('top', 'svc', '--once', '--json');
  expect(looked.code).toBe(0);
  const { eventLoop, memory, resources, actors, hottest, patches } = looked.json() as Looked;
  expect(eventLoop.utilization).toBeGreaterThan(0.2);
  expect(memory.heapUsed).toBeGreaterThan(1_000_000);
  expect(memory).toMatchObject({ nearlyFull: false, spaces: expect.arrayContaining([expect.objectContaining({ name: 'old_space' })]) as unknown });
  expect(resources['TCPServerWrap'] ?? resources['TCPSERVERWRAP']).toBe(1);
  expect(actors.count).toBe(3);
  const [full, growing, broken] = actors.top;
  expect(full).toMatchObject({ id: 'room/full', mailbox: 5_000_000, growth: 0 });
  expect(growing).toMatchObject({ id: 'room/growing' });
  expect(growing?.growth).toBeGreaterThan(20);
  expect(broken).toMatchObject({ mailbox: null, growth: null });
  expect(hottest.find(({ address }) => address === 'src/main.js:burn')?.self).toBeGreaterThan(0.1);
  expect(patches).toEqual([]);
});

test('--json: an object a line until it is interrupted', async () => {
  const child = spawn(process.execPath, [consoleProgram, 'top', 'svc', '--json'], { env: service.env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const seen: Looked[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    seen.push(JSON.parse(line) as Looked);
    if (seen.length === 2) child.kill('SIGINT');
  }
  expect(await ended).toBe(0);
  expect(seen[1]?.actors.top.find(({ id }) => id === 'room/growing')?.growth).toBeGreaterThan(0);
});

test('a screen of 80 by 24: sorted by a key, ended by another, and nothing from the service is a command to the terminal', async () => {
  const terminal = openPseudoTerminal(['sh', '-c', `stty cols 80 rows 24; exec '${process.execPath}' '${consoleProgram}' top svc`], service.env);
  await terminal.see(/ACTORS \(3\) by mailbox/);
  await terminal.see(/src\/main\.js:burn/);
  terminal.type('g');
  await terminal.see(/by growth/);
  terminal.type('q');
  expect(await terminal.ended).toBe(0);
  const shown = terminal.shown();
  expect(shown).toContain('\u001b[?1049l');
  expect(shown).not.toContain('\u001b[31mred');
  // Only ours: screen, cursor, place, end of line.
  const commands = new Set([...shown.matchAll(/\u001b\[[?\d;]*[A-Za-z]/g)].map(([command]) => command.replace(/\d+;1H/, 'N;1H')));
  expect(
    [...commands].filter(
      (command) => !['\u001b[?1049h', '\u001b[?25l', '\u001b[2J', '\u001b[N;1H', '\u001b[K', '\u001b[?25h', '\u001b[?1049l'].includes(command),
    ),
  ).toEqual([]);
  const rows = [...shown.matchAll(/\u001b\[(\d+);1H([^\u001b]*)/g)];
  expect(Math.max(...rows.map(([, row]) => Number(row)))).toBeLessThanOrEqual(24);
  expect(Math.max(...rows.map(([, , text = '']) => text.length))).toBeLessThanOrEqual(80);
});

test('a main thread that hangs is said to', async () => {
  const terminal = openPseudoTerminal([process.execPath, consoleProgram, 'top', 'svc'], service.env);
  await terminal.see(/ACTORS/);
  const seen = path.join(service.folder, 'seen');
  const hanging = service.keyhole(
    'eval',
    'svc',
    `const fs = process.getBuiltinModule('fs'); while (!fs.existsSync(${JSON.stringify(seen)}));`,
    '--timeout',
    '50',
  );
  await terminal.see(/DOES NOT ANSWER/);
  writeFileSync(seen, '');
  expect((await hanging).code).toBe(0);
  terminal.type('q');
  expect(await terminal.ended).toBe(0);
});
