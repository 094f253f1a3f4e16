/** The suites, how each is started by its own runner, and how its runner counts. `packages` come from the registry; a suite without them needs a checkout at its tag. */
import { readdirSync } from 'node:fs';
import * as path from 'node:path';

const sumOf = (text, pattern) => Array.from(text.matchAll(pattern), ([, count]) => Number(count)).reduce((sum, each) => sum + each, 0);
const mocha = (text) => ({ passed: sumOf(text, /^ *(\d+) passing/gm), failed: sumOf(text, /^ *(\d+) failing/gm) });
const tape = (text) => ({ passed: sumOf(text, /^# pass +(\d+)/gm), failed: sumOf(text, /^# fail +(\d+)/gm) });
const aplus = (promise) => ({
  runner: 'mocha',
  packages: ['promises-aplus-tests@2.1.2'],
  // The adapter is the package's own export: `deferred` is all that the suite needs.
  command: (folder) => [
    '-e',
    `require('promises-aplus-tests')({ deferred: ${promise(folder)} }, { reporter: 'dot', timeout: 10_000 }, (error) => process.exit(error === null ? 0 : 1))`,
  ],
  counts: mocha,
});
const required = (folder) => `require(${JSON.stringify(folder)})`;
const module = (folder, file) => path.join(folder, 'node_modules', file);
/** Files of tests below some folders: Node 20 takes no globs. */
const testFiles = (folder, ...below) =>
  below.flatMap((each) =>
    readdirSync(path.join(folder, each), { recursive: true })
      .filter((file) => /\.test\.m?js$/.test(file))
      .map((file) => path.join(each, file)),
  );
const beside = (folder, file) => path.join(folder, '..', file);

export const suites = {
  bluebird: { tag: '3.7.2', ...aplus((folder) => `${required(folder)}.defer`) },
  qs: {
    tag: '6.17.1',
    runner: 'tape',
    packages: [
      'tape@5.10.2',
      'object-inspect@1.14.0',
      'es-value-fixtures@1.7.1',
      'for-each@0.3.5',
      'has-bigints@1.1.0',
      'has-symbols@1.1.0',
      'iconv-lite@0.5.2',
      'qs-iconv@1.0.4',
      'safer-buffer@2.1.2',
      'mock-property@1.1.0',
      'has-override-mistake@1.0.1',
      'has-property-descriptors@1.0.2',
      'has-proto@1.2.0',
    ],
    command: (folder) => [beside(folder, 'tape/bin/tape'), 'test/**/*.js'],
    counts: tape,
  },
  'deep-equal': {
    tag: '2.2.3',
    runner: 'tape',
    packages: [
      'tape@5.10.2',
      'has-typed-arrays@1.0.1',
      'semver@6.3.1',
      'object.getownpropertydescriptors@2.1.7',
      'has-symbols@1.1.0',
      'has-proto@1.2.0',
      'es-value-fixtures@1.7.1',
    ],
    command: (folder) => [beside(folder, 'tape/bin/tape'), 'test/**/*.js'],
    counts: tape,
  },
  express: {
    tag: 'v5.2.1',
    runner: 'mocha',
    command: (folder) => [module(folder, 'mocha/bin/mocha.js'), '--require', 'test/support/env', '--reporter', 'dot', 'test/', 'test/acceptance/'],
    counts: mocha,
  },
  ws: {
    tag: '8.21.0',
    runner: 'mocha',
    command: (folder) => [module(folder, 'mocha/bin/mocha'), '--exit', '--reporter', 'dot', 'test/*.test.js'],
    counts: mocha,
  },
  'markdown-it': {
    tag: '14.3.0',
    runner: 'node:test',
    command: (folder) => ['--test', '--test-reporter=tap', ...testFiles(folder, 'test/markdown-it', 'test/cmspec')],
    counts: (text) => ({ passed: sumOf(text, /^# pass (\d+)/gm), failed: sumOf(text, /^# fail (\d+)/gm) }),
  },
  acorn: {
    tag: '8.17.0',
    runner: 'its own',
    command: () => ['test/run.js'],
    counts: (text) => ({ passed: sumOf(text, /Total: (\d+) tests/g), failed: sumOf(text, /Total: .*; (\d+) failures/g) }),
  },
};
