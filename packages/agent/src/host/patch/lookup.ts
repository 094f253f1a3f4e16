/** What the door asks at an interrupt, to name code that patches brought: it enables no domain of the inspector, and runs nothing of the service's. */
import type { PatchEngine } from './engine.ts';
import type { FunctionTarget, ModuleIndex } from './modules.ts';

export interface PatchLookup {
  /** The function of an author's file that begins on a line under that name, which is the last part of its path; null where there is not exactly one. */
  addressAt(file: string, line: number, name: string): string | null;
  /** Whether V8 has swapped code of a module in place. */
  isEdited(url: string): boolean;
}

export function lookupOfPatches({ engine, modules }: { engine: PatchEngine; modules: ModuleIndex }, instrumented: boolean): PatchLookup {
  // Where the code was not instrumented, listing all functions would take V8's Debugger domain, which pauses.
  const targets = (file: string): FunctionTarget[] => (instrumented ? modules.withPrefix(`${file}:`) : engine.liveTargets());
  return {
    addressAt(file, line, name) {
      const found = targets(file).filter((each) => each.file === file && each.line === line && (each.entry.name === name || each.entry.name === ''));
      const addresses = new Set(found.map(({ address }) => address));
      const [address] = addresses;
      return addresses.size === 1 && address !== undefined ? address : null;
    },
    isEdited: (url) => engine.liveTargets('live-edit').some(({ module }) => module.url === url),
  };
}
