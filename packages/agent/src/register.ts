/**
 * `node --import @keyhole/agent/register app.js`: instruments the application's functions and starts the agent. The one module that does something when it is
 * imported. `KEYHOLE_DISABLE=1` makes it do nothing at all; so does a worker thread of the service.
 */
import { writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { readEnvironment, resolveConfig } from './config.ts';
import { installInstrumentation } from './loader/index.ts';
import { runAgent } from './running.ts';

if (isMainThread && process.env.KEYHOLE_DISABLE !== '1') {
  try {
    const entry = process.argv[1];
    const { options, include, exclude } = readEnvironment(entry, process.env);
    const config = resolveConfig(options, entry);
    runAgent(() => config, installInstrumentation({ root: config.root, include, exclude }));
  } catch (thrown) {
    // A service that nobody can attach to is better than one that does not start.
    writeSync(2, `keyhole: not started: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  }
}
