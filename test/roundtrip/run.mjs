/**
 * `npm run test:roundtrip`: commits of a project's history that change function bodies only, each pushed into a process that was started from its parent. Ends with 1 when what runs
 * then is not what the commit's own build runs.
 *
 *   npm run test:roundtrip -- --repo DIR --build 'COMMAND' --load dist/index.js [--source src] [--checkout src --checkout package.json] [--modules node_modules]
 *                             [--commits 30] [--minutes 20] [--from HEAD] [--only COMMIT] [--work DIR] [--json FILE]
 *
 * DIR is a clone with its history. The build runs in a checkout of each commit, with a node_modules that was installed before; it has to write source maps, as a build does whose
 * processes are to be patched. --load names what the process loads: files, or folders, of which every file is taken. Nothing of it is written into the repository.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import { noCalls } from './compare-calls.mjs';
import { bodyOnlyCommits } from './mine.mjs';
import { createTrips } from './trip.mjs';

const { values: options } = parseArgs({
  options: {
    repo: { type: 'string' },
    build: { type: 'string' },
    load: { type: 'string', multiple: true },
    source: { type: 'string', multiple: true, default: ['src'] },
    checkout: { type: 'string', multiple: true, default: [] },
    modules: { type: 'string' },
    commits: { type: 'string', default: '30' },
    minutes: { type: 'string', default: '20' },
    from: { type: 'string', default: 'HEAD' },
    only: { type: 'string', multiple: true, default: [] },
    work: { type: 'string' },
    json: { type: 'string' },
  },
});
const { repo, build, load } = options;
if (repo === undefined || build === undefined || load === undefined) throw new Error('--repo, --build and --load are needed');

const work = options.work ?? mkdtempSync(path.join(tmpdir(), 'kh-roundtrip-'));
const deadline = Date.now() + Number(options.minutes) * 60_000;
const wanted = Number(options.commits);
const trip = createTrips(
  {
    repo: path.resolve(repo),
    checkout: [...options.source, 'package.json', 'tsconfig*.json', ...options.checkout],
    build,
    load,
    modules: options.modules ?? null,
  },
  work,
);
const trips = [];
// More are mined than are wanted, for those that do not build here.
for (const commit of bodyOnlyCommits({ repo: path.resolve(repo), source: options.source, count: wanted * 3, from: options.from })) {
  if (options.only.length > 0 && !options.only.some((id) => commit.id.startsWith(id))) continue;
  if (trips.filter(({ result }) => result !== 'not built').length === wanted) break;
  if (Date.now() > deadline) {
    console.log(`stopped after ${options.minutes} minutes`);
    break;
  }
  const done = await trip(commit).catch((error) => ({
    commit: commit.id,
    subject: commit.subject,
    result: 'failed',
    why: [error.message],
    functions: 0,
    called: noCalls,
    how: '',
  }));
  trips.push(done);
  console.log(`${done.commit.slice(0, 12)} ${done.result.padEnd(9)} ${done.functions} ${done.how.padEnd(10)} ${done.subject.slice(0, 80)}`);
  for (const why of done.why) console.log(why.replace(/^/gm, '    '));
}
if (options.work === undefined) rmSync(work, { recursive: true, force: true });
if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(trips, null, 2));
const count = (result) => trips.filter((each) => each.result === result).length;
console.log(
  `\n${trips.length - count('not built')} commits: ${count('whole')} whole, ${count('refused')} refused, ${count('wrong')} wrong, ${count('failed')} failed; ${count('not built')} do not build here`,
);
const sum = (name) => trips.reduce((all, { called }) => all + called[name], 0);
console.log(
  `functions called: ${sum('itself')} by themselves, ${sum('around')} through what is around them, ${sum('unsteady')} of these are not the same twice; ${sum('outside')} can not be reached; ${sum('calls')} calls, ${sum('returned')} of them returned`,
);
if (count('wrong') + count('failed') > 0) process.exitCode = 1;
