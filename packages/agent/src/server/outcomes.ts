/** What the journal keeps of a change that was made. */
import type { HostOperation } from '../host/bridge.ts';
import type { PatchResult, RescueEnd, Result, ShadowResult, StateValue, WatchEnded } from '../protocol/index.ts';

/** What is journaled: on the main thread, or by the door itself. */
export type ChangingOperation = HostOperation | 'rescue.end' | 'patch.hotfix';

/** Values of the service never go into the journal; their type and size, and what was done, do. */
export function summaryOf(op: ChangingOperation, result: unknown): { status: 'done' | 'refused'; result: Record<string, unknown> } {
  if (op === 'evaluate') {
    const evaluated = result as Result<'evaluate'>;
    return evaluated.ok
      ? { status: 'done', result: { ok: true, type: evaluated.value.type, bytes: Buffer.byteLength(JSON.stringify(evaluated.value)) } }
      : { status: 'done', result: { ok: false, error: evaluated.error.name } };
  }
  if (op === 'watch' || op === 'monitor' || op === 'stack' || op === 'trace' || op === 'logpoint' || op === 'actor.follow') {
    // Counts, no values of the service; a condition's error may hold one.
    const { conditionErrors, stacks, ...counts } = result as WatchEnded & Partial<Result<'watch'> & Result<'stack'>>;
    const more = {
      ...(conditionErrors !== undefined && { conditionErrors: conditionErrors.calls }),
      ...(stacks !== undefined && { ways: stacks.length }),
    };
    return { status: 'done', result: { ...counts, ...more } };
  }
  if (op === 'recording.replay') {
    const { address, text, now } = result as Result<'recording.replay'>;
    return { status: 'done', result: { address, text, how: now.how, type: now.value.type } };
  }
  if (op === 'patch.confirm') return { status: 'done', result: { patches: (result as Result<'patch.confirm'>).patches } };
  if (op === 'patch.shadow') {
    const { ok, ended, functions, refused } = result as ShadowResult;
    // Without the differences: those are values of the service.
    return { status: ok ? 'done' : 'refused', result: { ended, refused, functions: functions.map(({ differences: _, ...counts }) => counts) } };
  }
  if (op === 'actor.suspend' || op === 'actor.resume' || op === 'actor.send') {
    const { ok: _, entry: __, ...done } = result as Result<'actor.suspend'> | Result<'actor.resume'> | Result<'actor.send'>;
    return { status: 'done', result: done };
  }
  if (op === 'actor.set' || op === 'actor.restore') {
    const { ok: _, id, actor, path, ...values } = result as Result<'actor.set'> | Result<'actor.restore'>;
    const plain = (value: StateValue): unknown => (value.json === undefined ? value.text : value.json);
    return {
      status: 'done',
      result: {
        id,
        actor,
        path,
        ...('resumed' in values && { resumed: true }),
        ...('before' in values && { before: plain(values.before), after: plain(values.after) }),
      },
    };
  }
  if (op === 'rescue.end') {
    const { blockedMs, stack, terminated } = result as RescueEnd;
    return { status: 'done', result: { blockedMs, stack, terminated } };
  }
  if (op === 'patch.hotfix') {
    const { hotfix, sha256 } = result as Result<'patch.hotfix'>;
    // Not as `patches`: what went into a file that starts processes is not in git.
    return { status: 'done', result: { hotfix: hotfix.patches.map(({ id }) => id), sha256 } };
  }
  if (op === 'patch.export') {
    const { patches, past = [] } = result as Result<'patch.export'>;
    return { status: 'done', result: { patches: [...patches, ...past].map(({ id }) => id) } };
  }
  const { ok, patches, refused } = result as PatchResult;
  return { status: ok ? 'done' : 'refused', result: { patches, refused } };
}
