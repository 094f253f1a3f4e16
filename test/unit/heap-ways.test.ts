/** Who holds an object: every way in which the language can hold one, on one snapshot of a real process, and none that does not hold it. */
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HeldStep } from '../../packages/agent/dist/host/heap/words.js';

const heap = pathToFileURL(path.resolve(import.meta.dirname, '../../packages/agent/dist/host/heap')).href;

const store = `
export const rooms = new Map();
export const state = { list: [], set: new Set(), wm: new WeakMap(), key: {} };
`;
const program = `
import { EventEmitter } from 'node:events';
import { getHeapSnapshot } from 'node:v8';
import { HeapGraph } from '${heap}/graph.js';
import { marksIn, waysTo } from '${heap}/ways.js';
import { stepsOf } from '${heap}/words.js';
import { rooms, state } from './store.mjs';

class Item { constructor() { this.self = this; } }
class Vault { #secret; constructor(secret) { this.#secret = secret; } look() { return this.#secret; } }
function makeHandler(cache) { return function handler() { return cache; }; }
async function waits(given) { await new Promise((resolve) => { state.resolve = resolve; }); return given; }
class Sought { constructor(sought, ours, shown) { this.sought = sought; this.ours = ours; this.shown = shown; } }
`;
// The class of an object in a snapshot is what its constructor was called in the source.
const held: [name: string, makes: string, way: string[], holders?: number][] = [
  [
    'map',
    "rooms.set('lobby', { items: [1, ITEM] })",
    ['module rooms: Map store.mjs', 'entry "lobby": Object', 'property items: Array', 'element 1: Item'],
  ],
  ['mapKey', 'rooms.set(ITEM, {})', ['module rooms: Map store.mjs', 'key : Item']],
  ['objectKey', 'state.byObject = new Map([[state.key, ITEM]])', ['module state: Object store.mjs', 'property byObject: Map', 'entry Object: Item']],
  ['numberKey', 'state.byNumber = new Map([[7, ITEM]])', ['module state: Object store.mjs', 'property byNumber: Map', 'entry : Item']],
  ['set', 'state.set.add(ITEM)', ['module state: Object store.mjs', 'property set: Set', 'entry : Item']],
  [
    'property',
    'state.list.push({ deep: ITEM })',
    ['module state: Object store.mjs', 'property list: Array', 'element 0: Object', 'property deep: Item'],
  ],
  [
    'closure',
    'state.handler = makeHandler(ITEM)',
    ['module state: Object store.mjs', 'property handler: function handler main.mjs:11', 'variable cache: Item'],
  ],
  ['private', 'state.vault = new Vault(ITEM)', ['module state: Object store.mjs', 'property vault: Vault', 'property #secret: Item']],
  ['weakMap', 'state.wm.set(state.key, ITEM)', ['module state: Object store.mjs', 'property key: Object', 'weak key : Item']],
  ['promise', 'state.promise = Promise.resolve(ITEM)', ['module state: Object store.mjs', 'property promise: Promise', 'settled : Item']],
  ['bound', 'state.bound = Math.max.bind(ITEM)', ['module state: Object store.mjs', 'property bound: function native_bind', 'bound this: Item']],
  [
    'argument',
    'state.argument = Math.max.bind(null, ITEM)',
    ['module state: Object store.mjs', 'property argument: function native_bind', 'bound : Item'],
  ],
  ['global', 'globalThis.theGlobal = { a: ITEM }', ['global : global', 'property theGlobal: Object', 'property a: Item']],
  [
    'suspended',
    'waits(ITEM)',
    [
      'module state: Object store.mjs',
      'property resolve: function',
      'variable : Promise',
      'waiting : suspended function waits main.mjs:12',
      'local : Item',
    ],
  ],
  [
    'twice',
    'const it = ITEM; state.first = { it }; state.second = { it }',
    ['module state: Object store.mjs', 'property first: Object', 'property it: Item'],
    2,
  ],
  ['nobody', 'ITEM', [], 0],
  ['weakRef', 'state.ref = new WeakRef(ITEM)', [], 0],
  ['ours', 'keeper.set(1, ITEM)', [], 0],
  ['deadKey', 'state.wm.set({}, ITEM)', [], 0],
];
const folder = mkdtempSync(path.join(tmpdir(), 'kh-heap-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let found: Record<string, { ways: HeldStep[][]; holders: number; held: boolean }>;

beforeAll(() => {
  writeFileSync(path.join(folder, 'store.mjs'), store);
  const classes = held.map(([name]) => `class Mark_${name} extends Sought {}`).join('\n');
  const makers = held.map(([name, makes]) => `(() => { ${makes.replace('ITEM', `made(Mark_${name})`)}; })();`).join('\n');
  writeFileSync(
    path.join(folder, 'main.mjs'),
    `${program}
const marks = [];
const keeper = new Map();
function made(Mark) { const item = new Item(); marks.push(new Mark(item, [keeper, marks], [])); return item; }
${classes}
${makers}
globalThis.marks = marks;
await new Promise((done) => setTimeout(done));
const pieces = [];
await new Promise((done) => getHeapSnapshot().on('data', (piece) => pieces.push(piece)).on('end', done));
const graph = new HeapGraph(pieces);
const found = {};
for (const { constructor: { name } } of marks) {
  const { ways, ...rest } = waysTo(graph, marksIn(graph, name), 3);
  found[name.slice(5)] = { ...rest, ways: ways.map((way) => stepsOf(graph, way)) };
}
process.stdout.write(JSON.stringify(found));
process.exit();
`,
  );
  const ran = spawnSync(process.execPath, ['main.mjs'], { cwd: folder, encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(ran.stderr);
  found = JSON.parse(ran.stdout) as typeof found;
}, 60_000);

const said = ({ by, name, held: what, place }: HeldStep): string => {
  const file = place === null ? '' : path.basename(place.url);
  const line = by === 'module' || file === '' ? '' : `:${(place?.line ?? 0) + 1}`;
  return [`${by} ${name}: ${what}`, place?.functionName ?? '', `${file}${line}`].filter((part) => part !== '').join(' ');
};

test.each(held)('%s: %s', (name, _, way, holders = 1) => {
  const one = found[name];
  expect(one?.ways[0]?.map(said) ?? []).toEqual(way);
  expect(one?.holders).toBe(holders);
  expect(one?.ways).toHaveLength(holders);
  expect(one?.held).toBe(true);
});
