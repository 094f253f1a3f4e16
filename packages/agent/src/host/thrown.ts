/** What an evaluation threw, as the wire shows it. */
import { stringify } from '../platform/originals.ts';
import { KeyholeError, limits } from '../protocol/index.ts';
import type { Thrown } from '../protocol/index.ts';
import type { EvaluateAnswer } from './inspector.ts';
import { hide } from './secrets.ts';

/** @throws {KeyholeError} SIDE_EFFECT where the guard has stopped it. */
export function thrownOf(details: NonNullable<EvaluateAnswer['exceptionDetails']>, guarded: boolean): Thrown {
  const { exception, text } = details;
  const stack = hide(exception?.description ?? text);
  if (guarded && /^(EvalError: Possible side-effect|TypeError: Assignment to constant variable)/.test(stack)) {
    throw new KeyholeError(
      'SIDE_EFFECT',
      'the expression would change something',
      'Without --safe it runs; it then stands in the journal all the same.',
    );
  }
  const preview = new Map(exception?.preview?.properties.map((property) => [property.name, property.value]));
  const [head = ''] = stack.split('\n');
  const match = /^(?:Uncaught )?([\w$.]*(?:Error|Exception)?)(?:: (.*))?$/.exec(head);
  if (exception?.subtype === 'error') {
    return {
      name: match?.[1] || exception.className || 'Error',
      message: match?.[2] ?? hide(preview.get('message') ?? ''),
      stack: ownFrames(stack).slice(0, limits.maxStringLength),
    };
  }
  const shown = exception === undefined ? text : (exception.description ?? stringify(exception.value) ?? exception.type);
  return { name: 'Thrown', message: hide(shown).slice(0, limits.maxStringLength), stack: '' };
}

/** Without the frames below the operator's code: those are ours. */
function ownFrames(stack: string): string {
  const lines = stack.split('\n');
  const ours = lines.findIndex((line) => line.includes('(node:inspector:'));
  return (ours === -1 ? lines : lines.slice(0, ours)).join('\n');
}
