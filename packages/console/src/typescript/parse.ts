/** The author's text as a tree: JavaScript or TypeScript, with JSX or without, by the file's name. */
import * as acorn from 'acorn';
import { tsPlugin } from '@sveltejs/acorn-typescript';
import { KeyholeError } from '@keyhole/agent/protocol';
import { analyseCaptures, caretMessage, indexFunctions, type Captures, type FunctionEntry, type SyntaxNode } from '@keyhole/agent/source';

export type Language = 'js' | 'ts';

export interface AuthorFile {
  file: string;
  text: string;
  language: Language;
  program: SyntaxNode;
  functions: FunctionEntry[];
  captures: Captures;
}

const TypeScriptParser = acorn.Parser.extend(tsPlugin());
const JsxParser = acorn.Parser.extend(tsPlugin({ jsx: true }));

export function languageOf(file: string): Language {
  return /\.[mc]?tsx?$/.test(file) ? 'ts' : 'js';
}

/** The author's name for a file says whether `<a>` in it is an element or a type. */
export function mayHoldJsx(file: string): boolean {
  return /\.[jt]sx$/.test(file);
}

/** @throws {KeyholeError} SYNTAX with file, line and caret. */
export function parseAuthor(text: string, file: string): AuthorFile {
  const language = languageOf(file);
  const program = mayHoldJsx(file)
    ? parse(JsxParser, text, file, 'module')
    : language === 'ts'
      ? parse(TypeScriptParser, text, file, 'module')
      : parseJavaScript(text, file);
  return { file, text, language, program, functions: indexFunctions(program, text), captures: analyseCaptures(program) };
}

function parseJavaScript(text: string, file: string): SyntaxNode {
  if (file.endsWith('.mjs')) return parse(acorn.Parser, text, file, 'module');
  if (file.endsWith('.cjs')) return parse(acorn.Parser, text, file, 'script');
  // A .js file says nothing of its kind; sloppy code may not parse as a module, and imports not as a script.
  try {
    return parse(acorn.Parser, text, file, 'module');
  } catch (asModule) {
    try {
      return parse(acorn.Parser, text, file, 'script');
    } catch {
      throw asModule;
    }
  }
}

function parse(parser: typeof acorn.Parser, text: string, file: string, sourceType: 'module' | 'script'): SyntaxNode {
  try {
    return parser.parse(text, {
      ecmaVersion: 'latest',
      sourceType,
      locations: true,
      allowHashBang: true,
      allowReturnOutsideFunction: sourceType === 'script',
    }) as unknown as SyntaxNode;
  } catch (thrown) {
    const { pos } = thrown as { pos?: unknown };
    if (!(thrown instanceof SyntaxError) || typeof pos !== 'number') throw thrown;
    const message = caretMessage(text, pos, file, thrown.message.replace(/ \(\d+:\d+\)$/, ''));
    throw new KeyholeError('SYNTAX', message, 'Correct the text and try again; nothing was applied.');
  }
}

export function textOf(author: AuthorFile, entry: FunctionEntry): string {
  return author.text.slice(entry.start, entry.end);
}
