/**
 * What an operation says before it answers: items that go to the console one after the other, while the call is under way. The door says when each piece has left for the console, so whoever
 * speaks knows how much waits, and leaves out what a slow reader could not take. It ends with the call, or before it: then nobody listens any more.
 */

/** Why nobody listens any more. */
export type StreamEnd = 'stopped' | 'gone' | 'not allowed';

export class CallStream {
  readonly #post: (text: string) => void;
  /** How many items are in each piece that is under way. */
  readonly #underWay: number[] = [];
  readonly #listeners: ((why: StreamEnd) => void)[] = [];
  #ended: StreamEnd | null = null;

  /** @param post sends one piece: a JSON text of a list of items. */
  constructor(post: (text: string) => void) {
    this.#post = post;
  }

  /** Items that have not left for the console yet. */
  get unread(): number {
    return this.#underWay.reduce((sum, count) => sum + count, 0);
  }

  /** @param text the JSON text of a list of `count` items. */
  say(text: string, count: number): void {
    // Whoever has ended it hears the rest.
    if (this.#ended !== null && this.#ended !== 'stopped') return;
    this.#underWay.push(count);
    this.#post(text);
  }

  /** The oldest piece has left. */
  heard(): void {
    this.#underWay.shift();
  }

  onEnd(listener: (why: StreamEnd) => void): void {
    if (this.#ended === null) this.#listeners.push(listener);
    else listener(this.#ended);
  }

  end(why: StreamEnd): void {
    if (this.#ended !== null) return;
    this.#ended = why;
    for (const listener of this.#listeners) listener(why);
  }
}
