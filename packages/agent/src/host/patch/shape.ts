/** Whether a new text has the shape that the calls of its original allow: what a slot hands over was fixed when the file was loaded. */
import { exactnessOf, isInert, isPattern, keepsPatterns, passingOf, whyNoMore } from '../../loader/index.ts';
import { child, children } from '../../source/index.ts';
import type { FunctionEntry, FunctionUse, SyntaxNode } from '../../source/index.ts';

/** What a slot can not do for the two texts, in plain words; null where it can. */
export function shapeMismatch(entry: FunctionEntry, own: FunctionEntry, before: FunctionUse, use: FunctionUse): string | null {
  const constructors = ['constructor', 'derived constructor'];
  if (constructors.includes(entry.kind) !== constructors.includes(own.kind)) return 'a constructor can not become another kind of member';
  if (!constructors.includes(entry.kind) && own.kind !== entry.kind) return `it is a ${entry.kind} and the new text is a ${own.kind}`;
  if (entry.kind === 'constructor' && use.superCall) return 'the new text calls super(), and its class has no base class';
  if (own.static !== entry.static) return 'static can not be added or taken away';
  if (own.generator !== entry.generator) return 'a generator can not become an ordinary function, nor the other way round';
  if (entry.generator && own.async !== entry.async) return 'a generator can not become async, nor the other way round';
  if (entry.async && !own.async) return 'an async function must stay async: its callers hold a promise';
  if (entry.generator && children(own.node, 'params').some((each) => each.type !== 'RestElement' && !isPlain(each))) {
    return 'a default or a destructured parameter of a patched generator would be evaluated at its first next() and not when it is called';
  }
  const isArrow = entry.kind === 'arrow';
  if (isArrow && use.this && !before.this) return 'the new text uses this, which the running arrow function did not capture';
  if (isArrow && use.arguments && !before.arguments) return 'the new text uses the arguments of an enclosing function';
  return passingMismatch(entry, own, before, use);
}

/** What of the new text's parameters the running code can not fill. */
function passingMismatch(entry: FunctionEntry, own: FunctionEntry, before: FunctionUse, use: FunctionUse): string | null {
  const { by, takes, exactFrom } = passingOf(entry, before);
  const wanted = children(own.node, 'params');
  const taken = children(entry.node, 'params').length;
  if (keepsPatterns(by, before) && children(entry.node, 'params').some(isPattern)) {
    return 'the running text is sloppy, says arguments and takes a parameter apart, which happens before a patch is called: what only the new text can take would throw in the old one';
  }
  if (own.kind !== 'arrow' && use.arguments && exactFrom > 0) {
    return takes === Infinity
      ? `the new text uses arguments, and the running code hands over the first ${exactFrom} by their names: one that was left out could not be told from undefined`
      : `the new text uses arguments, which the running code does not pass on (${whyNoMore(entry, before)})`;
  }
  if (takes < Infinity && (wanted.length > takes || wanted.at(-1)?.type === 'RestElement')) {
    return `the new text takes more parameters than the ${taken} that the running code passes on (${whyNoMore(entry, before)}); change what it calls or reads instead, or restart with the new text`;
  }
  if (exactnessOf(own, use) < exactFrom) {
    return `the new text takes by rest what the running code hands over by name: one of the first ${exactFrom} that was left out could not be told from undefined`;
  }
  return null;
}

/** A parameter whose value nobody can tell the time of. */
function isPlain(parameter: SyntaxNode): boolean {
  const value = child(parameter, 'right');
  return parameter.type === 'Identifier' || (child(parameter, 'left')?.type === 'Identifier' && value !== null && isInert(value));
}
