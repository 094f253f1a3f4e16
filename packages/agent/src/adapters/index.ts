/** The adapters that come with the agent. Those of libraries find what was seen of them; those of Node itself only answer when they are asked. */
import type { Adapter } from '../host/actors/adapter.ts';
import { http } from './http.ts';
import type { AdapterName } from './names.ts';
import { socketIo } from './socket-io.ts';
import { ws } from './ws.ts';
import { xstate } from './xstate.ts';

const makers: Record<AdapterName, (seen: () => Iterable<object>) => Adapter> = {
  xstate,
  'socket.io': socketIo,
  ws,
  http: () => http(),
};

/** @param seen the objects of a library, by its name. */
export function makeAdapters(names: readonly AdapterName[], seen: (library: string) => Iterable<object>): Adapter[] {
  return names.map((name) => makers[name](() => seen(name)));
}
