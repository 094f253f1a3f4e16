/** What `push`, `edit` and `revert` share: sending functions to the engine, and showing what became of each. */
import { limits, type PatchRequest, type PatchResult, type ShadowResult } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { duration } from '../render/duration.ts';
import { span, type Text } from '../render/text.ts';
import { renderDiff } from '../render/unified-diff.ts';
import type { Refusal } from '../typescript/changed-functions.ts';
import { runShadow, shadowFlags, shadowOptions } from './shadow.ts';
import { maxPauseOf, threadOf, threadOption } from './threads.ts';
import { breakGlassOption, reviewed } from './reviewed.ts';
import { describeTrial } from './trial.ts';
import { countFlag, durationFlag, reasonOption, type CommandContext, type Flags, type OptionDefinition, type Outcome } from './command.ts';

const applyTimeoutMs = 60_000;
/** An answer that takes longer than this waits for something. */
const askWhatForMs = 700;

export const applyOptions: OptionDefinition[] = [
  reasonOption,
  { flags: '--dry-run', doc: 'only says what would happen' },
  threadOption,
  { flags: '--max-pause <ms>', doc: `refuse when the process would stop longer (default: ${limits.defaultMaxPauseMs})` },
  { flags: '--confirm <time>', doc: 'undone after that time (90s, 5m, 2h) unless keyhole confirm comes before' },
  { flags: '--if-errors <n>', doc: `undone when more than n of its calls fail in the first ${duration(limits.errorWatchMs)}` },
  breakGlassOption,
  ...shadowOptions,
];

type Changed = Omit<PatchResult, 'refused'> & { refused: Refusal[]; shadow?: ShadowResult };

/** `refused` holds what could not even be translated: then nothing is applied, unless `partial`. */
export async function applyPatches(
  context: CommandContext,
  connection: Connection,
  change: { patches: PatchRequest[]; refused: Refusal[]; reason: string; commits?: string[]; partial: boolean; flags: Flags },
): Promise<Changed> {
  const { patches, refused, reason, commits = [], partial, flags } = change;
  const dryRun = flags['dryRun'] === true;
  const confirmMs = durationFlag(flags, 'confirm', '--confirm', limits.minConfirmMs, limits.maxConfirmMs);
  const ifErrors = countFlag(flags, 'ifErrors', 0, limits.maxErrorsAllowed, '--if-errors');
  const shadow = shadowFlags(context, flags);
  if (patches.length === 0 || (refused.length > 0 && !partial && !dryRun)) return { ok: refused.length === 0, dryRun, patches: [], refused };
  const shadowed = shadow === null ? null : await runShadow(context, connection, { patches, reason, ...threadOf(flags) }, shadow, flags);
  if (shadow !== null && shadowed?.apply !== true) {
    const seen = shadowed === null ? {} : { shadow: shadowed.result };
    return { ok: false, dryRun, patches: [], refused: [...refused, ...(shadowed?.result.refused ?? [])], ...seen };
  }
  const named = commits.length > 0 ? { commits } : {};
  const waitMs = Math.min(context.timeoutMs ?? limits.defaultCaptureWaitMs, limits.maxCaptureWaitMs);
  const { glass, options } = reviewed(context, connection, { flags, ownMs: waitMs + applyTimeoutMs, dryRun });
  const stopSaying = sayWhatIsWaitedFor(context, connection, new Set(patches.map((patch) => patch.address)));
  const trial = { ...(confirmMs !== undefined && { confirmMs }), ...(ifErrors !== undefined && { ifErrors }) };
  const result = await connection
    .call(
      'patch.apply',
      { patches, reason, dryRun, partial, waitMs, ...threadOf(flags), ...maxPauseOf(flags), ...trial, ...glass, ...named },
      options,
    )
    .finally(stopSaying);
  return {
    ok: result.ok && (refused.length === 0 || partial),
    dryRun: result.dryRun,
    patches: result.patches,
    refused: [...refused, ...result.refused],
    ...(shadowed !== null && { shadow: shadowed.result }),
  };
}

/** Code that was not instrumented is captured at its next call, which the service makes when it likes. */
function sayWhatIsWaitedFor(context: CommandContext, connection: Connection, addresses: ReadonlySet<string>): () => void {
  const timer = setTimeout(() => {
    connection.call('patch.waiting', {}, { timeoutMs: applyTimeoutMs }).then(
      ({ patches }) => {
        for (const { address, calls, leftMs } of patches.filter((patch) => addresses.has(patch.address))) {
          context.terminal.message(
            `${address} waits for the service to call ${calls.join(' or ')}, for ${Math.ceil(leftMs / 1_000)} s more (--timeout)\n`,
          );
        }
      },
      // The change itself says what is wrong with the line.
      () => undefined,
    );
  }, askWhatForMs);
  return () => clearTimeout(timer);
}

/** The result of a change, with exit code 1 where it was refused. */
export function outcomeOf(result: Changed, done: string): Outcome {
  const { ok, dryRun, patches, refused, shadow } = result;
  return { json: { ok, dryRun, patches, refused, ...(shadow !== undefined && { shadow }) }, text: render(result, done), exitCode: ok ? 0 : 1 };
}

function render(result: Changed, done: string): Text {
  const applied = result.patches.map((patch) => [
    span(result.dryRun ? 'dim' : 'good', result.dryRun ? 'would be ' : ''),
    span('good', done),
    ` ${patch.id}  `,
    span('name', patch.address),
    `  ${patch.strategy}, pause ${patch.pauseMs} ms`,
    patch.threads === undefined ? '' : `, threads ${patch.threads.join(', ')}`,
    result.dryRun ? '' : patch.verified ? ', verified' : span('warning', ', not verified'),
    '\n',
    patch.trial === undefined ? '' : describeTrial(patch.id, patch.trial),
    (patch.unreached ?? []).map(({ holder, count }) => [
      span('warning', '  keeps the old code: '),
      `${holder}${count === null ? '' : count === 1 ? '' : ` (${count})`}\n`,
    ]),
  ]);
  const refused = result.refused.map((each) => [
    span('bad', 'refused '),
    span('name', each.address),
    `: ${each.why}\n`,
    each.diff === undefined ? '' : renderDiff(each.diff),
  ]);
  const nothing = !result.ok && result.patches.length === 0 ? [span('bad', 'nothing was changed\n')] : [];
  return [...applied, ...refused, ...nothing];
}
