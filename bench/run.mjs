/**
 * `npm run bench`: what instrumentation and patches cost, against the same code plain in the same run. `npm run bench -- NAME ... [options]` runs some of the benches; every folder
 * here with a `main.mjs` is one. Each prints a table in Markdown. Nothing here fails: it measures.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import * as path from 'node:path';

const benches = readdirSync(import.meta.dirname).filter((name) => existsSync(path.join(import.meta.dirname, name, 'main.mjs')));
const given = process.argv.slice(2);
const firstOption = given.findIndex((each) => each.startsWith('--'));
const names = firstOption < 0 ? given : given.slice(0, firstOption);
const unknown = names.filter((name) => !benches.includes(name));
if (unknown.length > 0) throw new Error(`there is no bench ${unknown.join(', ')}; there are ${benches.join(', ')}`);

for (const name of names.length > 0 ? names : benches) {
  const { status } = spawnSync(process.execPath, [path.join(import.meta.dirname, name, 'main.mjs'), ...given.slice(names.length)], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = 1;
}
