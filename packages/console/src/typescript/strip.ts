/** Takes the types out of a text. Every position stays, so that lines in stack traces are the author's. */
import { elementsIn } from './jsx.ts';
import { loadedBlankSpace, loadedTypeScript } from './loaded-typescript.ts';
import { mayHoldJsx, type AuthorFile } from './parse.ts';

export interface Stripped {
  /** As long as the author's text, line by line. */
  text: string;
  /** Where something stands that is neither types nor JavaScript: enums and the like, and JSX. */
  offending: number[];
}

const known = new WeakMap<AuthorFile, Stripped>();

export function withoutTypes(author: AuthorFile): Stripped {
  let stripped = known.get(author);
  if (stripped === undefined) {
    stripped = author.language === 'js' ? { text: author.text, offending: [] } : strip(author);
    stripped.offending.push(...elementsIn(author.program).map((each) => each.start));
    known.set(author, stripped);
  }
  return stripped;
}

function strip({ file, text: whole }: AuthorFile): Stripped {
  const offending: number[] = [];
  // A node begins with the white space before it.
  const startOf = (position: number): number => position + (/^\s*/.exec(whole.slice(position))?.[0].length ?? 0);
  const onError = (node: { pos: number }): void => void offending.push(startOf(node.pos));
  const { default: tsBlankSpace, blankSourceFile } = loadedBlankSpace();
  const ts = loadedTypeScript();
  const text = mayHoldJsx(file)
    ? blankSourceFile(ts.createSourceFile('author.tsx', whole, ts.ScriptTarget.ESNext, false, ts.ScriptKind.TSX), onError)
    : tsBlankSpace(whole, onError);
  return { text, offending };
}
