/** What an agent tells without being asked, in a line. It comes from outside: what has not the shape is no news. */
import type { News } from '@keyhole/agent/protocol';
import { duration } from '../render/duration.ts';
import { span, type Text } from '../render/text.ts';
import { describeUndone, undoneNews } from './trial.ts';

export function describeNews(event: string, data: unknown): Text | null {
  const undone = undoneNews(event, data);
  if (undone !== null) return [describeUndone(undone), '\n'];
  if (event === 'silent' || event === 'answering') {
    const blockedMs = blockedNews(data);
    if (blockedMs === null) return null;
    return event === 'silent'
      ? [span('bad', `the main thread has not answered for ${duration(blockedMs)}: `), 'keyhole rescue shows where it is\n']
      : [span('good', 'the main thread answers again'), `, after ${duration(blockedMs)}\n`];
  }
  if (event === 'waiting' && isWaiting(data)) {
    const { id, operator, what, reason } = data;
    return [span('warning', `${operator} waits for approval: `), `keyhole approve T ${id}  ${what.join(', ')}`, span('dim', `  (${reason})`), '\n'];
  }
  if (event === 'changed' && isChanged(data)) {
    const { operator, what, patches, breakGlass } = data;
    return [`${operator} ${what} ${patches.join(', ')}`, breakGlass ? span('bad', '  WITHOUT THE APPROVAL THAT IS DUE (--break-glass)') : '', '\n'];
  }
  return null;
}

function blockedNews(data: unknown): number | null {
  const { blockedMs } = (data ?? {}) as Record<string, unknown>;
  return typeof blockedMs === 'number' && blockedMs >= 0 ? blockedMs : null;
}

function isWaiting(data: unknown): data is Extract<News, { event: 'waiting' }>['data'] {
  const { id, operator, what, reason } = (data ?? {}) as Record<string, unknown>;
  return [id, operator, reason].every((each) => typeof each === 'string') && isTexts(what);
}

function isChanged(data: unknown): data is Extract<News, { event: 'changed' }>['data'] {
  const { operator, what, patches, breakGlass } = (data ?? {}) as Record<string, unknown>;
  return typeof operator === 'string' && typeof what === 'string' && typeof breakGlass === 'boolean' && isTexts(patches);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}
