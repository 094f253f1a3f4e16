/** Splits a line such as `.push "my file.ts" -r why` into a command and its words. */
import { KeyholeError } from '@keyhole/agent/protocol';
import type { CommandDefinition } from '../commands/command.ts';

/** @throws {KeyholeError} USAGE */
export function parseDotLine(definitions: CommandDefinition[], line: string): { definition: CommandDefinition; argv: string[] } {
  const text = line.trim().replace(/^\./, '');
  const definition = definitions.find(({ name }) => text === name || text.startsWith(`${name} `));
  if (definition === undefined) throw new KeyholeError('USAGE', `there is no command .${text}`, '.help lists them');
  const rest = text.slice(definition.name.length);
  return { definition, argv: definition.verbatim === true ? verbatimWords(definition, rest) : shellWords(rest) };
}

/** Blanks separate, single and double quotes hold together, a backslash takes the next character as it is (not inside single quotes). */
export function shellWords(text: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] as string;
    if (character === '\\' && quote !== "'" && at + 1 < text.length) {
      at += 1;
      word = (word ?? '') + (text[at] as string);
    } else if (quote !== null) {
      if (character === quote) quote = null;
      else word = (word ?? '') + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (quote !== null) throw new KeyholeError('USAGE', `a ${quote} is not closed`);
  if (word !== null) words.push(word);
  return words;
}

/** Known options before and after stay options; what is between is one expression, untouched. */
function verbatimWords(definition: CommandDefinition, text: string): string[] {
  const options = [...definition.options.map(({ flags }) => flags), '--json', '--help', '--timeout <time>'];
  const alternatives = options.map((flags) => {
    const long = /--[\w-]+/.exec(flags)?.[0] ?? '';
    return flags.includes('<') ? `${long}[ =]\\S+` : long;
  });
  const option = `(?:${alternatives.join('|')})`;
  const before = new RegExp(`^\\s*((?:${option}(?:\\s+|$))*)`).exec(text)?.[1] ?? '';
  const remaining = text.trimStart().slice(before.length);
  const after = new RegExp(`((?:(?:\\s+|^)${option})*)\\s*$`).exec(remaining)?.[1] ?? '';
  const expression = remaining
    .trimEnd()
    .slice(0, remaining.trimEnd().length - after.trimEnd().length)
    .trim();
  return [...shellWords(before), ...shellWords(after), ...(expression === '' ? [] : ['--', expression])];
}
