/**
 * From a commit, a range or a patch file to patches. Each changed file is told apart: code that the process runs, what it does not run, and what it may depend on without that anybody
 * could change it live, which is refused.
 */
import { posix } from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';
import { isInside, type ChangedFile, type ChangeSet, type FileSide } from '../git/change-set.ts';
import { besides, kindOf, lockChanges, manifestChanges } from '../git/file-kind.ts';
import { firstOf } from '../render/text.ts';
import type { HasFile } from './brought-imports.ts';
import type { AgentCalls } from './calls.ts';
import { changedFunctions } from './changed-functions.ts';
import { planFunctions, type PushPlan } from './changes.ts';
import { compareFiles } from './compare.ts';
import { parseAuthor } from './parse.ts';
import { ProcessFiles } from './process-files.ts';

export interface ChangePlan extends PushPlan {
  /** Files that the process does not run: they are not changed, and that does not make the change incomplete. */
  apart: { file: string; why: string }[];
  /** It has loaded none of the change's files, and that is all that is refused. */
  absent?: true;
}

interface Planning {
  connection: AgentCalls;
  change: ChangeSet;
  files: ProcessFiles;
  plan: ChangePlan;
}

/**
 * @param paths files and folders of the change, from the repository's top; none means all of it.
 * @throws {KeyholeError} USAGE for a path that the change does not touch.
 */
export async function planChange(connection: AgentCalls, change: ChangeSet, paths: readonly string[]): Promise<ChangePlan> {
  const plan: ChangePlan = { patches: [], refused: [], unchanged: [], stays: [], leftOut: [], apart: [] };
  const planning: Planning = { connection, change, plan, files: await ProcessFiles.of(connection, change.top, (file) => change.has(file)) };
  const covers = (path: string, file: ChangedFile): boolean =>
    [file.before, file.after].some((side) => side !== null && (path === '' || side.path === path || side.path.startsWith(`${path}/`)));
  const untouched = paths.find((path) => !change.files.some((file) => covers(path, file)));
  if (untouched !== undefined) throw new KeyholeError('USAGE', `${change.title} does not change ${untouched}`);
  const chosen = change.files.filter((file) => paths.length === 0 || paths.some((path) => covers(path, file)));
  let notLoaded = 0;
  for (const file of chosen) {
    const { path } = file.before ?? file.after;
    try {
      const known = await planFile(planning, file);
      if (known === 'not loaded') notLoaded += 1;
    } catch (thrown) {
      const error = KeyholeError.from(thrown);
      if (error.code === 'UNREACHABLE' || error.code === 'INTERNAL' || error.code === 'NOT_ALLOWED') throw error;
      plan.refused.push({ address: path, why: error.hint === undefined ? error.message : `${error.message}. ${error.hint}` });
    }
  }
  // Another service's commit would look as if it were in.
  const nothingHere = plan.patches.length + plan.refused.length + plan.unchanged.length === 0 && notLoaded > 0;
  if (nothingHere) {
    plan.absent = true;
    plan.refused.push({ address: change.title, why: 'none of its files is loaded in this process' });
  }
  return plan;
}

async function planFile(planning: Planning, file: ChangedFile): Promise<'not loaded' | null> {
  const { plan, files } = planning;
  const { path } = file.before ?? file.after;
  const sides = [file.before, file.after].filter((side) => side !== null);
  const refuse = (why: string): null => {
    plan.refused.push({ address: path, why });
    return null;
  };
  const setApart = (why: string): null => {
    plan.apart.push({ file: path, why });
    return null;
  };
  if (!sides.every((side) => isInside(side.path))) return refuse('its name leads out of the repository');
  if (sides.some((side) => side.mode === '160000')) return refuse('a submodule moved: what the process has of it takes an update and a restart');
  if (sides.some((side) => side.mode === '120000')) return refuse('it is a link, or was one: what it leads to can not be followed');
  if (file.kind === 'modified' && file.before.blob === file.after.blob) return setApart('only its mode changed');
  const known = kindOf(path);
  if (known.kind === 'source') return planSource(planning, file, refuse, setApart);
  if (known.kind === 'beside') return setApart(known.what);
  if (!(await files.isPart(path))) return setApart('it belongs to a package that the process has nothing of');
  if (known.kind === 'unknown') return refuse('it is no code, and nobody can tell whether the process has read it: it takes a restart to be sure');
  if (file.kind !== 'modified') return refuse(`the file was ${file.kind}: it takes an install and a restart`);
  const [before, after] = await Promise.all([textOf(planning.change, file.before), textOf(planning.change, file.after)]);
  if (known.kind === 'manifest') {
    const fields = manifestChanges(before, after);
    if (fields === null || fields.matter.length > 0)
      return refuse(`${fields?.matter.join(', ') ?? 'its text'} changed: it takes an install and a restart`);
    return setApart(`only ${fields.rest.join(', ') || 'its layout'} changed`);
  }
  const packages = lockChanges(path, before, after);
  if (packages === null) return refuse('installed packages may have changed: it takes an install and a restart');
  if (packages.length === 0) return setApart('only packages for development changed');
  return refuse(`installed packages changed (${firstOf(packages)}): it takes an install and a restart`);
}

async function planSource(
  { connection, change, files, plan }: Planning,
  file: ChangedFile,
  refuse: (why: string) => null,
  setApart: (why: string) => null,
): Promise<'not loaded' | null> {
  const { path } = file.before ?? file.after;
  const base = await files.base(path);
  if (file.kind !== 'modified' && !(await hasCode(change, file))) return setApart('types only');
  if (base === null) {
    const beside = besides(path);
    if (beside !== null) return setApart(beside.what);
    if (!(await files.isPart(path))) return setApart('it belongs to a package that the process has nothing of');
    if (file.kind === 'added')
      return refuse(
        file.copyOf === undefined ? 'it is a new module: it takes a restart' : `it is a new module, a copy of ${file.copyOf}: it takes a restart`,
      );
    setApart('not loaded: if the process loads it later, it loads the text that is deployed');
    return 'not loaded';
  }
  if (file.kind === 'deleted') return refuse('it was deleted, and the process runs it: it takes a restart');
  if (file.kind === 'renamed') return refuse(`it was renamed to ${file.after.path}, and the process runs it: it takes a restart`);
  const newText = await textOf(change, file.after);
  const { patches: live } = await connection.call('patch.list', {});
  // A file that came with the change, and that the process has all the same, was deployed with it.
  const oldText = file.before === null ? base.author.text : await textOf(change, file.before);
  const { changed, renewed, refused, imports, already } = changedFunctions(base, oldText, newText, live);
  plan.refused.push(...refused);
  plan.unchanged.push(...already);
  const has: HasFile = (name) => change.has(posix.join(posix.dirname(path), name));
  await planFunctions({ connection, base, renewed, has, plan }, changed, imports);
  if (changed.length === 0 && imports.length === 0 && refused.length === 0 && already.length === 0) plan.unchanged.push(base.author.file);
  return null;
}

/** Whether a file that came, went or moved holds anything but types. */
async function hasCode(change: ChangeSet, file: ChangedFile): Promise<boolean> {
  const { path } = file.before ?? file.after;
  for (const side of [file.before, file.after]) {
    if (side === null) continue;
    const { imports, refused } = compareFiles(parseAuthor('', path), parseAuthor(await textOf(change, side), path));
    if (imports.length + refused.length > 0) return true;
  }
  return false;
}

async function textOf(change: ChangeSet, side: FileSide): Promise<string> {
  const bytes = await change.read(side);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw new KeyholeError('GIT', `${JSON.stringify(side.path)} is not UTF-8 text`);
  }
}
