/** What is for sale. A room goes through the list again and again. */

export interface Lot {
  title: string;
  opening: number;
}

const lots: readonly [Lot, ...Lot[]] = [
  { title: 'Walnut bureau, about 1780', opening: 80 },
  { title: 'Ship chronometer in its box', opening: 450 },
  { title: 'Two brass candlesticks', opening: 20 },
  { title: 'Atlas with 96 coloured maps', opening: 900 },
  { title: 'Music box, six airs', opening: 60 },
];

/** The lot with this number; numbers start at 1 and never end. */
export function lotWithNumber(number: number): Lot {
  return lots[(number - 1) % lots.length] ?? lots[0];
}
