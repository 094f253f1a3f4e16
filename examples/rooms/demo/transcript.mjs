/**
 * What the person sees, and the same as Markdown for docs/demo.md. It shows what programs really printed, cut to a readable size; the only
 * things it replaces are the paths of this machine.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const maxLines = 28;
const maxColumns = 200;

export class Transcript {
  #markdown = [];
  #paths = [];
  #colour = process.stdout.isTTY === true && !process.env['NO_COLOR'];

  /** From now on `path` is shown as `name`. Longer paths are replaced first, so a folder inside another keeps its own name. */
  hide(path, name) {
    this.#paths.push([path, name]);
    this.#paths.sort(([a], [b]) => b.length - a.length);
  }

  step(title, text) {
    this.#print(`\n${this.#paint('1;36', `== ${title}`)}\n`);
    this.#markdown.push(`\n## ${title}\n`);
    if (text !== undefined) this.say(text);
  }

  say(text) {
    const shown = this.#shown(text);
    this.#print(`${shown}\n`);
    this.#markdown.push(`${shown}\n`);
  }

  /** `line` as somebody would type it, and what came. */
  command(line, output) {
    const command = this.#shown(line);
    const printed = this.#trimmed(this.#shown(output));
    this.#print(`${this.#paint('1', `$ ${command}`)}\n${printed}`);
    this.#block('console', `$ ${command}\n${printed}`);
  }

  /** What came without a command of its own: from a program that runs on, or over HTTP. */
  output(text) {
    const printed = this.#trimmed(this.#shown(text));
    this.#print(printed);
    this.#block('text', printed);
  }

  holds(what) {
    const shown = this.#shown(what);
    this.#print(`${this.#paint('32', `   ok  ${shown}`)}\n`);
    this.#markdown.push(`- checked: ${shown}\n`);
  }

  save(file, header) {
    mkdirSync(dirname(file), { recursive: true });
    const body = `${header}\n${this.#markdown.join('\n')}`;
    // A list is one list, not one for each entry.
    writeFileSync(file, `${body.replace(/(- checked: [^\n]*)\n\n(?=- checked: )/g, '$1\n').replace(/\n{3,}/g, '\n\n')}`);
  }

  /** What follows a block of its own kind becomes part of it. */
  #block(kind, text) {
    const before = this.#markdown.at(-1);
    const joins = before?.startsWith(`\`\`\`${kind}\n`) === true;
    if (joins) this.#markdown.pop();
    this.#markdown.push(`${joins ? before.slice(0, -4) : `\`\`\`${kind}\n`}${text}\`\`\`\n`);
  }

  #shown(text) {
    let shown = text;
    for (const [path, name] of this.#paths) shown = shown.replaceAll(path, name);
    return shown;
  }

  #trimmed(text) {
    const lines = text.replace(/\n+$/, '').split('\n');
    const cut = lines.slice(0, maxLines).map((line) => (line.length > maxColumns ? `${line.slice(0, maxColumns - 1)}…` : line));
    if (lines.length > maxLines) cut.push(`… (${lines.length - maxLines} more lines)`);
    const joined = cut.join('\n');
    return joined === '' ? '' : `${joined}\n`;
  }

  #paint(code, text) {
    return this.#colour ? `\x1b[${code}m${text}\x1b[0m` : text;
  }

  #print(text) {
    process.stdout.write(text);
  }
}
