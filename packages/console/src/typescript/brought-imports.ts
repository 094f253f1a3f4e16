/** Where the running file would find the modules that a new text imports. Whether they are in the process, once and finished, is the agent's to say. */
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { KeyholeError, type ModuleDetail, type PatchImport } from '@keyhole/agent/protocol';
import { PlaceMap } from '@keyhole/agent/source';
import type { BaseFile } from './base.ts';
import type { AgentCalls } from './calls.ts';
import type { FreshImport } from './fresh-imports.ts';
import type { AuthorFile } from './parse.ts';
import { candidates, isRelative } from './sources.ts';

/** Whether the repository has a file, named from the folder of the one that changes. */
export type HasFile = (file: string) => Promise<boolean>;

interface Importing {
  base: BaseFile;
  renewed: AuthorFile;
  has: HasFile;
}

/** @throws {KeyholeError} NOT_PATCHABLE naming each import that a patch can not bring, and why. */
export async function broughtIn(
  connection: AgentCalls,
  importing: Importing,
  fresh: readonly FreshImport[],
  address: string,
): Promise<PatchImport[]> {
  const found: PatchImport[] = [];
  const refused: string[] = [];
  for (const each of fresh) {
    const place = await placeOf(connection, importing, each);
    if ('from' in place) found.push({ ...each, from: place.from });
    else refused.push(`the running code never brought in ${each.local} of ${each.specifier}: ${place.why}`);
  }
  if (refused.length > 0) throw new KeyholeError('NOT_PATCHABLE', `${address}: ${refused.join('; ')}`);
  return found;
}

async function placeOf(
  connection: AgentCalls,
  { base, renewed, has }: Importing,
  { specifier, imported }: FreshImport,
): Promise<{ from: string } | { why: string }> {
  const { module, running } = base;
  if (isBuiltin(specifier)) return { from: specifier };
  if (imported === 'default' && module.format === 'commonjs' && (/\.m[jt]s$/.test(renewed.file) || module.url.endsWith('.cjs')))
    return { why: 'what default means there is for the build to say' };
  if (!isRelative(specifier)) {
    if (!running.isBundle || running.specifiers.has(specifier)) return { from: specifier };
    return { why: 'a bundle may hold a copy of that package, and nothing shows that it would not' };
  }
  if (running.isBundle) return { why: 'the build left it out, or put something else in its place' };
  const file = await firstThat(has, specifier);
  if (file === null) return { why: 'the repository has no such file' };
  const there = await moduleOf(connection, posix.join(posix.dirname(renewed.file), file));
  if (there === null) return { why: 'the process has not loaded that module, so it takes a restart' };
  if (there.map !== null && new PlaceMap(there.map, there.url).sources.length > 1) return { why: 'that module is a part of a bundle' };
  if (!there.url.startsWith('file:')) return { why: `it runs as ${there.url}` };
  return { from: relativeTo(module, there.url) };
}

async function firstThat(has: HasFile, specifier: string): Promise<string | null> {
  // A folder has the plain name as well.
  for (const each of candidates(specifier)) if (/\.[a-z]+$/.test(each) && (await has(each))) return each;
  return null;
}

async function moduleOf(connection: AgentCalls, file: string): Promise<ModuleDetail | null> {
  try {
    return await connection.call('module.get', { file });
  } catch (thrown) {
    if (thrown instanceof KeyholeError && thrown.code === 'NOT_FOUND') return null;
    throw thrown;
  }
}

function relativeTo({ url, format }: ModuleDetail, target: string): string {
  const [from, to] = [url, target].map((each) => new URL(each).pathname);
  const relative = posix.relative(posix.dirname(from ?? ''), to ?? '');
  const specifier = relative.startsWith('.') ? relative : `./${relative}`;
  return format === 'commonjs' ? decodeURIComponent(specifier) : specifier;
}
