/** A value as lines of text, one for each leaf, under its way there: what can be compared line by line. */
import type { Preview, RemoteValue } from '@keyhole/agent/protocol';
import { paint, type Text } from './text.ts';
import { renderPreviewValue, renderValue } from './value.ts';

export function linesOf(value: RemoteValue): string[] {
  const { preview } = value;
  const lines = preview === undefined ? [plain(renderValue(value))] : linesOfPreview(preview, '');
  // What is in a value or a name can't begin a line of its own.
  return lines.map((line) => line.replace(/\s*\n\s*/g, ' '));
}

function linesOfPreview({ properties, entries = [], overflow, description = '' }: Preview, way: string): string[] {
  const lines = [
    ...properties.flatMap((property) => {
      const name = way === '' ? property.name : `${way}.${property.name}`;
      const inside = property.valuePreview === undefined ? [] : linesOfPreview(property.valuePreview, name);
      return inside.length > 0 ? inside : [`${name}: ${plain(renderPreviewValue(property))}`];
    }),
    ...entries.flatMap(({ key, value }, index) => {
      const name = `${way}[${key === undefined ? index : (key.description ?? key.type)}]`;
      const inside = linesOfPreview(value, name);
      return inside.length > 0 ? inside : [`${name}: ${value.description ?? value.type}`];
    }),
  ];
  if (overflow) lines.push(`${way === '' ? description : way}: ...`);
  return lines;
}

function plain(text: Text): string {
  return paint(text, false);
}
