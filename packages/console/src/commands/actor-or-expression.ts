/** What a word of the operator's is about: the actor of that id, or what the expression gives. The actor wins, since it was given that name on purpose. */
import { KeyholeError } from '@keyhole/agent/protocol';

/** Of commands whose word may be an expression. */
export const inOption = { flags: '--in <file>', doc: 'an expression inside the scope of that module' };

export type ActorOrExpression = { actor: string } | { expression: string; in?: string };

/** How a word that was meant as an id is refused where it is read as an expression. */
const notAnExpression = new Set(['SYNTAX', 'BAD_REQUEST', 'NOT_ALLOWED']);

/** @param file where it is an expression inside that module. */
export async function actorOrExpression<T>(
  what: string,
  file: string | undefined,
  ask: (of: ActorOrExpression) => Promise<T>,
): Promise<{ id?: string; answer: T }> {
  if (file !== undefined) return { answer: await ask({ expression: what, in: file }) };
  let noActor: KeyholeError;
  try {
    return { id: what, answer: await ask({ actor: what }) };
  } catch (error) {
    if (!(error instanceof KeyholeError) || (error.code !== 'NOT_FOUND' && error.code !== 'BAD_REQUEST')) throw error;
    noActor = error;
  }
  try {
    return { answer: await ask({ expression: what }) };
  } catch (error) {
    // An actor's id is seldom an expression as well: then the actor that is missing is the news.
    if (error instanceof KeyholeError && notAnExpression.has(error.code) && what.includes('/')) throw noActor;
    throw error;
  }
}
