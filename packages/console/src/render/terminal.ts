/** The single writer: everything the console says goes through here, escaped on its way. Results go to stdout, messages to stderr. */
import { sanitizeJson } from './sanitize.ts';
import { paint, wantsColour, type Text } from './text.ts';

export interface OutputStream {
  write(text: string): unknown;
  isTTY?: boolean;
}

export class Terminal {
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  readonly #colourOut: boolean;
  readonly #colourErr: boolean;

  constructor(stdout: OutputStream, stderr: OutputStream, env: NodeJS.ProcessEnv) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#colourOut = wantsColour(stdout, env);
    this.#colourErr = wantsColour(stderr, env);
  }

  result(text: Text): void {
    this.#stdout.write(this.format(text));
  }

  message(text: Text): void {
    this.#stderr.write(paint(text, this.#colourErr));
  }

  json(document: unknown): void {
    this.#stdout.write(`${sanitizeJson(JSON.stringify(document, null, this.#stdout.isTTY === true ? 2 : 0))}\n`);
  }

  /** One of several documents, on a line of its own. */
  jsonLine(document: unknown): void {
    this.#stdout.write(`${sanitizeJson(JSON.stringify(document))}\n`);
  }

  /** Bytes that another program will read, such as a patch: exact where stdout is not a terminal, escaped where it is one. */
  document(text: Text, exact: string): void {
    if (this.#stdout.isTTY === true) this.result(text);
    else this.#stdout.write(exact);
  }

  /** To the clipboard of whoever sits at the terminal (OSC 52), if it can do that. @returns false where stdout is no terminal. */
  copy(text: Text): boolean {
    if (this.#stdout.isTTY !== true) return false;
    this.#stdout.write(`\u001b]52;c;${Buffer.from(this.plain(text)).toString('base64')}\u0007`);
    return true;
  }

  /** Without colours. */
  plain(text: Text): string {
    return paint(text, false);
  }

  /** For readline, which writes by itself. */
  format(text: Text): string {
    return paint(text, this.#colourOut);
  }
}
