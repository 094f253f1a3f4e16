/** Starts the agent in a process that was not started with it (see inject.cts). Like `register`, less the instrumentation: what is loaded already has no slots. */
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { readEnvironment, resolveConfig } from './config.ts';
import { runAgent } from './running.ts';
import { isInPlace } from './platform/place.ts';

export interface ColdSettings {
  /** Where this agent announces itself: where the console that asks looks. */
  runtimeDir: string;
  /** The operators file, where the operator named one: it goes before the service's own configuration. */
  operatorsFile: string | null;
  /** The one that counts where nobody names one. Where it does not exist, `ownKeys` stand in for it. */
  defaultOperatorsFile: string;
  /** Lines of the operator who asks, for this agent's lifetime. He runs as the user the process runs as. */
  ownKeys: string;
  /** Who asks, for the journal. */
  fingerprints: string[];
  /** A file that does not exist, in a folder of the console's: gets a {@link ColdResult}. */
  resultFile: string;
}

export type ColdResult = { ok: true; address: string; operators: string } | { ok: false; message: string; hint: string };

/** @throws where the configuration beside the service or in its environment is wrong, naming the option. */
export async function startCold({ runtimeDir, operatorsFile, defaultOperatorsFile, ownKeys, fingerprints }: ColdSettings): Promise<ColdResult> {
  // Looked up as a global, since another copy of this package may be the one that runs.
  if (isInPlace('interrupt')) {
    return {
      ok: false,
      message: 'the process has an agent already, which announces itself elsewhere',
      hint: 'Set XDG_RUNTIME_DIR as the service has it, or give the path of its socket.',
    };
  }
  const entry = process.argv[1];
  const { options } = readEnvironment(entry, process.env);
  const config = resolveConfig(options, entry);
  const file = path.resolve(operatorsFile ?? options.operators ?? defaultOperatorsFile);
  // Only the file that nobody named may be missing: a named one is a decision about who may come in.
  const hasFile = file !== path.resolve(defaultOperatorsFile) || existsSync(file);
  const agent = runAgent(
    () => ({
      ...config,
      // Its code was loaded long ago, and runs.
      replay: { pending: false, hotfixes: [] },
      operators: hasFile ? { file } : { lines: ownKeys },
      runtimeDir,
      cold: { fingerprints, keys: hasFile ? file : 'only those who attached, for as long as this agent runs' },
    }),
    null,
  );
  await agent.ready();
  const { address, problems } = agent.status;
  const wrong = problems.find(({ what }) => what === 'door' || what === 'listen');
  if (address === null) return { ok: false, message: wrong?.message ?? 'the door did not open', hint: wrong?.hint ?? 'Its stderr may say more.' };
  return { ok: true, address, operators: hasFile ? file : '' };
}
