/** A small TypeScript service for tests of the translation, and generated bodies for one of its functions. */

export const files: Record<string, string> = {
  'lib.ts': `export function price(n: number): number { return n * 2 + 1; }
export function other(n: number): number { return n - 7; }
export default function label(n: number): string { return 'n' + n; }
export enum Level { Low = 1, High = 5 }
export const limit = 40;
`,
  'again.ts': `export { other as less } from './lib.js';
`,
  'main.ts': `import label, { price, Level, limit } from './lib.js';
import { less } from './again.js';
import * as lib from './lib.js';
import { inspect } from 'node:util';
const rates = [3, 4, 5];
let count = 0;
export class Cart {
  #sum = 0;
  readonly log: unknown[] = [];
  onEvent = (n: number): unknown => { this.#sum += n; return [this.#sum, n]; };
  add(n: number): unknown { this.#sum += price(n); return this.#capped(n); }
  #capped(n: number): number { return Math.min(n + this.#sum, limit); }
}
function helper(n: number): number { return lib.other(n) + rates.length; }
export function touch(): unknown { count += less(1); return [count, label(count), Level.High, inspect(rates), limit, helper(2), lib.price(3)]; }
export async function slow(n: number): Promise<unknown> { await null; return n > 3 ? helper(n) : touch(); }
export function outer(a: number) { let kept = a; return function inner(b: number): unknown { kept += b; return kept; }; }
export function target(a: number, b: number = 2): unknown { return [a, b, price(a)]; }
`,
};

/** `target` with other statements. */
export function withTarget(body: string): Record<string, string> {
  return { ...files, 'main.ts': (files['main.ts'] ?? '').replace('{ return [a, b, price(a)]; }', () => `{ ${body} }`) };
}

const expressions: ((pick: Pick, depth: number) => string)[] = [
  () => 'a',
  () => 'b',
  () => 'rates[1]',
  () => 'Level.High',
  () => 'Level.Low',
  () => 'limit',
  () => 'count',
  (pick) => String(pick(9)),
  (pick, depth) => `price(${expression(pick, depth)})`,
  (pick, depth) => `less(${expression(pick, depth)} as number)`,
  (pick, depth) => `lib.other(${expression(pick, depth)})`,
  (pick, depth) => `helper(${expression(pick, depth)})`,
  (pick, depth) => `(${expression(pick, depth)} + ${expression(pick, depth)})`,
  (pick, depth) => `(${expression(pick, depth)} > 3 ? ${expression(pick, depth)} : ${expression(pick, depth)})`,
  (pick, depth) => `((e: number, t = ${expression(pick, depth)}) => e + t + price(t))(${expression(pick, depth)})`,
  (pick, depth) => `((price) => price + ${expression(pick, depth)})(${expression(pick, depth)})`,
  (pick, depth) => `[${expression(pick, depth)}, ${expression(pick, depth)}].reduce((x, y) => x! + y)`,
  (pick, depth) => `(({ price, limit = 3 }: { price: number; limit?: number }) => price + limit)({ price: ${expression(pick, depth)} })`,
  (pick, depth) => `({ price, less }.price(${expression(pick, depth)}))`,
  (pick, depth) => `Number(\`\${${expression(pick, depth)}}\`)`,
  (pick, depth) => `label(${expression(pick, depth)}).length`,
];

const statements: ((pick: Pick) => string)[] = [
  (pick) => `out.push(${expression(pick, 0)});`,
  (pick) => `if (${expression(pick, 0)} > 2) { out.push(${expression(pick, 0)}); } else out.push(1);`,
  (pick) => `for (const each of rates) { const n = each; out.push(n + ${expression(pick, 1)}); }`,
  (pick) => `count += ${expression(pick, 1)};`,
  (pick) => `const v${pick(1000)}${pick(1000)}: number = ${expression(pick, 0)};`,
  (pick) => `{ let a = ${expression(pick, 1)}\n\nprice(a)\nout.push(a) }`,
  (pick) => `function n${pick(1000)}${pick(1000)}(t: number, n = price(t)): number { return n + ${expression(pick, 1)}; }`,
  (pick) => `try { throw new Error(label(${expression(pick, 1)})); } catch (e) { out.push(e instanceof TypeError); }`,
  (pick) => `{ class C { #p = ${expression(pick, 1)}; get v(): number { return this.#p + less(2); } } out.push(new C().v); }`,
  (pick) => `const o${pick(1000)}${pick(1000)} = { a, price, n: ${expression(pick, 1)} } satisfies object;`,
];

type Pick = (bound: number) => number;

function expression(pick: Pick, depth: number): string {
  return expressions[pick(depth > 3 ? 8 : expressions.length)]?.(pick, depth + 1) ?? 'a';
}

/** A body for `target`, from a tape of numbers. */
export function bodyOf(tape: readonly number[]): string {
  let at = 0;
  const pick: Pick = (bound) => (tape[at++] ?? 0) % bound;
  const parts = ['const out: unknown[] = [];'];
  for (let left = 1 + pick(5); left > 0; left -= 1) parts.push(statements[pick(statements.length)]?.(pick) ?? '');
  return `${parts.join('\n  ')}\n  return [out, count, b];`;
}
