/**
 * The one function of ours that runs in a process without an agent; the inspector evaluates its text. It looks whether this is the process that is meant, closes the inspector, and loads the agent
 * afterwards, at a turn of the event loop. It must use nothing from outside itself, and must throw nothing into the service.
 */

export interface Injection {
  pid: number;
  /** We opened the inspector, and so we close it. */
  closes: boolean;
  /** `process.hrtime` of this machine, in ns: what comes later loads nothing. */
  deadlineNs: string;
  /** The agent's inject.cjs. */
  file: string;
  /** Its settings. */
  settings: { resultFile: string };
}

/** What it answers where it did nothing: another process, or a Node that is too old. Otherwise the inspector is closed before it can answer. */
export type InjectionAnswer = { pid: number; node: string; loads: boolean };

export function injectionText(injection: Injection): string {
  return `(${inject.toString()})(${JSON.stringify(injection)})`;
}

function inject({ pid, closes, deadlineNs, file, settings }: Injection): InjectionAnswer {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isMeant = process.pid === pid;
  const loads = isMeant && (major > 20 || (major === 20 && minor >= 19));
  const answer = { pid: process.pid, node: process.version, loads };
  const end = (process as unknown as { _debugEnd(): void })._debugEnd;
  if (!loads) {
    if (isMeant && closes) setTimeout(() => end(), 0);
    return answer;
  }
  const builtin = process.getBuiltinModule;
  const { setImmediate: atNextTurn } = builtin('node:timers');
  const { url } = builtin('node:inspector');
  const close = (): void => {
    if (closes && url() !== undefined) end();
  };
  atNextTurn(() => {
    // The signal's own wake-up, handled after code that was running when it came, opens the inspector once more.
    close();
    atNextTurn(close);
    try {
      if (process.hrtime.bigint() > BigInt(deadlineNs)) throw new Error('its main thread was busy for too long');
      const { load } = builtin('node:module').createRequire(file)(file) as { load(settings: object): unknown };
      load(settings);
    } catch (thrown) {
      try {
        const { renameSync, writeFileSync } = builtin('node:fs');
        const message = thrown instanceof Error ? thrown.message : String(thrown);
        writeFileSync(`${settings.resultFile}.new`, JSON.stringify({ ok: false, message, hint: 'The service runs on without an agent.' }), {
          flag: 'wx',
        });
        renameSync(`${settings.resultFile}.new`, settings.resultFile);
      } catch {
        // The console has given up and taken its folder away: there is nobody to tell.
      }
    }
  });
  close();
  return answer;
}
