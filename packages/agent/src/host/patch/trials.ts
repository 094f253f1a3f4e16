/**
 * Patches that are live on trial: undone unless confirmed in time, or when too many of their calls fail. The timers are the host's, so a lost line and a door that restarts change
 * nothing. What was pushed together is undone together, at a turn boundary of each thread, and goes back to what was live before and was not itself on trial. It never decides how code is replaced.
 */
import type { Clock } from '../../platform/clock.ts';
import { KeyholeError, limits } from '../../protocol/index.ts';
import type { Params, PatchRecord, PatchResult, TrialState, Undone } from '../../protocol/index.ts';
import type { HostContext } from '../bridge.ts';
import type { Withdrawal } from './engine.ts';
import { describeError } from './error-words.ts';
import type { ErrorWords } from './error-words.ts';
import type { Wrapping } from './planned.ts';
import { watchingErrors } from './slot-watch.ts';

/** What is tried: patches of the whole process, or of one thread alone. */
export interface TriedPatches {
  /** @param wrap what stands around the patches until {@link TriedPatches.unwrap}. */
  apply(params: Params<'patch.apply'>, context: HostContext, wrap?: Wrapping): Promise<PatchResult>;
  liveAt(address: string, thread: number | undefined): PatchRecord | null;
  /**
   * Takes back those that are live still, to the patch before them, or to the loaded code.
   * @throws {KeyholeError} where that could not be done; then they are live.
   */
  withdraw(withdrawals: readonly Withdrawal[], thread: number | undefined): Promise<Withdrawn>;
  /** @throws {KeyholeError} */
  unwrap(ids: readonly string[]): void;
}

export interface Withdrawn {
  /** What is live now, by address. */
  now: Map<string, PatchRecord | null>;
  /** Threads where it is not done yet, or could not be: one sentence each. */
  elsewhere: string[];
  /** How long it kept the main thread. */
  pauseMs: number;
}

interface Trial {
  entry: number;
  thread: number | undefined;
  patches: Withdrawal[];
  probation: { until: number; cancel: () => void } | null;
  watch: ErrorWatch | null;
  /** It can no longer be confirmed. */
  undoing: boolean;
}

interface ErrorWatch {
  allowed: number;
  until: number;
  /** Null until it is known that the patches are live. */
  failed: ((address: string) => void) | null;
  cancel: () => void;
  /** By address. */
  seen: Map<string, { calls: number; last: ErrorWords }>;
  /** The function that failed too often. */
  tripped: string | null;
}

export type Report = (undone: Omit<Undone, 'number' | 'at'>) => void;

/** An undoing that failed is tried again; a patch on trial must not stay by accident. */
const undoRetryMs = 10_000;
/** What became of trials that are over, for whoever confirms too late. */
const maxRemembered = 100;
/** Each holds the texts of the patch before it. */
const maxBefore = 200;

export class Trials {
  readonly #tried: TriedPatches;
  readonly #clock: Clock;
  readonly #report: Report;
  /** By patch id. */
  readonly #trials = new Map<string, Trial>();
  readonly #over = new Map<string, string>();
  /** Changes that are being made: what each of their functions shall go back to. */
  readonly #underWay = new Set<{ before: Map<string, PatchRecord | null>; thread: number | undefined }>();
  /** What to go back to from patches that are live or may be again, by id. */
  readonly #before = new Map<string, Withdrawal & { thread: number | undefined }>();

  constructor(tried: TriedPatches, clock: Clock, report: Report) {
    this.#tried = tried;
    this.#clock = clock;
    this.#report = report;
  }

  async apply(params: Params<'patch.apply'>, context: HostContext): Promise<PatchResult> {
    const { confirmMs, ifErrors, thread } = params;
    const before = new Map(params.patches.map(({ address }) => [address, this.#lasting(this.#tried.liveAt(address, thread))]));
    const watch = ifErrors === undefined ? null : this.#newWatch(ifErrors);
    const underWay = { before, thread };
    this.#underWay.add(underWay);
    let result: PatchResult;
    try {
      result = await this.#tried.apply(params, context, watch === null ? undefined : this.#counting(watch));
    } finally {
      this.#underWay.delete(underWay);
    }
    if (result.dryRun || result.patches.length === 0 || context.intent === undefined) return result;
    const patches = result.patches.map(({ id, address }) => ({ id, address, previous: before.get(address) ?? null }));
    this.#remember(patches, thread);
    if (confirmMs !== undefined || watch !== null)
      this.#begin({ entry: context.intent.entry, thread, patches, probation: null, watch, undoing: false }, confirmMs);
    // Another one that was being got ready all the while goes back to this, where it fits on it at all.
    for (const other of this.#underWay)
      for (const { address } of other.thread === thread ? patches : [])
        if (other.before.has(address)) other.before.set(address, this.#lasting(this.#tried.liveAt(address, thread)));
    return { ...result, patches: result.patches.map((patch) => this.described(patch)) };
  }

  #begin(trial: Trial, confirmMs: number | undefined): void {
    const { watch, patches } = trial;
    if (confirmMs !== undefined) {
      const until = this.#clock.now() + confirmMs;
      trial.probation = { until, cancel: this.#clock.after(confirmMs, () => void this.#undo(trial, 'not confirmed', until)) };
    }
    if (watch !== null) {
      watch.failed = (address) => void this.#undo(trial, 'errors', this.#clock.now(), address);
      watch.cancel = this.#clock.after(watch.until - this.#clock.now(), () => this.#stopWatching(trial));
      // Its first calls came before this line: other threads, and a search for holders of the old code, take their time.
      const { tripped } = watch;
      if (tripped !== null) this.#clock.soon(() => watch.failed?.(tripped));
    }
    for (const { id } of patches) this.#trials.set(id, trial);
  }

  /** @throws {KeyholeError} NOT_FOUND, saying what became of it. */
  async confirm(id: string): Promise<{ ok: true; id: string; patches: string[] }> {
    const trial = this.#trials.get(id);
    const probation = trial?.probation;
    if (trial !== undefined && !trial.undoing && probation != null) {
      if (this.#clock.now() >= probation.until) {
        // Its timer was due while the thread was busy, and this request came in between.
        await this.#undo(trial, 'not confirmed', probation.until);
      } else if (this.#isLive(trial, id)) {
        probation.cancel();
        trial.probation = null;
        this.#forget(trial, 'it was confirmed');
        return { ok: true, id, patches: trial.patches.map((patch) => patch.id).filter((each) => this.#isLive(trial, each)) };
      }
    }
    const fate = trial?.undoing === true && !this.#over.has(id) ? 'it is being undone' : this.#over.get(id);
    throw new KeyholeError(
      'NOT_FOUND',
      `${id} is not on probation${fate === undefined ? '' : `: ${fate}`}`,
      'keyhole fn and keyhole log show what is live, and what was undone.',
    );
  }

  /**
   * Takes patches back to what a trial would take them back to, when somebody says so.
   * @throws {KeyholeError} NOT_FOUND for one that is not live there
   */
  async takeBack(ids: readonly string[], thread: number | undefined): Promise<PatchResult> {
    const wanted = [...new Set(ids)].map((id) => {
      const known = this.#before.get(id);
      if (known?.thread !== thread || known === undefined)
        throw new KeyholeError('NOT_FOUND', `what was live before ${id} is not known`, 'keyhole revert goes back to the original code.');
      const record = this.#tried.liveAt(known.address, thread);
      if (record?.id !== id) throw new KeyholeError('NOT_FOUND', `${id} is not live`);
      return { ...known, strategy: record.strategy };
    });
    const { now, elsewhere, pauseMs } = await this.#tried.withdraw(wanted, thread);
    const patches = wanted.map(({ id, address, strategy }) => {
      const back = now.get(address)?.id;
      return { id, address, strategy, pauseMs, verified: true, ...(back !== undefined && { now: back }) };
    });
    const refused = elsewhere.map((why) => ({ address: wanted[0]?.address ?? '', why }));
    return { ok: refused.length === 0, dryRun: false, patches, refused };
  }

  /** What can still undo a patch that is live. */
  stateOf(id: string): TrialState | undefined {
    const trial = this.#trials.get(id);
    if (trial === undefined || !this.#isLive(trial, id)) return undefined;
    const { probation, watch, patches } = trial;
    const left = (until: number): number => Math.max(0, Math.ceil(until - this.#clock.now()));
    const address = patches.find((patch) => patch.id === id)?.address ?? '';
    return {
      ...(probation !== null && { confirmWithinMs: left(probation.until) }),
      ...(watch !== null && { errors: { allowed: watch.allowed, seen: watch.seen.get(address)?.calls ?? 0, forMs: left(watch.until) } }),
    };
  }

  /** With what can still undo it. */
  described<P extends { id: string }>(patch: P): P & { trial?: TrialState } {
    const trial = this.stateOf(patch.id);
    return trial === undefined ? patch : { ...patch, trial };
  }

  #remember(patches: readonly Withdrawal[], thread: number | undefined): void {
    for (const patch of patches) this.#before.set(patch.id, { ...patch, thread });
    for (const id of [...this.#before.keys()].slice(0, Math.max(0, this.#before.size - maxBefore))) this.#before.delete(id);
  }

  /** What a later patch goes back to: never to one that was on trial itself. */
  #lasting(record: PatchRecord | null): PatchRecord | null {
    if (record === null) return null;
    const own = this.#trials.get(record.id)?.patches.find(({ id }) => id === record.id);
    return own === undefined ? record : own.previous;
  }

  #isLive({ patches, thread }: Trial, id: string): boolean {
    const address = patches.find((patch) => patch.id === id)?.address;
    return address !== undefined && this.#tried.liveAt(address, thread)?.id === id;
  }

  #newWatch(allowed: number): ErrorWatch {
    const until = this.#clock.now() + limits.errorWatchMs;
    return { allowed, until, failed: null, cancel: () => undefined, seen: new Map(), tripped: null };
  }

  #counting(watch: ErrorWatch): Wrapping {
    return (target) => watchingErrors(target, (error) => this.#count(watch, target.address, error));
  }

  /** Runs inside the service's own call: it counts, and leaves everything else to the next turn. */
  #count(watch: ErrorWatch, address: string, error: unknown): void {
    if (this.#clock.now() >= watch.until) return;
    const calls = (watch.seen.get(address)?.calls ?? 0) + 1;
    watch.seen.set(address, { calls, last: describeError(error) });
    if (watch.tripped !== null || calls <= watch.allowed) return;
    watch.tripped = address;
    this.#clock.soon(() => watch.failed?.(address));
  }

  #stopWatching(trial: Trial): void {
    const live = trial.patches.filter(({ id }) => this.#isLive(trial, id));
    trial.watch = null;
    this.#forget(trial, null);
    try {
      this.#tried.unwrap(live.map(({ id }) => id));
    } catch {
      // What stands around the patch counts no more and passes everything on: it costs a call, and nobody has to act on that.
    }
  }

  async #undo(trial: Trial, cause: Undone['cause'], dueAt: number, failing: string | null = null): Promise<void> {
    if (trial.undoing) return;
    trial.undoing = true;
    trial.probation?.cancel();
    trial.watch?.cancel();
    await this.#takeBack(trial, dueAt, { entry: trial.entry, cause, ...errorsOf(trial, failing) }, false);
  }

  async #takeBack(trial: Trial, dueAt: number, what: Pick<Undone, 'entry' | 'cause' | 'errors'>, failedBefore: boolean): Promise<void> {
    const due = { ...what, lateMs: Math.max(0, Math.round(this.#clock.now() - dueAt)) };
    let withdrawn: Withdrawn;
    try {
      withdrawn = await this.#tried.withdraw(trial.patches, trial.thread);
    } catch (thrown) {
      const failed = thrown instanceof Error ? thrown.message : String(thrown);
      const live = trial.patches.filter(({ id }) => this.#isLive(trial, id));
      if (!failedBefore) this.#report({ ...due, patches: live.map(({ id, address }) => ({ id, address, now: id })), failed });
      this.#clock.after(undoRetryMs, () => void this.#takeBack(trial, dueAt, what, true));
      return;
    }
    const { now, elsewhere } = withdrawn;
    trial.probation = null;
    trial.watch = null;
    this.#forget(trial, what.cause === 'errors' ? 'it was undone: too many of its calls failed' : 'it was undone: nobody confirmed it in time');
    const undone = trial.patches.filter(({ address }) => now.has(address));
    if (undone.length === 0) return;
    const patches = undone.map(({ id, address }) => ({ id, address, now: now.get(address)?.id ?? null }));
    this.#report({ ...due, patches, ...(elsewhere.length > 0 && { elsewhere }) });
  }

  /** Lets go of a trial of which nothing is left. */
  #forget(trial: Trial, why: string | null): void {
    for (const { id } of trial.patches) {
      if (trial.probation === null && trial.watch === null) this.#trials.delete(id);
      if (why !== null) this.#over.set(id, why);
    }
    for (const id of [...this.#over.keys()].slice(0, Math.max(0, this.#over.size - maxRemembered))) this.#over.delete(id);
  }
}

function errorsOf({ patches, watch }: Trial, failing: string | null): Pick<Undone, 'errors'> {
  const seen = failing === null ? undefined : watch?.seen.get(failing);
  const id = patches.find(({ address }) => address === failing)?.id;
  if (watch === null || seen === undefined || id === undefined) return {};
  return { errors: { id, allowed: watch.allowed, seen: seen.calls, ...seen.last } };
}
