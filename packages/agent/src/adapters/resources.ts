/** What keeps the event loop alive: each kind with its number, as Node counts them; and sockets, servers, child processes and requests to the system (files, names, connections) one by one. Timers have an adapter of their own. */
import type { Adapter, FoundActor } from '../host/actors/adapter.ts';
import { activeHandles, activeRequests } from './handles.ts';
import { isObject, nameOfClass, Numbers, own, ownNumber } from './own.ts';

export function resources(): Adapter {
  const numbers = new Numbers();
  /** A kind is no object of Node's: one of ours stands for it, as long as the process lives. There are some dozen. */
  const kinds = new Map<string, { kind: string }>();
  const kindOf = (kind: string): { kind: string } => {
    const known = kinds.get(kind) ?? { kind };
    kinds.set(kind, known);
    return known;
  };
  return {
    name: 'resources',
    shown: 'asked',
    *list(): Generator<FoundActor> {
      for (const kind of new Set(process.getActiveResourcesInfo())) yield { actor: kindOf(kind), name: kind, type: 'resource' };
      for (const handle of [...activeHandles(), ...activeRequests()]) {
        if (!isObject(handle)) continue;
        const type = nameOfClass(handle) || 'handle';
        yield { actor: handle, name: `${type}/${numbers.of(handle)}`, type };
      }
    },
    state(actor) {
      const kind = own(actor, 'kind');
      if (typeof kind === 'string' && kinds.get(kind) === actor)
        return { count: process.getActiveResourcesInfo().filter((each) => each === kind).length };
      return stateOfHandle(actor);
    },
  };
}

/** What Node's own objects say of themselves, where they have it. */
function stateOfHandle(handle: object): object {
  const { remoteAddress, remotePort, localAddress, localPort, bytesRead, bytesWritten, pid, spawnfile } = handle as Record<string, unknown>;
  const known = {
    hostname: own(handle, 'hostname'),
    address: own(handle, 'address'),
    port: own(handle, 'port'),
    remoteAddress,
    remotePort,
    localAddress,
    localPort,
    bytesRead,
    bytesWritten,
    connections: ownNumber(handle, '_connections') ?? undefined,
    pid,
    spawnfile,
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
}
