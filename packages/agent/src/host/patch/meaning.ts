/** What the names and words of a patch's text mean outside its module, as the compiler found out and the rewriting needs to know. */
import type { SyntaxNode, Words } from '../../source/index.ts';

/** The names of what a patch is given; none of them occurs in its text. */
export interface Given {
  self: string;
  accessor: string;
  module: string;
  home: string;
  privates: string;
  reflect: string;
  variable: string;
  member: string;
  optional: string;
  inherited: string;
}

export function givenNames(code: string): Given {
  let prefix = '$kh_';
  while (code.includes(prefix)) prefix += '_';
  const named = (letter: string): string => prefix + letter;
  return {
    self: named('t'),
    accessor: named('a'),
    module: named('m'),
    home: named('h'),
    privates: named('p'),
    reflect: named('r'),
    variable: named('v'),
    member: named('q'),
    optional: named('o'),
    inherited: named('i'),
  };
}

/** What the text means by its names and words. */
export interface Meaning {
  given: Given;
  words: Words;
  /** Names that mean something outside the text: a variable of the module, or one that the accessor knows by number. */
  outside: ReadonlyMap<SyntaxNode, { name: string; index: number | null }>;
  /** The number of what the accessor offers; null where it does not. */
  offered(key: string): number | null;
  /** How `this` is said. */
  self: string;
  /** Whether `super` goes through the class and not through the accessor. */
  superByClass: boolean;
  /** The accessor and the number for a private name. */
  privateName(name: string): { accessor: string; index: number };
}

/** What a text can not say from outside, for the operator; thrown while it is rewritten and caught by the compiler. */
export class Unspeakable extends Error {}
