/** What `top` shows: a process in some lines, for a screen of any size from 80x24 on. */
import type { HotFunction, Vitals } from '@keyhole/agent/protocol';
import { duration } from './duration.ts';
import { sanitize } from './sanitize.ts';
import { span, type Role, type Text } from './text.ts';

export type ActorOrder = 'mailbox' | 'growth';

export interface TopState {
  name: string;
  vitals: Vitals;
  /** By id: how many messages more a second than when it was asked before. */
  growth: ReadonlyMap<string, number>;
  /** null: none was taken yet. */
  hottest: HotFunction[] | null;
  /** Why functions are not shown. */
  noFunctions: string | null;
  patches: { id: string; address: string; errors: number | null }[];
  order: ActorOrder;
  /** What is wrong at the moment. */
  alarm: string | null;
}

const megabyte = 1_048_576;
const barCells = 20;
const headLines = 6;

export function topLines(state: TopState, columns: number, rows: number): Text[] {
  const left = rows - headLines - 2;
  const patchLines = Math.min(state.patches.length, Math.max(1, Math.floor(left / 5)));
  const listLines = Math.max(1, left - patchLines - 1);
  return [...head(state, columns), ...lists(state, columns, listLines), ...patches(state, patchLines), keys(state)].slice(0, rows);
}

function head({ name, vitals, alarm }: TopState, columns: number): Text[] {
  const { eventLoop, memory, gc, cpu, uptimeMs, resources } = vitals;
  const { delayMs } = eventLoop;
  const share = memory.heapUsed / memory.heapLimit;
  const spaces = memory.spaces
    .filter(({ used }) => used >= megabyte / 10)
    .sort((a, b) => b.used - a.used)
    .map((space) => `${space.name.replace(/_space$/, '').replaceAll('_', ' ')} ${mb(space.used)}`);
  const handles = Object.entries(resources).map(([kind, count]) => `${kind} ${count}`);
  return [
    [span('heading', name), `  up ${duration(uptimeMs)}  cpu ${percent(cpu)}`, alarm === null ? '' : span('bad', `  ${alarm}`)],
    [
      'loop  ',
      meter(eventLoop.utilization),
      ` ${percent(eventLoop.utilization).padStart(5)}  delay `,
      span(delayMs.p99 > 100 ? 'bad' : 'number', `p50 ${delayMs.p50}  p99 ${delayMs.p99}  max ${delayMs.max} ms`),
    ],
    [
      'heap  ',
      meter(share),
      ` ${percent(share).padStart(5)}  ${mb(memory.heapUsed)} of ${mb(memory.heapLimit)} MB`,
      memory.nearlyFull ? span('bad', '  NEARLY FULL') : '',
    ],
    `      rss ${mb(memory.rss)}  external ${mb(memory.external)}  buffers ${mb(memory.arrayBuffers)} MB   gc ${gc.count} in ${gc.ms} ms (${gc.major} major)`,
    span('dim', `      ${spaces.join('  ')}`.slice(0, columns)),
    `holds ${handles.length === 0 ? 'nothing open' : handles.join(', ')}`,
  ];
}

/** Actors on the left, functions on the right. */
function lists(state: TopState, columns: number, rows: number): Text[] {
  const leftColumns = Math.floor(columns / 2) - 1;
  const actors = actorRows(state, leftColumns, rows - 1);
  const functions = functionRows(state, rows - 1);
  const { count } = state.vitals.actors;
  const title = pad([span('heading', `ACTORS (${count}) by ${state.order}`)], `ACTORS (${count}) by ${state.order}`.length, leftColumns);
  const lines: Text[] = [[title, ' ', span('heading', 'FUNCTIONS by cpu')]];
  for (let row = 0; row < rows - 1; row += 1) lines.push([actors[row] ?? ' '.repeat(leftColumns), ' ', functions[row] ?? '']);
  return lines;
}

function actorRows({ vitals, growth, order }: TopState, columns: number, rows: number): Text[] {
  const grown = (id: string): number => growth.get(id) ?? 0;
  const ordered = vitals.actors.top.toSorted((a, b) =>
    order === 'growth' ? grown(b.id) - grown(a.id) || (b.mailbox ?? -1) - (a.mailbox ?? -1) : (b.mailbox ?? -1) - (a.mailbox ?? -1),
  );
  return ordered.slice(0, rows).map(({ id, mailbox }) => {
    const more = grown(id);
    const figures = `${mailbox ?? '-'}`.padStart(7) + (more === 0 ? '' : `${more > 0 ? '+' : ''}${more}/s`).padStart(8);
    const room = columns - figures.length;
    const shown = [...oneLine(id)].slice(0, room).join('');
    return [shown.padEnd(room), span(more > 0 ? 'warning' : 'number', figures)];
  });
}

function functionRows({ hottest, noFunctions }: TopState, rows: number): Text[] {
  if (noFunctions !== null) return [span('dim', noFunctions)];
  if (hottest === null) return [span('dim', 'sampling ...')];
  return hottest.slice(0, rows).map(({ self, function: name, address, file }) => {
    const role: Role = address === undefined ? 'dim' : 'name';
    return [
      span('number', `${(self * 100).toFixed(1).padStart(5)} % `),
      span(role, oneLine(address ?? `${name === '' ? '(anonymous)' : name} ${file}`)),
    ];
  });
}

function patches({ patches: live }: TopState, rows: number): Text[] {
  if (live.length === 0) return [span('dim', 'no patch is live')];
  const lines: Text[] = live
    .slice(0, rows)
    .map(({ id, address, errors }) => [
      span('name', id),
      `  ${oneLine(address)}`,
      errors === null ? '' : span(errors > 0 ? 'bad' : 'dim', `  ${errors} errors`),
    ]);
  return [span('heading', `PATCHES (${live.length})`), ...lines];
}

function keys({ order }: TopState): Text {
  return span('dim', `q ends  m actors by mailbox  g by growth  (now: ${order})`);
}

function meter(share: number): Text {
  const cells = Math.max(0, Math.min(barCells, Math.round(share * barCells)));
  return ['[', span(share > 0.85 ? 'bad' : share > 0.6 ? 'warning' : 'good', '#'.repeat(cells)), ' '.repeat(barCells - cells), ']'];
}

function pad(text: Text, width: number, columns: number): Text {
  return [text, ' '.repeat(Math.max(0, columns - width))];
}

function oneLine(text: string): string {
  return sanitize(text.replace(/\s+/g, ' '));
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function mb(bytes: number): string {
  const amount = bytes / megabyte;
  return amount < 10 ? amount.toFixed(1) : String(Math.round(amount));
}
