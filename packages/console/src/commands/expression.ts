/** Reads what an operator types as JavaScript, to know whether it is finished. Evaluates nothing; V8 in the service has the last word. */
import { Parser, tokTypes, type Options } from 'acorn';
import { caretAt } from '../render/caret.ts';

const options: Options = { ecmaVersion: 'latest', sourceType: 'script', allowAwaitOutsideFunction: true };

/** `{a: 1}` means an object here, as in Node's REPL, not a block. */
export function asEvaluated(code: string): string {
  const trimmed = code.trim();
  return trimmed.startsWith('{') && !trimmed.endsWith(';') && parses(`(${trimmed})`) ? `(${trimmed})` : code;
}

/** True where more lines could make it right: an open bracket, template or comment. */
export function isUnfinished(code: string): boolean {
  if (parses(code) || parses(asEvaluated(code))) return false;
  let unfinished = false;
  // The parser raises at the end of the text for what is only not finished; a wrong text fails before.
  const Watching = Parser.extend((Base) => {
    const Extended = class extends (Base as unknown as new (...args: unknown[]) => InternalParser) {
      override raise(position: number, message: string): void {
        if (/^Unterminated (template|comment)/.test(message)) unfinished = true;
        if (message.startsWith('Unterminated string') && /\\\n?$/.test(this.input.trimEnd())) unfinished = true;
        super.raise(position, message);
      }
      override unexpected(position?: number): void {
        if (this.type === tokTypes.eof) unfinished = true;
        super.unexpected(position);
      }
    };
    return Extended as unknown as typeof Parser;
  });
  try {
    Watching.parse(code, options);
  } catch {
    return unfinished;
  }
  return false;
}

/** Where a syntax error is, with a caret; null where this parser finds none. */
export function syntaxErrorAt(code: string): string | null {
  try {
    Parser.parse(code, options);
    return null;
  } catch (error) {
    const { loc } = error as { loc?: { line: number; column: number } };
    return loc === undefined ? null : caretAt(code, { file: 'expression', line: loc.line, column: loc.column });
  }
}

/** The part of acorn's parser that its plugins use, which its types leave out. */
declare class InternalParser {
  input: string;
  type: unknown;
  raise(position: number, message: string): void;
  unexpected(position?: number): void;
}

function parses(code: string): boolean {
  try {
    Parser.parse(code, options);
    return true;
  } catch {
    return false;
  }
}
