/**
 * The patches of one thread, as part of a process that may have several: its share of a change, and what is live in the whole process put into effect here, at the moment its
 * file is loaded. It decides nothing for other threads.
 */
import { setEnvironmentData } from 'node:worker_threads';
import { nodeClock } from '../../platform/clock.ts';
import { KeyholeError, limits } from '../../protocol/index.ts';
import type { PatchRecord, PatchResult } from '../../protocol/index.ts';
import { splitAddress } from '../../source/index.ts';
import type { HostContext } from '../bridge.ts';
import type { Withdrawal } from '../patch/engine.ts';
import type { PatchImports } from '../patch/imports.ts';
import type { Patching } from '../patch/index.ts';
import type { ModuleIndex } from '../patch/modules.ts';
import type { Wrapping } from '../patch/planned.ts';
import { liveKey } from './messages.ts';
import { ThreadReplays } from './thread-replays.ts';
import type { ThreadReplay } from './thread-replays.ts';
import type { ThreadChange, ThreadOperations, ThreadPlan, ThreadState } from './messages.ts';

type Handlers = {
  [O in Exclude<keyof ThreadOperations, 'thread.children'>]: (
    params: ThreadOperations[O]['params'],
    context: HostContext,
    wrap?: Wrapping,
  ) => ThreadOperations[O]['result'] | Promise<ThreadOperations[O]['result']>;
};

export class ThreadPatches {
  readonly #engine: Patching['engine'];
  readonly #modules: ModuleIndex;
  readonly #imports: PatchImports;
  /** What is live in the whole process. */
  #shared: readonly PatchRecord[];
  /** Ids of patches that this thread alone got. */
  readonly #alone = new Set<string>();
  /** Ids of the process's patches that were reverted or replaced in this thread alone. */
  readonly #declined = new Set<string>();
  /** Why a patch of the process's is not in effect here, by id. */
  readonly #missing = new Map<string, string>();
  readonly #replays: ThreadReplays;
  /** What its imports are looked up for: the module they mean may be loaded after the one that is patched. By id. */
  readonly #importing = new Map<string, PatchRecord>();
  #looksSoon = false;

  readonly handlers: Handlers = {
    'thread.plan': ({ patches, maxPauseMs }, context, wrap) => this.#plan(patches, maxPauseMs, context, wrap),
    'thread.apply': (change, context, wrap) => this.#apply(change, context, wrap),
    'thread.restore': ({ ids, records }) => {
      this.#restore(ids, records);
      return { restored: true };
    },
    'thread.revert': ({ ids, reason, alone }) => {
      const result = this.#revert(ids, reason);
      if (alone && result.ok) this.#decline(ids);
      return result;
    },
    'thread.withdraw': ({ withdrawals }) => {
      this.withdraw(withdrawals);
      return { withdrawn: true };
    },
    'thread.state': ({ address }) => this.#state(address),
  };

  /** @param heard hears what becomes here of a patch that is put into effect again. */
  constructor(
    { engine, modules, imports }: Pick<Patching, 'engine' | 'modules' | 'imports'>,
    shared: readonly PatchRecord[],
    heard: (replay: ThreadReplay) => void,
  ) {
    this.#imports = imports;
    this.#replays = new ThreadReplays(engine, modules, heard);
    this.#engine = engine;
    this.#modules = modules;
    this.#shared = shared;
  }

  /** What is live in the whole process has changed. */
  share(records: readonly PatchRecord[]): void {
    const gone = this.#engine.records().filter(({ id }) => !this.#alone.has(id) && records.every((each) => each.id !== id));
    // A worker started by this thread gets them with its first line.
    setEnvironmentData(liveKey, records);
    this.#shared = records;
    const kept = new Set(records.map((each) => each.id));
    for (const id of [...this.#declined, ...this.#missing.keys()]) {
      if (kept.has(id)) continue;
      this.#declined.delete(id);
      this.#missing.delete(id);
    }
    try {
      this.#revert(
        gone.map((each) => each.id),
        'it is no longer live in the process',
      );
    } catch {
      // It is still live here then, and that is what this thread says when it is asked.
    }
    this.#adopt(this.#due());
  }

  /** A module of this thread has run its first statement, and nothing else of it: patches of its functions go into effect before these can be called. */
  loaded(url: string): void {
    // What is in effect already is due again: the file may be loaded for the second time, with functions of its own.
    const concerned = [...this.#due(), ...this.#engine.records()].filter(({ address }) =>
      this.#modules.urlsOf(splitAddress(address).file).includes(url),
    );
    if (concerned.length > 0) this.#adopt(concerned);
    if (this.#importing.size > 0) this.#lookSoon();
  }

  /** A file is about to run without slots: a patch of an earlier process that is due there can not go into effect before its first call. */
  loadedWithoutSlots(url: string): void {
    const concerned = this.#absent().filter(
      ({ replayed, address }) => replayed !== undefined && this.#modules.fileOf(url) === splitAddress(address).file,
    );
    const why = 'its file runs without slots in this process, so it could not go into effect before its first call; push it again';
    for (const { id } of concerned) this.#missing.set(id, why);
    this.#replays.tell(
      concerned,
      concerned.map(({ address }) => ({ address, why })),
    );
  }

  /**
   * Takes back those that are live here.
   * @returns what is live now, by address.
   * @throws {KeyholeError} as the engine; then they are live.
   */
  withdraw(withdrawals: readonly Withdrawal[]): Map<string, PatchRecord | null> {
    const here = withdrawals.filter(({ id, address }) => this.#engine.liveAt(address)?.id === id);
    const now = this.#engine.withdraw(here);
    for (const { id, address } of here) {
      this.#alone.delete(id);
      this.#declined.delete(now.get(address)?.id ?? '');
    }
    return now;
  }

  /** Takes away what stands around live patches. */
  unwrap(ids: readonly string[]): void {
    this.#engine.unwrap(ids);
  }

  /** The last change of this thread was for it alone. */
  keepAlone(ids: readonly string[], replaced: readonly string[]): void {
    for (const id of ids) this.#alone.add(id);
    // Taking it back gives the loaded code, not what was live before.
    this.#decline(replaced);
  }

  /**
   * A change of several threads was taken back: what was live before it is live again.
   * @throws {KeyholeError} where that can not be, saying what is live now.
   */
  #restore(ids: readonly string[], before: readonly PatchRecord[]): void {
    const made = this.#engine.records().filter(({ id }) => ids.includes(id));
    const now = this.withdraw(made.map(({ id, address }) => ({ id, address, previous: before.find((each) => each.address === address) ?? null })));
    for (const { id } of before) this.#declined.delete(id);
    const lost = before.filter(({ id, address }) => now.has(address) && now.get(address)?.id !== id);
    if (lost.length === 0) return;
    const list = lost.map(({ id, address }) => `${id} of ${address}`).join(', ');
    throw new KeyholeError('PATCH_FAILED', `what was live before could not be made again: ${list}; the loaded code runs there`);
  }

  #decline(ids: readonly string[]): void {
    for (const id of ids) this.#declined.add(id);
  }

  /** A patch that was made without slots is live where it was made, and in no other thread; one of an earlier process may find slots here. */
  #due(): PatchRecord[] {
    return this.#absent().filter(({ strategy, replayed, address }) => (strategy === 'slots' || replayed !== undefined) && this.#isLoaded(address));
  }

  /** What is live in the process, and not here. */
  #absent(): PatchRecord[] {
    return this.#shared.filter(({ id, address }) => this.#engine.liveAt(address)?.id !== id && !this.#declined.has(id));
  }

  #adopt(given: readonly PatchRecord[]): void {
    let refusals: { address: string; why: string }[];
    try {
      const { due, refused } = this.#replays.judge(given);
      const ready = due.filter((record) => !this.#isImporting(record));
      refusals = ready.length === 0 ? refused : [...refused, ...this.#engine.adopt(ready)];
    } catch (thrown) {
      // This runs in the middle of the service's own loading: what went wrong is told by whoever asks for the state of threads.
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      refusals = given.map(({ address }) => ({ address, why }));
    }
    const records = given.filter(({ id }) => !this.#importing.has(id));
    this.#replays.tell(records, refusals);
    for (const { id, address } of records) {
      const refusal = refusals.find((each) => each.address === address);
      if (refusal === undefined) this.#missing.delete(id);
      else this.#missing.set(id, refusal.why);
    }
  }

  /** Whether its imports are not known yet; then they are looked up, and it goes into effect as soon as they are there. */
  #isImporting(record: PatchRecord): boolean {
    const why = this.#imports.missing(record);
    if (why === null) {
      this.#importing.delete(record.id);
      return false;
    }
    this.#importing.set(record.id, record);
    this.#missing.set(record.id, why);
    this.#lookSoon();
    return true;
  }

  /** When the load that goes on is over: what is loaded with it is there then. */
  #lookSoon(): void {
    if (this.#looksSoon) return;
    this.#looksSoon = true;
    nodeClock.soon(() => void this.#look());
  }

  async #look(): Promise<void> {
    this.#looksSoon = false;
    for (const record of [...this.#importing.values()]) {
      await this.#imports.bring([record]);
      const isWanted = [...this.#due(), ...this.#engine.records()].some(({ id }) => id === record.id);
      const why = this.#imports.missing(record);
      if (!isWanted) this.#importing.delete(record.id);
      else if (why !== null) this.#missing.set(record.id, why);
      else this.#adopt([record]);
    }
  }

  #isLoaded(address: string): boolean {
    return this.#modules.urlsOf(splitAddress(address).file).length > 0;
  }

  async #plan(
    patches: ThreadChange['patches'],
    maxPauseMs: number | undefined,
    { session }: HostContext,
    wrap: Wrapping | undefined,
  ): Promise<ThreadPlan> {
    for (const { address } of patches) await this.#modules.read(address, maxPauseMs ?? limits.defaultMaxPauseMs);
    const here = patches.filter((each) => this.#isLoaded(each.address));
    const loaded = here.map((each) => each.address);
    const before = this.#engine.records().filter((each) => loaded.includes(each.address));
    if (here.length === 0) return { loaded, before, result: { ok: true, dryRun: true, patches: [], refused: [] } };
    const budget = maxPauseMs === undefined ? {} : { maxPauseMs };
    const dry = { patches: here, reason: '', dryRun: true, partial: true, ...budget };
    return { loaded, before, result: await this.#engine.apply(dry, { session }, undefined, wrap) };
  }

  async #apply(
    { patches, ids, alone, ...how }: ThreadChange,
    context: HostContext,
    wrap: Wrapping | undefined,
  ): Promise<ThreadOperations['thread.apply']['result']> {
    const replaced = patches.flatMap(({ address }) => this.#engine.liveAt(address)?.id ?? []);
    const result = await this.#engine.apply({ patches, ...how }, context, ids, wrap);
    const applied = result.patches.map((each) => each.id);
    if (alone && result.ok) this.keepAlone(applied, replaced);
    return { result, records: applied.length === 0 ? [] : this.#engine.records(applied) };
  }

  #revert(ids: readonly string[], reason: string): PatchResult {
    const live = new Set(this.#engine.records().map((each) => each.id));
    const here = ids.filter((id) => live.has(id));
    if (here.length === 0) return { ok: true, dryRun: false, patches: [], refused: [] };
    const result = this.#engine.revert({ ids: here, reason });
    if (result.ok) for (const id of here) this.#alone.delete(id);
    return result;
  }

  #state(address: string | undefined): ThreadState {
    const addressOf = (id: string): string => this.#shared.find((each) => each.id === id)?.address ?? '';
    if (address !== undefined) this.#modules.look(address);
    const isLoaded = address !== undefined && this.#isLoaded(address);
    const bound = this.#absent().filter((each) => isLoaded && each.address === address && each.strategy !== 'slots' && !this.#missing.has(each.id));
    return {
      records: this.#engine.records(),
      missing: [
        ...[...this.#missing].map(([id, why]) => ({ id, address: addressOf(id), why })),
        ...bound.map(({ id, address: of, strategy }) => ({
          id,
          address: of,
          why: `${strategy} has changed it in another thread alone: its file has no slots`,
        })),
      ],
      loaded: isLoaded,
    };
  }
}
