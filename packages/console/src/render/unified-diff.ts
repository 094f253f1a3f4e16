/** Unified diffs: made from two texts, and coloured. Only that part of the library is loaded: every command may have to show one. */
import { createTwoFilesPatch } from 'diff/lib/patch/create.js';
import { span, type Text } from './text.ts';

export function unifiedDiff(oldName: string, newName: string, oldText: string, newText: string): string {
  // The line of equal signs that the library puts on top is no part of a unified diff.
  return createTwoFilesPatch(oldName, newName, oldText, newText, undefined, undefined, { context: 3 }).replace(/^=+\n/, '');
}

export function renderDiff(diff: string): Text {
  const lines = diff.split('\n');
  return lines.map((line, index) => {
    const end = index === lines.length - 1 ? '' : '\n';
    if (line.startsWith('+++') || line.startsWith('---') || line.startsWith('diff --git')) return [span('heading', line), end];
    if (line.startsWith('@@')) return [span('hunk', line), end];
    if (line.startsWith('+')) return [span('added', line), end];
    if (line.startsWith('-')) return [span('removed', line), end];
    return `${line}${end}`;
  });
}

/** The lines that differ, with some around them, without the frame of a diff. */
export function changedLines(oldText: string, newText: string): Text {
  const lines = unifiedDiff('', '', oldText, newText).split('\n');
  const first = lines.findIndex((line) => line.startsWith('@@'));
  return lines
    .slice(first < 0 ? lines.length : first)
    .filter((line) => line !== '' && !line.startsWith('@@') && !line.startsWith('\\'))
    .map((line) => [line.startsWith('+') ? span('added', line) : line.startsWith('-') ? span('removed', line) : span('dim', line), '\n']);
}
