/**
 * The way into the scope of code that was not instrumented: a breakpoint at the entry of a function whose condition hands over an `eval` of that scope and is false, so nothing
 * pauses. It waits for a call that the service makes by itself, of the function or of another that sees the same variables, and never makes one of its own: the body of a function
 * that is called to be captured would run. A breakpoint is gone at its first hit: each hit costs about 100 us, and a hot function has many.
 */
import { nodeClock } from '../../platform/clock.ts';
import { offerToBreakpoints, withdrawFromBreakpoints } from '../../platform/place.ts';
import { randomBytes } from 'node:crypto';
import { child, isClass } from '../../source/index.ts';
import type { FunctionEntry, SyntaxNode } from '../../source/index.ts';
import type { DebugSession, DebuggedScript } from './debug-session.ts';
import { ancestorsOf } from './rebind-places.ts';
import type { FunctionTarget } from './modules.ts';

/** A scope that was captured. It keeps the arguments and `this` of one call alive, so it is held no longer than a patch needs it. */
export interface CapturedScope {
  /** The function at whose entry it was captured. */
  frame: FunctionEntry;
  evaluate(code: string): unknown;
  /** `this` of that call; undefined for arrow functions. */
  self: unknown;
}

/** What has to be captured for one change, and the functions at whose call it can be. */
export interface Wanted {
  target: FunctionTarget;
  script: DebuggedScript;
  frames: readonly FunctionEntry[];
}

export interface CaptureLimits {
  timeoutMs: number;
  signal: AbortSignal;
}

/** Captures by target; what is not there when the time is over was not called. */
export function captureScopes(
  session: DebugSession,
  wanted: readonly Wanted[],
  { timeoutMs, signal }: CaptureLimits,
): Promise<Map<Wanted, CapturedScope>> {
  const captured = new Map<Wanted, CapturedScope>();
  const breakpoints = new Map<FunctionEntry, string>();
  const frames = [...new Set(wanted.flatMap((each) => each.frames))];
  const key = randomBytes(9).toString('base64url');
  return new Promise((resolve) => {
    const finish = (): void => {
      callOff();
      signal.removeEventListener('abort', finish);
      for (const id of breakpoints.values()) session.removeBreakpoint(id);
      breakpoints.clear();
      withdrawFromBreakpoints(key);
      // Not in the middle of the service's turn, where the last call may have come from.
      nodeClock.soon(() => resolve(captured));
    };
    const receive = (index: number, evaluate: (code: string) => unknown, self: unknown): void => {
      const frame = frames[index];
      const id = frame === undefined ? undefined : breakpoints.get(frame);
      if (frame === undefined || id === undefined) return;
      for (const want of wanted) if (want.frames.includes(frame) && !captured.has(want)) captured.set(want, { frame, evaluate, self });
      breakpoints.delete(frame);
      session.removeBreakpoint(id);
      if (captured.size === wanted.length) finish();
    };
    // It is called inside the service's functions: nothing may escape from it.
    const value = (index: number, evaluate: (code: string) => unknown, self: unknown): void => {
      try {
        receive(index, evaluate, self);
      } catch {
        // The session was closed meanwhile: whoever closed it no longer waits.
      }
    };
    const call = offerToBreakpoints(key, value);
    for (const { script, frames: own } of wanted) {
      for (const frame of own) {
        if (breakpoints.has(frame)) continue;
        const { start, end } = entryOf(frame);
        const self = frame.kind === 'arrow' || frame.kind === 'derived constructor' ? 'undefined' : 'this';
        const condition = `${call}(${frames.indexOf(frame)},${portalParameter}=>eval(${portalParameter}),${self}),false`;
        const id = session.breakAt(script, start, end, condition);
        if (id !== null) breakpoints.set(frame, id);
      }
    }
    const callOff = nodeClock.after(timeoutMs, () => finish());
    if (signal.aborted) finish();
    else signal.addEventListener('abort', finish);
  });
}

/** No name that a service uses: it hides a variable of that name from the code that is compiled. */
export const portalParameter = '$keyholeCode';

/** Where V8 looks for the first place to stop in a body. An expression's own start may be that of a function in it. */
function entryOf({ node }: FunctionEntry): { start: number; end: number } {
  const body = child(node, 'body') ?? node;
  return { start: body.type === 'BlockStatement' ? body.start : body.start - 1, end: body.end };
}

/** The functions at whose entry all these names mean what they mean around the target, the target first. */
export function framesOf(
  target: FunctionTarget,
  functions: readonly FunctionEntry[],
  names: ReadonlySet<string>,
  usesPrivateNames: boolean,
): FunctionEntry[] {
  const { captures, entry } = target;
  const { node: program } = captures.module;
  const outer = captures.scopeOf(entry.node).parent;
  const { strict } = captures.useOf(entry.node);
  const privateHome = usesPrivateNames ? ancestorsOf(program, entry.container).findLast((each) => isClass(each)) : undefined;
  const sees = (each: FunctionEntry): boolean => {
    if (!strict && captures.useOf(each.node).strict) return false;
    if (usesPrivateNames && (privateHome === undefined || !contains(privateHome, each.node))) return false;
    const scope = captures.scopeOf(each.node);
    return [...names].every((name) => captures.resolve(name, scope) === (outer === null ? null : captures.resolve(name, outer)));
  };
  const self = functions.find((each) => each.container === entry.container || each.start === entry.start);
  // Another closure of an enclosing function has variables of its own: only a call of this function shows those that are meant.
  const others = outer === null || hasOwnScope(target) ? [] : functions.filter((each) => each !== self);
  return [...(self === undefined ? [] : [self]), ...others].filter(sees);
}

/** Whether each of its closures may have other variables around it: it stands in a function or in a block. */
export function hasOwnScope({ captures, entry }: FunctionTarget): boolean {
  return entry.parent !== null || captures.useOf(entry.node).captured.size > 0;
}

function contains(outer: SyntaxNode, inner: SyntaxNode): boolean {
  return outer.start <= inner.start && inner.end <= outer.end;
}
