/** What is to be said of an import that a change needs and the running module does not have: whether its module is in the process, and how to do without the import. */
import { isBuiltin } from 'node:module';
import { KeyholeError } from '@keyhole/agent/protocol';
import { lineTable, type FunctionEntry } from '@keyhole/agent/source';
import type { AgentCalls } from './calls.ts';
import type { AuthorFile } from './parse.ts';
import { importOf, resolved } from './sources.ts';
import { isWithin } from './tree.ts';

/** @returns a sentence for each import that the function uses and the running file has not; none where there is no such. */
export async function newImports(connection: AgentCalls, renewed: AuthorFile, entry: FunctionEntry, running: AuthorFile): Promise<string[]> {
  const { captures } = renewed;
  const lineOf = lineTable(renewed.text);
  const found = new Map<string, string>();
  for (const { name, node, scope } of captures.references) {
    const binding = isWithin(node, entry.container) ? captures.resolve(name, scope) : null;
    if (binding === null || binding.scope !== captures.module || running.captures.module.bindings.has(name)) continue;
    const from = importOf(renewed, binding);
    if (from === null || found.has(from.specifier)) continue;
    found.set(
      from.specifier,
      `line ${lineOf(binding.declaration.start)} imports ${from.specifier}: ${await adviceOn(connection, renewed.file, from.specifier)}`,
    );
  }
  return [...found.values()];
}

async function adviceOn(connection: AgentCalls, file: string, specifier: string): Promise<string> {
  if (isBuiltin(specifier))
    return `it is part of Node and in every process; inside the function, process.getBuiltinModule(${JSON.stringify(specifier)}) gives it`;
  if (!/^\.{1,2}\//.test(specifier))
    return 'it is a package, and nobody can tell from here whether the process has loaded it; deploy it, or import() it inside an async function';
  const root = file.startsWith('/') ? '' : '/';
  for (const url of resolved(`file://${root}${encodeURI(file)}`, specifier)) {
    const named = decodeURIComponent(new URL(url).pathname).slice(root.length);
    if (await isLoaded(connection, named))
      return `${named} is in the process already, but a patch brings no import; deploy it, or import() it inside an async function`;
  }
  return 'the process has not loaded that module; it takes a restart';
}

async function isLoaded(connection: AgentCalls, file: string): Promise<boolean> {
  try {
    await connection.call('module.get', { file });
    return true;
  } catch (thrown) {
    if (thrown instanceof KeyholeError && thrown.code === 'NOT_FOUND') return false;
    throw thrown;
  }
}
