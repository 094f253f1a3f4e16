/** Rows in columns that line up, as plain lines: nothing that a script or a small terminal would stumble over. */
import { span, widthOf, type Text } from './text.ts';

const gap = 2;

/** `empty` is what stands there when there is no row. */
export function table(headings: string[], rows: Text[][], empty: string): Text {
  if (rows.length === 0) return [span('dim', empty), '\n'];
  const all: Text[][] = [headings.map((heading) => span('heading', heading)), ...rows.map((row) => row.map(oneLine))];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))));
  return all.map((row) => [
    ...row.map((cell, column) => (column === row.length - 1 ? cell : [cell, ' '.repeat((widths[column] ?? 0) - widthOf(cell) + gap)])),
    '\n',
  ]);
}

function oneLine(text: Text): Text {
  if (typeof text === 'string') return text.replace(/\s*\n\s*/g, ' ');
  if (Array.isArray(text)) return text.map(oneLine);
  return { ...text, text: text.text.replace(/\s*\n\s*/g, ' ') };
}
