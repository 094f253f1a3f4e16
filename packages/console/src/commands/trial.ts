/** What can undo a patch by itself, and what did, in words. */
import type { TrialState, Undone } from '@keyhole/agent/protocol';
import { duration } from '../render/duration.ts';
import { span, type Text } from '../render/text.ts';

export function describeTrial(id: string, { confirmWithinMs, errors }: TrialState): Text {
  const parts: Text[] = [];
  if (confirmWithinMs !== undefined) {
    parts.push([span('warning', `undone in ${duration(confirmWithinMs)}`), ` unless confirmed: keyhole confirm T ${id}`]);
  }
  if (errors !== undefined) {
    parts.push([
      span('warning', `undone when more than ${errors.allowed} of its calls fail`),
      ` in the next ${duration(errors.forMs)} (${errors.seen} so far)`,
    ]);
  }
  return parts.map((part) => ['  ', id, ' is ', part, '\n']);
}

/** From a journal entry or from the agent's news. */
export function describeUndone({ patches, cause, errors, lateMs, elsewhere = [], failed }: Omit<Undone, 'number' | 'entry' | 'at'>): Text {
  const ids = patches.map(({ id, address, now }) => `${id} (${address}${now === null || now === id ? '' : `, ${now} is live again`})`).join(', ');
  const why = cause === 'not confirmed' ? 'not confirmed in time' : 'too many of its calls failed';
  const how =
    errors === undefined ? '' : `; ${errors.seen} in ${errors.id}, ${errors.allowed} allowed, the last one ${errors.name}: ${errors.message}`;
  const late = lateMs < noticeableMs ? '' : `; ${duration(lateMs)} late, since the main thread was busy`;
  if (failed !== undefined) return [span('bad', 'could NOT be undone: '), ids, `: ${why}${how}; ${failed}`];
  return [span('warning', 'undone by the agent: '), ids, `: ${why}${how}${late}`, elsewhere.map((each) => [span('warning', '; '), each])];
}

const noticeableMs = 100;

/** News come from outside: what has not the shape is no news. */
export function undoneNews(event: string, data: unknown): Undone | null {
  if (event !== 'undone' || typeof data !== 'object' || data === null) return null;
  const { patches, cause, lateMs } = data as Partial<Undone>;
  const whole =
    Array.isArray(patches) && patches.every((each) => typeof each?.id === 'string') && typeof cause === 'string' && typeof lateMs === 'number';
  return whole ? (data as Undone) : null;
}
