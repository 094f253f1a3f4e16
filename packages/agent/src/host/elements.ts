/** Elements of arrays, typed arrays, Maps and Sets, a page of them, without running anything of the service's: an accessor among them is left out, and a hole too. */
import { apply, entriesOfMap, getOwnPropertyDescriptor, nextOfMap, nextOfSet, valuesOfSet } from '../platform/originals.ts';

export type Elements = 'array' | 'typedarray' | 'map' | 'set';

export interface ElementRow {
  index: number;
  /** Of a Map. */
  key?: unknown;
  value: unknown;
}

/** Entries that are passed over at a time; after that the service has its turn. */
const passedAtOnce = 20_000;

/** The rows from `start` on, of a value that has `length` of them; a Map's and a Set's are few. */
export function firstOf(value: object, elements: Elements, start: number, count: number): ElementRow[] {
  if (elements === 'map' || elements === 'set') {
    const walk = new Walk(value, elements);
    walk.pass(start);
    return walk.take(count);
  }
  const rows: ElementRow[] = [];
  const length = (getOwnPropertyDescriptor(value, 'length')?.value as number | undefined) ?? start + count;
  for (let index = start; index < length && index < start + count; index += 1) {
    const descriptor = getOwnPropertyDescriptor(value, index);
    if (descriptor !== undefined && 'value' in descriptor) rows.push({ index, value: descriptor.value });
  }
  return rows;
}

/** The same, in turns: there is no way into the middle of a Map but past all before it. @param turn lets the service run. */
export async function pageInTurns(
  value: object,
  elements: 'map' | 'set',
  { start, count, turn }: { start: number; count: number; turn: () => Promise<void> },
): Promise<ElementRow[]> {
  const walk = new Walk(value, elements);
  for (let passed = 0; passed < start && walk.pass(Math.min(passedAtOnce, start - passed)); passed += passedAtOnce) await turn();
  return walk.take(count);
}

/** One way through a Map or a Set. What is deleted or added meanwhile it sees as the language says. */
class Walk {
  readonly #next: () => IteratorResult<unknown>;
  readonly #isMap: boolean;
  #index = 0;

  constructor(value: object, elements: 'map' | 'set') {
    this.#isMap = elements === 'map';
    const iterator: unknown = this.#isMap ? apply(entriesOfMap, value, []) : apply(valuesOfSet, value, []);
    this.#next = () => apply(this.#isMap ? nextOfMap : nextOfSet, iterator, []);
  }

  /** @returns whether there may be more. */
  pass(count: number): boolean {
    for (let passed = 0; passed < count; passed += 1, this.#index += 1) if (this.#next().done === true) return false;
    return true;
  }

  take(count: number): ElementRow[] {
    const rows: ElementRow[] = [];
    for (let taken = 0; taken < count; taken += 1, this.#index += 1) {
      const { done, value } = this.#next();
      if (done === true) break;
      const [key, entry] = this.#isMap ? (value as [unknown, unknown]) : [undefined, value];
      rows.push(this.#isMap ? { index: this.#index, key, value: entry } : { index: this.#index, value: entry });
    }
    return rows;
  }
}
