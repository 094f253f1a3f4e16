/** A world in which patches are applied, undone and called: the real engine and its trials, a clock that the test moves, and functions that are entries of a map. */
import { setImmediate } from 'node:timers/promises';
import { PatchEngine } from '../../packages/agent/dist/host/patch/engine.js';
import type { FunctionTarget, ModuleIndex } from '../../packages/agent/dist/host/patch/modules.js';
import type { SlotFunction } from '../../packages/agent/dist/host/patch/slot-watch.js';
import type { PatchStrategy } from '../../packages/agent/dist/host/patch/strategy.js';
import { PatchImports } from '../../packages/agent/dist/host/patch/imports.js';
import { Trials, type TriedPatches } from '../../packages/agent/dist/host/patch/trials.js';
import { WaitingRoom } from '../../packages/agent/dist/host/patch/waiting.js';
import type { Params, PatchResult, TrialState, Undone } from '../../packages/agent/dist/protocol/index.js';
import { FakeClock } from './fake-clock.ts';

/** Functions of one module, patched by setting an entry of `slots`; `fault` fails where a test wants it to. */
export class PatchWorld {
  readonly clock = new FakeClock(1_000);
  readonly slots = new Map<string, SlotFunction>();
  readonly reports: Omit<Undone, 'number' | 'at'>[] = [];
  fault: (address: string, step: 'apply' | 'verify' | 'undo' | 'prepare', code: string | null) => boolean = () => false;
  /** Whether a text can only be made after a call of the service. */
  waits: (code: string | null) => boolean = () => false;
  readonly engine: PatchEngine;
  readonly trials: Trials;
  /** Threads that do not answer. */
  elsewhere: string[] = [];
  /** What happens between the moment a patch is live and the moment that is known. */
  applied: () => void = () => undefined;
  #entry = 0;

  constructor(wraps = true) {
    const modules = { read: async () => undefined, at: (address: string) => [this.#target(address)] } as unknown as ModuleIndex;
    this.engine = new PatchEngine(modules, [this.#strategy(wraps)], new PatchImports(modules, () => [], this.clock), new WaitingRoom());
    const { engine } = this;
    const tried: TriedPatches = {
      apply: async (params, context, wrap) => {
        const result = await engine.apply(params, context, undefined, wrap);
        this.applied();
        return result;
      },
      liveAt: (address) => engine.liveAt(address),
      withdraw: async (withdrawals) => {
        const now = engine.withdraw(withdrawals.filter(({ id, address }) => engine.liveAt(address)?.id === id));
        return { now, elsewhere: this.elsewhere, pauseMs: 0.1 };
      },
      unwrap: (ids) => engine.unwrap(ids),
    };
    this.trials = new Trials(tried, this.clock, (undone) => this.reports.push(undone));
  }

  /** Lets time pass; what became due meanwhile runs at the end of it, and has one turn. */
  async pass(ms: number): Promise<void> {
    this.clock.passHeldUp(ms);
    await setImmediate();
  }

  /** @param seen what its author believes to be there, by address; what is there unless it is said. */
  apply(
    codes: Record<string, string>,
    more: Partial<Params<'patch.apply'>> = {},
    seen: ReadonlyMap<string, string> = new Map(),
  ): Promise<PatchResult> {
    this.#entry += 1;
    const patches = Object.entries(codes).map(([address, code]) => {
      const baseCode = seen.get(address) ?? this.engine.liveAt(address)?.code ?? 'loaded';
      return { address, code, baseCode, source: code, baseSource: baseCode };
    });
    const intent = { entry: this.#entry, entryHash: '', at: '', operator: 'a', email: '', fingerprint: '' };
    return this.trials.apply({ patches, reason: 'x', ...more }, { session: 's', call: 1, intent });
  }

  /** What can undo the oldest live patch. */
  trial(): TrialState | undefined {
    return this.trials.stateOf(this.engine.records()[0]?.id ?? '');
  }

  /** What a call of the function gives now. */
  call(address: string): unknown {
    const slot = this.slots.get(address);
    if (slot === undefined) return 'loaded';
    try {
      return slot();
    } catch (error) {
      return (error as Error).message;
    }
  }

  #target(address: string): FunctionTarget {
    return {
      address,
      file: 'a.js',
      module: { running: 'loaded' },
      entry: { start: 0, end: 6, async: false, generator: false },
    } as unknown as FunctionTarget;
  }

  #strategy(wraps: boolean): PatchStrategy {
    return {
      name: 'slots',
      wraps,
      assess: () => ({ name: 'slots', possible: true, pauseMs: 0, why: '' }),
      reachable: () => [],
      waitsFor: ({ code }) => (this.waits(code) ? ['a call'] : []),
      prepare: (changes) => {
        const refused = changes
          .filter(({ target: { address }, code }) => this.fault(address, 'prepare', code))
          .map(({ target: { address } }) => ({ address, why: 'it can not be compiled' }));
        const before = new Map(this.slots);
        const made = changes.map(({ target: { address }, code, wrap }) => {
          const inner: SlotFunction = () => {
            if (code === 'fails') throw new Error('failed');
            return code;
          };
          return { address, code, value: code === null ? undefined : (wrap?.(inner) ?? inner) };
        });
        const fill = (address: string, value: SlotFunction | undefined): void =>
          void (value === undefined ? this.slots.delete(address) : this.slots.set(address, value));
        const transaction = {
          expectedPauseMs: 0,
          apply: () => {
            for (const { address, code, value } of made) {
              if (this.fault(address, 'apply', code)) throw new Error(`no way into ${address}`);
              fill(address, value);
            }
          },
          verify: () => ({
            proven: new Set<string>(),
            doubts: made
              .filter(({ address, code }) => this.fault(address, 'verify', code))
              .map(({ address }) => ({ address, why: 'it is not there' })),
          }),
          undo: () => {
            for (const { address, code } of made) {
              if (this.fault(address, 'undo', code)) throw new Error(`stuck at ${address}`);
              fill(address, before.get(address));
            }
          },
        };
        return { transaction, refused };
      },
    };
  }
}
