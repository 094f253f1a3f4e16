/** `--shadow`: the new functions on copies of real calls before the operator decides. It says what a shadow does, asks, shows what differed, and asks again. */
import { KeyholeError, limits, type PatchRequest, type ShadowOutcome, type ShadowReport, type ShadowResult } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { duration } from '../render/duration.ts';
import { joined, span, type Text } from '../render/text.ts';
import { renderValue } from '../render/value.ts';
import { reviewed } from './reviewed.ts';
import { countFlag, durationFlag, type CommandContext, type Flags, type OptionDefinition } from './command.ts';

export const shadowOptions: OptionDefinition[] = [
  { flags: '--shadow <calls>', doc: 'first runs the new code on copies of so many real calls, and shows what differs' },
  { flags: '--shadow-for <time>', doc: `how long the calls are waited for (default: ${duration(limits.defaultShadowMs)})` },
  { flags: '-y, --yes', doc: 'with --shadow: asks nothing, and applies only where calls were compared and none differed' },
];

export interface ShadowFlags {
  calls: number;
  timeoutMs: number;
  yes: boolean;
}

/** An answer has to come back over the line after the time is up. */
const marginMs = 15_000;

/** @throws {KeyholeError} USAGE */
export function shadowFlags(context: CommandContext, flags: Flags): ShadowFlags | null {
  const calls = countFlag(flags, 'shadow', 1, limits.maxShadowCalls);
  const timeoutMs = durationFlag(flags, 'shadowFor', '--shadow-for', limits.minShadowMs, limits.maxShadowMs);
  const yes = flags['yes'] === true;
  if (calls === undefined) {
    if (timeoutMs !== undefined || yes) throw new KeyholeError('USAGE', '--shadow-for and --yes go with --shadow');
    return null;
  }
  if (flags['dryRun'] === true) throw new KeyholeError('USAGE', 'either --shadow or --dry-run: a shadow does run code');
  if (!yes && !context.interactive) {
    throw new KeyholeError(
      'USAGE',
      `${warning} There is nobody to ask`,
      '--yes starts it, and applies only where calls were compared and none differed',
    );
  }
  return { calls, timeoutMs: timeoutMs ?? limits.defaultShadowMs, yes };
}

const warning =
  'A shadow run calls the new code for real. Its arguments, this and captured variables are copies, and its results are not used; but what it sends, writes, or changes through modules and globals does happen, a second time beside the real call.';

/** @returns what was seen, or null where the operator did not want it. */
export async function runShadow(
  context: CommandContext,
  connection: Connection,
  change: { patches: PatchRequest[]; reason: string },
  { calls, timeoutMs, yes }: ShadowFlags,
  flags: Flags,
): Promise<{ result: ShadowResult; apply: boolean } | null> {
  const { terminal } = context;
  terminal.message([span('warning', warning), '\n']);
  if (!yes && !saysYes(await context.ask(`Run it on the next ${calls} calls? [y/N] `))) return null;
  terminal.message(`waiting for ${calls} calls, ${duration(timeoutMs)} at most\n`);
  const { glass, options } = reviewed(context, connection, { flags, ownMs: timeoutMs + marginMs });
  const result = await connection.call('patch.shadow', { ...change, calls, timeoutMs, ...glass }, options);
  if (!result.ok) return { result, apply: false };
  terminal.message(renderShadow(result));
  if (yes) {
    const clean = isClean(result);
    if (!clean) terminal.message(span('warning', 'not applied: every function must have been compared, and nothing may differ\n'));
    return { result, apply: clean };
  }
  return { result, apply: saysYes(await context.ask('Apply it now? [y/N] ')) };
}

/** Nothing compared is no proof of anything. */
function isClean({ functions }: ShadowResult): boolean {
  return functions.every(({ equal, different }) => equal > 0 && different === 0);
}

function saysYes(answer: string): boolean {
  return /^y(es)?$/i.test(answer.trim());
}

function renderShadow({ functions, ended, tookMs }: ShadowResult): Text {
  return [functions.map(renderReport), span('dim', `${ended} after ${duration(tookMs)}\n`)];
}

function renderReport(report: ShadowReport): Text {
  const { address, calls, equal, different, threw, skipped, incomparable, oldMs, newMs, copyMs } = report;
  const compared = equal + different;
  return [
    span('heading', address),
    `  ${calls} calls, ${compared} compared: ${equal} equal, `,
    span(different === 0 ? 'good' : 'bad', `${different} different`),
    threw === 0 ? '' : ` (in ${threw} only the new one threw)`,
    `; ${skipped} skipped, ${incomparable} could not be compared\n`,
    report.reasons.map(({ why, calls: times }) => `  ${times}: ${why}\n`),
    report.differences.map((each) => [
      '  ',
      '(',
      joined(each.args.map(renderValue), ', '),
      ')  old ',
      outcome(each.old),
      '  new ',
      outcome(each.new),
      '\n',
    ]),
    span('dim', `  ms, p50/p99: old ${oldMs.p50}/${oldMs.p99}, new ${newMs.p50}/${newMs.p99}, copying ${copyMs.p50}/${copyMs.p99}\n`),
  ];
}

function outcome({ threw, value }: ShadowOutcome): Text {
  return threw ? [span('bad', 'throws '), renderValue(value)] : renderValue(value);
}
