/** From the code of a patch to the function that stands in its slot. */
import { Script } from 'node:vm';
import type { InstrumentedModule, ModuleScope, PrivateAccessor } from '../../loader/index.ts';
import { apply, compile, defineProperty, get, getPrototypeOf, set } from '../../platform/originals.ts';
import { KeyholeError } from '../../protocol/index.ts';
import type { CompiledPatch } from './compile.ts';
import type { FunctionTarget } from './modules.ts';
import type { SlotFunction } from './slot-watch.ts';

const reflect = Object.freeze({ apply, get, set });

/** Where the process forbids eval, a script does it. */
function compiled(code: string): unknown {
  try {
    // By eval: what vm.Script compiles stays in memory, 2 KB a text (Node 20, 22, 24); Node 26 keeps either.
    return compile(code);
  } catch (thrown) {
    if (thrown instanceof EvalError) return new Script(code).runInThisContext();
    throw thrown;
  }
}

/** Compiles a patch; a text that only V8 refuses is the author's error, what else goes wrong is a refusal. */
export function functionOf(
  patch: CompiledPatch,
  module: InstrumentedModule,
  target: FunctionTarget,
  imported: ReadonlyMap<string, () => unknown>,
): { value: SlotFunction } | string {
  const registered = patch.classIndex === null ? undefined : module.classes.get(patch.classIndex);
  if (patch.classIndex !== null && registered === undefined) return 'its class has not been evaluated';
  let make: (scope: ModuleScope, home: () => unknown, privates: PrivateAccessor | null | undefined, native: typeof reflect) => unknown;
  try {
    make = compiled(patch.code) as typeof make;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) throw new KeyholeError('SYNTAX', `${target.address}: ${thrown.message}`, 'Nothing was applied.');
    return `its new text can not be compiled: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
  const home = (): unknown => {
    const { class: owner } = registered as { class: { prototype: object } };
    return getPrototypeOf(target.entry.static ? owner : owner.prototype);
  };
  const scope = module.scopeOf(patch.names);
  for (const [name, get] of imported) defineProperty(scope, name, { get });
  const value = make(scope, home, registered?.privates, reflect);
  return typeof value === 'function' ? { value: value as SlotFunction } : 'its new text did not give a function';
}
