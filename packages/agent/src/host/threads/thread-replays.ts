/**
 * Patches of an earlier process, in one thread: judged when their file is loaded, before any of its functions can be called, and what became of each is told once. It puts nothing into
 * effect itself.
 */
import { nodeClock } from '../../platform/clock.ts';
import { KeyholeError } from '../../protocol/errors.ts';
import type { PatchRecord, RefusedPatch } from '../../protocol/index.ts';
import type { Replayed } from '../bridge.ts';
import type { PatchEngine } from '../patch/engine.ts';
import { loadedCode } from '../patch/modules.ts';
import type { ModuleIndex } from '../patch/modules.ts';
import { replayVerdict } from '../patch/replay-verdict.ts';
import type { ReplayVerdict } from '../patch/replay-verdict.ts';

export interface ThreadReplay extends Omit<Replayed, 'entry'> {
  /** What is in effect here, where it is `live`: its base is what was loaded. */
  record?: PatchRecord;
}

export class ThreadReplays {
  readonly #engine: PatchEngine;
  readonly #modules: ModuleIndex;
  readonly #heard: (replay: ThreadReplay) => void;
  /** By id. */
  readonly #verdicts = new Map<string, ReplayVerdict>();
  readonly #told = new Map<string, Replayed['became']>();
  /** What could not be done yet: a class of the file may come later in the same load. */
  readonly #failing = new Map<string, ThreadReplay>();

  constructor(engine: PatchEngine, modules: ModuleIndex, heard: (replay: ThreadReplay) => void) {
    this.#engine = engine;
    this.#modules = modules;
    this.#heard = heard;
  }

  /** Those that may go into effect here, with what is loaded as their base; others, which are not replays, as they are. */
  judge(records: readonly PatchRecord[]): { due: PatchRecord[]; refused: RefusedPatch[] } {
    const due: PatchRecord[] = [];
    const refused: RefusedPatch[] = [];
    for (const record of records) {
      const here = this.#engine.liveAt(record.address);
      if (record.replayed === undefined) due.push(record);
      else if (here?.id === record.id) due.push(here);
      else {
        const { verdict, baseCode } = this.#verdictOn(record);
        this.#verdicts.set(record.id, verdict);
        if (verdict.became === 'due') due.push({ ...record, baseCode });
        else refused.push({ address: record.address, why: verdict.became === 'landed' ? 'what was loaded here holds it already' : verdict.why });
      }
    }
    return { due, refused };
  }

  /** @param refusals what was refused of these, here or by the engine. */
  tell(records: readonly PatchRecord[], refusals: readonly RefusedPatch[]): void {
    for (const { id, address, replayed } of records) {
      if (replayed === undefined) continue;
      const verdict = this.#verdicts.get(id);
      const why = refusals.find((each) => each.address === address)?.why;
      this.#failing.delete(id);
      if (verdict?.became === 'landed') this.#say({ id, address, became: 'landed' });
      else if (verdict?.became === 'superseded') this.#say({ id, address, became: 'superseded', why: verdict.why });
      else if (why === undefined) this.#sayLive(id, address);
      else this.#sayLater({ id, address, became: 'failed', why });
    }
  }

  #verdictOn(record: PatchRecord): { verdict: ReplayVerdict; baseCode: string } {
    try {
      const targets = this.#modules.at(record.address);
      return { verdict: replayVerdict(record, targets), baseCode: loadedCode(targets[0]) };
    } catch (thrown) {
      if (!(thrown instanceof KeyholeError)) throw thrown;
      return { verdict: { became: 'superseded', why: thrown.message }, baseCode: '' };
    }
  }

  #sayLive(id: string, address: string): void {
    const record = this.#engine.liveAt(address);
    if (record?.id === id) this.#say({ id, address, became: 'live', strategy: record.strategy, record });
  }

  #sayLater(failed: ThreadReplay): void {
    this.#failing.set(failed.id, failed);
    nodeClock.soon(() => {
      if (this.#failing.get(failed.id) !== failed) return;
      this.#failing.delete(failed.id);
      this.#say(failed);
    });
  }

  #say(replay: ThreadReplay): void {
    if (this.#told.get(replay.id) === replay.became) return;
    this.#told.set(replay.id, replay.became);
    this.#heard(replay);
  }
}
