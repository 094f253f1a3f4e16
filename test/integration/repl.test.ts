/** The REPL as a person uses it: keys are typed at a pseudo-terminal, in front of a real service. */
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { consoleProgram } from '../helpers/console-process.ts';
import { openPseudoTerminal, type PseudoTerminal } from '../helpers/pseudo-terminal.ts';
import { answering, journalOf, startService, type Service } from '../helpers/service.ts';

vi.setConfig({ testTimeout: 60_000 });

const main = `
import './cart.js';
globalThis.shop = { name: 'corner', open: true, visits: 1 };
const answer = (line) => ({ visits: () => shop.visits })[line]();
${answering}`;

const cart = `const prices = new Map([['tea', 3]]);
let orders = 0;

/**
 * Takes an order.
 * @param what its name
 */
export function order(what) {
  orders += 1;
  return prices.get(what);
}
globalThis.order = order;
`;

let service: Service;
let terminal: PseudoTerminal | null = null;
beforeAll(async () => {
  service = await startService({ files: { 'src/main.js': main, 'src/cart.js': cart }, main: 'src/main.js' });
});
afterEach(() => terminal?.kill());

async function attach(env: NodeJS.ProcessEnv = {}): Promise<PseudoTerminal> {
  terminal = openPseudoTerminal([process.execPath, consoleProgram, 'attach', 'svc'], { ...service.env, ...env }, service.folder);
  await terminal.see(prompt);
  return terminal;
}
const prompt = /svc#\d+> /;

test('values that were shown have names: _, _err, $1', async () => {
  const { type, see } = await attach();
  type('shop\r');
  await see(/\$1 = [^\n]*corner/);
  type('_.name + $1.visits\r');
  await see(/'corner1'\r\n/);
  type('await Promise.resolve(_ + "!")\r');
  await see(/'corner1!'\r\n/);
  type('nope()\r');
  await see(/nope is not defined/);
  type('_err.message\r');
  await see(/'nope is not defined'\r\n/);
  type('later = () => $1.name\r');
  await see(/\$2 = /);
  type('function later() { return $1 }\r');
  await see(/BAD_REQUEST[^]*globalThis\.last = \$1/);
  type('.inspect $1.visits\r');
  await see(/\r\n1\r\n/);
  type('1\r');
  await see(/\r\n1\r\n/);
  type('.inspect _ + $1.visits\r');
  await see(/\r\n2\r\n/);
  // A variable of the service's own comes first.
  type('globalThis._ = "own"\r');
  await see(/'own'/);
  type('_ + "ed"\r');
  await see(/'owned'/);
  type('delete globalThis._\r');
  await see(/true/);
  expect(journalOf(service).some((entry) => JSON.stringify(entry).includes('_.name + $1.visits'))).toBe(true);
});

test('.in goes into a module: its variables are seen, completed and inspected', async () => {
  const { type, see } = await attach();
  type('.in src/ca\t');
  await see(/src\/cart\.js/);
  type('\r');
  await see(/svc#\d+ src\/cart\.js> /);
  type('prices.get("tea")\r');
  await see(/3\r\n/);
  type('pri\t');
  await see(/prices/);
  type('\u0015_ + 1\r');
  await see(/4\r\n/);
  type('.in nowhere.js\r');
  await see(/NOT_FOUND/);
  type('.in\r');
  await see(prompt);
  type('typeof prices\r');
  await see(/'undefined'/);
});

test('what is only looking is shown while it is typed, and runs nothing', async () => {
  const { type, see, shown } = await attach();
  const before = journalOf(service).length;
  type('shop.name');
  await see(/'corner'/);
  type('\u0015shop.visits += 1');
  type('\u0015shop.open');
  await see(/true/);
  expect(await service.ask('visits')).toBe('1');
  expect(journalOf(service)).toHaveLength(before);
  expect(shown()).not.toContain('NOT_ALLOWED');
});

test('pasted lines are one text, which runs when somebody has said yes', async () => {
  const { type, see } = await attach();
  type('\u001b[200~shop.visits\u001b[201~\r');
  await see(/\r\n1\r\n/);
  type('\u001b[200~let doubled = shop.visits * 2;\rdoubled += 40\r\u001b[201~');
  await see(/Evaluate these 2 lines\? \[y\/N\] /);
  type('n\r');
  await see(prompt);
  type('typeof doubled\r');
  await see(/'undefined'/);
  type('\u001b[200~let doubled = shop.visits * 2;\rdoubled += 40\r\u001b[201~');
  await see(/Evaluate these 2 lines\? \[y\/N\] /);
  type('y\r');
  await see(/42\r\n/);
  await see(prompt);
  type('doubled + 1\r');
  await see(/43\r\n/);
});

test('.src and .doc show what the author wrote; .diff what changed in an object', async () => {
  const { type, see } = await attach();
  type('.src src/cart.js:order\r');
  await see(/cart\.js:8[^]*function order\(what\) \{\r\n {2}orders \+= 1;/);
  type('.doc src/cart.js:order\r');
  await see(/Takes an order\.\r\n@param what its name\r\n/);
  type('({ count: 1, list: [1] })\r');
  await see(/\$1 = /);
  type('.diff $1\r');
  await see(/first look at \$1/);
  type('$1.count = 5\r');
  await see(/5\r\n/);
  type('.diff $1\r');
  await see(/-{2}[^]*- +count: 1\r\n[^]*\+ +count: 5\r\n/);
  type('.diff $1\r');
  await see(/nothing changed/);
});

test('.save writes what was evaluated for its owner alone, .load evaluates it, .copy fills the clipboard', async () => {
  const { type, see } = await attach();
  type('let saved = 20\r');
  await see(prompt);
  type('saved + 2\r');
  await see(/22\r\n/);
  type('.copy\r');
  await see(new RegExp(`\\u001b\\]52;c;${Buffer.from('22\n').toString('base64')}\\u0007`));
  type('.save typed.js\r');
  await see(/2 evaluations in /);
  const file = path.join(service.folder, 'typed.js');
  expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual(['let saved = 20\nsaved + 2\n', 0o600]);
  type('.save typed.js\r');
  await see(/EEXIST/);
  writeFileSync(file, 'let loaded = 30;\nloaded + 3\n');
  type('.load typed.js\r');
  await see(/33\r\n/);
});

test('what is longer than the screen goes through the pager', async () => {
  const pager = path.join(service.folder, 'pager.sh');
  writeFileSync(pager, `#!/bin/sh\ncat > '${pager}.out'\necho paged\n`);
  chmodSync(pager, 0o700);
  const { type, see } = await attach({ PAGER: pager });
  type('.inspect shop\r');
  await see(/visits: 1/);
  expect(existsSync(`${pager}.out`)).toBe(false);
  type('Object.fromEntries(Array.from({ length: 80 }, (_, i) => ["key" + i, i]))\r');
  await see(/\$1 = /);
  type('.inspect $1\r');
  await see(/paged\r\n/);
  expect(readFileSync(`${pager}.out`, 'utf8')).toMatch(/key0: 0\n[^]*key79: 79\n/);
  await see(prompt);
  type('1 + 1\r');
  await see(/2\r\n/);
});
