/** An opened value as text: its rows, further levels indented, a function's closure below. */
import type { RemoteProperty, ValuePage } from '@keyhole/agent/protocol';
import { span, type Text } from './text.ts';
import { renderName, renderValue } from './value.ts';

export function renderPage(page: ValuePage): Text {
  const parts: Text[] = [renderValue(page.value), '\n', ...renderRows(page.properties, 1)];
  if (page.start > 0) parts.push(span('dim', `  (from row ${page.start})\n`));
  if (page.next !== undefined) parts.push(span('dim', `  ... ${page.total - page.next} more of ${page.total}: --start ${page.next}\n`));
  for (const scope of page.scopes ?? []) {
    parts.push(span('heading', `  closure: ${scope.type}${scope.name === undefined || scope.name === '' ? '' : ` ${scope.name}`}\n`));
    parts.push(...renderRows(scope.variables, 2));
  }
  return parts;
}

/** What stands where a row's value would. */
export function renderRowValue(row: RemoteProperty): Text {
  return row.kind === 'accessor'
    ? span('keyword', '[Getter/Setter]')
    : row.value === undefined
      ? span('dim', '(not available)')
      : renderValue(row.value);
}

function renderRows(rows: RemoteProperty[], level: number): Text[] {
  const indent = '  '.repeat(level);
  return rows.flatMap((row) => {
    const name: Text =
      row.key !== undefined
        ? [renderValue(row.key), ' => ']
        : row.kind === 'internal'
          ? [span('dim', row.name), ': ']
          : row.enumerable || row.kind === 'private' || row.kind === 'entry'
            ? [renderName(row.name), ': ']
            : [span('dim', row.name), ': '];
    // A preview broken over lines starts at the left; here it stands below its row.
    const line: Text[] = [indent, name, indented(renderRowValue(row), indent), '\n'];
    return row.properties === undefined ? line : [...line, ...renderRows(row.properties, level + 1)];
  });
}

function indented(text: Text, indent: string): Text {
  if (typeof text === 'string') return text.replaceAll('\n', `\n${indent}`);
  if (Array.isArray(text)) return text.map((part) => indented(part, indent));
  return { ...text, text: text.text.replaceAll('\n', `\n${indent}`) };
}
