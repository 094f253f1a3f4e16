/**
 * The line that is being typed in colours. readline writes it as it is; what stands there is then written over with the same letters, from a saved cursor back to it and in one piece, so that nothing
 * moves and nothing flickers, whatever the letters are wide.
 */
import type { REPLServer } from 'node:repl';
import type { Terminal } from '../render/terminal.ts';
import { span, type Text } from '../render/text.ts';
import { coloured } from './colours.ts';
import type { InputGate } from './gate.ts';
import type { Session } from './session.ts';

const saveCursor = '\u001b7';
const restoreCursor = '\u001b8';
/** Longer ones are not typed. */
const maxLength = 2_000;

/** @param screen how large the terminal is now. */
export function highlight(
  prompt: REPLServer,
  gate: InputGate,
  session: Session,
  terminal: Terminal,
  screen: () => { columns: number; rows: number },
): void {
  let searching = false;
  gate.on('keypress', (_text: string, key: { name?: string; ctrl?: boolean } | undefined) => {
    // While the history is searched the prompt marks what was found.
    if (key?.ctrl === true && (key.name === 'r' || key.name === 's')) searching = true;
    else if (searching && (key?.ctrl === true || ['return', 'enter', 'escape', 'left', 'right', 'up', 'down'].includes(key?.name ?? '')))
      searching = false;
    paint();
  });
  // readline has drawn it anew.
  const resized = (): void => paint();
  process.stdout.on('resize', resized);
  prompt.on('exit', () => process.stdout.off('resize', resized));

  const paint = (): void => {
    const { line } = prompt;
    if (searching || session.busy || line === '' || line.length > maxLength) return;
    const painted = terminal.format(textOf(line));
    // Control characters and line breaks are shown otherwise than they are.
    if (terminal.plain(line) !== line || line.includes('\n') || painted === line) return;
    const { columns, rows } = screen();
    const { rows: above, cols } = prompt.getCursorPos();
    // A full row: the terminal's cursor waits at its end, and is not where readline counts it.
    if (above > 0 && cols === 0) return;
    // What has scrolled away can not be reached. No letter is wider than two columns.
    if (((prompt.getPrompt().length + line.length) * 2) / columns >= rows - 1) return;
    prompt.output.write(`${saveCursor}\r${above === 0 ? '' : `\u001b[${above}A`}${prompt.getPrompt()}${painted}${restoreCursor}`);
  };
}

/** A command is its word and what is for it; anything else is code. */
function textOf(line: string): Text {
  const [, command, rest = ''] = /^(\s*\.[a-z]+)(.*)$/.exec(line) ?? [];
  return command === undefined ? coloured(line) : [span('keyword', command), rest];
}
