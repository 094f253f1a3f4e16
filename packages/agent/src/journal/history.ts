/**
 * What became of every patch: folded from the journal's entries in their order. It keeps no texts; those are read for a page at a time. It never takes a patch for live of which an
 * entry says otherwise, and what it does not know for certain it does not call live either.
 */
import * as path from 'node:path';
import type {
  IntentEntry,
  JournalEntry,
  LateEntry,
  NotReplayedEntry,
  OutcomeEntry,
  PatchRequest,
  PatchState,
  ReplayEntry,
  ReplayResult,
  StoodEntry,
  StrategyName,
} from '../protocol/index.ts';
import { limits } from '../protocol/index.ts';
import { parseLine } from './chain.ts';
import { codeDigest, hold, onTrial, patchKey, settle } from './fate.ts';
import type { Fate, GivenApproval, LinePlace } from './fate.ts';
import { firstSeqOf, linesOf, segmentsIn } from './segments.ts';

/** One run of the service. */
export interface Run {
  /** null: its start was removed by retention. */
  name: string | null;
  commit: string | null;
  startedAt: string;
  /** The last sign of it. */
  lastAt: string;
  /** Patches that were to come back in it, by the seq of the intent. */
  replays: Map<number, { id: string; at: string }>;
  /** It lived on after them. */
  stood: boolean;
}

type ReplayOf = { seq: number; time: string } & (ReplayEntry | NotReplayedEntry | StoodEntry | OutcomeEntry);
type Change = IntentEntry & { seq: number; place: LinePlace; approvals: GivenApproval[] };

export class PatchHistory {
  /** By id, in the order in which they were made. */
  readonly fates = new Map<string, Fate>();
  /** The newest last. */
  readonly runs: Run[] = [];
  /** What is live in the run that is read, by address. */
  readonly #live = new Map<string, Fate>();
  /** What was live last of each function: null where that was taken back, or landed. */
  readonly #last = new Map<string, Fate | null>();
  readonly #open = new Map<number, Change>();
  /** The last login of each session. */
  readonly #logins = new Map<string, LinePlace>();

  /**
   * @param entry the next one.
   * @param place where it stands.
   */
  feed(entry: JournalEntry, place: LinePlace): void {
    const run = this.#runOf(entry);
    run.lastAt = entry.time;
    if (entry.kind === 'session' && entry.login !== undefined) this.#logins.set(entry.session, place);
    if (entry.kind === 'confirm' && entry.phase === 'stood') this.#counted(entry.patches);
    else if (entry.kind === 'replay') this.#replay({ ...(entry as ReplayOf), place }, run);
    else if (!('phase' in entry)) return;
    else if (entry.phase === 'intent') {
      if (['patch', 'revert', 'confirm', 'approve'].includes(entry.kind)) this.#open.set(entry.seq, { ...entry, place, approvals: [] });
    } else if (entry.phase === 'late') this.#reverted(entry, entry.result, entry.at);
    else if (entry.phase === 'undone') {
      if (entry.failed !== undefined) return;
      for (const { id, now } of entry.patches)
        this.#undone(id, now, entry.cause === 'errors' ? 'too many of its calls failed' : 'nobody confirmed it in time', entry.at);
    } else {
      const intent = this.#open.get(entry.intent);
      this.#open.delete(entry.intent);
      if (intent !== undefined) this.#ended(intent, entry, run);
    }
  }

  /** What ended with its process, or was live when the entries end, and nothing of the function came after it. */
  get unfinished(): Fate[] {
    return [...this.#last.values()].filter((fate) => fate !== null);
  }

  #runOf(entry: JournalEntry): Run {
    const current = this.runs.at(-1);
    const isStart = entry.kind === 'start';
    // A worker that was restarted belongs to the same process.
    if (current !== undefined && (!isStart || (entry.run !== undefined && entry.run === current.name))) return current;
    const run: Run = {
      name: isStart ? (entry.run ?? null) : null,
      commit: isStart ? entry.commit : null,
      startedAt: entry.time,
      lastAt: entry.time,
      replays: new Map(),
      stood: false,
    };
    for (const fate of this.#live.values()) hold(fate, onTrial(fate, current?.lastAt ?? ''), entry.time);
    for (const fate of this.fates.values()) if (fate.state === 'live') hold(fate, 'it was live in one thread alone', entry.time);
    this.#live.clear();
    this.#open.clear();
    this.runs.push(run);
    return run;
  }

  #ended(intent: Change, outcome: OutcomeEntry & { seq: number; time: string }, run: Run): void {
    const { kind } = intent;
    if (kind === 'revert') this.#reverted(intent, outcome.result, outcome.time, outcome.status === 'lost with the process');
    else if (outcome.status !== 'done') return;
    else if (kind === 'approve') this.#approved(intent);
    else if (kind === 'confirm') {
      for (const id of listOf(outcome.result)) {
        const trial = this.fates.get(String(id))?.trial;
        if (trial != null) trial.confirmed = true;
      }
    } else if (kind === 'patch')
      for (const each of listOf(outcome.result))
        this.#applied(intent, each as { id?: unknown; address?: unknown; strategy?: unknown }, outcome.time, run);
  }

  #applied(intent: Change, { id, address, strategy }: { id?: unknown; address?: unknown; strategy?: unknown }, time: string, run: Run): void {
    const { thread, confirmMs, ifErrors, patches } = intent.request as { thread?: number; confirmMs?: number; ifErrors?: number; patches?: unknown };
    const request = Array.isArray(patches) ? (patches as PatchRequest[]).find((each) => each.address === address) : undefined;
    if (typeof id !== 'string' || typeof address !== 'string' || request === undefined) return;
    const before = this.#live.get(address);
    const fate: Fate = {
      key: patchKey(intent.signed?.signature ?? '', address),
      place: intent.place,
      login: this.#logins.get(intent.session) ?? null,
      id,
      address,
      entry: intent.seq,
      strategy: strategy as StrategyName,
      ...(thread !== undefined && { thread }),
      commit: run.commit,
      base: before?.code === codeDigest(request.baseCode) ? before : null,
      state: 'live',
      since: time,
      trial:
        confirmMs === undefined && ifErrors === undefined
          ? null
          : { confirmed: confirmMs === undefined, watchedUntil: ifErrors === undefined ? 0 : Date.parse(time) + limits.errorWatchMs },
      code: codeDigest(request.code),
      approvals: intent.approvals,
    };
    this.fates.set(id, fate);
    if (thread !== undefined) return;
    if (before !== undefined) settle(before, 'replaced', time, undefined, id);
    const last = this.#last.get(address);
    if (last != null && last !== before) last.why = `${id} was pushed without it`;
    this.#begin(fate);
  }

  /** Which change it was of says its digest; that can be made when the change is read. */
  #approved({ seq, operator, fingerprint, request }: Change): void {
    const digest = String(request['digest']);
    for (const waiting of this.#open.values()) waiting.approvals.push({ operator, fingerprint, entry: seq, digest });
  }

  #begin(fate: Fate): void {
    this.#live.set(fate.address, fate);
    this.#last.set(fate.address, fate);
  }

  #counted(ids: readonly string[]): void {
    for (const id of ids) {
      const trial = this.fates.get(id)?.trial;
      if (trial != null) trial.watchedUntil = 0;
    }
  }

  /** @param lost nobody knows whether it was done: the operator wanted it, and the process is gone. */
  #reverted(asked: (IntentEntry | LateEntry) & { seq: number }, result: Record<string, unknown> | undefined, at: string, lost = false): void {
    const { ids, all, thread } = asked.request as { ids?: unknown; all?: unknown; thread?: unknown };
    // Refused with a reason for each function: it is taken back in every thread that did not refuse, and in all that come.
    if (result === undefined && !lost) return;
    const named = Array.isArray(ids) ? ids.map(String) : [];
    const wanted = all === true ? [...this.fates.values()].filter(({ state }) => state === 'live') : named.flatMap((id) => this.fates.get(id) ?? []);
    for (const fate of wanted) {
      if (thread !== undefined && fate.thread !== thread) continue;
      if (fate.state !== 'live' && fate.state !== 'lost' && fate.state !== 'superseded') continue;
      this.#end(fate, 'reverted', at);
    }
    if (thread !== undefined) return;
    for (const { now } of listOf(result) as { now?: unknown }[]) if (typeof now === 'string') this.#isBack(now, at);
  }

  #undone(id: string, now: string | null, why: string, at: string): void {
    const fate = this.fates.get(id);
    if (fate === undefined) return;
    this.#end(fate, 'undone', at, why);
    if (now !== null) this.#isBack(now, at);
  }

  /** What was live before is so again. */
  #isBack(id: string, at: string): void {
    const back = this.fates.get(id);
    if (back === undefined) return;
    settle(back, 'live', at);
    this.#begin(back);
  }

  #end(fate: Fate, state: PatchState, at: string, why?: string): void {
    settle(fate, state, at, why);
    if (this.#live.get(fate.address) === fate) this.#live.delete(fate.address);
    if (this.#last.get(fate.address) === fate) this.#last.set(fate.address, null);
  }

  #replay(entry: ReplayOf & { place: LinePlace }, run: Run): void {
    if (entry.phase === 'stood') run.stood = true;
    else if (entry.phase === 'due') {
      run.replays.set(entry.seq, { id: entry.id, at: entry.time });
      if (entry.hotfix !== undefined) this.#fromFile(entry, entry.hotfix);
      const fate = this.fates.get(entry.id);
      if (fate !== undefined) fate.replayed = { entry: entry.seq, at: entry.time, ...(entry.hotfix !== undefined && { file: entry.hotfix.file }) };
    } else if (entry.phase === 'refused') {
      const fate = this.fates.get(entry.id);
      if (fate?.state !== 'lost' && fate?.state !== 'superseded') return;
      fate.why = entry.why;
      if (entry.forGood === true) fate.heldBack = entry.why;
    } else this.#cameBack(entry, run);
  }

  #cameBack({ intent, status, result, error, time }: OutcomeEntry & { time: string }, run: Run): void {
    const replay = run.replays.get(intent);
    const fate = this.fates.get(replay?.id ?? '');
    if (fate === undefined || status === 'lost with the process') return;
    if (status === 'failed' || result === undefined) {
      fate.why = error?.message ?? 'it could not be put into effect';
      return;
    }
    const { became, strategy, why } = result as unknown as ReplayResult;
    settle(fate, became, time, why);
    if (strategy !== undefined) fate.strategy = strategy;
    if (became === 'live') this.#begin(fate);
    if (became === 'landed' && this.#last.get(fate.address) === fate) this.#last.set(fate.address, null);
  }

  /** A hotfix file may bring the same patch again and again: it stays one. */
  #fromFile(due: ReplayEntry & { seq: number; time: string; place: LinePlace }, { commit, pushes }: NonNullable<ReplayEntry['hotfix']>): void {
    const { id, address, seq: entry, time: since, place } = due;
    const known = this.fates.get(id);
    if (known !== undefined) {
      known.entry = entry;
      known.place = place;
      return;
    }
    const push = pushes.at(-1);
    const code = codeDigest(push?.request.patches.find((each) => each.address === address)?.code ?? '');
    const key = patchKey(push?.signed.signature ?? '', address);
    this.fates.set(id, {
      key,
      place,
      login: null,
      id,
      address,
      entry,
      strategy: 'slots',
      commit,
      base: null,
      state: 'lost',
      since,
      trial: null,
      code,
      approvals: [],
    });
  }
}

function listOf(result: Record<string, unknown> | undefined): unknown[] {
  const list = result?.['patches'];
  return Array.isArray(list) ? list : [];
}

/** Lines that say something about patches. */
const marks = ['"phase":', '"kind":"start"', '"login":{'].map((mark) => Buffer.from(mark));
const linesInOneTurn = 1_000;

/** Reads the journal of a directory from its start; others are served in between. */
export async function readHistory(dir: string): Promise<PatchHistory> {
  const history = new PatchHistory();
  let lines = 0;
  const names = segmentsIn(dir);
  for (const [index, name] of names.entries()) {
    const next = names[index + 1];
    // Lines that a failure left behind those that count have numbers that the next segment gave to others.
    const ceiling = next === undefined ? Number.MAX_SAFE_INTEGER : firstSeqOf(next);
    const file = path.join(dir, name);
    for (const { bytes, start, ended } of linesOf(file)) {
      lines += 1;
      if (lines % linesInOneTurn === 0) await new Promise(setImmediate);
      if (!ended || !marks.some((mark) => bytes.includes(mark))) continue;
      const entry = parseLine(bytes);
      if (entry !== null && entry.seq < ceiling) history.feed(entry, { file, start, length: bytes.length });
    }
  }
  return history;
}
