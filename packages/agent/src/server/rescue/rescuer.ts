/**
 * Rescue: what the door does by itself when the main thread does not answer. It looks where that thread is, and ends the one execution that hangs, so that the service serves on. Through an
 * inspector session of its own, which is there only as long as it takes.
 *
 *   asked at a V8 interrupt: does it run JavaScript at all? -> paused: the stack -> let go, or ended in the very place where it was paused
 *
 * Paused and ended in one go, so nothing else can be hit: whether it is still the turn that hangs is looked up while it stands still.
 */
import type { PulseReader } from '../../host/process/pulse.ts';
import { KeyholeError } from '../../protocol/index.ts';
import type { HotFunction, Rescue, RescueEnd, StackFrame } from '../../protocol/index.ts';
import type { AuthorNames } from './author-names.ts';
import { MainThread } from './main-thread.ts';
import { nativeFacts } from './native.ts';
import { hottestOf } from './samples.ts';
import type { CpuProfile } from './samples.ts';
import { tidyUp } from './unwind.ts';
import type { CallFrame } from './unwind.ts';

/** Below this a main thread is only busy. */
export const hangsAfterMs = 1_000;
/** JavaScript answers at the next interrupt, which a busy machine may delay. */
const interruptMs = 2_000;
/** V8 loses what is asked for between two promise jobs: one time in ten where a loop is made of them. */
const askAgainMs = 100;
/** Steps out of Node's own code, until the service's is on top. */
const maxSteps = 100;
const sampleMs = 300;
const sampleIntervalUs = 1_000;
/** How long a service that was freed may take for its next turn. */
const turnMs = 3_000;
const maxFrames = 50;
/** Of the innermost functions. */
const maxCompiledAgain = 10;
/** Where requests of operators are done on the main thread. */
const hostUrl = new URL('../../host/host.js', import.meta.url).href;

export interface RescuerParts {
  pulse: PulseReader;
  root: string;
  pid: number;
  /** ISO 8601. */
  startedAt: string;
}

interface Paused {
  callFrames: CallFrame[];
}

interface Stopped {
  frames: CallFrame[];
  urlOf: (scriptId: string) => string;
}

export class Rescuer {
  readonly #parts: RescuerParts;

  constructor(parts: RescuerParts) {
    this.#parts = parts;
  }

  /** Where the main thread hangs. It goes on afterwards as before. */
  async look(): Promise<Rescue> {
    const { pulse } = this.#parts;
    if (pulse.blockedMs() < hangsAfterMs) return answers;
    return this.#inside(async (main, names) => {
      const stopped = await stop(main);
      const blockedMs = pulse.blockedMs();
      // Between two promise jobs only Node's hooks may be on the stack.
      const shown = stopped?.frames.every((frame) => isNode(frame, stopped.urlOf)) === true ? await belowNode(main, stopped) : stopped;
      const stack = shown === null ? [] : await stackOf(shown, names);
      const isSampled = blockedMs >= hangsAfterMs && (await beginSample(main, stopped?.frames ?? []));
      await goOn(main);
      await main.within(interruptMs, 'Debugger.disable');
      if (blockedMs < hangsAfterMs) return answers;
      return { state: 'javascript', blockedMs, stack, hottest: isSampled ? await endSample(main, names) : [] };
    });
  }

  /** Ends the execution that hangs. @throws {KeyholeError} NOT_HANGING, NO_RESCUE */
  async end(): Promise<RescueEnd> {
    const { pulse } = this.#parts;
    if (pulse.blockedMs() < hangsAfterMs) throw notHanging();
    const before = pulse.last;
    const rescued = await this.#inside(async (main, names): Promise<Rescue> => {
      const stopped = await stop(main);
      if (stopped === null) throw pulse.last === before ? notStopped() : notHanging();
      const ours = await belowNode(main, stopped);
      const { frames, urlOf } = ours;
      const stack = await stackOf(ours, names);
      if (pulse.last !== before) throw notHanging();
      const blockedMs = pulse.blockedMs();
      const why = objection(frames, urlOf);
      if (why !== null) throw new KeyholeError('NO_RESCUE', why, 'Nothing was ended. Only a restart helps.');
      try {
        await tidyUp(main, frames, urlOf);
      } catch (thrown) {
        throw new KeyholeError('NO_RESCUE', thrown instanceof Error ? thrown.message : String(thrown), 'Nothing was ended. Only a restart helps.');
      }
      const resumed = await main.within(interruptMs, 'Debugger.resume', { terminateOnResume: true });
      if (resumed === null)
        throw new KeyholeError(
          'UNPROVEN',
          'the execution was told to end, and the inspector does not say whether it did',
          'keyhole rescue shows what hangs now.',
        );
      await main.within(interruptMs, 'Debugger.disable');
      return { state: 'javascript', blockedMs, stack, hottest: [] };
    });
    if (rescued.state === 'native') {
      const { native } = rescued;
      throw new KeyholeError('NO_RESCUE', `the main thread runs no JavaScript that could be ended: ${describe(native)}`, helpFor(native), {
        rescue: rescued,
      });
    }
    // A turn of the event loop is the proof: without one it may be the same execution still.
    return { ...rescued, terminated: await this.#answersAgain(before) };
  }

  async #inside(work: (main: MainThread, names: AuthorNames) => Promise<Rescue>): Promise<Rescue> {
    const { pulse, root, pid, startedAt } = this.#parts;
    const main = new MainThread();
    try {
      const runsJavaScript = (await main.within(interruptMs, 'Runtime.evaluate', { expression: '0', returnByValue: true })) !== null;
      if (!runsJavaScript) return { state: 'native', blockedMs: pulse.blockedMs(), stack: [], hottest: [], native: nativeFacts(pid) };
      // It brings the parser, which a door does not need before.
      const { AuthorNames } = await import('./author-names.ts');
      return await work(main, new AuthorNames(main, root, Date.parse(startedAt)));
    } finally {
      main.leave();
    }
  }

  async #answersAgain(before: bigint): Promise<boolean> {
    const until = performance.now() + turnMs;
    while (this.#parts.pulse.last === before && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    return this.#parts.pulse.last !== before;
  }
}

const answers: Rescue = { state: 'answers', blockedMs: 0, stack: [], hottest: [] };

function notHanging(): KeyholeError {
  return new KeyholeError('NOT_HANGING', 'the main thread answers: there is nothing to end', 'keyhole profile shows what keeps it busy.');
}

function notStopped(): KeyholeError {
  return new KeyholeError(
    'NO_RESCUE',
    `the main thread runs JavaScript and could not be stopped within ${interruptMs / 1_000} s`,
    'Nothing was ended. Once more may do it, on a machine that is less busy.',
  );
}

/** Null where nothing could be paused in time. */
async function stop(main: MainThread): Promise<Stopped | null> {
  const urls = new Map<string, string>();
  main.on<{ scriptId: string; url: string }>('Debugger.scriptParsed', ({ scriptId, url }) => urls.set(scriptId, url));
  await main.within(interruptMs, 'Debugger.enable');
  const paused = main.next<Paused>('Debugger.paused', interruptMs);
  main.ask('Debugger.pause');
  const asking = setInterval(() => main.ask('Debugger.pause'), askAgainMs);
  const stopped = await paused;
  clearInterval(asking);
  return stopped === null ? null : { frames: stopped.callFrames, urlOf: (scriptId) => urls.get(scriptId) ?? '' };
}

/** It may run already: where a step led to nowhere, or nothing was stopped. */
async function goOn(main: MainThread): Promise<void> {
  try {
    await main.within(interruptMs, 'Debugger.resume');
  } catch (thrown) {
    if (!String(thrown).includes('while paused')) throw thrown;
  }
}

/** Ended in the middle of a function of Node's, Node might be left half done: so it goes on until the service's own code is on top. */
async function belowNode(main: MainThread, { frames: first, urlOf }: Stopped): Promise<Stopped> {
  let frames = first;
  for (let steps = 0; steps < maxSteps && isNode(frames[0], urlOf); steps += 1) {
    const paused = main.next<Paused>('Debugger.paused', interruptMs);
    await main.within(interruptMs, 'Debugger.stepOut');
    const next = await paused;
    if (next === null) break;
    frames = next.callFrames;
  }
  return { frames, urlOf };
}

function isNode(frame: CallFrame | undefined, urlOf: (scriptId: string) => string): boolean {
  return frame !== undefined && urlOf(frame.location.scriptId).startsWith('node:');
}

/** Why this execution is better not ended, or null. */
function objection(frames: readonly CallFrame[], urlOf: (scriptId: string) => string): string | null {
  const urls = frames.map(({ location }) => urlOf(location.scriptId));
  if (frames.length === 0) return 'the main thread could not be stopped in code of the service';
  if (isNode(frames[0], urlOf)) return `it hangs inside of Node itself (${urls[0]}), which would be left half done`;
  if (urls.includes(hostUrl)) return "it is an operator's own request that runs there: its console's Ctrl-C ends it, and its time limit does";
  if (urls.some((url) => /^node:internal\/(?:main|modules)\//.test(url)))
    return 'it hangs while modules are loaded: ended there, the program would end or run with a module that is half there';
  return null;
}

async function stackOf({ frames, urlOf }: Stopped, names: AuthorNames): Promise<StackFrame[]> {
  const stack: StackFrame[] = [];
  for (const { functionName, location } of frames.slice(0, maxFrames)) {
    const { scriptId, lineNumber, columnNumber } = location;
    stack.push(await names.of({ functionName, url: urlOf(scriptId), line: lineNumber, column: columnNumber }));
  }
  return stack;
}

/**
 * Begins while the thread stands still. V8 counts for a function what it has inlined into it, unless that was compiled while samples are taken; a breakpoint in a function makes it throw away all
 * code that has the function inlined. So each that is on the stack gets one for a moment, and is compiled again when it goes on.
 */
async function beginSample(main: MainThread, frames: readonly CallFrame[]): Promise<boolean> {
  for (const { location } of frames.slice(0, maxCompiledAgain)) {
    try {
      const set = await main.within<{ breakpointId: string }>(interruptMs, 'Debugger.setBreakpoint', { location, condition: 'false' });
      if (set !== null) await main.within(interruptMs, 'Debugger.removeBreakpoint', { breakpointId: set.breakpointId });
    } catch {
      // Code that takes none, such as Node's: what is inlined into it is counted for it.
    }
  }
  await main.within(interruptMs, 'Profiler.enable');
  await main.within(interruptMs, 'Profiler.setSamplingInterval', { interval: sampleIntervalUs });
  return (await main.within(interruptMs, 'Profiler.start')) !== null;
}

async function endSample(main: MainThread, names: AuthorNames): Promise<HotFunction[]> {
  await new Promise((resolve) => setTimeout(resolve, sampleMs));
  const answer = await main.within<{ profile: CpuProfile }>(interruptMs, 'Profiler.stop');
  return answer === null ? [] : hottestOf(answer.profile, names);
}

function describe(native: Rescue['native']): string {
  const [child] = native?.children ?? [];
  if (native?.asleep === true && child !== undefined)
    return `it sleeps in a system call, and this child of the process runs: ${child.pid} ${child.command}`;
  if (native?.asleep === true) return 'it sleeps in a system call (a synchronous read or a lock)';
  return 'it computes in a built-in function, which V8 can not interrupt';
}

function helpFor(native: Rescue['native']): string {
  const [child] = native?.children ?? [];
  return native?.asleep === true && child !== undefined
    ? `A synchronous child process (spawnSync, execSync) holds it until it ends: kill ${child.pid} ends it, if it is that one.`
    : 'It goes on when that call returns; else only a restart helps.';
}
