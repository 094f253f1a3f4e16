/**
 * For `--import`, also by NODE_OPTIONS: the load hooks without the agent, in every process of a test suite or a bench. KEYHOLE_TEST_DIST names the build, KEYHOLE_TEST_ROOT the folder
 * whose files are the application's, KEYHOLE_TEST_CACHE where the transform keeps its results, KEYHOLE_TEST_COUNTS a file that gets one line from each process: how many files it instrumented, and which it could not.
 */
import { appendFileSync } from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';

const { KEYHOLE_TEST_DIST: dist, KEYHOLE_TEST_ROOT: root, KEYHOLE_TEST_COUNTS: counts, KEYHOLE_TEST_CACHE: cache = null } = process.env;
if (isMainThread) {
  const { installInstrumentation } = await import(pathToFileURL(path.join(dist, 'loader/hooks.js')).href);
  const table = installInstrumentation({ root, include: [], exclude: [] }, cache);
  if (counts !== undefined) {
    process.on('exit', () => appendFileSync(counts, `${JSON.stringify({ files: table.list().length, untouched: table.untouched })}\n`));
  }
}
