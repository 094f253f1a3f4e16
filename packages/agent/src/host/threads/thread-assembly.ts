/** The host of a worker thread, put together when somebody asks this thread something, or a patch is live that concerns it. */
import type { SlotTable } from '../../loader/index.ts';
import type { PatchRecord } from '../../protocol/index.ts';
import { ActorDirectory } from '../actors/directory.ts';
import { ActorRegistry } from '../actors/registry.ts';
import type { HostContext } from '../bridge.ts';
import { Inspector } from '../inspector.ts';
import { createLooking } from '../looking.ts';
import { createPatching } from '../patch/index.ts';
import { ThreadPatches } from './thread-patches.ts';
import type { ThreadReplay } from './thread-replays.ts';

export interface ThreadHostParts {
  /** Files are named relative to it. */
  root: string;
  table: SlotTable;
  /** What was live in the process when the thread began. */
  live: readonly PatchRecord[];
  /** Ids of its workers that run. */
  children: () => number[];
  /** Hears what becomes here of a patch that is put into effect again. */
  replayed: (replay: ThreadReplay) => void;
}

export interface ThreadHost {
  handlers: Record<string, ((params: object, context: HostContext) => unknown) | undefined>;
  forget(session: string): void;
  interrupt(call: number): void;
  share(records: readonly PatchRecord[]): void;
}

export function assembleThread({ root, table, live, children, replayed }: ThreadHostParts): ThreadHost {
  const inspector = new Inspector();
  const patching = createPatching({ inspector, service: '', root, commit: null, table });
  const actors = new ActorDirectory(new ActorRegistry(), inspector);
  const looking = createLooking({ inspector, actors, portals: patching.portals, keepers: [], leaveOut: () => undefined });
  const patches = new ThreadPatches(patching, live, replayed);
  table.onDefine((url) => patches.loaded(url));
  table.onLeftOut((url) => patches.loadedWithoutSlots(url));
  const handlers = {
    ...patching.handlers,
    ...looking.handlers,
    ...patches.handlers,
    'thread.children': () => ({ ids: children() }),
  } as unknown as ThreadHost['handlers'];
  return { handlers, forget: looking.forget, interrupt: looking.interrupt, share: (records) => patches.share(records) };
}
