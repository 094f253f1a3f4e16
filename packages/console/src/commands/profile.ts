/** `keyhole profile`: what the main thread does, or who allocates, as a file that DevTools reads or as a flame graph. */
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { KeyholeError, limits, type HotFunction, type ProfileTaken } from '@keyhole/agent/protocol';
import { duration } from '../render/duration.ts';
import { flameGraph } from '../render/flame-graph.ts';
import { table } from '../render/table.ts';
import { span, type Text } from '../render/text.ts';
import { durationFlag, textFlag, type CommandDefinition } from './command.ts';
import { flamesOf } from './flames.ts';

const defaultMs = 5_000;
/** Starting, stopping and naming what was seen. */
const besidesMs = 60_000;

export const profile: CommandDefinition = {
  name: 'profile',
  summary: 'what the main thread does, or who allocates (--heap); -o x.svg draws it',
  target: 'agent',
  words: [],
  required: () => 0,
  options: [
    { flags: '--seconds <n>', doc: `for how long (default: ${defaultMs / 1_000})` },
    { flags: '-o, --output <file>', doc: 'x.svg: a flame graph; else a file for DevTools (default: NAME.PID.cpuprofile)' },
    { flags: '--heap', doc: 'who allocates, instead of what takes time' },
    { flags: '--insist', doc: 'with --heap, also where the heap is nearly full' },
  ],
  async run(context, { flags }) {
    const durationMs = durationFlag(flags, 'seconds', '--seconds', limits.minProfileMs, limits.maxProfileMs) ?? defaultMs;
    const heap = flags['heap'] === true;
    if (flags['insist'] === true && !heap) throw new KeyholeError('USAGE', '--insist is for --heap', 'keyhole profile --help');
    const connection = await context.connect();
    const { service, pid } = connection.welcome;
    const params = { durationMs, ...(heap && { heap }), ...(flags['insist'] === true && { insist: true }) };
    const timeoutMs = context.timeoutMs ?? durationMs + besidesMs;
    const taken = await connection.call('profile', params, { ...context, timeoutMs });
    const name = `${service.replace(/[^\w.-]/g, '_')}.${pid}.${heap ? 'heap' : 'cpu'}profile`;
    const file = path.resolve(context.cwd, textFlag(flags, 'output') ?? name);
    write(file, file.endsWith('.svg') ? flameGraph(flamesOf(taken), `${service}#${pid}, ${duration(durationMs)}`, unitOf(taken)) : taken.profile);
    return {
      json: { file, hottest: taken.hottest, startMs: taken.startMs },
      text: [hottestTable(taken), `\n${file}\n`, span('dim', `starting it held the main thread for ${taken.startMs} ms at most\n`)],
    };
  },
};

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new KeyholeError('USAGE', `the profile can not be written: ${(error as Error).message}`, '-o names another file');
  }
}

function hottestTable({ kind, hottest }: ProfileTaken): Text {
  const amount = ({ self, bytes }: HotFunction): string => (bytes === undefined ? `${(self * 100).toFixed(1)} %` : bytesText(bytes));
  const rows = hottest.map((each) => [
    amount(each),
    each.function === '' ? '(anonymous)' : each.function,
    each.address ?? (each.file === '' ? '' : `${each.file}:${each.line}`),
  ]);
  return table(
    [kind === 'cpu' ? 'CPU' : 'ALLOCATED', 'FUNCTION', 'AT'],
    rows,
    kind === 'cpu' ? 'the main thread did nothing' : 'nothing was allocated',
  );
}

function unitOf({ kind }: ProfileTaken): (amount: number) => string {
  return kind === 'cpu' ? (us) => `${(us / 1_000).toFixed(1)} ms` : bytesText;
}

function bytesText(bytes: number): string {
  return bytes < 1_048_576 ? `${(bytes / 1_024).toFixed(0)} KB` : `${(bytes / 1_048_576).toFixed(1)} MB`;
}
