/** The host of the main thread, put together when somebody comes for the first time (see arrival.ts). */
import { nodeClock } from '../platform/clock.ts';
import { examine, limits } from '../protocol/index.ts';
import type { PatchRecord } from '../protocol/index.ts';
import type { SlotTable } from '../loader/index.ts';
import { ActorDirectory } from './actors/directory.ts';
import { follow } from './actors/follow.ts';
import type { ActorRegistry } from './actors/registry.ts';
import { createChanging } from './actors/changing.ts';
import type { HostContext, HostHandlers, HostResult } from './bridge.ts';
import { hostChecks } from './doctor.ts';
import { Closures } from './closures.ts';
import { Inspector } from './inspector.ts';
import { createLooking } from './looking.ts';
import type { Outbox } from './outbox.ts';
import { VitalSigns } from './process/vitals.ts';
import { createPatching } from './patch/index.ts';
import { lookupOfPatches } from './patch/lookup.ts';
import type { PatchLookup } from './patch/lookup.ts';
import { ThreadPatches, createThreading } from './threads/index.ts';
import type { Roster } from './threads/roster.ts';
import type { ThreadReplay } from './threads/thread-replays.ts';
import { logpoint } from './watch/logpoint.ts';
import type { WatchParts } from './watch/lookout.ts';
import { monitor } from './watch/monitor.ts';
import { Recordings, replayCall } from './watch/recordings.ts';
import { stack } from './watch/stack.ts';
import { trace } from './watch/trace.ts';
import { watch } from './watch/watch.ts';

export interface MainHostParts {
  service: string;
  root: string;
  commit: string | null;
  /** Where the commit was said; null where none is known. */
  commitFrom: string | null;
  startedAt: string;
  /** The agent was brought into the running process from outside. */
  cold: boolean;
  journalDir: string;
  /** null: the process was started without instrumentation. */
  table: SlotTable | null;
  registry: ActorRegistry;
  roster: Roster;
  outbox: Outbox;
  /** What went wrong since the start, apart from what `doctor` looks at as it is now. */
  problems: () => readonly { what: string; message: string }[];
}

export interface MainHost extends PatchLookup {
  handlers: HostHandlers;
  /** A session of an operator has ended: what was kept for it can go. */
  forget(session: string): void;
  interrupt(call: number): 'running' | 'let go';
  /** What is live in the whole process, or shall be: every thread gets it. */
  given(): readonly PatchRecord[];
  /** Patches of an earlier process: each goes into effect when its file is loaded. */
  replay(records: readonly PatchRecord[]): void;
  /** A thread has judged one of these. */
  replayed(replay: ThreadReplay): void;
  /** How many patches are live. */
  count(): number;
  closures: Closures;
}

export function assembleHost(parts: MainHostParts): MainHost {
  const { service, root, commit, commitFrom, startedAt, cold, journalDir, table, registry, roster, outbox, problems } = parts;
  const inspector = new Inspector();
  const patching = createPatching({ inspector, service, root, commit, table });
  const actors = new ActorDirectory(registry, inspector);
  const vitals = new VitalSigns(actors, nodeClock);
  const recordings = new Recordings();
  const looking = createLooking({
    inspector,
    actors,
    portals: patching.portals,
    keepers: [recordings.keeper],
    leaveOut: roster.leaveOut.bind(roster),
  });
  const patches = new ThreadPatches(patching, [], (replay) => threading.replayed(replay));
  table?.onDefine((url) => patches.loaded(url));
  table?.onLeftOut((url) => patches.loadedWithoutSlots(url));
  const forgetMain = (session: string): void => {
    looking.forget(session);
    vitals.forget(session);
    patching.forget(session);
    recordings.forget(session);
  };
  const main = { ...patching.handlers, ...looking.handlers, forget: forgetMain, interrupt: looking.interrupt };
  const undone = outbox.add.bind(outbox);
  const threading = createThreading({
    main,
    patches,
    roster,
    service,
    root,
    commit,
    clock: nodeClock,
    undone,
    replayed: outbox.addReplayed.bind(outbox),
  });
  // What is loaded tells builds apart where no commit does. It takes reading all of it, so only for whoever asks.
  const build = (): NonNullable<HostResult<'info'>['build']> => ({ from: commitFrom, sources: table === null ? null : patching.modules.digest() });
  const watching = (context: HostContext): WatchParts => ({
    slots: patching.slots,
    modules: patching.modules,
    clock: nodeClock,
    root,
    async loadedElsewhere(address) {
      const { threads } = await threading.handlers['fn.get']({ address }, context);
      return threads.filter(({ id }) => id !== 0).map(({ id, name }) => ({ id, name }));
    },
    async foundElsewhere(prefix) {
      const { functions } = await threading.handlers['fn.list']({ prefix }, context);
      const ids = new Set(functions.flatMap(({ threads = [] }) => threads));
      return roster.list().flatMap(({ id, name }) => (ids.has(id) ? [{ id, name }] : []));
    },
  });
  const handlers: HostHandlers = {
    ...threading.handlers,
    'actors.list': looking.handlers['actors.list'],
    'actors.find': looking.handlers['actors.find'],
    instances: looking.handlers.instances,
    retainers: looking.handlers.retainers,
    ...createChanging(inspector, actors),
    vitals: (_, { session }) => vitals.read(session),
    info: ({ build: asked }) => ({
      service,
      pid: process.pid,
      node: process.version,
      startedAt,
      root,
      commit,
      instrumented: table !== null,
      untouched: [...(table?.untouched ?? [])],
      patches: threading.count(),
      ...(asked === true && { build: build() }),
    }),
    'actor.follow': (params, context) => follow({ actors, clock: nodeClock }, params, context),
    watch: (params, context) => watch({ ...watching(context), recordings }, params, context),
    'recording.list': (_, { session }) => ({ calls: recordings.list(session) }),
    'recording.open': ({ number, depth = 1 }, { session }) => {
      const objects = looking.objectsOf(session);
      return objects.page(inspector.show(recordings.opened(session, number), objects.group), 0, limits.maxPageSize, depth);
    },
    'recording.replay': (params, { session }) => {
      const { slots, engine } = patching;
      return replayCall({ slots, engine, inspector, clock: nodeClock }, recordings.find(session, params.number), params, looking.objectsOf(session));
    },
    monitor: (params, context) => monitor(watching(context), params, context),
    stack: (params, context) => stack(watching(context), params, context),
    trace: (params, context) => trace(watching(context), params, context),
    logpoint: (params, context) => logpoint({ ...watching(context), liveAt: (address) => patching.engine.liveAt(address) }, params, context),
    doctor: () => ({
      checks: examine(hostChecks, {
        table,
        cold,
        strategies: patching.strategies,
        threads: roster.list(),
        problems: problems(),
        build: { commit, ...build() },
        waiting: threading.waiting().map(({ id, address }) => ({ id, address })),
        journalDir,
      }),
    }),
  };
  const { forget, interrupt, given, replay, replayed, count } = threading;
  const closures = new Closures(inspector, patching.modules, () => table?.list() ?? []);
  return { handlers, forget, interrupt, given, replay, replayed, count, closures, ...lookupOfPatches(patching, table !== null) };
}
