/** What rebinding can't do: functions that it refuses, and holders of a function that it does not reach. */
import type { Unreached } from '../../protocol/index.ts';
import { howToGetSlots } from './modules.ts';
import type { FunctionTarget } from './modules.ts';
import { hasOwnScope } from './rebind-capture.ts';
import { mentionsOf, placesOf } from './rebind-places.ts';
import { isExported, isField } from './rebind-text.ts';

/** Why the function can not be rebound whatever its new text is; null where it can. */
export function obstacle(target: FunctionTarget): string | null {
  const { module, captures, entry } = target;
  if (module.instrumented) return 'its file was instrumented';
  const { places, fixed } = placesOf(target);
  const help = `with slots it can be patched whatever holds it: ${howToGetSlots(module)}`;
  if (fixed === null || places.length > 0) return null;
  const name = /^const (.+)$/.exec(fixed.holder)?.[1];
  if (name === undefined) return `${fixed.why}; ${help}`;
  const outer = captures.scopeOf(entry.node).parent;
  const binding = outer === null ? null : captures.resolve(name, outer);
  if (binding === null) return null;
  const users = mentionsOf(binding, captures).filter((each) => each.insideFunction).length;
  if (users > 0) return `${fixed.why}, and functions of its file call it by that name (${users} times); ${help}`;
  if (module.format === 'module' && isExported(binding, captures)) return `${fixed.why}, and importers call it by that name; ${help}`;
  return null;
}

/** Why a patch would have no effect. */
export function nothingReached(target: FunctionTarget): string {
  const { fixed } = placesOf(target);
  return `no variable, export, property or listener that holds it could be reached${fixed === null ? '' : ` (${fixed.why})`}: the new code would never be called`;
}

/** Who keeps the old code whatever is done. */
export function alwaysUnreached(target: FunctionTarget): Unreached[] {
  if (isField(target)) return [{ holder: 'instances made from now on', count: null }];
  if (hasOwnScope(target)) return [{ holder: 'its other closures, and those made from now on', count: null }];
  return [];
}
