/**
 * `npm run test:packages`: well-known packages from the registry, loaded plain and instrumented (their dependencies too), compared and shown as a table. Ends with 1 when anything
 * differs.
 *
 *   npm run test:packages -- [NAME ... | --gate] [--node BINARY] [--dist packages/agent/dist] [--markdown]
 */
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import { catalogue, gate } from './catalogue.mjs';
import { comparePackage } from './compare.mjs';
import { installPinned } from './pinned.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    gate: { type: 'boolean', default: false },
    node: { type: 'string', default: process.execPath },
    dist: { type: 'string' },
    markdown: { type: 'boolean', default: false },
  },
});
const all = options.gate ? gate : Object.keys(catalogue);
const names = positionals.length > 0 ? positionals : all;
const unknown = names.filter((name) => catalogue[name] === undefined);
if (unknown.length > 0) throw new Error(`not in the catalogue: ${unknown.join(', ')}`);
const dist = path.resolve(options.dist ?? path.join(import.meta.dirname, '../../packages/agent/dist'));
const root = installPinned(all.map((name) => `${name}@${catalogue[name].version}`));
const version = spawnSync(options.node, ['--version'], { encoding: 'utf8' }).stdout.trim();

const say = (...cells) =>
  console.log(options.markdown ? `| ${cells.join(' | ')} |` : cells.map((cell, index) => cell.padEnd([26, 40, 9, 9, 7][index] ?? 0)).join(' '));
say(`package (${version})`, 'style', 'require', 'import', 'files', 'functions without a slot; files left as they were');
if (options.markdown) say('---', '---', '---', '---', '---', '---');

const differences = [];
const totals = { loaded: 0, files: 0, untouched: 0, without: 0 };
for (const name of names) {
  const { ways } = await comparePackage({ name, node: options.node, dist, root });
  for (const way of ways.filter((each) => each.difference !== null)) differences.push(`${name} by ${way.how}: ${way.difference}`);
  const loaded = ways.filter((way) => way.loads);
  if (loaded.length > 0) totals.loaded += 1;
  const most = loaded.toSorted((a, b) => (b.files?.transformed ?? 0) - (a.files?.transformed ?? 0))[0]?.files ?? {
    transformed: 0,
    untouched: [],
    without: [],
  };
  totals.files += most.transformed;
  totals.untouched += most.untouched.length;
  totals.without += most.without.length;
  const cell = (way) => (way.difference !== null ? 'DIFFERS' : way.loads ? 'same' : '-');
  const notes = [...counted(most.without), ...most.untouched.map(({ file, why }) => `${file}: ${why}`)];
  say(`${name} ${catalogue[name].version}`, catalogue[name].style, ...ways.map(cell), String(most.transformed), notes.join('; '));
  for (const way of ways.filter((each) => !each.loads && loaded.length === 0)) console.error(`  ${name} by ${way.how}: ${way.why}`);
}
console.log(
  `\n${version}: ${totals.loaded} of ${names.length} packages load, ${differences.length} differences, ${totals.files} files instrumented, ${totals.untouched} left as they were, ` +
    `${totals.without} functions without a slot`,
);
for (const difference of differences) console.log(difference);
if (differences.length > 0) process.exitCode = 1;

/** How often each reason was given, names left out. */
function counted(reasons) {
  const counts = new Map();
  for (const reason of reasons) {
    const kind = reason.replace(/(named|reads|function) \S+/g, '$1 ...');
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `${count}: ${kind}`);
}
