/** Takes the types out of a text. Every position stays, so that lines in stack traces are the author's. */
import tsBlankSpace from 'ts-blank-space';
import type { AuthorFile } from './parse.ts';

export interface Stripped {
  /** As long as the author's text, line by line. */
  text: string;
  /** Where TypeScript stands that is more than types. */
  offending: number[];
}

const known = new WeakMap<AuthorFile, Stripped>();

export function withoutTypes(author: AuthorFile): Stripped {
  let stripped = known.get(author);
  if (stripped === undefined) {
    stripped = author.language === 'js' ? { text: author.text, offending: [] } : strip(author.text);
    known.set(author, stripped);
  }
  return stripped;
}

function strip(whole: string): Stripped {
  const offending: number[] = [];
  // A node begins with the white space before it.
  const startOf = (position: number): number => position + (/^\s*/.exec(whole.slice(position))?.[0].length ?? 0);
  const text = tsBlankSpace(whole, (node) => offending.push(startOf(node.pos)));
  return { text, offending };
}
