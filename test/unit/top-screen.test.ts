/** The screen of `top`, as text: it fits in 80 by 24 whatever the process says. */
import type { Vitals } from '@keyhole/agent/protocol';
import { expect, test } from 'vitest';
import { cut, Screen } from '../../packages/console/dist/render/screen.js';
import { paint } from '../../packages/console/dist/render/text.js';
import { topLines, type TopState } from '../../packages/console/dist/render/top.js';

const mb = 1_048_576;
const vitals: Vitals = {
  at: '2026-11-26T12:00:00.000Z',
  uptimeMs: 11_520_000,
  sinceMs: 1_000,
  eventLoop: { utilization: 0.42, delayMs: { mean: 1, p50: 1.2, p99: 4, max: 12.5 } },
  cpu: 0.57,
  memory: {
    rss: 120 * mb,
    heapUsed: 48 * mb,
    heapLimit: 96 * mb,
    nearlyFull: false,
    external: 3 * mb,
    arrayBuffers: 0.5 * mb,
    spaces: [
      { name: 'new_space', used: 1.2 * mb },
      { name: 'old_space', used: 40 * mb },
      { name: 'code_space', used: 0 },
    ],
  },
  gc: { count: 2, major: 1, ms: 4.1 },
  resources: { Timeout: 4, TCPSocketWrap: 12 },
  actors: {
    count: 2,
    top: [
      { id: 'room/lobby', type: 'Room', mailbox: 12 },
      { id: 'room/hall', type: 'Room', mailbox: 3 },
    ],
  },
};
const state: TopState = {
  name: 'rooms#1234 v24.21.0',
  vitals,
  growth: new Map([['room/hall', 3]]),
  hottest: [{ function: 'price', file: 'src/pricing.ts', line: 3, address: 'src/pricing.ts:price', self: 0.123 }],
  noFunctions: null,
  patches: [{ id: 'p17', address: 'src/pricing.ts:price', errors: 2 }],
  order: 'mailbox',
  alarm: null,
};
const text = (shown: TopState, columns = 80, rows = 24): string[] => topLines(shown, columns, rows).map((line) => paint(cut(line, columns), false));

test('what a person sees', () => {
  expect(text(state, 80, 14)).toEqual([
    'rooms#1234 v24.21.0  up 3h12m  cpu 57 %',
    'loop  [########            ]  42 %  delay p50 1.2  p99 4  max 12.5 ms',
    'heap  [##########          ]  50 %  48 of 96 MB',
    '      rss 120  external 3.0  buffers 0.5 MB   gc 2 in 4.1 ms (1 major)',
    '      old 40  new 1.2',
    'holds Timeout 4, TCPSocketWrap 12',
    'ACTORS (2) by mailbox                   FUNCTIONS by cpu',
    'room/lobby                   12          12.3 % src/pricing.ts:price',
    'room/hall                     3    +3/s ',
    '                                        ',
    'PATCHES (1)',
    'p17  src/pricing.ts:price  2 errors',
    'q ends  m actors by mailbox  g by growth  (now: mailbox)',
  ]);
});

test('by growth, with an alarm and a heap that is nearly full', () => {
  const shown = text({
    ...state,
    order: 'growth',
    alarm: 'IT HANGS',
    vitals: { ...vitals, memory: { ...vitals.memory, heapUsed: 90 * mb, nearlyFull: true } },
  });
  expect(shown[0]).toContain('IT HANGS');
  expect(shown[2]).toContain('NEARLY FULL');
  expect(shown.findIndex((line) => line.startsWith('room/hall'))).toBeLessThan(shown.findIndex((line) => line.startsWith('room/lobby')));
});

test('a thousand of everything with long names fits', () => {
  const many = <T>(make: (index: number) => T): T[] => Array.from({ length: 1_000 }, (_, index) => make(index));
  const full = {
    ...state,
    name: 'x'.repeat(200),
    vitals: {
      ...vitals,
      resources: Object.fromEntries(many((index) => [`Kind${index}`, 1])),
      actors: { count: 1_000, top: many((index) => ({ id: `actor/${'y'.repeat(100)}${index}\n`, type: 'T', mailbox: index })) },
    },
    hottest: many(() => ({ function: 'f'.repeat(200), file: 'g'.repeat(200), line: 1, self: 0.5 })),
    patches: many((index) => ({ id: `p${index}`, address: 'h'.repeat(200), errors: null })),
  };
  const shown = text(full);
  expect(shown.length).toBeLessThanOrEqual(24);
  expect(Math.max(...shown.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(shown.join('')).not.toContain('\n');
});

test('only lines that changed are sent again', () => {
  const sent: string[] = [];
  const screen = new Screen({ write: (out: string) => void sent.push(out), columns: 80, rows: 24 }, false);
  screen.draw(['one', 'two']);
  sent.length = 0;
  screen.draw(['one', 'three']);
  screen.draw(['one', 'three']);
  expect(sent).toEqual(['\u001b[2;1Hthree\u001b[K']);
});
