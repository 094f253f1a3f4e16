/**
 * New functions on their way into the places of old ones, as one transaction. Assigning a variable is not enough: optimized code may hold what a variable that is never assigned in
 * the source contained, and would call the old function for ever; so the code of every function that mentions the variable is thrown away with the assignment, in the same turn.
 */
import type { Unreached } from '../../protocol/index.ts';
import { child, isFunction } from '../../source/index.ts';
import type { SyntaxNode } from '../../source/index.ts';
import { DebugSession } from './debug-session.ts';
import { surveyHolders } from './holders.ts';
import { KeyholePlace } from './keyhole-place.ts';
import type { FunctionTarget } from './modules.ts';
import { ancestorsOf, mentionsOf } from './rebind-places.ts';
import type { CapturedScope } from './rebind-capture.ts';
import type { Spot } from './rebind-spots.ts';
import type { Refusal, Transaction } from './strategy.ts';

/** What is live for one function. */
export interface LiveRebind {
  scope: CapturedScope;
  places: KeyholePlace[];
}

/** One change, compiled, with all the places it goes to. */
export interface ReadyRebind {
  target: FunctionTarget;
  /** What is live once it is applied; null puts the loaded code back. */
  live: LiveRebind | null;
  places: KeyholePlace[];
  unreached: Unreached[];
  /** Nothing is compiled: a dry run has looked at its text alone. */
  foreseen?: true;
}

export interface TransactionParts {
  ready: readonly ReadyRebind[];
  live: Map<FunctionTarget, LiveRebind>;
  /** The session of the capture, where there is one. */
  session: DebugSession | null;
  expectedPauseMs: number;
  /** Null: the budget does not allow a survey, and this is how long it would take. */
  surveyAllowed: boolean;
  surveyPauseMs: number;
}

export function rebindTransaction({ ready, live, session, expectedPauseMs, surveyAllowed, surveyPauseMs }: TransactionParts): Transaction {
  const written: KeyholePlace[] = [];
  const before = new Map(ready.map(({ target }) => [target, live.get(target)]));
  const forget = (): void => forgetOptimized(ready, session);
  return {
    expectedPauseMs,
    apply: () => {
      if (ready.some(({ foreseen }) => foreseen)) throw new Error('its scope was not captured');
      for (const { target, places, live: after } of ready) {
        for (const place of places) {
          written.push(place);
          place.spot.write(place.after);
        }
        if (after === null) live.delete(target);
        else live.set(target, after);
      }
      forget();
    },
    verify: () => {
      const proven = new Set<string>();
      const doubts: Refusal[] = [];
      for (const { target, places } of ready) {
        const wrong = places.filter(({ spot, after }) => spot.read() !== after).map(({ spot }) => spot.label);
        if (wrong.length > 0) doubts.push({ address: target.address, why: `${wrong.join(', ')} does not hold the new function` });
        else proven.add(target.address);
      }
      return { proven, doubts };
    },
    undo: () => {
      for (const { spot, before: value, after } of written.splice(0).toReversed()) if (spot.read() === after) spot.write(value);
      for (const [target, was] of before) {
        if (was === undefined) live.delete(target);
        else live.set(target, was);
      }
      forget();
    },
    survey: async () => {
      const found = new Map<string, Unreached[]>();
      const patched = ready.filter((each) => each.live !== null);
      if (patched.length === 0) return found;
      const survey = surveyAllowed ? surveyHolders(patched.map(({ places }) => places)).catch(unknownHolders) : null;
      for (const [index, { target, unreached }] of patched.entries()) {
        const others: Unreached[] =
          survey === null
            ? [{ holder: `others were not looked for: that stops the process for about ${surveyPauseMs} ms more (--max-pause)`, count: null }]
            : ((await survey)[index] ?? []);
        found.set(target.address, [...(found.get(target.address) ?? []), ...unreached, ...others]);
      }
      return found;
    },
  };
}

/** The patch is live, whatever became of the survey. */
function unknownHolders(thrown: unknown): Unreached[][] {
  const holder = `others could not be looked for: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  return [[{ holder, count: null }]];
}

function forgetOptimized(ready: readonly ReadyRebind[], shared: DebugSession | null): void {
  const mentioning = ready.flatMap(({ target, places }) => mentioningFunctions(target, places).map((fn) => ({ module: target.module, fn })));
  if (mentioning.length === 0) return;
  const session = shared?.isOpen === true ? shared : new DebugSession();
  try {
    const ids: string[] = [];
    for (const { module, fn } of mentioning) {
      for (const script of session.scriptsOf(module.url, module.running)) {
        const id = session.breakAt(script, fn.start, fn.end, 'false');
        if (id !== null) ids.push(id);
      }
    }
    for (const id of ids) session.removeBreakpoint(id);
  } finally {
    if (session !== shared) session.close();
  }
}

/** Bodies of the functions whose text mentions a variable that is assigned, and the module's own where its top level does. */
export function mentioningFunctions(
  target: FunctionTarget,
  places: readonly { spot: Pick<Spot, 'key' | 'isVariable'> }[],
): { start: number; end: number }[] {
  const { captures, entry } = target;
  const outer = captures.scopeOf(entry.node).parent;
  const bodies = new Map<SyntaxNode, { start: number; end: number }>();
  for (const { spot } of places) {
    const binding = outer === null || typeof spot.key !== 'string' || !spot.isVariable ? null : captures.resolve(spot.key, outer);
    if (binding === null) continue;
    for (const mention of mentionsOf(binding, captures)) {
      const fn = ancestorsOf(captures.module.node, mention.node).findLast((each) => isFunction(each));
      const body = fn === undefined ? null : child(fn, 'body');
      if (body === null) bodies.set(captures.module.node, { start: 0, end: target.module.running.length });
      else bodies.set(body, { start: body.type === 'BlockStatement' ? body.start : body.start - 1, end: body.end });
    }
  }
  return [...bodies.values()];
}
