/** What Tab offers: names the service knows, commands, actors, addresses, patches and options. Asks only operations that run no getter. */
import type { Connection } from '../client/connection.ts';
import { loadAllCommands } from '../commands/all.ts';
import type { CommandDefinition } from '../commands/command.ts';
import { sanitize } from '../render/sanitize.ts';
import { ownCommands } from './own-commands.ts';
import type { Session } from './session.ts';

/** Somebody waits at the keyboard: late names are worth nothing. */
const completionTimeoutMs = 2_000;
const ownDotCommands = ['break', 'editor', 'exit', 'help', 'reconnect', ...ownCommands.map(({ name }) => name)];

/** As readline wants it: the candidates, and the end of the line that they replace. */
export async function complete(line: string, session: Session): Promise<[string[], string]> {
  const { connection } = session;
  const definitions = await loadAllCommands();
  const name = /^\s*(\.\S*)$/.exec(line)?.[1];
  if (name !== undefined) return matching(name, [...definitions.map((each) => `.${each.name}`), ...ownDotCommands.map((each) => `.${each}`)]);
  const dotted = /^\s*\.([a-z]+)\s.*?(\S*)$/.exec(line);
  const word = dotted?.[2] ?? '';
  const definition = definitions.find((each) => each.name.split(' ')[0] === dotted?.[1]);
  if (definition !== undefined && word.startsWith('-')) return matching(word, longOptions(definition));
  if (connection.lost !== null) return [[], line];
  if (dotted?.[1] === 'in') return matching(word, await filesFrom(word, connection));
  if (dotted?.[1] === 'src' || dotted?.[1] === 'doc') return matching(word, await addressesFrom(word, connection));
  if (definition !== undefined && !(definition.verbatim === true && word.includes('.'))) {
    const words = await wordsFor(definition, word, connection);
    if (definition.verbatim !== true || words.some((each) => each.startsWith(word))) return matching(word, words);
  }
  return completeExpression(line, session);
}

async function completeExpression(line: string, { connection, scope }: Session): Promise<[string[], string]> {
  const [, chain = '', start = ''] = /(?:^|[^\w$.])((?:[\p{ID_Start}$_][\p{ID_Continue}$]*\.)*)([\p{ID_Continue}$]*)$/u.exec(line) ?? [];
  if (/^\d/.test(start) || (chain === '' && start === '')) return [[], line];
  const { names } = await connection.call(
    'complete',
    { expression: chain.replace(/\.$/, ''), ...(scope !== null && { in: scope }) },
    { timeoutMs: completionTimeoutMs },
  );
  return matching(
    start,
    names.filter((each) => /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(each)),
  );
}

async function functionsFrom(prefix: string, connection: Connection): Promise<{ address: string; file: string }[]> {
  return (await connection.call('fn.list', { prefix }, { timeoutMs: completionTimeoutMs })).functions;
}
async function addressesFrom(prefix: string, connection: Connection): Promise<string[]> {
  return (await functionsFrom(prefix, connection)).map(({ address }) => address);
}
async function filesFrom(prefix: string, connection: Connection): Promise<string[]> {
  return (await functionsFrom(prefix, connection)).map(({ file }) => file);
}

async function wordsFor(definition: CommandDefinition, word: string, connection: Connection): Promise<string[]> {
  const options = { timeoutMs: completionTimeoutMs };
  switch (definition.name) {
    case 'actors':
      return (await connection.call('actors.list', {}, options)).actors.map((actor) => actor.type);
    case 'inspect':
    case 'set':
    case 'follow':
    case 'suspend':
    case 'resume':
    case 'send':
      return (await connection.call('actors.list', {}, options)).actors.map((actor) => actor.id);
    case 'fn':
    case 'edit':
    case 'watch':
    case 'trace':
    case 'stack':
    case 'monitor':
      return addressesFrom(word, connection);
    case 'revert':
    case 'diff':
    case 'export':
      return (await connection.call('patch.list', {}, options)).patches.map((patch) => patch.id);
    case 'confirm':
      return (await connection.call('patch.list', {}, options)).patches
        .filter(({ trial }) => trial?.confirmWithinMs !== undefined)
        .map(({ id }) => id);
    default:
      return [];
  }
}

function longOptions(definition: CommandDefinition): string[] {
  return [...definition.options.flatMap(({ flags }) => /--[\w-]+/.exec(flags) ?? []), '--json', '--timeout', '--help'];
}

/** readline writes candidates itself: one that a terminal could take for something else is left out. */
function matching(start: string, candidates: string[]): [string[], string] {
  const fitting = candidates.filter(
    (each) => typeof each === 'string' && each.startsWith(start) && sanitize(each) === each && !/\s/.test(each.replace(' verify', '')),
  );
  return [[...new Set(fitting)].sort(), start];
}
