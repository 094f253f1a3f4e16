/** Whether an agent may be brought into a process from outside, decided from what `/proc` says, before anything is sent to it. Each refusal says why and what would help. */
import { KeyholeError } from '@keyhole/agent/protocol';
import type { ListeningSocket } from './listening.ts';
import { isLoopback } from './listening.ts';
import type { ProcessFacts, ReadableFacts } from './process-facts.ts';

/** Where Node would open its inspector. */
export interface InspectorPlace {
  host: string;
  port: number;
}

const defaultPlace: InspectorPlace = { host: '127.0.0.1', port: 9229 };
const startWithAgent = 'Start it with node --import @keyhole/agent/register.';
/** Options whose value is the next word; a word that is none of them and no option is the program. */
const takesWord = /^(-r|-C|--(require|import|loader|experimental-loader|conditions|env-file|env-file-if-exists|inspect-port|debug-port|title))$/;

/** The options Node itself was given: those of NODE_OPTIONS, then those before the program's name. */
export function nodeOptions({ args, environment }: Pick<ProcessFacts, 'args' | 'environment'>): string[] {
  const own: string[] = [];
  for (let index = 1; index < args.length; index += 1) {
    const word = args[index] ?? '';
    if (!word.startsWith('-')) break;
    if (takesWord.test(word)) {
      own.push(`${word}=${args[index + 1] ?? ''}`);
      index += 1;
    } else own.push(word);
  }
  return [...(environment['NODE_OPTIONS'] ?? '').split(/\s+/).filter((word) => word !== ''), ...own];
}

export function inspectorPlace(options: readonly string[]): InspectorPlace {
  const place = { ...defaultPlace };
  for (const option of options) {
    const [, value] = /^--(?:inspect|inspect-brk|inspect-wait|inspect-port|debug-port)=(.+)$/.exec(option) ?? [];
    if (value === undefined) continue;
    const [, host, port] = /^(?:(\[.*\]|[^:]*[^:\d][^:]*|\d+\.\d+\.\d+\.\d+)(?::|$))?(\d+)?$/.exec(value) ?? [];
    if (host !== undefined) place.host = host.replace(/^\[|\]$/g, '');
    if (port !== undefined) place.port = Number(port);
  }
  return place;
}

/** What everybody may see. @throws {KeyholeError} */
export function judgeStatus({ pid, threadGroup, uid, state }: ReadableFacts, ourUid: number | undefined): void {
  if (threadGroup !== pid) throw refusal(`${pid} is a thread of process ${threadGroup}`, `keyhole attach ${threadGroup}`);
  if (state === 'Z' || state === 'X') throw new KeyholeError('NO_TARGET', `process ${pid} has ended`);
  if (state === 'T' || state === 't')
    throw refusal(`process ${pid} is stopped, and can answer nobody`, `kill -CONT ${pid} lets it go on, unless a debugger holds it.`);
  if (uid !== ourUid) {
    throw new KeyholeError(
      'NOT_ALLOWED',
      `process ${pid} belongs to user ${uid}, and you are ${ourUid ?? 'somebody else'}`,
      'Run keyhole as the user the process runs as: the agent reads keys and keeps its journal as that user.',
    );
  }
}

/** What only its user may see, and does not depend on the signal. @throws {KeyholeError} */
export function judgeProcess(facts: ProcessFacts): void {
  const { pid, exe, isNode, elsewhere, environment } = facts;
  if (elsewhere) throw refusal(`process ${pid} runs in another container`, 'Run keyhole inside that container.');
  if (!isNode) throw refusal(`process ${pid} is not Node (${exe}): the signal that opens Node's inspector would end it`);
  if (environment['KEYHOLE_DISABLE'] === '1')
    throw refusal(`process ${pid} was started with KEYHOLE_DISABLE=1`, 'Whoever started it wants no agent in it.');
  const permission = nodeOptions(facts).find((option) => /^--(experimental-)?permission$/.test(option));
  if (permission !== undefined) {
    throw refusal(`process ${pid} runs with ${permission}: the permission model lets no agent in from outside`, startWithAgent);
  }
}

/**
 * Whether SIGUSR1 may be sent: it must reach Node's own handler, and the inspector must open where only this machine reaches it.
 * @param assured the operator says that the program does not handle SIGUSR1 itself.
 * @throws {KeyholeError}
 */
export function judgeSignal(facts: ProcessFacts, place: InspectorPlace, sockets: readonly ListeningSocket[], assured: boolean): void {
  const { pid, sigusr1, handlesSigusr1 } = facts;
  if (!sigusr1.caught) {
    if (sigusr1.blocked || sigusr1.ignored) {
      const flag = nodeOptions(facts).find((option) => option === '--disable-sigusr1');
      throw refusal(`process ${pid} does not take SIGUSR1${flag === undefined ? '' : `: it runs with ${flag}`}`, startWithAgent);
    }
    throw refusal(`SIGUSR1 would end process ${pid}: nothing in it catches the signal any more`, startWithAgent);
  }
  if (handlesSigusr1 === true)
    throw refusal(`process ${pid} handles SIGUSR1 itself: sending it would run that handler and open no inspector`, startWithAgent);
  if (handlesSigusr1 === null && !assured) {
    throw refusal(
      `whether process ${pid} handles SIGUSR1 itself can not be seen: its memory can not be read, or its Node has no symbols`,
      'If you know that it does not, say so with --sigusr1-is-free. If it does, the signal runs its handler.',
    );
  }
  if (!isLoopback(place.host) && place.host !== 'localhost') {
    throw refusal(
      `the inspector of process ${pid} would open on ${place.host}, where others can reach it without a key`,
      'Its --inspect-port says so.',
    );
  }
  const taken =
    place.port !== 0 && sockets.some(({ host, port }) => port === place.port && (isLoopback(host) || host === '0.0.0.0' || host === '::'));
  if (taken)
    throw refusal(`the inspector of process ${pid} would open on port ${place.port}, which another process holds`, 'Try again when it is free.');
}

export function refusal(message: string, hint?: string): KeyholeError {
  return new KeyholeError('NOT_ATTACHABLE', message, hint);
}
