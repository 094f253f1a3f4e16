/** What the next bid has to be. Amounts are whole euros; nothing here knows rooms, clocks or connections. */

export interface Bracket {
  from: number;
  step: number;
}

/** The conditions of sale, lowest bracket first: from this price on, a bid is at least this step above the one before. */
export const brackets: readonly Bracket[] = [
  { from: 0, step: 5 },
  { from: 100, step: 10 },
  { from: 500, step: 25 },
  { from: 1_000, step: 50 },
  { from: 5_000, step: 250 },
];

export function stepAt(price: number): number {
  let step = 1;
  for (const bracket of brackets) {
    if (price >= bracket.from) step = bracket.step;
  }
  return step;
}

/** The price of one lot as it rises. */
export interface Ladder {
  /** The highest bid, or null before the first. */
  price(): number | null;
  raise(amount: number): void;
  nextMinimum(): number;
}

export function makeLadder(opening: number): Ladder {
  let highest = opening;
  let bids = 0;

  function price(): number | null {
    return bids === 0 ? null : highest;
  }

  function raise(amount: number): void {
    highest = amount;
    bids += 1;
  }

  function nextMinimum(): number {
    if (bids === 0) return opening;
    const step: number = stepAt(opening);
    return highest + step;
  }

  return { price, raise, nextMinimum };
}
