/**
 * One file of a commit: the functions it changes, each only where what runs is the old side of it. Between the old side and the file that runs there may lie other commits and live
 * patches; they stay as they are.
 */
import type { PatchRecord, RefusedPatch } from '@keyhole/agent/protocol';
import type { FunctionEntry, SyntaxNode } from '@keyhole/agent/source';
import { unifiedDiff } from '../render/unified-diff.ts';
import type { BaseFile } from './base.ts';
import { baseAddress, compareFiles, type AddedImport } from './compare.ts';
import { formOf } from './forms.ts';
import { parseAuthor, textOf, type AuthorFile } from './parse.ts';

/** A refusal, with what differs where that can be shown. */
export interface Refusal extends RefusedPatch {
  diff?: string;
}

export interface ChangedFunctions {
  /** What to patch: the function as the process knows it, and the new one. */
  changed: [FunctionEntry, FunctionEntry][];
  renewed: AuthorFile;
  refused: Refusal[];
  imports: AddedImport[];
  /** Addresses of functions that run already as the new side has them. */
  already: string[];
}

/**
 * @param base the file that runs, as it was loaded.
 * @param live the patches that are live in the process.
 * @throws {KeyholeError} SYNTAX where a side can't be read.
 */
export function changedFunctions(base: BaseFile, oldText: string, newText: string, live: readonly PatchRecord[]): ChangedFunctions {
  const { author } = base;
  const old = parseAuthor(oldText, author.file);
  const renewed = parseAuthor(newText, author.file);
  const { changed, refused, imports } = compareFiles(old, renewed);
  const isIn = isInAlready(author, old, renewed);
  const result: ChangedFunctions = { changed: [], renewed, refused: isIn ? [] : [...refused], imports: isIn ? [] : imports, already: [] };
  const patches = new Map(live.map((record) => [record.address, record]));
  const drift = compareFiles(author, old);
  const isSameFile = [drift.changed, drift.imports, drift.refused].every((differences) => differences.length === 0);
  for (const [before, after] of changed) {
    const entry = entryIn(author, old, before, isSameFile);
    if (entry === null) {
      const why =
        before.path === ''
          ? 'the function has no name, and the file that runs is not the old side of this change'
          : 'the process does not have this function';
      result.refused.push({ address: baseAddress(old, before), why });
      continue;
    }
    const address = baseAddress(author, entry);
    const patched = (path: string): boolean => patches.has(`${author.file}:${path}`);
    const running = withPatch(author, entry, patches.get(address));
    const runs = form(running.author, running.entry, patched);
    if (runs === form(renewed, after, patched)) result.already.push(address);
    else if (runs === form(old, before, patched)) result.changed.push([entry, after]);
    else result.refused.push(notTheOldSide(address, textOf(running.author, running.entry), textOf(old, before), patches.get(address)));
  }
  return result;
}

/** Whether everything outside of functions, and each function that the change brings, runs as the new side has it. */
function isInAlready(author: AuthorFile, old: AuthorFile, renewed: AuthorFile): boolean {
  const { changed, imports, refused } = compareFiles(author, renewed);
  const known = new Set(old.functions.map((each) => each.path));
  return refused.length === 0 && imports.length === 0 && changed.every(([, after]) => after.path !== '' && known.has(after.path));
}

/** Live patches of functions that a new text of the file has as they were loaded: nothing in it says that they should go. */
export function patchesThatStay(
  author: AuthorFile,
  renewed: AuthorFile,
  changed: ReadonlySet<FunctionEntry>,
  live: readonly PatchRecord[],
): PatchRecord[] {
  return live.filter((patch) => {
    const entry = author.functions.find((each) => baseAddress(author, each) === patch.address);
    const after = renewed.functions.find((each) => entry !== undefined && each.path === entry.path && each.kind === entry.kind);
    if (entry === undefined || after === undefined || changed.has(entry)) return false;
    const running = withPatch(author, entry, patch);
    const isOther = (path: string): boolean => live.some((each) => each !== patch && each.address === `${author.file}:${path}`);
    return form(running.author, running.entry, isOther) !== form(renewed, after, isOther);
  });
}

function notTheOldSide(address: string, runs: string, expected: string, patch: PatchRecord | undefined): Refusal {
  const what = patch === undefined ? 'what runs' : `the live patch ${patch.id}`;
  return {
    address,
    why: `${what} is not the old side of this change`,
    diff: unifiedDiff('runs', 'old side of the change', `${runs}\n`, `${expected}\n`),
  };
}

/** The function of the file that runs which the old side's stands for. */
function entryIn(author: AuthorFile, old: AuthorFile, entry: FunctionEntry, isSameFile: boolean): FunctionEntry | null {
  if (entry.path === '') return (isSameFile ? author.functions[old.functions.indexOf(entry)] : undefined) ?? null;
  // The number of a namesake says which one it is only among as many.
  const name = entry.path.replace(/~\d+$/, '');
  const namesakes = ({ functions }: AuthorFile): FunctionEntry[] => functions.filter((each) => each.path.replace(/~\d+$/, '') === name);
  if (namesakes(author).length !== namesakes(old).length) return null;
  return author.functions.find((each) => each.path === entry.path && each.kind === entry.kind) ?? null;
}

/** The file with the live patch of one function in its place. */
function withPatch(author: AuthorFile, entry: FunctionEntry, patch: PatchRecord | undefined): { author: AuthorFile; entry: FunctionEntry } {
  if (patch === undefined) return { author, entry };
  const text = author.text.slice(0, entry.start) + patch.source + author.text.slice(entry.end);
  const patched = parseAuthor(text, author.file);
  const found = patched.functions.find((each) => each.start === entry.start && each.end === entry.start + patch.source.length);
  return found === undefined ? { author, entry } : { author: patched, entry: found };
}

/** A function without its types. Functions in it that have a live patch of their own are not looked at: they go on with that. */
function form(author: AuthorFile, entry: FunctionEntry, hasPatch: (path: string) => boolean): string {
  const inside = new Map<SyntaxNode, string>();
  for (const each of author.functions) {
    if (each !== entry && each.path !== '' && hasPatch(each.path)) inside.set(each.container, `Function(${each.path})`);
  }
  return formOf(entry.container, (node) => inside.get(node) ?? null);
}
