/** What `node:module` gained after the oldest Node we support, typed so that its absence has to be handled. */
import * as nodeModule from 'node:module';

export interface LoadResult {
  format?: string | null;
  source?: string | ArrayBuffer | NodeJS.TypedArray | null;
  shortCircuit?: boolean;
}

export interface LoadContext {
  /** `import` or `require` is among them. */
  conditions: readonly string[];
}

interface ResolveContext {
  parentURL?: string | undefined;
}

interface NewerModule {
  /** Node 22.15, 23.5: synchronous hooks on the thread itself, for `import` and `require` (nodejs/node#55698). */
  registerHooks?: (hooks: {
    load?(url: string, context: LoadContext, nextLoad: (url: string, context: LoadContext) => LoadResult): LoadResult;
    resolve?(specifier: string, context: ResolveContext, nextResolve: (specifier: string, context: ResolveContext) => unknown): unknown;
  }) => { deregister(): void };
  /** Node 22.13, 23.2 (nodejs/node#55282). */
  stripTypeScriptTypes?: (code: string) => string;
}

export const newerModule: NewerModule = nodeModule as unknown as NewerModule;
