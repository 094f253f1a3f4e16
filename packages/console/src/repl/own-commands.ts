/** Dot commands that only a session has: they are about what was typed and shown in it. */
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { textsOf } from '../commands/fn.ts';
import { span, type Text } from '../render/text.ts';
import { renderDiff } from '../render/unified-diff.ts';
import { coloured } from './colours.ts';
import { documentationOf } from './documentation.ts';

/** What these commands need of a session. */
interface Conversation {
  readonly connection: Connection;
  /** What was evaluated so far. */
  readonly typed: readonly string[];
  evaluate(code: string): Promise<Text>;
  /** Sees the variables of that module from now on; null: of none. */
  enter(file: string | null): Promise<void>;
  /** The last answer to the clipboard. */
  copy(): void;
  /** What changed in a value since the last look; null at the first one. */
  compare(name: string): Promise<string | null>;
}

interface OwnCommand {
  name: string;
  words: string;
  summary: string;
  run(session: Conversation, words: string, cwd: string): Promise<Text>;
}

export const ownCommands: readonly OwnCommand[] = [
  {
    name: 'in',
    words: '[FILE]',
    summary: 'evaluates inside that module from now on; without a file in the global scope again',
    async run(session, file) {
      await session.enter(file === '' ? null : file);
      return '';
    },
  },
  {
    name: 'src',
    words: 'ADDRESS',
    summary: 'the text of a function, as its author wrote it',
    async run(session, address, cwd) {
      const detail = await session.connection.call('fn.get', { address: needed(address, 'src', 'an address') });
      const { source } = await textsOf(session.connection, detail, cwd);
      return [span('dim', `${detail.file}:${detail.line}\n`), coloured(source), '\n'];
    },
  },
  {
    name: 'doc',
    words: 'ADDRESS',
    summary: 'what its author wrote above a function',
    async run(session, address, cwd) {
      const found = await documentationOf(session.connection, needed(address, 'doc', 'an address'), cwd);
      return [found === null ? span('dim', 'nothing is written above it\n') : `${found}\n`];
    },
  },
  {
    name: 'copy',
    words: '',
    summary: 'the last answer to the clipboard, where the terminal can do that (OSC 52)',
    run(session) {
      session.copy();
      return Promise.resolve('');
    },
  },
  {
    name: 'load',
    words: 'FILE',
    summary: 'evaluates a file of this machine, as one text',
    async run(session, file, cwd) {
      return session.evaluate(await readFile(resolve(cwd, needed(file, 'load', 'a file')), 'utf8'));
    },
  },
  {
    name: 'save',
    words: 'FILE',
    summary: 'what was evaluated in this session, into a new file',
    async run(session, file, cwd) {
      const to = resolve(cwd, needed(file, 'save', 'a file'));
      await writeFile(to, session.typed.map((code) => `${code.trimEnd()}\n`).join(''), { mode: 0o600, flag: 'wx' });
      return [`${session.typed.length} evaluations in ${to}\n`];
    },
  },
];

/** `.diff $3`: what changed in an object since it was last looked at. `.diff` of a patch has another word and is a command like any other. */
const diffOfValue: OwnCommand = {
  name: 'diff',
  words: '$N',
  summary: 'what changed in an object that was shown',
  async run(session, name) {
    const text = await session.compare(name);
    if (text === null) return span('dim', `this is the first look at ${name}; the next one shows what changed\n`);
    return text === '' ? span('dim', 'nothing changed, as far as was looked\n') : renderDiff(text);
  },
};

/** The command of a session that a line means, if any. */
export function ownCommandOf(line: string): { command: OwnCommand; words: string } | null {
  const [, name = '', words = ''] = /^\s*\.?([a-z]+)(?:\s+([^]*?))?\s*$/.exec(line) ?? [];
  if (name === 'diff' && /^\$\d+$/.test(words)) return { command: diffOfValue, words };
  const command = ownCommands.find((each) => each.name === name);
  return command === undefined ? null : { command, words };
}

function needed(word: string, command: string, what: string): string {
  if (word === '') throw new KeyholeError('USAGE', `.${command} needs ${what}`);
  return word;
}
