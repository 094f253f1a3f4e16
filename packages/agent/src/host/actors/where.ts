/** Which actors a condition holds for. It is looking and nothing else: the closed grammar, and V8's guard besides. */
import { KeyholeError } from '../../protocol/index.ts';
import type { Result } from '../../protocol/index.ts';
import { lookingArrow } from '../../source/index.ts';
import type { EvaluateAnswer, Inspector } from '../inspector.ts';
import type { SessionObjects } from '../objects.ts';

type Listed = Result<'actors.list'>['actors'];

/** @throws {KeyholeError} NOT_ALLOWED where the condition is more than looking. */
export function where(condition: string, listed: Listed, inspector: Inspector, objects: SessionObjects): Result<'actors.find'> {
  const arrow = lookingArrow(condition);
  if ('why' in arrow)
    throw new KeyholeError(
      'NOT_ALLOWED',
      `${condition.slice(0, 200)} is not a condition: ${arrow.why}`,
      'It takes s => s.bids > 10: one name, then names, members, operators and literals.',
    );
  const functionDeclaration = `function (${arrow.parameter}) { "use strict"; return !!(${arrow.body}\n) }`;
  const { objectId } = inspector.wrap(globalThis, objects.group, false);
  const actors: Listed = [];
  const unjudged: { id: string; why: string }[] = [];
  for (const actor of listed) {
    const { id, state, error } = actor;
    if (state === undefined) {
      unjudged.push({ id, why: error ?? 'it shows no state' });
      continue;
    }
    const given =
      state.handle !== undefined && state.type !== 'string' ? { objectId: objects.object(state.handle).objectId } : { value: state.value };
    const answer = inspector.post<EvaluateAnswer>('Runtime.callFunctionOn', {
      objectId,
      functionDeclaration,
      arguments: [state.unserializable === undefined ? given : { unserializableValue: state.unserializable }],
      throwOnSideEffect: true,
      returnByValue: true,
      silent: true,
    });
    const why = answer.exceptionDetails?.exception?.description?.split('\n')[0];
    if (answer.exceptionDetails !== undefined) unjudged.push({ id, why: why ?? 'the condition threw' });
    else if (answer.result.value === true) actors.push(actor);
  }
  return { actors, unjudged };
}
