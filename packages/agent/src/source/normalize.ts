/** Texts compared by what they mean to the parser: comments, white space, quotes and parentheses do not count. */
import { isNode } from './syntax.ts';
import type { SyntaxNode } from './syntax.ts';

/** Taken when this is loaded: in an agent the service may replace it later. */
const { stringify } = JSON;

const ignored = new Set(['start', 'end', 'loc', 'range', 'raw', 'parent', 'extra']);

export interface NormalFormOptions {
  /** Another text for a node: a placeholder, or '' for a node that does not count. */
  replace?: (node: SyntaxNode) => string | null;
  /** Whether a field of a node does not count. */
  ignore?: (node: SyntaxNode, field: string) => boolean;
}

/** A tree as text without positions. */
export function normalForm(node: SyntaxNode, { replace, ignore }: NormalFormOptions = {}): string {
  const print = (value: unknown): string => {
    if (isNode(value)) {
      const instead = replace?.(value) ?? null;
      if (instead !== null) return instead;
      if (value.type === 'Literal' && typeof value.regex === 'object') return `Regex(${stringify(value.regex)})`;
      if (value.type === 'ParenthesizedExpression') return print(value.expression);
      const fields: string[] = [];
      for (const field of Object.keys(value).sort()) {
        const content = value[field];
        if (field === 'type' || ignored.has(field) || ignore?.(value, field) === true || content === undefined || content === null) continue;
        const printed = print(content);
        if (printed !== '') fields.push(`${field}=${printed}`);
      }
      return `${value.type}(${fields.join(',')})`;
    }
    if (Array.isArray(value))
      return `[${value
        .map(print)
        .filter((each) => each !== '')
        .join(',')}]`;
    if (typeof value === 'bigint') return `${value}n`;
    return stringify(value) ?? 'undefined';
  };
  return print(node);
}
