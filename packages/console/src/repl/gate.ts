/**
 * The keyboard, one line at a time; what is pasted over several lines is one piece, where the terminal says what is pasted (bracketed paste). While an evaluation runs nothing of what is typed or pasted reaches the prompt; only Ctrl-C is heard.
 * Without it readline would take the next pasted line as input before the first one is answered.
 */
import { Readable } from 'node:stream';
import type { ReadStream } from 'node:tty';

const ctrlC = 0x03;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const pasteStart = '\u001b[200~';
const pasteEnd = '\u001b[201~';
/** Asks the terminal to mark what is pasted; the other one to stop. */
const markPastes = '\u001b[?2004h';
const markNoPastes = '\u001b[?2004l';

interface Listeners {
  interrupt: () => void;
  /** Several lines were pasted; they have not reached the prompt. */
  paste: (text: string) => void;
}

export class InputGate extends Readable {
  /** What readline looks for in a terminal. */
  readonly isTTY = true;
  readonly #keyboard: ReadStream;
  readonly #listeners: Listeners;
  /** The beginning of a paste whose end has not come yet. */
  #pasting: string | null = null;
  #waiting: Buffer[] = [];
  #held = false;
  #raw = false;
  /** readline has taken the last piece and asks for another. */
  #wanted = false;
  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  readonly #onEnd = (): void => void this.push(null);

  constructor(keyboard: ReadStream, listeners: Listeners) {
    // One piece is read ahead and no more: a second one would pass the gate before the first is known to hold it.
    super({ highWaterMark: 1 });
    this.#keyboard = keyboard;
    this.#listeners = listeners;
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
    process.stdout.write(markNoPastes);
  }

  attach(): void {
    this.#keyboard.on('data', this.#onData);
    this.#keyboard.setRawMode(this.#raw);
    this.#keyboard.resume();
    process.stdout.write(markPastes);
  }

  #take(chunk: Buffer): void {
    if (this.#held && chunk.includes(ctrlC)) {
      // Who interrupts does not want what was typed ahead to run.
      this.#waiting = [];
      this.#pasting = null;
      this.#listeners.interrupt();
      return;
    }
    const typed = this.#withoutPastes(chunk);
    if (typed.length > 0) this.#waiting.push(typed);
    this.#pump();
  }

  /** What was typed, and pasted on one line. A mark that comes in two pieces is not one: terminals write it at once. */
  #withoutPastes(chunk: Buffer): Buffer {
    if (this.#pasting === null && !chunk.includes(pasteStart)) return chunk;
    // As bytes: a piece may end within a character.
    let rest = (this.#pasting ?? '') + chunk.toString('latin1');
    this.#pasting = null;
    let typed = '';
    for (;;) {
      const start = rest.indexOf(pasteStart);
      const end = rest.indexOf(pasteEnd, start);
      if (start === -1) return Buffer.from(typed + rest, 'latin1');
      typed += rest.slice(0, start);
      if (end === -1) {
        this.#pasting = rest.slice(start);
        return Buffer.from(typed, 'latin1');
      }
      const pasted = rest.slice(start + pasteStart.length, end);
      const lines = pasted.replace(/\r\n?/g, '\n').replace(/\n+$/, '');
      if (lines.includes('\n')) this.#listeners.paste(Buffer.from(lines, 'latin1').toString('utf8'));
      else typed += lines;
      rest = rest.slice(end + pasteEnd.length);
    }
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
