/** Adds up vitest's JSON reports: names what was skipped, then what failed and why, and ends with the one line that counts. A run without a test is a failure. */
import { readFileSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const folder = process.argv[2];
const files = readdirSync(folder).sort();
let passed = 0;
let failed = 0;
let skipped = 0;
// Shown last: who sees the end of a long log alone, sees them.
const failures = [];
// One report for each Node: the machine's own and the pinned ones.
const expected = 1 + JSON.parse(readFileSync('test/compat/versions.json', 'utf8')).length;
if (files.length !== expected) {
  console.log(`${expected} reports are due, and there are ${files.length}: ${files.join(', ')}`);
  failed += 1;
}
for (const file of files) {
  const report = JSON.parse(readFileSync(path.join(folder, file), 'utf8'));
  const tests = report.testResults.flatMap((suite) => suite.assertionResults);
  const count = (...states) => tests.filter((test) => states.includes(test.status)).length;
  const here = { passed: count('passed'), failed: count('failed'), skipped: count('skipped', 'pending', 'todo') };
  // A file that could not even be loaded has no tests, and has failed.
  const unloaded = report.testResults.filter((suite) => suite.status === 'failed' && suite.assertionResults.length === 0);
  here.failed += unloaded.length;
  if (here.passed === 0) here.failed += 1;
  const say = (name, why) =>
    failures.push(`failed on ${path.parse(file).name}: ${name}\n${stripVTControlCharacters(why).slice(0, 2_000).replace(/^/gm, '  ')}`);
  for (const suite of unloaded) say(path.relative('.', suite.name), suite.message);
  for (const test of tests.filter((each) => each.status === 'failed')) say(test.fullName, test.failureMessages.join('\n'));
  for (const test of tests.filter((each) => ['skipped', 'pending', 'todo'].includes(each.status)))
    console.log(`skipped on ${path.parse(file).name}: ${test.fullName}`);
  console.log(`${path.parse(file).name}: ${here.passed} passed, ${here.failed} failed, ${here.skipped} skipped`);
  passed += here.passed;
  failed += here.failed;
  skipped += here.skipped;
}
for (const failure of failures) console.log(failure);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
if (failed > 0) process.exitCode = 1;
