/** Texts compared by what they mean to the parser: comments, white space, quotes and parentheses do not count. */
import { isNode } from './syntax.ts';
import type { SyntaxNode } from './syntax.ts';

const ignored = new Set(['start', 'end', 'loc', 'range', 'raw', 'parent', 'extra']);

/**
 * A tree as text without positions. `replace` may give another text for a node (a placeholder for a nested function, a translated name).
 */
export function normalForm(node: SyntaxNode, replace?: (node: SyntaxNode) => string | null): string {
  const print = (value: unknown): string => {
    if (isNode(value)) {
      const instead = replace?.(value) ?? null;
      if (instead !== null) return instead;
      if (value.type === 'Literal' && typeof value.regex === 'object') return `Regex(${JSON.stringify(value.regex)})`;
      if (value.type === 'ParenthesizedExpression') return print(value.expression);
      const fields = Object.keys(value)
        .filter((field) => field !== 'type' && !ignored.has(field) && value[field] !== undefined && value[field] !== null)
        .sort()
        .map((field) => `${field}=${print(value[field])}`);
      return `${value.type}(${fields.join(',')})`;
    }
    if (Array.isArray(value)) return `[${value.map(print).join(',')}]`;
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value === 'object' && value !== null) return JSON.stringify(value);
    return JSON.stringify(value) ?? 'undefined';
  };
  return print(node);
}
