/** The operations on functions and patches, as the host serves them. */
import { createSelection, isInstrumentedModule } from '../../loader/index.ts';
import type { InstrumentedModule, SlotTable } from '../../loader/index.ts';
import { nodeClock } from '../../platform/clock.ts';
import { KeyholeError } from '../../protocol/index.ts';
import type { FunctionDetail, FunctionSummary, Params, PatchResult, StrategyName } from '../../protocol/index.ts';
import type { HostContext, HostHandlers } from '../bridge.ts';
import type { ScopePortals } from '../evaluate.ts';
import type { Inspector } from '../inspector.ts';
import { portalInto, variablesOf } from '../module-portal.ts';
import { assessAll } from './choice.ts';
import { PatchEngine } from './engine.ts';
import { PatchImports } from './imports.ts';
import { LiveEditStrategy } from './live-edit.ts';
import { ModulesAndLeftOut } from './left-out.ts';
import { ModuleIndex, loadedCode } from './modules.ts';
import type { FunctionTarget } from './modules.ts';
import type { Wrapping } from './planned.ts';
import { RebindStrategy } from './rebind.ts';
import { Scripts } from './scripts.ts';
import { Shadows } from './shadow.ts';
import { SlotsStrategy } from './slots.ts';
import { WaitingRoom } from './waiting.ts';

export type PatchHandlers = Pick<
  HostHandlers,
  'fn.list' | 'fn.get' | 'module.get' | 'patch.shadow' | 'patch.revert' | 'patch.list' | 'patch.waiting' | 'patch.export'
> & {
  'patch.apply': (params: Params<'patch.apply'>, context: HostContext, wrap?: Wrapping) => Promise<PatchResult>;
};

export interface PatchDependencies {
  inspector: Inspector;
  service: string;
  /** The folder that files are named relative to. */
  root: string;
  commit: string | null;
  /** null: the process was started without instrumentation. */
  table: SlotTable | null;
}

export interface Patching {
  handlers: PatchHandlers;
  portals: ScopePortals;
  strategies: readonly StrategyName[];
  engine: PatchEngine;
  /** The strategy for instrumented code: also what lets somebody look at calls. */
  slots: SlotsStrategy;
  imports: PatchImports;
  modules: ModuleIndex;
  /** A session of an operator has ended: what it waits for is over, and so is its shadow run. */
  forget(session: string): void;
}

export function createPatching({ inspector, service, root, commit, table }: PatchDependencies): Patching {
  const scripts = new Scripts(inspector, createSelection({ root, include: [], exclude: [] }));
  const modules = new ModuleIndex(root, table === null ? scripts : new ModulesAndLeftOut(table, scripts));
  const waiting = new WaitingRoom();
  const imports = new PatchImports(modules, () => table?.list() ?? [], nodeClock);
  const slots = new SlotsStrategy(imports);
  const engine = new PatchEngine(modules, [slots, new LiveEditStrategy(inspector, scripts), new RebindStrategy()], imports, waiting);
  const shadows = new Shadows({ engine, inspector, clock: nodeClock });

  const summary = (target: FunctionTarget): FunctionSummary => ({
    address: target.address,
    file: target.file,
    line: target.line,
    kind: `${target.entry.async ? 'async ' : ''}${target.entry.generator ? 'generator ' : ''}${target.entry.kind}`,
    patched: engine.liveAt(target.address) !== null,
  });

  const handlers: PatchHandlers = {
    'fn.list': async ({ prefix }) => {
      await modules.read(prefix);
      const functions = modules.withPrefix(prefix).map(summary);
      const listed = new Set(functions.map(({ file }) => file));
      const leftOut = modules.leftOut(prefix).filter((file) => !listed.has(file));
      return { functions, ...(leftOut.length > 0 && { leftOut }) };
    },
    'fn.get': async ({ address, maxPauseMs }): Promise<FunctionDetail> => {
      await modules.read(address, maxPauseMs);
      const targets = modules.at(address);
      const [target] = targets;
      const live = engine.liveAt(target.address);
      const original = modules.authorText(target);
      const verdicts = engine.strategies.map((strategy) => assessAll(strategy, targets));
      const chosen = engine.strategies.find((_, index) => verdicts[index]?.possible === true);
      return {
        ...summary(target),
        code: live?.code ?? loadedCode(target),
        originalCode: loadedCode(target),
        start: target.entry.start,
        source: live?.source ?? original,
        original,
        strategies: verdicts,
        reachable: chosen?.reachable(target) ?? [],
        patches: live === null ? [] : [live.id],
        threads: [],
      };
    },
    'module.get': ({ file, maxPauseMs }) => {
      modules.look(file, maxPauseMs);
      const { module, author } = modules.module(file);
      const { url, format, instrumented, running, map } = module;
      return { file, url, format, instrumented, running, author, map };
    },
    'patch.apply': (params, context, wrap) => engine.apply(params, context, undefined, wrap),
    'patch.shadow': (params, { session }) => shadows.run(params, session),
    'patch.revert': (params) => engine.revert(params),
    'patch.list': () => ({ patches: engine.records().map((record) => ({ ...record, threads: [] })) }),
    'patch.waiting': () => ({ patches: waiting.list() }),
    'patch.export': ({ ids, past }) => ({ service, root, commit, patches: ids.length === 0 && past !== undefined ? [] : engine.records(ids) }),
  };
  const instrumented = (file: string): InstrumentedModule => {
    modules.look(file);
    const { module } = modules.module(file);
    if (isInstrumentedModule(module)) return module;
    const hint = module.leftOut ?? 'start the service with --import @keyhole/agent/register to evaluate inside its modules.';
    throw new KeyholeError('NOT_FOUND', `${file} has no way in`, `${hint.charAt(0).toUpperCase()}${hint.slice(1)}`);
  };
  const portals: ScopePortals = {
    portal(file) {
      const module = instrumented(file);
      return portalInto(file, module.scope(), module.strict);
    },
    names: (file) => variablesOf(instrumented(file).scope()),
  };
  return {
    handlers,
    portals,
    strategies: engine.strategies.map(({ name }) => name),
    engine,
    slots,
    imports,
    modules,
    forget(session) {
      waiting.forget(session);
      shadows.forget(session);
    },
  };
}
