/** A profile as a flame graph: one SVG file that needs nothing else, and runs no script. Whatever comes from the service is text in it, and escaped. */
import { createHash } from 'node:crypto';
import { sanitize } from './sanitize.ts';

export interface Flame {
  name: string;
  /** Where it is, for the tooltip. */
  place: string;
  /** Without those below it. */
  self: number;
  children: Flame[];
  /** How much more of the whole it is than it was before, with those below it: from -1 to 1. Absent where nothing is compared. */
  change?: number;
}

/** Flames that are one: the first of them stands for all. */
export interface Merged {
  flame: Flame;
  self: number;
  /** With those below it. */
  amount: number;
  below: Map<string, Merged>;
}

const widthPx = 1_200;
const rowPx = 17;
const fontPx = 11;
/** Of a monospaced letter of that size. */
const letterPx = 6.7;
const headPx = 46;
/** Narrower than this nothing can be seen. */
const leastPx = 0.3;

/** @param unit how an amount is said: `12 ms`, `3 KB`. */
export function flameGraph(root: Flame, title: string, unit: (amount: number) => string): string {
  // Calls of one function from one place are one box.
  const whole = merged([root], ({ name, place }) => `${name}\n${place}`);
  const total = whole.amount;
  const boxes: string[] = [];
  let deepest = 0;
  const draw = ({ flame, amount, below }: Merged, leftPx: number, depth: number): void => {
    const boxPx = total === 0 ? 0 : (amount / total) * widthPx;
    if (boxPx < leastPx) return;
    deepest = Math.max(deepest, depth);
    const { change } = flame;
    const says = `${unit(amount)}, ${percent(amount / total)}${change === undefined ? '' : `, ${change < 0 ? '' : '+'}${(change * 100).toFixed(1)} points`}`;
    boxes.push(drawn(flame, { leftPx, boxPx, depth, says }));
    let at = leftPx;
    for (const box of [...below.values()].sort((a, b) => b.amount - a.amount)) {
      draw(box, at, depth + 1);
      at += total === 0 ? 0 : (box.amount / total) * widthPx;
    }
  };
  draw(whole, 0, 0);
  const heightPx = headPx + (deepest + 1) * rowPx + 10;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${widthPx}" height="${heightPx}" viewBox="0 0 ${widthPx} ${heightPx}" font-family="monospace" font-size="${fontPx}">`,
    `<rect width="100%" height="100%" fill="#fffdf8"/>`,
    `<text x="8" y="20" font-size="14" font-weight="bold">${escaped(title)}</text>`,
    `<text x="8" y="37" fill="#666">width: time or bytes; below: what it called.${root.change === undefined ? '' : ' Red: more of the whole than before, blue: less.'} Hold the pointer on a box for its place.</text>`,
    ...boxes,
    '</svg>',
    '',
  ].join('\n');
}

/** Each flame is looked at once, from the leaves up. @param same flames that are one; @param keyOf by which of their children are. */
export function merged(same: readonly Flame[], keyOf: (flame: Flame) => string): Merged {
  const groups = new Map<string, Flame[]>();
  for (const { children } of same) {
    for (const child of children) {
      const key = keyOf(child);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [child]);
      else group.push(child);
    }
  }
  const below = new Map([...groups].map(([key, group]) => [key, merged(group, keyOf)]));
  const self = same.reduce((all, flame) => all + flame.self, 0);
  const [flame = { name: '', place: '', self: 0, children: [] }] = same;
  return { flame, self, amount: [...below.values()].reduce((all, { amount }) => all + amount, self), below };
}

function drawn(
  { name, place, change }: Flame,
  { leftPx, boxPx, depth, says }: { leftPx: number; boxPx: number; depth: number; says: string },
): string {
  const topPx = headPx + depth * rowPx;
  const letters = Math.floor((boxPx - 6) / letterPx);
  const label = letters < 3 ? '' : name.length <= letters ? name : `${name.slice(0, letters - 1)}\u2026`;
  const tip = `<title>${escaped(`${name}${place === '' ? '' : ` (${place})`}: ${says}`)}</title>`;
  const frame = `<rect x="${leftPx.toFixed(1)}" y="${topPx}" width="${boxPx.toFixed(1)}" height="${rowPx - 1}" rx="1" fill="${change === undefined ? colour(name, place) : colourOf(change)}"/>`;
  const text = label === '' ? '' : `<text x="${(leftPx + 3).toFixed(1)}" y="${topPx + 12}">${escaped(label)}</text>`;
  return `<g>${tip}${frame}${text}</g>`;
}

/** The same function has the same colour in every graph; Node's own are grey. */
function colour(name: string, place: string): string {
  if (place === '' || place.startsWith('node:')) return '#d9d5cb';
  const hue = createHash('sha256').update(name).digest()[0] ?? 0;
  return `hsl(${10 + (hue % 45)},85%,${66 + (hue % 12)}%)`;
}

/** More is red, less is blue; a tenth of the whole has the full colour. */
function colourOf(change: number): string {
  const strength = Math.min(1, Math.abs(change) * 10);
  return `hsl(${change < 0 ? 215 : 5},85%,${(95 - 35 * strength).toFixed(0)}%)`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function escaped(text: string): string {
  return sanitize(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
