/**
 * Shadow runs: new functions beside the old ones, on copies of what real calls get. It puts observers around the old code, waits for the calls, and takes them away again, whatever
 * happens. A shadow changes no function, but what the new code does to modules, files and peers is done: the operator was told.
 */
import type { Clock } from '../../platform/clock.ts';
import { KeyholeError, limits } from '../../protocol/index.ts';
import type { Params, RefusedPatch, ShadowReport, ShadowResult } from '../../protocol/index.ts';
import { analyseCaptures, functionOf, parseFunction } from '../../source/index.ts';
import type { FunctionUse } from '../../source/index.ts';
import type { Inspector } from '../inspector.ts';
import { SessionObjects } from '../objects.ts';
import type { PatchEngine } from './engine.ts';
import { loadedCode } from './modules.ts';
import { withoutSlot } from './planned.ts';
import type { Planned } from './planned.ts';
import { applyProven } from './proof.ts';
import { ShadowFunction } from './shadow-function.ts';
import type { ShadowSurroundings } from './shadow-function.ts';
import type { SlotFunction } from './slot-watch.ts';
import type { Change, PatchStrategy } from './strategy.ts';

export interface ShadowParts {
  engine: PatchEngine;
  inspector: Inspector;
  clock: Clock;
}

/** One function that is looked at, and the patch that was live when that began. */
interface Looked {
  planned: Planned;
  live: string | null;
  usesThis: boolean;
}

type Ending = 'enough calls' | 'time is up' | 'stopped';

export class Shadows {
  readonly #parts: ShadowParts;
  #running: { session: string; end: (how: Ending) => void } | null = null;

  constructor(parts: ShadowParts) {
    this.#parts = parts;
  }

  /** The operator's session is gone, and with it whoever would read the report. */
  forget(session: string): void {
    if (this.#running?.session === session) this.#running.end('stopped');
  }

  /** @throws {KeyholeError} BUSY; STALE_BASE and SYNTAX as for a patch. */
  async run(params: Params<'patch.shadow'>, session: string): Promise<ShadowResult> {
    if (this.#running !== null) throw new KeyholeError('BUSY', 'another shadow run is under way', 'There is one at a time; it ends by itself.');
    let end: (how: Ending) => void = () => undefined;
    const ended = new Promise<Ending>((resolve) => (end = resolve));
    // From here on: the operator may be gone before it has begun.
    this.#running = { session, end };
    try {
      await this.#parts.engine.getReady(params.patches);
      return await this.#look(params, session, end, ended);
    } finally {
      this.#running = null;
    }
  }

  async #look(params: Params<'patch.shadow'>, session: string, end: (how: Ending) => void, ended: Promise<Ending>): Promise<ShadowResult> {
    const { clock, inspector, engine } = this.#parts;
    const { planned, refused } = engine.plan(params.patches, {}, limits.defaultMaxPauseMs);
    const looked: Looked[] = [];
    for (const each of planned) {
      const { why, use } = this.#judge(each);
      if (why !== null) refused.push({ address: each.request.address, why });
      else looked.push({ planned: each, live: engine.liveAt(each.request.address)?.id ?? null, usesThis: use.this || use.super });
    }
    const notStarted = (): ShadowResult => ({ ok: false, ended: 'not started', tookMs: 0, functions: [], refused });
    const [first] = looked;
    if (refused.length > 0 || first === undefined) return notStarted();
    if (params.dryRun === true) return { ...notStarted(), ok: true };

    const started = clock.now();
    const objects = new SessionObjects(inspector, `${session}:shadow`);
    const functions: ShadowFunction[] = [];
    const around: ShadowSurroundings = {
      clock,
      inspector,
      objects,
      busy: false,
      changed: () => functions.every((each) => each.done) && end('enough calls'),
    };
    refused.push(...this.#start(first.planned.strategy, looked, params.calls, around, functions));
    if (refused.length > 0) return notStarted();
    const cancel = clock.after(params.timeoutMs ?? limits.defaultShadowMs, () => end('time is up'));
    let how: Ending;
    let reports: ShadowReport[];
    try {
      how = await ended;
    } finally {
      cancel();
      reports = functions.map((each) => each.finish());
      // Where somebody has patched or reverted meanwhile, the observer is gone already.
      engine.settle(
        looked.filter(({ planned: { request }, live }) => (engine.liveAt(request.address)?.id ?? null) === live).map((each) => each.planned),
      );
      objects.release();
    }
    return { ok: true, ended: how, tookMs: Math.round(clock.now() - started), functions: reports, refused };
  }

  /** Fills the slots with the old code and its observers. @returns what could not be compiled; then nothing was changed. */
  #start(strategy: PatchStrategy, looked: readonly Looked[], calls: number, around: ShadowSurroundings, functions: ShadowFunction[]): RefusedPatch[] {
    const fresh: Change[] = [];
    const old: Change[] = [];
    for (const { planned, usesThis } of looked) {
      const live = this.#parts.engine.liveAt(planned.request.address);
      for (const target of planned.targets) {
        const observer = new ShadowFunction(target, usesThis, calls, around);
        functions.push(observer);
        const compiled: SlotFunction[] = [];
        fresh.push({ id: 'shadow', target, code: planned.request.code, imports: planned.imports, wrap: (inner) => (compiled.push(inner), inner) });
        let copy = 0;
        // Both are compiled once for each evaluation of the module, in one order.
        old.push({
          id: live?.id ?? 'loaded',
          target,
          code: live?.code ?? loadedCode(target),
          imports: live?.imports,
          wrap: (inner) => observer.observing(compiled[copy++] ?? inner)(inner),
        });
      }
    }
    const next = strategy.prepare(fresh);
    if (next.refused.length > 0) return next.refused;
    const observers = strategy.prepare(old);
    if (observers.refused.length > 0) return observers.refused;
    // In and out again in this very turn: closures that the shadow makes may live on, and the strategy has to know of them.
    next.transaction.apply();
    next.transaction.undo();
    applyProven([observers.transaction]);
    return [];
  }

  #judge({ request, targets, strategy }: Planned): { why: string | null; use: Pick<FunctionUse, 'this' | 'super'> } {
    const [target] = targets;
    const none = { this: false, super: false };
    if (target === undefined) return { why: 'it is not loaded', use: none };
    const noSlot = withoutSlot(strategy, targets[0]);
    if (noSlot !== null) return { why: noSlot, use: none };
    const { entry } = target;
    const parsed = parseFunction(request.code, entry.place, target.module.format, target.file);
    const use = analyseCaptures(parsed.program).useOf(functionOf(parsed.container));
    if (entry.generator) return { why: 'it is a generator: its caller takes the values one by one, so there is no outcome to compare', use };
    if (entry.kind.endsWith('constructor')) return { why: 'it is a constructor: its outcome is the object that is being made', use };
    if (use.privateNames.size > 0) return { why: 'the new text uses private names, which a copy of this does not have', use };
    if (this.#parts.engine.isWrapped(request.address))
      return { why: 'the errors of its live patch are being counted; try again when that minute is over', use };
    return { why: null, use };
  }
}
