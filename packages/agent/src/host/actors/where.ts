/** Which actors a condition holds for. It is looking and nothing else: the closed grammar, and V8's guard besides. */
import { KeyholeError } from '../../protocol/index.ts';
import type { ListedActor, RemoteValue, Result } from '../../protocol/index.ts';
import { lookingArrow, secretReached } from '../../source/index.ts';
import type { EvaluateAnswer, Inspector } from '../inspector.ts';
import type { SessionObjects } from '../objects.ts';
import { isSecret } from '../secrets.ts';

/** Of actors as they are listed: those it holds for, and those it could not be asked of. */
export type Judge = (listed: readonly ListedActor[]) => Pick<Result<'actors.find'>, 'actors' | 'unjudged'>;

/** @throws {KeyholeError} NOT_ALLOWED where the condition is more than looking. */
export function where(condition: string, inspector: Inspector, objects: SessionObjects): Judge {
  const arrow = lookingArrow(condition);
  if ('why' in arrow)
    throw new KeyholeError(
      'NOT_ALLOWED',
      `${condition.slice(0, 200)} is not a condition: ${arrow.why}`,
      'It takes s => s.bids > 10: one name, then names, members, operators and literals.',
    );
  const secret = secretReached(arrow.body, isSecret);
  if (secret !== null) throw new KeyholeError('NOT_ALLOWED', `${condition.slice(0, 200)}: ${secret}`, 'A condition would tell what is hidden.');
  const functionDeclaration = `function (${arrow.parameter}) { "use strict"; return !!(${arrow.body}\n) }`;
  const { objectId } = inspector.wrap(globalThis, objects.group, false);
  return (listed) => {
    const actors: ListedActor[] = [];
    const unjudged: { id: string; why: string }[] = [];
    for (const actor of listed) {
      const { id, state, error } = actor;
      if (state === undefined) {
        unjudged.push({ id, why: error ?? 'it shows no state' });
        continue;
      }
      const given = argumentOf(state, objects);
      if (given === null) {
        unjudged.push({ id, why: 'its state is too large to be looked at whole' });
        continue;
      }
      const answer = inspector.post<EvaluateAnswer>('Runtime.callFunctionOn', {
        objectId,
        functionDeclaration,
        arguments: [given],
        throwOnSideEffect: true,
        returnByValue: true,
        silent: true,
      });
      const why = answer.exceptionDetails?.exception?.description?.split('\n')[0];
      if (answer.exceptionDetails !== undefined) unjudged.push({ id, why: why ?? 'the condition threw' });
      else if (answer.result.value === true) actors.push(actor);
    }
    return { actors, unjudged };
  };
}

/** A state as V8 takes it, and as it is: null where all that is at hand is a piece of it, or a description. */
function argumentOf(state: RemoteValue, objects: SessionObjects): object | null {
  const { type, value, unserializable, handle, length = 0 } = state;
  if (type === 'symbol') return null;
  if (type === 'string') return typeof value === 'string' && value.length === length ? { value } : null;
  if (unserializable !== undefined) return type === 'bigint' && !/^-?\d+n$/.test(unserializable) ? null : { unserializableValue: unserializable };
  if (handle === undefined) return { value };
  const { objectId } = objects.object(handle);
  return objectId === undefined ? null : { objectId };
}
