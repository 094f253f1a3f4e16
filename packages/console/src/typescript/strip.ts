/** Takes the types out of one function's text. Every position stays, so that lines in stack traces are the author's. */
import { KeyholeError } from '@keyhole/agent/protocol';
import { lineTable, type FunctionEntry } from '@keyhole/agent/source';
import tsBlankSpace from 'ts-blank-space';
import type { Language } from './parse.ts';

const wrappers: Record<FunctionEntry['place'], [string, string]> = {
  plain: ['(', '\n)'],
  'class-member': ['(class extends Object {', '\n})'],
  'object-member': ['({', '\n})'],
};

/** @throws {KeyholeError} NOT_PATCHABLE naming the line of what is more than types. */
export function withoutTypes(text: string, place: FunctionEntry['place'], language: Language, address: string): string {
  if (language === 'js') return text;
  const [prefix, suffix] = wrappers[place];
  const offending: number[] = [];
  const whole = prefix + text + suffix;
  // A node begins with the white space before it.
  const startOf = (position: number): number => position + (/^\s*/.exec(whole.slice(position))?.[0].length ?? 0);
  const stripped = tsBlankSpace(whole, (node) => offending.push(startOf(node.pos) - prefix.length));
  const [first] = offending;
  if (first !== undefined) {
    const line = lineTable(text)(Math.max(0, first));
    throw new KeyholeError(
      'NOT_PATCHABLE',
      `${address}: line ${line} of the function is TypeScript that is more than types`,
      'Enums, namespaces and parameter properties need the compiler: write it in another way, or deploy it.',
    );
  }
  return stripped.slice(prefix.length, stripped.length - suffix.length);
}
