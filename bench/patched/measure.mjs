/** One program in one process: `measure.mjs KIND plain|instrumented|patched DIST`. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { patching } from '../patching.mjs';
import { programs } from './programs.mjs';

const [kind, mode, dist] = process.argv.slice(2);
const { source, hot } = programs[kind];
const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'kh-bench-')));
try {
  const file = path.join(root, 'program.mjs');
  writeFileSync(file, source);
  const { installInstrumentation } = await import(pathToFileURL(path.join(dist, 'loader/hooks.js')).href);
  const table = mode === 'plain' ? null : installInstrumentation({ root, include: [], exclude: [] });
  const { run } = await import(pathToFileURL(file).href);
  if (mode === 'patched') {
    const engine = await patching({ dist, root, table });
    await engine.apply(await engine.look(`program.mjs:${hot}`));
  }
  const warmUntil = performance.now() + 400;
  while (performance.now() < warmUntil) run();
  const times = Array.from({ length: 15 }, () => {
    const started = performance.now();
    run();
    return performance.now() - started;
  });
  console.log(JSON.stringify({ ms: Math.min(...times) }));
} finally {
  rmSync(root, { recursive: true, force: true });
}
