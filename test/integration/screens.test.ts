/** The terminal as a person uses it: keys are typed at a pseudo-terminal, and the screen is read through an emulator and held against a golden text. What differs from run to run is masked. */
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { consoleProgram } from '../helpers/console-process.ts';
import { openScreen, type Screen } from '../helpers/screen.ts';
import { agentUrl, answering, startService, type Service } from '../helpers/service.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const main = `
import { startAgent } from '${agentUrl}';
globalThis.shop = { name: 'corner', open: true, visits: 1, visitors: ['ann'] };
const agent = await startAgent();
const rooms = { full: { queue: [1, 2, 3] }, empty: { queue: [] } };
globalThis.rooms = rooms;
for (const [name, room] of Object.entries(rooms)) agent.actors.register('room/' + name, room, { mailbox: (each) => each.queue.length });
function burn() { const until = performance.now() + 30; while (performance.now() < until) Math.sqrt(until); }
const answer = (line) => (line === 'burn' ? setInterval(burn, 40).hasRef() : globalThis.begun === true);
${answering}`;

/** Wide enough for what is said at the start, whatever the numbers in it. */
const wide = 110;
let service: Service;
let screen: Screen | null = null;
beforeAll(async () => {
  service = await startService({ files: { 'src/main.js': main }, main: 'src/main.js' });
});
afterEach(() => screen?.kill());

async function open(words: string[], env: NodeJS.ProcessEnv = {}, columns = wide): Promise<Screen> {
  const { NO_COLOR: _, ...coloured } = service.env;
  screen = openScreen([process.execPath, consoleProgram, ...words], { ...coloured, ...env }, service.folder, columns, 24);
  if (words[0] === 'attach') await screen.see(/svc#\d+>$/m);
  return screen;
}
const masked = (text: string): string => text.replaceAll(String(service.pid), 'PID').replace(/v\d+\.\d+\.\d+/g, 'vNODE');
const golden = (name: string, text: string): Promise<void> => expect(`${masked(text)}\n`).toMatchFileSnapshot(`../golden/${name}.txt`);
const promptWidth = (): number => `svc#${service.pid}> `.length;

test('completion: one name is filled in, several are listed', async () => {
  const { type, see } = await open(['attach', 'svc']);
  type('shop.na\t');
  await see(/> shop\.name$/m);
  type('\u0015shop.vi\t');
  await see(/> shop\.visit$/m);
  type('\t');
  await golden('completion', await see(/visits[^]*> shop\.visit$/m));
});

test('the history is searched', async () => {
  const { type, see } = await open(['attach', 'svc']);
  type('shop.visits + 1\r');
  await see(/^2$/m);
  type('shop.name\r');
  await see(/^'corner'$/m);
  type('\u0012vis');
  await golden('history-search', await see(/bck-i-search: vis/));
});

test('Ctrl-C ends what runs, and the prompt is there again', async () => {
  const { type, see } = await open(['attach', 'svc']);
  type('begun = true; await new Promise(() => {})\r');
  await vi.waitFor(async () => expect(await service.ask('begun')).toBe('true'), { timeout: 10_000 });
  type('\u0003');
  await golden('interrupt', await see(/interrupted\n\nsvc#\d+>$/));
});

test('what is typed is previewed below, and gone with the next key', async () => {
  const { type, see } = await open(['attach', 'svc']);
  type('shop.visits + 41');
  await golden('preview', await see(/\n42$/));
  type(' ');
  await see(/41 ?$/);
});

test('colours: over the same letters, wherever the cursor is and whatever they are wide', async () => {
  const { type, see, colours, cursor } = await open(['attach', 'svc']);
  const prompt = '.'.repeat(promptWidth());
  type('const a = "日本" + 42 // é');
  await see(/42 \/\/ é/);
  await vi.waitFor(() => expect(colours(cursor().row)).toBe(`${prompt}ccccc.....gggg...yy.dddd`), 20_000);
  const { column } = cursor();
  expect(column).toBe(promptWidth() + 'const a = "日本" + 42 // é'.length + 2);
  // In the middle of it.
  type('\u001b[D'.repeat(11));
  type('x');
  await see(/"日本x" \+ 42/);
  await vi.waitFor(() => expect(colours(cursor().row)).toBe(`${prompt}ccccc.....ggggg...yy.dddd`), 20_000);
  expect(cursor().column).toBe(promptWidth() + 'const a = "日本x'.length + 2);
  type('\u0015\u000b.inspect shop');
  await see(/> \.inspect shop$/m);
  await vi.waitFor(() => expect(colours(cursor().row)).toBe(`${prompt}cccccccc`), 20_000);
});

test('a line that is wider than the screen, and a screen that becomes narrower', async () => {
  const { type, see, text, colours, cursor, resize } = await open(['attach', 'svc']);
  const code = `f(${'"a long text" + '.repeat(8)}1234`;
  type(code);
  await see(/1234$/);
  await vi.waitFor(() => expect(colours(cursor().row)).toMatch(/yyyy$/), 20_000);
  expect(text().replaceAll('\n', '')).toContain(`> ${code}`);
  expect(cursor().column).toBe((promptWidth() + code.length) % wide);
  resize(60, 24);
  type('5');
  await see(/12345$/);
  await vi.waitFor(() => expect(colours(cursor().row)).toMatch(/yyyyy$/), 20_000);
  expect(text().replaceAll('\n', '')).toContain(`> ${code}5`);
  expect(cursor().column).toBe((promptWidth() + code.length + 1) % 60);
});

test('no colour where none is wanted', async () => {
  const { type, see, colours, cursor } = await open(['attach', 'svc'], { NO_COLOR: '1' });
  type('const a = 42');
  await see(/const a = 42/);
  expect(colours(cursor().row)).toBe('');
});

test('top at 80x24', async () => {
  await service.ask('burn');
  const { type, see, ended } = await open(['top', 'svc'], {}, 80);
  const shown = await see(/FUNCTIONS[^]* \d+\.\d % /);
  const rows = shown.split('\n');
  const lists = rows.findIndex((line) => line.startsWith('ACTORS'));
  // Which functions run besides, what is open and which spaces the heap has are not the same everywhere.
  const fixed = rows.map((line, row) => (row > lists && row < rows.length - 2 ? line.slice(0, 39) : line));
  const figures = fixed
    .map((line) => (line.startsWith('holds ') ? 'holds ...' : / {2}old /.test(line) ? '      spaces ...' : line))
    .map((line) =>
      line
        .replace(/\[#* *\]/, '[bar]')
        .replace(/(\d+m)?\d+(\.\d+)?( ms|s\b)?/g, 'N')
        .replace(/ +/g, ' ')
        .trimEnd(),
    );
  await golden('top', figures.join('\n'));
  type('q');
  expect(await ended).toBe(0);
});
