/**
 * A logpoint: an expression that is evaluated whenever a line is reached, instrumented or not, by a breakpoint of V8 whose condition is false. It is dear: the Debugger domain stops the process
 * for a moment, each hit takes a tenth of a millisecond or more, and the function runs unoptimized as long. So each hit counts against the budget, and the hit that uses it up takes the
 * breakpoint away before it returns. Afterwards the domain is off again.
 */
import { randomBytes } from 'node:crypto';
import { isInstrumentedModule, offsetWithoutEdits } from '../../loader/index.ts';
import { nodeClock } from '../../platform/clock.ts';
import { apply, stringify, wallClockMs } from '../../platform/originals.ts';
import { offerToBreakpoints, withdrawFromBreakpoints } from '../../platform/place.ts';
import { KeyholeError, limits } from '../../protocol/index.ts';
import type { LogpointResult, LogpointStarted, Params } from '../../protocol/index.ts';
import { parseCondition, whyNoExpression } from '../../source/index.ts';
import { isSecret } from '../secrets.ts';
import type { HostContext } from '../bridge.ts';
import { checkBudget } from '../patch/budget.ts';
import { DebugSession } from '../patch/debug-session.ts';
import type { Location } from '../patch/debug-session.ts';
import type { FunctionTarget } from '../patch/modules.ts';
import { predictPauseMs } from '../patch/pauses.ts';
import { callers } from './caller.ts';
import { look } from './condition.ts';
import { Glimpse, defaultGlimpse } from './glimpse.ts';
import { openLookout, orElsewhere } from './lookout.ts';
import type { Lookout, WatchParts } from './lookout.ts';
import { describeThrown } from './words.ts';

const { now } = nodeClock;

/** What V8 takes for one hit beside what we can measure (100 to 170 us, bench/watch). */
const hitMs = 0.15;
/** How soon it is noticed that the function around it was replaced. */
const lookMs = 200;

interface LogpointParts extends WatchParts {
  /** The patch that is live at an address. */
  liveAt(address: string): { id: string } | null;
}

/** One place where V8 stops. */
interface Place {
  location: Location;
  /** The functions around it, the innermost first. */
  holding: FunctionTarget[];
  running: string;
  file: string;
  line: number;
}

interface Expression {
  /** What is handed over, as code in the scope of the line: an array of functions. */
  code: string;
  /** @throws what goes wrong. */
  evaluate(given: readonly (() => unknown)[]): unknown;
}

/** @throws {KeyholeError} NOT_FOUND, PAUSE_BUDGET, NOT_PATCHABLE where the line runs another text, NOT_ALLOWED and SYNTAX for the expression. */
export async function logpoint(parts: LogpointParts, params: Params<'logpoint'>, { stream, mayEval = false }: HostContext): Promise<LogpointResult> {
  const { modules, clock, root } = parts;
  const { file, line, limit = limits.defaultWatchedCalls, rate = limits.defaultWatchRate, maxPauseMs = limits.defaultMaxPauseMs, stack = 0 } = params;
  const expression = expressionOf(params.expression, mayEval);
  modules.look(file, maxPauseMs);
  await orElsewhere(parts, [`${file}:`], () => modules.module(file));
  checkBudget(predictPauseMs('enable') + predictPauseMs('breakpoint'), maxPauseMs);
  const { lookout, until } = openLookout(clock, params, stream, rate);
  const openedMs = now();
  const session = new DebugSession();
  const enableMs = now() - openedMs;
  const key = randomBytes(9).toString('base64url');
  const counts = { seen: 0, shown: 0, missed: 0, missedSince: 0 };
  const breakpoints: string[] = [];
  const remove = (): void => {
    for (const id of breakpoints.splice(0)) session.removeBreakpoint(id);
  };
  try {
    const places = placesOf(parts, session, file, line);
    const otherThreads = await elsewhere(parts, places);
    const glimpse = { ...defaultGlimpse, ...(params.depth !== undefined && { depth: params.depth }) };
    const hit = (index: number, given: readonly (() => unknown)[]): void => {
      if (lookout.over) return;
      const beganMs = now();
      counts.seen += 1;
      if (!lookout.meter.mayShow) {
        counts.missed += 1;
        counts.missedSince += 1;
      } else {
        lookout.meter.showing();
        const address = places[index]?.holding[0]?.address ?? null;
        let item = `{"t":"hit","number":${counts.seen},"at":${wallClockMs()},"address":${stringify(address)},${outcome(expression, given, glimpse)}`;
        if (stack > 0) item += `,"stack":${stringify(callers(root, stack, 0))}`;
        if (counts.missedSince > 0) item += `,"missed":${counts.missedSince}`;
        if (lookout.speaker.say(`${item}}`)) {
          counts.missedSince = 0;
          counts.shown += 1;
          if (counts.shown >= limit) lookout.end('limit');
        } else counts.missedSince += 1;
      }
      const endedMs = now();
      lookout.meter.spend(endedMs - beganMs + hitMs);
      if (lookout.meter.exhausted) lookout.check(endedMs);
      // Whoever calls this in a loop would be held up by each further hit.
      if (lookout.over) remove();
    };
    // It is called inside the service's functions: nothing may escape from it.
    const value = (index: number, given: readonly (() => unknown)[]): void => {
      try {
        hit(index, given);
      } catch {
        lookout.end('gone');
      }
    };
    const settingMs = now();
    const call = offerToBreakpoints(key, value);
    for (const [index, { location }] of places.entries()) {
      const id = session.breakAtPlace(location, `${call}(${index},${expression.code}),false`);
      if (id !== null) breakpoints.push(id);
    }
    if (breakpoints.length === 0) throw new KeyholeError('NOT_PATCHABLE', `V8 sets no breakpoint at ${file}:${line}`);
    const pauseMs = Math.round((enableMs + now() - settingMs) * 10) / 10;
    const said = places.map(({ holding, running, file: authored, line: at }) => ({
      address: holding[0]?.address ?? null,
      file: authored,
      line: at,
      running,
    }));
    lookout.speaker.say(stringify({ t: 'started', places: said, pauseMs, otherThreads } satisfies LogpointStarted));
    const ended = await until(lookMs, (running) => endIfReplaced(parts, places, running));
    lookout.speaker.flush();
    return { ...ended, seen: counts.seen, shown: counts.shown, missed: { rate: counts.missed, unread: lookout.speaker.unread } };
  } finally {
    remove();
    session.close();
    withdrawFromBreakpoints(key);
  }
}

/** The JSON fields of what an expression gives. */
function outcome(expression: Expression, given: readonly (() => unknown)[], limits: typeof defaultGlimpse): string {
  try {
    return `"value":${new Glimpse(limits).of(expression.evaluate(given))}`;
  } catch (thrown) {
    return `"error":${stringify(describeThrown(thrown, limits))}`;
  }
}

/** @throws {KeyholeError} NOT_ALLOWED, SYNTAX */
function expressionOf(text: string, mayEval: boolean): Expression {
  const parsed = parseCondition(text, look, mayEval ? null : isSecret);
  if (!('why' in parsed)) {
    const names = [...parsed.names];
    const global = names.find((name) => name !== 'this' && name in globalThis);
    if (global === undefined || mayEval) {
      return {
        code: `[${names.map((name) => `()=>${name}`).join(',')}]`,
        evaluate: (given) => parsed.evaluate((name) => given[names.indexOf(name)]?.()),
      };
    }
    throw new KeyholeError(
      'NOT_ALLOWED',
      `${global} may be a property of the global object, whose getter would run`,
      'That takes an operator who may eval.',
    );
  }
  if (!mayEval) {
    throw new KeyholeError(
      'NOT_ALLOWED',
      `${text.slice(0, 200)} is more than looking: ${parsed.why}`,
      'Names, members, operators and literals are; anything else takes an operator who may eval.',
    );
  }
  const wrong = whyNoExpression(text);
  if (wrong !== null) throw new KeyholeError('SYNTAX', `the expression: ${wrong}`);
  return { code: `[()=>(${text}\n)]`, evaluate: ([run]) => (run === undefined ? undefined : apply(run, undefined, [])) };
}

/** The first place of the line in each function that it has something of; outside of all only where there is no other. */
function placesOf({ modules, slots, liveAt }: LogpointParts, session: DebugSession, file: string, line: number): Place[] {
  const { module } = modules.module(file);
  const text = isInstrumentedModule(module) ? module.record.text : module.running;
  const toRunning = (offset: number): number => (isInstrumentedModule(module) ? offsetWithoutEdits(offset, module.record.edits.numbers) : offset);
  const found = new Map<FunctionTarget | null, Place>();
  for (const script of session.scriptsOf(module.url, text)) {
    for (const runningLine of modules.linesFrom(module, file, line)) {
      for (const { offset, location } of session.placesOnLine(script, runningLine)) {
        const place = modules.placeOf(module, toRunning(offset));
        if (place.file !== file || place.line !== line) continue;
        // Where a function begins it is made, by the code around it.
        const holding = modules.holding(module, toRunning(offset)).filter(({ entry }) => toRunning(offset) > entry.node.start);
        const innermost = holding[0] ?? null;
        const running = `${modules.fileOf(module.url)}:${runningLine}:${(location.columnNumber ?? 0) + 1}`;
        if (!found.has(innermost)) found.set(innermost, { location, holding, running, ...place });
      }
    }
  }
  if (found.size > 1) found.delete(null);
  const places = [...found.values()];
  if (places.length === 0)
    throw new KeyholeError(
      'NOT_FOUND',
      `${file}:${line} has no place where V8 can stop`,
      'Take a line on which a statement begins; types and comments are none.',
    );
  for (const { holding } of places) {
    for (const target of holding) {
      const live = liveAt(target.address);
      const why = live !== null ? `runs as patch ${live.id}` : slots.isObserved(target) ? 'runs as its own patch while its calls are watched' : null;
      if (why !== null)
        throw new KeyholeError(
          'NOT_PATCHABLE',
          `${file}:${line} is not reached: ${target.address} ${why}`,
          'Watch its calls instead, or end that first.',
        );
    }
  }
  return places;
}

function endIfReplaced({ slots, liveAt }: LogpointParts, places: readonly Place[], lookout: Lookout): void {
  const isReplaced = (target: FunctionTarget): boolean => liveAt(target.address) !== null || slots.isObserved(target);
  if (places.some(({ holding }) => holding.some(isReplaced))) lookout.end('replaced');
}

async function elsewhere({ loadedElsewhere }: LogpointParts, places: readonly Place[]): Promise<LogpointStarted['otherThreads']> {
  const address = places.map(({ holding }) => holding[0]?.address).find((each) => each !== undefined);
  return address === undefined ? [] : loadedElsewhere(address);
}
