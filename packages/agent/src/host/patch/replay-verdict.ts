/** Whether a patch of an earlier process may go into effect again: judged by the syntax of the function that was loaded, not by its text. */
import { KeyholeError } from '../../protocol/errors.ts';
import type { PatchRecord } from '../../protocol/index.ts';
import { normalForm, parseFunction } from '../../source/index.ts';
import { loadedCode } from './modules.ts';
import type { FunctionTarget } from './modules.ts';

export type ReplayVerdict = { became: 'due' } | { became: 'landed' } | { became: 'superseded'; why: string };

/** `due`: what was loaded is what was patched. `landed`: it is what the patch made. */
export function replayVerdict({ code, baseCode }: PatchRecord, targets: readonly FunctionTarget[]): ReplayVerdict {
  if (targets.every((target) => isSame(code, target))) return { became: 'landed' };
  if (targets.every((target) => isSame(baseCode, target))) return { became: 'due' };
  return { became: 'superseded', why: 'its function is neither the one that was patched nor the one that the patch made: it was changed otherwise' };
}

function isSame(code: string, target: FunctionTarget): boolean {
  const loaded = loadedCode(target);
  if (code === loaded) return true;
  const form = formOf(code, target);
  return form !== null && form === formOf(loaded, target);
}

/** null: it is no function where the loaded one is one. */
function formOf(code: string, { entry, module, file }: FunctionTarget): string | null {
  try {
    return normalForm(parseFunction(code, entry.place, module.format, file).container);
  } catch (thrown) {
    if (thrown instanceof KeyholeError) return null;
    throw thrown;
  }
}
