/** Words and options of one command, read by commander. Help and usage errors come back as values: nothing here prints or exits. */
import { Command, CommanderError } from 'commander';
import { KeyholeError } from '@keyhole/agent/protocol';
import type { CommandArguments, CommandDefinition, Flags } from './command.ts';

export type Parsed = { help: string } | { words: string[]; flags: Flags };

/** @throws {KeyholeError} USAGE */
export function parseWords(definition: CommandDefinition, argv: string[], prefix: string): Parsed {
  const attached = prefix === '.';
  let parsed: Parsed | null = null;
  let help = '';
  const command = new Command(`${prefix}${definition.name}`)
    .description(definition.summary)
    .usage(`${usageOf(definition, attached)} [options]`)
    .argument('[words...]')
    .configureHelp({ visibleArguments: () => [] })
    .configureOutput({ writeOut: (text) => void (help += text), writeErr: () => undefined })
    .exitOverride()
    .action((words: string[], flags: Flags) => {
      parsed = { words, flags };
    });
  for (const option of definition.options) command.option(option.flags, option.doc);
  command.option('--json', 'one JSON document on stdout').option('--timeout <time>', 'how long to wait: seconds, or 500ms, 5s, 5m');
  if (!attached) command.option('--identity <file>', 'the key that proves who you are');
  if (!attached && definition.target !== 'none') {
    command
      .option('--ca <file>', 'for wss://: the authorities that its certificate may come from')
      .option('--client-cert <file>', 'for wss://: the certificate to show, with its key')
      .option('--accept-new-host-key', 'takes and remembers the host key of an agent that was never met before');
  }
  try {
    command.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { help };
    throw new KeyholeError('USAGE', error.message.replace(/^error: /, ''), `${prefix}${definition.name} --help`);
  }
  if (parsed === null) throw new KeyholeError('INTERNAL', `${definition.name} was not parsed`);
  return parsed;
}

/**
 * Which of the words is the target. It may be left out where no other word has to follow it; elsewhere only when KEYHOLE_TARGET names one.
 * @throws {KeyholeError} USAGE
 */
export function splitTarget(
  definition: CommandDefinition,
  words: string[],
  flags: Flags,
  implied: { always: boolean; named: boolean },
): CommandArguments {
  const required = definition.required(flags);
  const hasTarget = definition.target !== 'none' && (!implied.always || definition.target === 'directory') && words.length > required;
  const target = hasTarget ? (words[0] ?? null) : null;
  const rest = hasTarget ? words.slice(1) : words;
  const missing = rest.length < required || (definition.target !== 'none' && !hasTarget && required > 0 && !implied.always && !implied.named);
  if (missing) {
    throw new KeyholeError(
      'USAGE',
      `${definition.name} takes ${usageOf(definition, implied.always)}`,
      `${implied.always ? '.' : 'keyhole '}${definition.name} --help`,
    );
  }
  const openEnded = definition.words.at(-1)?.includes('...') === true;
  if (!openEnded && rest.length > definition.words.length) {
    throw new KeyholeError('USAGE', `${definition.name}: ${rest.at(-1)} is one word too many`, 'Put quotes around an expression with blanks');
  }
  return { target, words: rest, flags };
}

/** The command's words as its help shows them. */
export function usageOf(definition: CommandDefinition, attached: boolean): string {
  const target = definition.target === 'directory' ? 'DIR|T' : 'T';
  const hidden = definition.target === 'none' || (attached && definition.target === 'agent');
  return [...(hidden ? [] : [attached || definition.words.length === 0 ? `[${target}]` : target]), ...definition.words].join(' ');
}
