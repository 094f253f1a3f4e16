/** The adapters that come with the agent. Those of libraries find what was seen of them; those of Node itself only answer when they are asked. */
import type { Worker } from 'node:worker_threads';
import type { Adapter } from '../host/actors/adapter.ts';
import { colyseus } from './colyseus.ts';
import { http } from './http.ts';
import type { AdapterName } from './names.ts';
import { resources } from './resources.ts';
import type { Sightings } from './sightings.ts';
import { socketIo } from './socket-io.ts';
import { timers } from './timers.ts';
import type { FunctionFacts } from './timers.ts';
import { workers } from './workers.ts';
import { ws } from './ws.ts';
import { xstate } from './xstate.ts';

interface AdapterSources {
  sightings: Sightings;
  /** Worker threads that run. */
  running: () => Iterable<{ worker: Worker; name: string }>;
  /** What is known of functions, once there is a host. */
  functions: () => FunctionFacts | null;
}

const makers: Record<AdapterName, (sources: AdapterSources) => Adapter> = {
  xstate: ({ sightings }) => xstate(() => sightings.of('xstate')),
  'socket.io': ({ sightings }) => socketIo(() => sightings.of('socket.io')),
  ws: ({ sightings }) => ws(() => sightings.of('ws')),
  colyseus: ({ sightings }) => colyseus(() => sightings.of('colyseus')),
  http: () => http(),
  workers: ({ running }) => workers(running),
  timers: ({ functions }) => timers(functions),
  resources: () => resources(),
};

export function makeAdapters(names: readonly AdapterName[], sources: AdapterSources): Adapter[] {
  return names.map((name) => makers[name](sources));
}
