/** The last look at a translation, which trusts nothing that made it. */
import { KeyholeError } from '@keyhole/agent/protocol';
import { analyseCaptures, indexFunctions, parseFunction, type FunctionEntry } from '@keyhole/agent/source';
import type { Spoken } from './spoken.ts';
import type { Tree } from './tree.ts';
import { unify } from './unify.ts';

interface Author {
  tree: Tree;
  entry: FunctionEntry;
}

interface Place {
  address: string;
  format: 'module' | 'commonjs';
}

/**
 * What is sent must be the new text and nothing else, whatever was put in place of its names.
 * @throws {KeyholeError} NOT_PATCHABLE
 */
export function checkSaid({ tree, entry }: Author, code: string, said: ReadonlyMap<string, string>, { address, format }: Place): void {
  const { program, text, container } = parseFunction(code, entry.place, format, address);
  const functions = indexFunctions(program, text);
  const own = functions.find((each) => each.container === container);
  if (own === undefined) throw new KeyholeError('INTERNAL', `${address}: the translation is not a function`);
  const result = unify(tree, entry, { text, program, captures: analyseCaptures(program), functions }, { ...own, kind: entry.kind }, true);
  const isSaid = ([key, { text: expression }]: [string, Spoken]): boolean =>
    said.get(key) === expression || [...said].some(([each, meant]) => each.startsWith(`${key}.`) && meant === expression + each.slice(key.length));
  if (!result.agrees || ![...result.names].every(isSaid)) {
    throw new KeyholeError(
      'NOT_PATCHABLE',
      `${address} could not be said in terms of the running module`,
      'This is a mistake of Keyhole: nothing was sent.',
      { actual: code },
    );
  }
}
