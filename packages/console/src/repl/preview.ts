/**
 * The value of what is being typed, dimly below the line, while it is only looking: names, members, operators, literals. It is inspected under the side-effect guard and not journaled; whatever
 * may do more shows nothing.
 */
import { clearScreenDown, cursorTo, moveCursor } from 'node:readline';
import type { REPLServer } from 'node:repl';
import { beyondLooking } from '@keyhole/agent/source';
import type { Terminal } from '../render/terminal.ts';
import { span } from '../render/text.ts';
import { renderValue } from '../render/value.ts';
import type { InputGate } from './gate.ts';
import type { Session } from './session.ts';

/** Who types on does not read. */
const pauseMs = 120;
const timeoutMs = 500;

export function showPreviews(prompt: REPLServer, gate: InputGate, session: Session, terminal: Terminal): void {
  const { output } = prompt;
  let shown = false;
  let waiting: NodeJS.Timeout | null = null;

  const clear = (): void => {
    if (waiting !== null) clearTimeout(waiting);
    waiting = null;
    if (shown) clearScreenDown(output);
    shown = false;
  };
  const atEnd = (line: string): boolean => prompt.line === line && prompt.cursor === line.length && !session.busy;
  const look = async (line: string): Promise<void> => {
    const value = await session.preview(line, timeoutMs);
    if (value === null || !atEnd(line)) return;
    const width = (process.stdout.columns ?? 80) - 1;
    const [first = ''] = terminal.plain(renderValue(value)).split('\n');
    const { cols } = prompt.getCursorPos();
    output.write(`\n${terminal.format(span('dim', first.slice(0, width)))}`);
    moveCursor(output, 0, -1);
    cursorTo(output, cols);
    shown = true;
  };
  // Before readline hears the key: what it writes starts on a clean screen.
  gate.prependListener('keypress', clear);
  gate.on('keypress', () => {
    const { line } = prompt;
    if (!worthALook(line)) return;
    waiting = setTimeout(() => {
      if (atEnd(line)) void look(line);
    }, pauseMs);
  });
  prompt.on('exit', clear);
}

function worthALook(line: string): boolean {
  return /[\p{ID_Continue}$\])]\s*$/u.test(line) && !/^\s*(?:\.|$)/.test(line) && !/^[\d\s.]*$/.test(line) && beyondLooking(line) === null;
}
