/** What a person sees: a program at a pseudo-terminal, and its output as a terminal emulator shows it, cell by cell. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { Terminal } from '@xterm/headless';
import { openPseudoTerminal } from './pseudo-terminal.ts';
import { newFolder } from './service.ts';

export interface Screen {
  type(keys: string): void;
  /** The rows, without blanks at their ends, the last empty ones left out. */
  text(): string;
  /** One letter for each cell of a row: its colour, `.` for none. */
  colours(row: number): string;
  cursor(): { column: number; row: number };
  /** Resolves when the whole screen matches. */
  see(pattern: RegExp): Promise<string>;
  resize(columns: number, rows: number): void;
  ended: Promise<number | null>;
  kill(): void;
}

const patienceMs = 20_000;
/** Of the first sixteen. */
const letters = ['k', 'r', 'g', 'y', 'b', 'm', 'c', 'w'];

export function openScreen(words: string[], env: NodeJS.ProcessEnv, cwd: string, columns = 80, rows = 24): Screen {
  const emulator = new Terminal({ cols: columns, rows, allowProposedApi: true });
  const device = path.join(newFolder(), 'tty');
  const script = `stty cols ${columns} rows ${rows}; tty > '${device}'; exec "$@"`;
  let check = (): void => undefined;
  const terminal = openPseudoTerminal(['sh', '-c', script, 'sh', ...words], { ...env, TERM: 'xterm-256color' }, cwd, (chunk) =>
    emulator.write(chunk, () => check()),
  );
  const rowAt = (row: number) => emulator.buffer.active.getLine(emulator.buffer.active.viewportY + row);
  const text = (): string =>
    Array.from({ length: emulator.rows }, (_, row) => rowAt(row)?.translateToString(true) ?? '')
      .join('\n')
      .trimEnd();
  return {
    type: terminal.type,
    text,
    colours(row) {
      const line = rowAt(row);
      return Array.from({ length: emulator.cols }, (_, column) => {
        const cell = line?.getCell(column);
        if (cell === undefined || cell.getWidth() === 0) return '';
        if (cell.isFgPalette()) return letters[cell.getFgColor() % letters.length] ?? '?';
        return cell.isDim() !== 0 ? 'd' : cell.isBold() !== 0 ? 'B' : '.';
      })
        .join('')
        .replace(/\.+$/, '');
    },
    cursor: () => ({ column: emulator.buffer.active.cursorX, row: emulator.buffer.active.cursorY }),
    see: (pattern) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          check = () => undefined;
          reject(new Error(`not seen in time: ${String(pattern)} in\n${text()}`));
        }, patienceMs);
        check = () => {
          const shown = text();
          if (!pattern.test(shown)) return;
          clearTimeout(timer);
          check = () => undefined;
          resolve(shown);
        };
        check();
      }),
    resize(newColumns, newRows) {
      emulator.resize(newColumns, newRows);
      execFileSync('stty', ['-F', readFileSync(device, 'utf8').trim(), 'cols', String(newColumns), 'rows', String(newRows)]);
    },
    ended: terminal.ended,
    kill: terminal.kill,
  };
}
