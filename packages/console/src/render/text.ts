/**
 * Text for people: spans with a role, and the one function that turns them into bytes for a terminal. Colour travels beside the text, never in it,
 * so that everything that came from outside can be escaped at the end.
 */
import { Chalk, type ChalkInstance } from 'chalk';
import { sanitize } from './sanitize.ts';

export type Role = 'string' | 'number' | 'keyword' | 'name' | 'dim' | 'heading' | 'good' | 'bad' | 'warning' | 'added' | 'removed' | 'hunk';
export interface Span {
  text: string;
  role: Role;
}
export type Text = string | Span | Text[];

export function span(role: Role, text: string): Span {
  return { text, role };
}

/** The single way to a terminal. */
export function paint(text: Text, colour: boolean): string {
  const chalk = new Chalk({ level: colour ? 1 : 0 });
  const parts: string[] = [];
  const walk = (each: Text): void => {
    if (typeof each === 'string') parts.push(sanitize(each));
    else if (Array.isArray(each)) for (const part of each) walk(part);
    else parts.push(styles[each.role](chalk)(sanitize(each.text)));
  };
  walk(text);
  return parts.join('');
}

/** How many columns a text takes on one line. */
export function widthOf(text: Text): number {
  return [...paint(text, false)].length;
}

export function joined(texts: Text[], separator: Text): Text[] {
  return texts.flatMap((text, index) => (index === 0 ? [text] : [separator, text]));
}

/** NO_COLOR (any value that is not empty) and a stream that is no terminal mean no colour. */
export function wantsColour(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

const styles: Record<Role, (chalk: ChalkInstance) => ChalkInstance> = {
  string: (chalk) => chalk.green,
  number: (chalk) => chalk.yellow,
  keyword: (chalk) => chalk.cyan,
  name: (chalk) => chalk.bold,
  dim: (chalk) => chalk.dim,
  heading: (chalk) => chalk.bold,
  good: (chalk) => chalk.green,
  bad: (chalk) => chalk.red,
  warning: (chalk) => chalk.yellow,
  added: (chalk) => chalk.green,
  removed: (chalk) => chalk.red,
  hunk: (chalk) => chalk.cyan,
};

/** More say nothing to a person. */
const maxNamed = 5;

/** The first of a list, and how many more there are. */
export function firstOf(names: readonly string[]): string {
  const shown = names.slice(0, maxNamed).join(', ');
  return names.length > maxNamed ? `${shown} and ${names.length - maxNamed} more` : shown;
}
