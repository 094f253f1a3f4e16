/** Two profiles held against each other, for people: what differs by more than chance explains, and what was seen. */
import { table } from '../render/table.ts';
import { span, type Role, type Text } from '../render/text.ts';
import type { ProfileNote } from './cpu-profile.ts';
import { differs, type Difference, type FunctionDifference, type ProfileDifference, type ProfileSide } from './profile-diff.ts';

const maxRows = 20;

export function differenceText(
  { before, after, functions }: ProfileDifference,
  names: { before: string; after: string },
  notes: { before: ProfileNote | null; after: ProfileNote | null },
): Text {
  const differing = functions.filter(differs);
  const rows = differing
    .slice(0, maxRows)
    .map((each) => [
      ...cells(each.self),
      ...cells(each.total),
      each.function === '' ? '(anonymous)' : each.function,
      each.file === '' ? '' : `${each.file}:${each.line}`,
    ]);
  const headings = ['SELF', 'NOW', 'CHANGE', 'WITH CALLED', 'NOW', 'CHANGE', 'FUNCTION', 'AT'];
  return [
    sideLine('before', names.before, before, notes.before),
    sideLine('after', names.after, after, notes.after),
    patchesLine(notes),
    '\n',
    table(headings, rows, 'no function differs by more than the noise'),
    span('dim', rest(functions, differing)),
    span('dim', 'shares of all time of the main thread, idle time included; +- is three standard errors: what is within it may be chance\n'),
  ];
}

function sideLine(when: string, name: string, { ms, samples, busy }: ProfileSide, note: ProfileNote | null): Text {
  const from = note === null ? '' : `, ${note.service}#${note.pid} at ${note.at}`;
  return `${when.padEnd(6)}  ${name}: ${(ms / 1_000).toFixed(1)} s, ${samples} samples, busy ${(busy * 100).toFixed(1)} %${from}\n`;
}

/** What was changed between the two, where both say it. */
function patchesLine({ before, after }: { before: ProfileNote | null; after: ProfileNote | null }): Text {
  if (before === null || after === null) return '';
  if (before.service !== after.service) return span('warning', 'they are of different services\n');
  const other = before.pid === after.pid ? '' : 'another process of the service; ';
  const fresh = after.patches.filter(({ id }) => before.pid !== after.pid || !before.patches.some((each) => each.id === id));
  const gone = before.patches.filter(({ id }) => before.pid !== after.pid || !after.patches.some((each) => each.id === id));
  const listed = (patches: ProfileNote['patches']): string => patches.map(({ id, address }) => `${id} ${address}`).join(', ');
  if (fresh.length === 0 && gone.length === 0) return span('dim', `${other}the same patches were live\n`);
  const parts = [...(fresh.length === 0 ? [] : [`live since: ${listed(fresh)}`]), ...(gone.length === 0 ? [] : [`no more: ${listed(gone)}`])];
  return `${other}${parts.join('; ')}\n`;
}

function cells({ before, after, change, noise, withinNoise }: Difference): Text[] {
  const role: Role = withinNoise ? 'dim' : change > 0 ? 'bad' : 'good';
  return [points(before), points(after), span(role, `${change < 0 ? '' : '+'}${points(change)} +-${points(noise)}`)];
}

function points(share: number): string {
  return (share * 100).toFixed(1);
}

function rest(functions: readonly FunctionDifference[], differing: readonly FunctionDifference[]): string {
  const left = differing.length - maxRows;
  const within = functions.length - differing.length;
  const parts = [
    ...(left > 0 ? [`${left} more ${left === 1 ? 'differs' : 'differ'} by less (--json has all)`] : []),
    ...(within > 0 ? [`${within} ${within === 1 ? 'function differs' : 'functions differ'} by no more than the noise`] : []),
  ];
  return parts.length === 0 ? '' : `${parts.join('; ')}\n`;
}
