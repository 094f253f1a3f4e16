/** A call of the service that was watched, in a line of words; more where there is more to say. */
import type { WatchedCall } from '@keyhole/agent/protocol';
import { joined, span, type Role, type Text } from './text.ts';
import { renderValue } from './value.ts';

export const endings: Record<WatchedCall['how'], { word: string; role: Role }> = {
  returned: { word: '=', role: 'dim' },
  resolved: { word: 'resolves', role: 'dim' },
  threw: { word: 'throws', role: 'bad' },
  rejected: { word: 'rejects', role: 'bad' },
  closed: { word: 'was ended by its caller', role: 'dim' },
  unsettled: { word: 'has not settled', role: 'warning' },
};

export function renderCall(call: WatchedCall): Text {
  const { at, address, args, moreArgs, how, value, ms, syncMs, self, stack, missed, argsSeen, constructed, recorded } = call;
  const { word, role } = endings[how] ?? { word: how, role: 'dim' };
  const shownArgs = [...args.map(renderValue), ...(moreArgs == null ? [] : [span('dim', `... ${moreArgs} more`)])];
  const time = syncMs == null ? milliseconds(ms) : `${milliseconds(ms)}, ${milliseconds(syncMs)} of it at once`;
  return [
    missed == null ? '' : span('warning', `  ${missed} calls before it are not shown\n`),
    recorded == null ? '' : span('heading', `${recorded}  `),
    span('dim', `${clockTime(at)} `),
    span('name', address),
    constructed === true ? span('dim', ' new') : '',
    ' (',
    joined(shownArgs, ', '),
    ') ',
    span(role, word),
    value == null ? '' : [' ', renderValue(value)],
    span('dim', `  ${time}`),
    argsSeen === 'after' ? span('dim', '  (arguments as they were after it)') : '',
    '\n',
    self == null ? '' : [span('dim', '    this '), renderValue(self), '\n'],
    (stack ?? []).map((frame) => span('dim', `    from ${frame}\n`)),
  ];
}

/** Time of day where the console is. */
export function clockTime(at: number): string {
  const date = new Date(at);
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

export function milliseconds(ms: number): string {
  return `${ms >= 100 ? Math.round(ms) : ms >= 1 ? Math.round(ms * 10) / 10 : Math.round(ms * 1_000) / 1_000} ms`;
}
