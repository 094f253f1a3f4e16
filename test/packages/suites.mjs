/**
 * Test suites of other people's packages, by their own runners, plain and with every file of the package and of its tests instrumented. Ends with 1 when a count differs.
 *
 *   node test/packages/suites.mjs [NAME ...] [--checkouts FOLDER] [--node BINARY] [--dist DIR] [--markdown]
 *
 * Those that come with their tests in the registry are fetched from there. The others need a checkout at the named tag in FOLDER/NAME, with its own dependencies installed (and built
 * where the table says so); without --checkouts they are left out and named.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import { installPinned } from './pinned.mjs';
import { suites } from './suite-table.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    checkouts: { type: 'string' },
    node: { type: 'string', default: process.execPath },
    dist: { type: 'string', default: 'packages/agent/dist' },
    markdown: { type: 'boolean', default: false },
  },
});
const longestMs = 900_000;
const names = positionals.length > 0 ? positionals : Object.keys(suites);
const hooks = path.join(import.meta.dirname, 'instrument.mjs');
const say = (...cells) =>
  console.log(options.markdown ? `| ${cells.join(' | ')} |` : cells.map((cell, index) => cell.padEnd([24, 14, 26, 26][index] ?? 0)).join(' '));

const version = spawnSync(options.node, ['--version'], { encoding: 'utf8' }).stdout.trim();
say(`suite (${version})`, 'runner', 'plain', 'instrumented', 'files instrumented');
if (options.markdown) say('---', '---', '---', '---', '---');
const missing = [];
let differences = 0;
for (const name of names) {
  const suite = suites[name];
  if (suite === undefined) throw new Error(`there is no suite ${name}; there are ${Object.keys(suites).join(', ')}`);
  const folder = folderOf(name, suite);
  if (folder === null) {
    missing.push(`${name} ${suite.tag}`);
    continue;
  }
  const plain = runSuite(folder, suite, {});
  const counts = path.join(mkdtempSync(path.join(tmpdir(), 'kh-suite-')), 'counts');
  const instrumented = runSuite(folder, suite, {
    NODE_OPTIONS: `--import ${hooks}`,
    KEYHOLE_TEST_DIST: path.resolve(options.dist),
    KEYHOLE_TEST_ROOT: suite.root?.(folder) ?? folder,
    KEYHOLE_TEST_COUNTS: counts,
  });
  const files = existsSync(counts)
    ? readFileSync(counts, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    : [];
  rmSync(path.dirname(counts), { recursive: true, force: true });
  const most = Math.max(0, ...files.map((each) => each.files));
  const untouched = [...new Set(files.flatMap((each) => each.untouched.map(({ file, why }) => `${path.basename(file)}: ${why}`)))];
  const same = plain.text === instrumented.text && plain.passed > 0 && most > 0;
  if (!same) differences += 1;
  say(`${name} ${suite.tag}`, suite.runner, plain.text, `${instrumented.text}${same ? '' : ' DIFFERS'}`, [String(most), ...untouched].join('; '));
  if (!same) console.log(differingLines(plain.output, instrumented.output));
}
console.log(
  `\n${version}: ${names.length - missing.length} suites, ${differences} differences${missing.length > 0 ? `; without a checkout: ${missing.join(', ')}` : ''}`,
);
if (differences > 0) process.exitCode = 1;

function folderOf(name, { packages, tag }) {
  if (packages !== undefined) return path.join(installPinned([`${name}@${tag}`, ...packages]), 'node_modules', name);
  const folder = options.checkouts === undefined ? null : path.resolve(options.checkouts, name);
  return folder !== null && existsSync(folder) ? folder : null;
}

function runSuite(folder, { command, counts }, env) {
  const { stdout, stderr, error } = spawnSync(options.node, command(folder), {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NODE_ENV: 'test', ...env },
    timeout: longestMs,
    maxBuffer: 1 << 28,
  });
  const output = `${stdout}\n${stderr}${error === undefined ? '' : `\n${error.message}`}`;
  const { passed, failed } = counts(output);
  return { output, passed, text: `${passed} passed, ${failed} failed` };
}

/** Lines that name failures in one run and not in the other. */
function differingLines(plain, instrumented) {
  const known = new Set(plain.split('\n').map((line) => line.replace(/\d+/g, '#')));
  const lines = instrumented.split('\n').filter((line) => /not ok|error|✖|\d+\) |fail/i.test(line) && !known.has(line.replace(/\d+/g, '#')));
  return lines.slice(0, 40).join('\n');
}
