/**
 * `node --import @keyhole/agent/register app.js`: instruments the application's functions and starts the agent. The one module that does something when it is
 * imported. In a worker thread of the service it instruments, and serves the agent of the main thread. `KEYHOLE_DISABLE=1` makes it do nothing at all.
 */
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { Sightings } from './adapters/sightings.ts';
import { readEnvironment, resolveConfig } from './config.ts';
import { hideSecrets } from './host/secrets.ts';
import type { SecretRules } from './host/secrets.ts';
import { serveThread } from './host/threads/thread-host.ts';
import { installInstrumentation } from './loader/hooks.ts';
import type { SelectionOptions } from './loader/selection.ts';
import { required } from './platform/later.ts';
import { whatNodeForbids } from './platform/permissions.ts';
import { runAgent } from './running.ts';

/** Which files are instrumented, and what is hidden, for workers: they may have another entry script, and no environment. */
const selectionKey = 'keyhole.selection';

interface Given {
  selection: SelectionOptions;
  cache: string | null;
  secrets: SecretRules;
}

if (process.env.KEYHOLE_DISABLE !== '1') {
  try {
    if (isMainThread) {
      const forbidden = whatNodeForbids();
      if (forbidden !== null) throw new Error(`${forbidden}; the service runs, and nobody can attach to it`);
      const entry = process.argv[1];
      const { options, include, exclude, cache } = readEnvironment(entry, process.env);
      const config = resolveConfig(options, entry);
      const selection: SelectionOptions = { root: config.root, include, exclude };
      const { names, patterns } = config.journal.redact;
      setEnvironmentData(selectionKey, { selection, cache, secrets: { names, patterns } } satisfies Given);
      const sightings = new Sightings(config.adapters);
      const agent = runAgent(() => config, installInstrumentation(selection, cache, sightings), sightings);
      // Patches of earlier processes go into effect before the service's first line.
      await agent.replayed();
    } else {
      const given = getEnvironmentData(selectionKey) as unknown as Given | undefined;
      // Without one the main thread has no agent, and there is nobody to serve.
      if (given !== undefined) {
        hideSecrets(given.secrets);
        serveThread(given.selection.root, installInstrumentation(given.selection, given.cache));
      }
    }
  } catch (thrown) {
    // A service that nobody can attach to is better than one that does not start.
    required<typeof import('node:fs')>('node:fs').writeSync(
      2,
      `keyhole: not started: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`,
    );
  }
}
