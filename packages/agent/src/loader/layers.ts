/**
 * Keeps our load hook the outermost one. Node runs the hook first that was registered last; a loader that is registered after us (a TypeScript loader in a later `--import`) would
 * hand its result past us, and we would see its input. So we register again where the first of the application is about to be loaded; earlier layers then do nothing.
 */
import * as nodeModule from 'node:module';
import { newerModule } from '../platform/module-hooks.ts';
import type { LoadContext, LoadResult } from '../platform/module-hooks.ts';

type Load = (url: string, context: LoadContext, nextLoad: (url: string, context: LoadContext) => LoadResult) => LoadResult;

/** On this thread (`module.registerHooks`). */
export function registerOutermost(registerHooks: NonNullable<typeof newerModule.registerHooks>, load: Load): void {
  let outermost = 0;
  const add = (): { deregister(): void } => {
    outermost += 1;
    const layer = outermost;
    return registerHooks({ load: (url, context, nextLoad) => (layer === outermost ? load(url, context, nextLoad) : nextLoad(url, context)) });
  };
  const first = add();
  const watching = registerHooks({
    resolve(specifier, context, nextResolve) {
      // Only the entry script has no parent: whatever was preloaded has been, and has registered its hooks.
      if (outermost === 1 && context.parentURL === undefined) {
        add();
        // Node goes through the hooks that there were when it began, so they can be taken away in the middle of it; this one would be asked for every file.
        first.deregister();
        watching.deregister();
      }
      return nextResolve(specifier, context);
    },
  });
}

/**
 * On the loader's thread (`module.register`, Node 20). Nothing tells there that preloading is over, so we follow whoever registers after us.
 * @param add registers our hooks once more.
 */
export function followRegistrations(add: () => void): void {
  const { register } = nodeModule;
  const following = ((...args: Parameters<typeof register>) => {
    const result: unknown = Reflect.apply(register, nodeModule, args);
    add();
    return result;
  }) as typeof register;
  (nodeModule.default as unknown as { register: typeof register }).register = following;
  nodeModule.syncBuiltinESMExports();
}
