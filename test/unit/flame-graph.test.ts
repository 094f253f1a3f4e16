/** Flame graphs: what comes from a service is text in them, whatever it is. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { flameGraph, type Flame } from '../../packages/console/dist/render/flame-graph.js';

const ms = (amount: number): string => `${amount} ms`;
const leaf = (name: string, self: number): Flame => ({ name, place: 'src/a.ts:1', self, children: [] });

test('a box is as wide as its part of the whole, and calls of one function are one box', () => {
  const root: Flame = { name: 'root', place: '', self: 0, children: [leaf('a', 25), leaf('b', 50), leaf('a', 25)] };
  const svg = flameGraph(root, 'title', ms);
  const boxes = [...svg.matchAll(/<title>(\w+)[^<]*<\/title><rect x="([\d.]+)" y="\d+" width="([\d.]+)"/g)].map(([, name, x, width]) => [
    name,
    Number(x),
    Number(width),
  ]);
  expect(boxes).toEqual([
    ['root', 0, 1200],
    ['a', 0, 600],
    ['b', 600, 600],
  ]);
});

test('compared: what is more of the whole than before is red, less is blue, and how much is said', () => {
  const root: Flame = {
    name: 'root',
    place: '',
    self: 0,
    change: 0,
    children: [
      { ...leaf('a', 30), change: 0.2 },
      { ...leaf('b', 70), change: -0.05 },
    ],
  };
  const svg = flameGraph(root, 'title', ms);
  const boxes = [...svg.matchAll(/<title>(\w+)[^<]* ms, [^<]*%, ([^<]*)<\/title><rect [^>]*fill="hsl\((\d+),85%,(\d+)%\)"/g)].map((match) =>
    match.slice(1),
  );
  expect(boxes).toEqual([
    ['root', '+0.0 points', '5', '95'],
    ['b', '-5.0 points', '215', '78'],
    ['a', '+20.0 points', '5', '60'],
  ]);
});

test('a deep profile is drawn in time that grows with it, not with its square', () => {
  let chain: Flame = leaf('f0', 1);
  for (let depth = 1; depth < 300; depth += 1) chain = { name: `f${depth}`, place: '', self: 0, children: [chain] };
  let looked = 0;
  const counted = (flame: Flame): Flame => ({
    ...flame,
    get children() {
      looked += 1;
      return flame.children.map(counted);
    },
  });
  flameGraph(counted(chain), 'deep', ms);
  expect(looked).toBe(300);
});

test('names are escaped: no name makes an element, an entity or a control character', () => {
  const nasty = fc.string({ unit: fc.constantFrom('<', '>', '&', '"', "'", '/', 's', '\u001b', '\u202e', ']', '-', '!'), maxLength: 30 });
  fc.assert(
    fc.property(nasty, nasty, (name, place) => {
      const svg = flameGraph({ name, place, self: 1, children: [] }, name, ms);
      const tags = new Set([...svg.matchAll(/<\/?([a-z!]*)/gi)].map(([, tag]) => tag));
      expect([...tags].every((tag) => ['svg', 'rect', 'text', 'g', 'title'].includes(tag ?? ''))).toBe(true);
      expect(svg).not.toMatch(/&(?!(?:amp|lt|gt|quot);)|[\u0000-\u0009\u000b-\u001f\u202e]/);
    }),
  );
});

test('a profile of nothing is a graph of nothing', () => {
  expect(flameGraph({ name: 'root', place: '', self: 0, children: [] }, 'idle', ms)).toContain('</svg>');
});
