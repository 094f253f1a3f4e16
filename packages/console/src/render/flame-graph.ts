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
  const total = amountOf(root);
  const boxes: string[] = [];
  let deepest = 0;
  const draw = (flame: Flame, amount: number, leftPx: number, depth: number): void => {
    const boxPx = total === 0 ? 0 : (amount / total) * widthPx;
    if (boxPx < leastPx) return;
    deepest = Math.max(deepest, depth);
    boxes.push(box(flame, { leftPx, boxPx, depth, says: `${unit(amount)}, ${percent(amount / total)}` }));
    let at = leftPx;
    for (const { child, below } of merged(flame.children)) {
      draw(child, below, at, depth + 1);
      at += total === 0 ? 0 : (below / total) * widthPx;
    }
  };
  draw(root, total, 0, 0);
  const heightPx = headPx + (deepest + 1) * rowPx + 10;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${widthPx}" height="${heightPx}" viewBox="0 0 ${widthPx} ${heightPx}" font-family="monospace" font-size="${fontPx}">`,
    `<rect width="100%" height="100%" fill="#fffdf8"/>`,
    `<text x="8" y="20" font-size="14" font-weight="bold">${escaped(title)}</text>`,
    `<text x="8" y="37" fill="#666">width: time or bytes; below: what it called. Hold the pointer on a box for its place.</text>`,
    ...boxes,
    '</svg>',
    '',
  ].join('\n');
}

/** Calls of one function from one place are one box. */
function merged(children: readonly Flame[]): { child: Flame; below: number }[] {
  const byName = new Map<string, Flame>();
  for (const child of children) {
    const key = `${child.name}\n${child.place}`;
    const known = byName.get(key);
    byName.set(key, known === undefined ? child : { ...known, self: known.self + child.self, children: [...known.children, ...child.children] });
  }
  return [...byName.values()].map((child) => ({ child, below: amountOf(child) })).sort((a, b) => b.below - a.below);
}

function amountOf({ self, children }: Flame): number {
  return children.reduce((sum, child) => sum + amountOf(child), self);
}

function box({ name, place }: Flame, { leftPx, boxPx, depth, says }: { leftPx: number; boxPx: number; depth: number; says: string }): string {
  const topPx = headPx + depth * rowPx;
  const letters = Math.floor((boxPx - 6) / letterPx);
  const label = letters < 3 ? '' : name.length <= letters ? name : `${name.slice(0, letters - 1)}\u2026`;
  const tip = `<title>${escaped(`${name}${place === '' ? '' : ` (${place})`}: ${says}`)}</title>`;
  const frame = `<rect x="${leftPx.toFixed(1)}" y="${topPx}" width="${boxPx.toFixed(1)}" height="${rowPx - 1}" rx="1" fill="${colour(name, place)}"/>`;
  const text = label === '' ? '' : `<text x="${(leftPx + 3).toFixed(1)}" y="${topPx + 12}">${escaped(label)}</text>`;
  return `<g>${tip}${frame}${text}</g>`;
}

/** The same function has the same colour in every graph; Node's own are grey. */
function colour(name: string, place: string): string {
  if (place === '' || place.startsWith('node:')) return '#d9d5cb';
  const hue = createHash('sha256').update(name).digest()[0] ?? 0;
  return `hsl(${10 + (hue % 45)},85%,${66 + (hue % 12)}%)`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function escaped(text: string): string {
  return sanitize(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
