/** A full screen of lines on a terminal. Only lines that changed are sent again, for slow connections; what was there before comes back at the end. */
import { sanitize } from './sanitize.ts';
import { paint, type Text } from './text.ts';

export interface ScreenStream {
  write(text: string): unknown;
  columns?: number;
  rows?: number;
}

const smallest = { columns: 40, rows: 10 };
const usual = { columns: 80, rows: 24 };

export class Screen {
  readonly #stream: ScreenStream;
  readonly #colour: boolean;
  #shown: string[] = [];
  #size = '';

  constructor(stream: ScreenStream, colour: boolean) {
    this.#stream = stream;
    this.#colour = colour;
    // Another screen, and no cursor on it.
    stream.write('\u001b[?1049h\u001b[?25l');
  }

  get columns(): number {
    return Math.max(smallest.columns, this.#stream.columns ?? usual.columns);
  }

  get rows(): number {
    return Math.max(smallest.rows, this.#stream.rows ?? usual.rows);
  }

  draw(lines: readonly Text[]): void {
    const size = `${this.columns}x${this.rows}`;
    let out = '';
    if (size !== this.#size) {
      out += '\u001b[2J';
      this.#shown = [];
      this.#size = size;
    }
    const next = Array.from({ length: this.rows }, (_, row) => paint(cut(lines[row] ?? '', this.columns), this.#colour).replaceAll('\n', ' '));
    for (const [row, line] of next.entries()) if (line !== this.#shown[row]) out += `\u001b[${row + 1};1H${line}\u001b[K`;
    this.#shown = next;
    if (out !== '') this.#stream.write(out);
  }

  leave(): void {
    this.#stream.write('\u001b[?25h\u001b[?1049l');
  }
}

/** No longer than that, colours kept. */
export function cut(text: Text, columns: number): Text {
  let left = columns;
  const walk = (each: Text): Text => {
    if (Array.isArray(each)) return each.map(walk);
    // As it will be written: what is escaped takes more room.
    const letters = [...sanitize(typeof each === 'string' ? each : each.text)].slice(0, left);
    left -= letters.length;
    return typeof each === 'string' ? letters.join('') : { ...each, text: letters.join('') };
  };
  return walk(text);
}
