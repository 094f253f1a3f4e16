/**
 * Modules that are loaded when they are first needed, so that a process which never needs them neither waits for them at its start nor keeps them in its memory. At once
 * and not with `import()`: it happens in the middle of a load, or of a turn in which nothing else may run.
 */
import { createRequire } from 'node:module';

/**
 * @param from the url of the module that asks, and `file` as seen from there. The module must be free of top-level await.
 * @returns what gives the module, loading it the first time. It throws where the service was started with --no-experimental-require-module.
 */
export function later<Module>(from: string, file: string): () => Module {
  let loaded: Module | null = null;
  return () => (loaded ??= createRequire(from)(file) as Module);
}

/**
 * What `import` makes dear: of Node's own modules it reads all that they export, and so loads what Node keeps for whoever asks (`node:http` brings undici, 7 MB and 30 ms on Node 24); for a CommonJS
 * module Node 20 starts a lexer of WebAssembly (50 ms).
 * @returns the module as `require` gives it.
 */
export const required = createRequire(import.meta.url) as unknown as <Module>(name: `node:${string}` | 'ws') => Module;
