/** JavaScript in colours, by its tokens. What the tokenizer does not know (types, JSX) stays as it is from there on. */
import { tokenizer } from 'acorn';
import { span, type Role, type Span, type Text } from '../render/text.ts';

interface Piece {
  start: number;
  end: number;
  role: Role;
}

export function coloured(code: string): Text {
  const pieces: Piece[] = [];
  const onComment = (_block: boolean, _text: string, start: number, end: number): void => void pieces.push({ start, end, role: 'dim' });
  try {
    for (const { type, start, end } of tokenizer(code, { ecmaVersion: 'latest', sourceType: 'module', onComment })) {
      const role = type.keyword !== undefined ? 'keyword' : roles[type.label];
      if (role !== undefined) pieces.push({ start, end, role });
    }
  } catch {
    // Coloured up to here.
  }
  const parts: (string | Span)[] = [];
  let at = 0;
  for (const { start, end, role } of pieces.sort((a, b) => a.start - b.start)) {
    parts.push(code.slice(at, start), span(role, code.slice(start, end)));
    at = end;
  }
  return [...parts, code.slice(at)];
}

const roles: Record<string, Role> = { string: 'string', template: 'string', num: 'number', regexp: 'string', privateId: 'name' };
