/**
 * What a process loads that had never heard of us: `keyhole attach PID` has the inspector evaluate a `require` of this file. It is CommonJS, since `import()` is refused to a script that the
 * inspector evaluates. It never throws and never rejects: whoever asked reads how it ended from a file.
 */
import fs = require('node:fs');
import type { ColdResult, ColdSettings } from './cold.ts' with { 'resolution-mode': 'import' };

async function load(settings: ColdSettings): Promise<void> {
  let result: ColdResult;
  try {
    const { startCold } = await import('./cold.js');
    result = await startCold(settings);
  } catch (thrown) {
    result = { ok: false, message: thrown instanceof Error ? thrown.message : String(thrown), hint: 'The service runs on without an agent.' };
  }
  try {
    // Renamed when it is whole: a reader never sees half of it.
    fs.writeFileSync(`${settings.resultFile}.new`, JSON.stringify(result), { mode: 0o600, flag: 'wx' });
    fs.renameSync(`${settings.resultFile}.new`, settings.resultFile);
  } catch {
    // The console has given up and taken its folder away.
    complain(result.ok ? 'an agent was started, and the console that asked for it is gone' : `no agent was started: ${result.message}`);
  }
}

function complain(message: string): void {
  try {
    fs.writeSync(2, `keyhole: ${message}\n`);
  } catch {
    // A closed stderr is no reason to disturb the service.
  }
}

export = { load };
