/**
 * The keyboard, one line at a time. While an evaluation runs nothing of what is typed or pasted reaches the prompt; only Ctrl-C is heard.
 * Without it readline would take the next pasted line as input before the first one is answered.
 */
import { Readable } from 'node:stream';
import type { ReadStream } from 'node:tty';

const ctrlC = 0x03;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

export class InputGate extends Readable {
  /** What readline looks for in a terminal. */
  readonly isTTY = true;
  readonly #keyboard: ReadStream;
  readonly #onInterrupt: () => void;
  #waiting: Buffer[] = [];
  #held = false;
  #raw = false;
  /** readline has taken the last piece and asks for another. */
  #wanted = false;
  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  readonly #onEnd = (): void => void this.push(null);

  constructor(keyboard: ReadStream, onInterrupt: () => void) {
    // One piece is read ahead and no more: a second one would pass the gate before the first is known to hold it.
    super({ highWaterMark: 1 });
    this.#keyboard = keyboard;
    this.#onInterrupt = onInterrupt;
    keyboard.on('end', this.#onEnd);
    this.attach();
  }

  setRawMode(raw: boolean): this {
    this.#raw = raw;
    this.#keyboard.setRawMode(raw);
    return this;
  }

  override _read(): void {
    this.#wanted = true;
    setImmediate(() => this.#pump());
  }

  /** Nothing passes until `release`. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    // Not at once: the answer is shown before the next line is read.
    setImmediate(() => this.#pump());
  }

  /** Leaves the terminal to another program, or for good. */
  detach(): void {
    this.#keyboard.off('data', this.#onData);
    this.#keyboard.pause();
    this.#keyboard.setRawMode(false);
  }

  attach(): void {
    this.#keyboard.on('data', this.#onData);
    this.#keyboard.setRawMode(this.#raw);
    this.#keyboard.resume();
  }

  #take(chunk: Buffer): void {
    if (this.#held && chunk.includes(ctrlC)) {
      // Who interrupts does not want what was typed ahead to run.
      this.#waiting = [];
      this.#onInterrupt();
      return;
    }
    this.#waiting.push(chunk);
    this.#pump();
  }

  #pump(): void {
    if (this.#held || !this.#wanted || this.#waiting.length === 0) return;
    const [chunk, ...rest] = this.#waiting as [Buffer, ...Buffer[]];
    const end = chunk.findIndex((byte) => byte === lineFeed || byte === carriageReturn);
    const pieceEnd = end === -1 ? chunk.length : end + 1;
    this.#waiting = pieceEnd < chunk.length ? [chunk.subarray(pieceEnd), ...rest] : rest;
    this.#wanted = false;
    this.push(chunk.subarray(0, pieceEnd));
  }
}
