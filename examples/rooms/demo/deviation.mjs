/** What the demo does when something is not as it should be: it stops, says what was expected and what was seen, and exits 1. */

export class Deviation extends Error {
  constructor(expected, saw) {
    super(`expected: ${expected}\nsaw:      ${typeof saw === 'string' ? saw : JSON.stringify(saw)}`);
  }
}

/** Notes in the transcript that `what` holds; throws a Deviation where it does not. */
export function makeExpect(transcript) {
  return function expect(holds, what, saw) {
    if (!holds) throw new Deviation(what, saw);
    transcript.holds(what);
  };
}
