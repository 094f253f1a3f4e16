/** `keyhole retainers`: who holds an object, in the words of the program, with the pause that finding it takes. */
import { limits, type Retainers, type RetainerStep } from '@keyhole/agent/protocol';
import { span, type Text } from '../render/text.ts';
import { actorOrExpression, inOption, type ActorOrExpression } from './actor-or-expression.ts';
import { countFlag, textFlag, type CommandDefinition } from './command.ts';
import { described } from './eval.ts';

export const retainers: CommandDefinition = {
  name: 'retainers',
  summary: 'who holds an object, and the pause that finding it takes',
  target: 'agent',
  words: ['ACTOR|EXPR'],
  required: () => 1,
  verbatim: true,
  options: [
    inOption,
    { flags: '--count <n>', doc: `how many ways are shown (default: ${limits.defaultRetainers})` },
    { flags: '--max-pause <ms>', doc: `refused when the process would stand still longer (default: ${limits.defaultMaxPauseMs})` },
    { flags: '--insist', doc: 'also where the heap is nearly full, or memory may not suffice' },
  ],
  async run(context, { words: [what = ''], flags }) {
    const count = countFlag(flags, 'count', 1, limits.maxRetainers);
    const maxPauseMs = countFlag(flags, 'maxPause', 0, 3_600_000, '--max-pause');
    const params = {
      ...(count !== undefined && { count }),
      ...(maxPauseMs !== undefined && { maxPauseMs }),
      ...(flags['insist'] === true && { insist: true }),
    };
    const connection = await context.connect();
    // Reading a snapshot of a large heap takes longer than other answers do.
    const patient = { ...context, timeoutMs: context.timeoutMs ?? readingMs + (maxPauseMs ?? 0) };
    const ask = (of: ActorOrExpression): Promise<Retainers> => connection.call('retainers', { ...of, ...params }, patient);
    const { id, answer } = await actorOrExpression(what, textFlag(flags, 'in'), ask);
    return { json: { ...(id !== undefined && { id }), ...answer, of: described(answer.of) }, text: retainersText(answer) };
  },
};

const readingMs = 120_000;

function retainersText({ of, ways, holders, held, expectedMs, pauseMs }: Retainers): Text {
  const more = holders - ways.length;
  return [
    [span('heading', renderHeld(of)), holders === 0 ? '' : ` is held in ${holders} ${holders === 1 ? 'place' : 'places'}\n`],
    holders > 0
      ? ''
      : held
        ? ': nothing of the service holds it, only what Keyhole keeps for its sessions\n'
        : ': nothing holds it but what is passing: it can be collected at any time\n',
    ways.map((way, index) => wayText(way, ways.length === 1 ? '' : `${index + 1}. `)),
    more > 0 ? span('dim', `and in ${more} more (--count)\n`) : '',
    span('dim', `the process stood still for ${pauseMs} ms (${expectedMs} expected)\n`),
  ];
}

function renderHeld(of: Retainers['of']): string {
  return of.description ?? of.className ?? (of.type === 'object' ? 'the object' : of.type);
}

function wayText(way: readonly RetainerStep[], number: string): Text[] {
  return way.map((step, index) => [
    index === 0 ? number : ' '.repeat(number.length + 2),
    howText(step),
    ': ',
    span('name', step.held),
    placeText(step),
    '\n',
  ]);
}

/** In the words of the program. */
function howText({ by, name }: RetainerStep): Text {
  switch (by) {
    case 'global':
      return 'the global object';
    case 'native':
      return 'native code, or a debugger';
    case 'v8':
      return ['V8 itself', span('dim', ` (${name})`)];
    case 'module':
      return name === '' ? 'a variable of a module' : ['the exported variable ', span('name', name)];
    case 'variable':
      return name === '' ? 'a variable that it sees' : ['the variable ', span('name', name)];
    case 'property':
      return /^[\p{ID_Start}$_#][\p{ID_Continue}$]*$/u.test(name) ? ['.', span('name', name)] : ['[', span('string', JSON.stringify(name)), ']'];
    case 'element':
      return ['[', span('number', name), ']'];
    case 'entry':
      return name === '' ? 'an entry' : ['the entry ', span('string', name)];
    case 'key':
      return 'a key';
    case 'weak key':
      return 'as the key of a WeakMap, the value';
    case 'local':
      return 'a variable of its';
    case 'bound':
      return name === '' ? 'a bound argument' : ['bound ', span('name', name)];
    case 'settled':
      return 'settled with';
    case 'waiting':
      return 'what waits for it';
    default:
      return name === '' ? 'holds' : ['holds as ', span('dim', name)];
  }
}

function placeText({ by, at }: RetainerStep): Text {
  if (at === undefined) return '';
  const place = at.address ?? (at.file === '' ? '' : by === 'module' && at.function === '' ? at.file : `${at.file}:${at.line}`);
  const name = at.address === undefined && at.function !== '' ? `${at.function} ` : '';
  return place === '' && name === '' ? '' : span('dim', ` ${name}${place}`);
}
