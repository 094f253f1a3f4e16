/**
 * Work on a text that can be done in pieces, so that whoever has to do it on a service's main thread can give the thread back between them. A piece is a statement of the module, or a
 * thousand entries of a list.
 */
export type Pieces<Result> = Generator<void, Result, void>;

/** All of it now. */
export function atOnce<Result>(work: Pieces<Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

const most = 1_000;

/** A long list in pieces. */
export function* inPieces<Item>(items: Iterable<Item>, each: (item: Item) => void): Pieces<void> {
  let count = 0;
  for (const item of items) {
    each(item);
    count += 1;
    if (count % most === 0) yield;
  }
}
