/** A queue that one actor works through: one message at a time, in the order of arrival. It never runs a handler inside `post`. */

export class Mailbox<Message> {
  readonly #handle: (message: Message) => void;
  readonly #onError: (error: unknown, message: Message) => void;
  readonly #queue: Message[] = [];
  #scheduled: NodeJS.Immediate | null = null;

  constructor(handle: (message: Message) => void, onError: (error: unknown, message: Message) => void) {
    this.#handle = handle;
    this.#onError = onError;
  }

  get length(): number {
    return this.#queue.length;
  }

  post(message: Message): void {
    this.#queue.push(message);
    this.#schedule();
  }

  /** Drops what still waits. */
  close(): void {
    this.#queue.length = 0;
    if (this.#scheduled !== null) clearImmediate(this.#scheduled);
    this.#scheduled = null;
  }

  // One message a turn of the event loop: a busy room does not starve the quiet ones.
  #schedule(): void {
    if (this.#scheduled !== null || this.#queue.length === 0) return;
    this.#scheduled = setImmediate(() => {
      this.#scheduled = null;
      this.#next();
      this.#schedule();
    });
  }

  #next(): void {
    const message = this.#queue.shift();
    if (message === undefined) return;
    try {
      this.#handle(message);
    } catch (error) {
      this.#onError(error, message);
    }
  }
}
