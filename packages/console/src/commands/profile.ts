/** `keyhole profile`: what the main thread does, or who allocates, as a file that DevTools reads or as a flame graph; and held against an earlier profile. */
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { KeyholeError, limits, type HotFunction, type ProfileTaken } from '@keyhole/agent/protocol';
import { duration } from '../render/duration.ts';
import { flameGraph } from '../render/flame-graph.ts';
import { table } from '../render/table.ts';
import { span, type Text } from '../render/text.ts';
import { durationFlag, textFlag, type CommandContext, type CommandDefinition, type Flags } from './command.ts';
import { noted, parseCpuProfile, type CpuProfile, type ProfileNote } from './cpu-profile.ts';
import { flamesOfBoth, flamesOfCpu, flamesOfHeap } from './flames.ts';
import { compareProfiles } from './profile-diff.ts';
import { differenceText } from './profile-diff-text.ts';

const defaultMs = 5_000;
/** Starting, stopping and naming what was seen. */
const besidesMs = 60_000;

export const profile: CommandDefinition = {
  name: 'profile',
  summary: 'what the main thread does, or who allocates (--heap); -o x.svg draws it, --diff compares',
  target: 'agent',
  words: [],
  required: () => 0,
  options: [
    { flags: '--seconds <n>', doc: `for how long (default: ${defaultMs / 1_000})` },
    { flags: '-o, --output <file>', doc: 'x.svg: a flame graph; else a file for DevTools (default: NAME.PID.cpuprofile)' },
    { flags: '--heap', doc: 'who allocates, instead of what takes time' },
    { flags: '--insist', doc: 'with --heap, also where the heap is nearly full' },
    { flags: '--diff <before>', doc: 'what runs now against a .cpuprofile that was taken before, by function' },
    { flags: '--after <file>', doc: 'with --diff, that .cpuprofile instead of taking one now' },
  ],
  async run(context, { flags }) {
    const heap = flags['heap'] === true;
    const [diff, after] = [textFlag(flags, 'diff'), textFlag(flags, 'after')];
    if (flags['insist'] === true && !heap) throw new KeyholeError('USAGE', '--insist is for --heap', 'keyhole profile --help');
    if (heap && diff !== undefined) throw new KeyholeError('USAGE', '--diff compares CPU profiles, --heap takes none', 'keyhole profile --help');
    if (after !== undefined && diff === undefined) throw new KeyholeError('USAGE', '--after is for --diff', 'keyhole profile --help');
    // A file that is none is better found before the profile is taken.
    const before = diff === undefined ? null : { name: diff, profile: read(context, diff) };
    if (before !== null && after !== undefined) {
      const compared = { before, after: { name: after, profile: read(context, after) } };
      const output = textFlag(flags, 'output');
      if (output?.endsWith('.svg') === false) throw new KeyholeError('USAGE', '-o with two files takes an .svg', 'keyhole profile --help');
      const file = output === undefined ? undefined : target(context, output, [diff, after]);
      if (file !== undefined) drawBoth(file, compared.before.profile, compared.after.profile, `${diff} and ${after}`);
      return differenceOutcome(compared, file);
    }
    return now(context, flags, before);
  },
};

/** Takes one, and writes it. */
async function now(context: CommandContext, flags: Flags, before: Named | null): ReturnType<CommandDefinition['run']> {
  const durationMs = durationFlag(flags, 'seconds', '--seconds', limits.minProfileMs, limits.maxProfileMs) ?? defaultMs;
  const heap = flags['heap'] === true;
  const connection = await context.connect();
  const { service, pid } = connection.welcome;
  const kind = `${before === null ? '' : 'after.'}${heap ? 'heap' : 'cpu'}profile`;
  const file = target(context, textFlag(flags, 'output') ?? `${service.replace(/[^\w.-]/g, '_')}.${pid}.${kind}`, [before?.name]);
  const params = { durationMs, ...(heap && { heap }), ...(flags['insist'] === true && { insist: true }) };
  const timeoutMs = context.timeoutMs ?? durationMs + besidesMs;
  const at = new Date().toISOString();
  const taken = await connection.call('profile', params, { ...context, timeoutMs });
  const title = `${service}#${pid}, ${duration(durationMs)}`;
  const started = span('dim', `starting it held the main thread for ${taken.startMs} ms at most\n`);
  if (heap) {
    write(file, file.endsWith('.svg') ? flameGraph(flamesOfHeap(taken.profile), title, bytesText) : taken.profile);
    return { json: { file, hottest: taken.hottest, startMs: taken.startMs }, text: [hottestTable(taken), `\n${file}\n`, started] };
  }
  const { patches } = await connection.call('patch.list', {}, context);
  const note: ProfileNote = { service, pid, at, patches: patches.map(({ id, address }) => ({ id, address })) };
  const text = noted(taken.profile, note);
  const parsed = parseCpuProfile(text, 'what the agent sent');
  if (!file.endsWith('.svg')) write(file, text);
  else if (before === null) write(file, flameGraph(flamesOfCpu(parsed), title, millisecondsText));
  else drawBoth(file, before.profile, parsed, `${title}, against ${before.name}`);
  if (before !== null) return differenceOutcome({ before, after: { name: 'now', profile: parsed } }, file, taken, started);
  return { json: { file, hottest: taken.hottest, startMs: taken.startMs }, text: [hottestTable(taken), `\n${file}\n`, started] };
}

interface Named {
  name: string;
  profile: CpuProfile;
}

function differenceOutcome(
  { before, after }: { before: Named; after: Named },
  file: string | undefined,
  taken?: ProfileTaken,
  started: Text = '',
): Awaited<ReturnType<CommandDefinition['run']>> {
  const difference = compareProfiles(before.profile, after.profile);
  const notes = { before: before.profile.note, after: after.profile.note };
  return {
    json: {
      ...(file !== undefined && { file }),
      ...(taken !== undefined && { hottest: taken.hottest, startMs: taken.startMs }),
      diff: { ...difference, before: { ...difference.before, ...notes.before }, after: { ...difference.after, ...notes.after } },
    },
    text: [differenceText(difference, { before: before.name, after: after.name }, notes), file === undefined ? '' : `\n${file}\n`, started],
  };
}

function drawBoth(file: string, before: CpuProfile, after: CpuProfile, title: string): void {
  write(file, flameGraph(flamesOfBoth(before, after), title, millisecondsText));
}

function read({ cwd }: CommandContext, name: string): CpuProfile {
  let text: string;
  try {
    text = readFileSync(path.resolve(cwd, name), 'utf8');
  } catch (error) {
    throw new KeyholeError('USAGE', `${name} can not be read: ${(error as Error).message}`, 'keyhole profile writes one (.cpuprofile).');
  }
  return parseCpuProfile(text, name);
}

/** Where it goes. @throws {KeyholeError} USAGE where that would overwrite what it is compared with. */
function target({ cwd }: CommandContext, name: string, compared: (string | undefined)[]): string {
  const file = path.resolve(cwd, name);
  if (compared.some((each) => each !== undefined && real(path.resolve(cwd, each)) === real(file)))
    throw new KeyholeError('USAGE', `${name} is what is compared with, and would be overwritten`, '-o names another file');
  return file;
}

function real(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    // It is not there yet.
    return file;
  }
}

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

function millisecondsText(us: number): string {
  return `${(us / 1_000).toFixed(1)} ms`;
}

function bytesText(bytes: number): string {
  return bytes < 1_048_576 ? `${(bytes / 1_024).toFixed(0)} KB` : `${(bytes / 1_048_576).toFixed(1)} MB`;
}
