/** Errors as text: ours as `keyhole: CODE: what` and a hint, the service's own as what its code threw. */
import type { KeyholeError, Thrown } from '@keyhole/agent/protocol';
import { span, type Text } from './text.ts';
import { renderDiff, unifiedDiff } from './unified-diff.ts';

export function renderFailure(error: KeyholeError): Text {
  const parts: Text[] = [span('bad', `keyhole: ${error.code}: `), error.message, '\n'];
  if (error.hint !== undefined) parts.push(error.hint, '\n');
  parts.push(renderDetails(error));
  return parts;
}

/** A throw in the service; a stack that already starts with the message stands for both. */
export function renderThrown(thrown: Thrown): Text {
  const head = thrown.name === '' ? thrown.message : `${thrown.name}: ${thrown.message}`;
  const stack = typeof thrown.stack === 'string' && thrown.stack.trim() !== '' ? thrown.stack : head;
  const [first, ...frames] = stack.includes(thrown.message) ? stack.split('\n') : [head, ...stack.split('\n')];
  return [span('bad', `Uncaught ${first}`), ...frames.map((frame) => (/^\s+at /.test(frame) ? span('dim', `\n${frame}`) : `\n${frame}`)), '\n'];
}

function renderDetails(error: KeyholeError): Text {
  const details = error.details ?? {};
  if (error.code === 'STALE_BASE' && typeof details['expected'] === 'string' && typeof details['actual'] === 'string') {
    return renderDiff(unifiedDiff('what was edited', 'what runs now', `${details['expected']}\n`, `${details['actual']}\n`));
  }
  if (!Array.isArray(details['refused'])) return '';
  return details['refused'].map((refused: { address?: unknown; why?: unknown } | null) => [
    '  ',
    span('name', String(refused?.address)),
    `: ${String(refused?.why)}\n`,
  ]);
}
