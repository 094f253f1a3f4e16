/** What the steps of the demo have in hand: the workshop, the programs, the transcript, and the `keyhole` command as a user has it. */
import { join } from 'node:path';
import { Deviation, makeExpect } from './deviation.mjs';

const commandTimeoutMs = 30_000;

export class Stage {
  constructor({ workshop, programs, transcript }) {
    this.workshop = workshop;
    this.programs = programs;
    this.transcript = transcript;
    this.expect = makeExpect(transcript);
    this.cli = join(workshop.root, 'packages', 'console', 'bin', 'keyhole.js');
  }

  /** Runs a program in the workshop and shows it, or only its lines that match `shown`. The exit code has to be `code`. */
  run = async (file, args, { cwd = this.workshop.repo, env = {}, code = 0, timeoutMs = commandTimeoutMs, shown, shownAs } = {}) => {
    const line = shownAs ?? commandLine(file, args);
    const result = await this.programs.run(file, args, { cwd, env: { ...this.workshop.env, ...env }, timeoutMs });
    this.transcript.command(
      line,
      shown === undefined
        ? result.output
        : result.output
            .split('\n')
            .filter((each) => shown.test(each))
            .join('\n'),
    );
    if (result.code !== code) throw new Deviation(`${line} to end with exit code ${code}`, `${result.code}\n${result.output}`);
    return result;
  };

  /** `keyhole ...`: the console's own binary, for people. */
  keyhole = (...args) => this.run(process.execPath, [this.cli, ...args], { shownAs: commandLine('keyhole', args) });

  /** The same with `--json`, for a check: not shown, since it says what was just shown. */
  keyholeJson = async (...args) => {
    const line = commandLine('keyhole', [...args, '--json']);
    const { code, stdout, output } = await this.programs.run(process.execPath, [this.cli, ...args, '--json'], {
      cwd: this.workshop.repo,
      env: this.workshop.env,
      timeoutMs: commandTimeoutMs,
    });
    if (code !== 0) throw new Deviation(`${line} to end with exit code 0`, `${code}\n${output}`);
    try {
      return JSON.parse(stdout);
    } catch {
      throw new Deviation(`${line} to print one JSON document`, output);
    }
  };
}

/** As one would type it in a shell. */
function commandLine(file, args) {
  return [file, ...args].map(quoted).join(' ');
}

function quoted(word) {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return word.includes("'") && !/["$`\\!]/.test(word) ? `"${word}"` : `'${word.replaceAll("'", `'\\''`)}'`;
}
