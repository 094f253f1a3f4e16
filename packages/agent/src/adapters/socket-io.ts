/** Servers of Socket.IO 4: their namespaces, rooms and sockets, as they keep them themselves. A server is found when it is made. Rooms are those of this process, also where an adapter spans several. */
import type { Adapter, FoundActor, Mailbox } from '../host/actors/adapter.ts';
import { givenNow, isObject, Numbers, own, ownAt, ownNumber, ownText } from './own.ts';
import type { Given } from './own.ts';

/** Of Socket.IO's interface, what is used of it. */
interface Emitter {
  emit(event: string, ...values: unknown[]): unknown;
}
interface Namespace extends Emitter {
  to(room: string): Emitter;
}
interface RoomEvents {
  on(event: string, listener: (...given: unknown[]) => void): void;
  off(event: string, listener: (...given: unknown[]) => void): void;
}

const maxHead = 3;
const roomEvents = ['join-room', 'leave-room', 'delete-room'];

/** What an actor is, as it was last listed. */
type Known = { kind: 'server' } | { kind: 'namespace' } | { kind: 'room'; namespace: Namespace; room: string } | { kind: 'socket' };

/**
 * @param servers a `Server` or several, or what gives them; for a bundle, or a service without `--import @keyhole/agent/register`.
 * @example
 * agent.actors.use(socketIo([io]));
 */
export function socketIo(servers: Given): Adapter {
  const numbers = new Numbers();
  const known = new WeakMap<object, Known>();
  const found = (actor: object, what: Known, name: string, type: string, parent?: string): FoundActor => {
    known.set(actor, what);
    return { actor, name, type, ...(parent !== undefined && { parent }), isDetail: what.kind === 'socket' };
  };

  function* ofNamespace(namespace: object, server: string): Generator<FoundActor> {
    const name = `${server}${ownText(namespace, 'name') ?? '/'}`;
    yield found(namespace, { kind: 'namespace' }, name, 'io.Namespace', server);
    for (const [room, members] of roomsOf(namespace))
      yield found(members, { kind: 'room', namespace: namespace as Namespace, room }, `${name}#${room}`, 'io.Room', name);
    for (const [id, socket] of mapOf(own(namespace, 'sockets')))
      if (isObject(socket)) yield found(socket, { kind: 'socket' }, `${name}@${String(id)}`, 'io.Socket', name);
  }

  return {
    name: 'socket.io',
    shown: 'always',
    *list(): Generator<FoundActor> {
      for (const server of givenNow(servers)) {
        const name = String(numbers.of(server));
        yield found(server, { kind: 'server' }, name, 'io.Server');
        for (const [, namespace] of mapOf(own(server, '_nsps'))) if (isObject(namespace)) yield* ofNamespace(namespace, name);
      }
    },
    state(actor) {
      const what = known.get(actor);
      if (what?.kind === 'server') return stateOfServer(actor);
      if (what?.kind === 'namespace') return stateOfNamespace(actor);
      return what?.kind === 'room' ? { room: what.room, sockets: [...(actor as Set<unknown>)] } : stateOfSocket(actor);
    },
    mailbox: (actor) => (known.get(actor)?.kind === 'socket' ? unsentOf(actor) : null),
    send(actor, message) {
      const what = known.get(actor);
      if (!Array.isArray(message) || typeof message[0] !== 'string')
        throw new Error('a message is a list: the name of the event, then its values, such as ["news", {"id": 7}]');
      const [event, ...values] = message as [string, ...unknown[]];
      if (what?.kind === 'socket' && own(actor, 'connected') !== true) throw new Error('it is not connected');
      const to = what?.kind === 'room' ? what.namespace.to(what.room) : (actor as Emitter);
      to.emit(event, ...values);
    },
    subscribe(actor, changed) {
      const what = known.get(actor);
      const rooms = what?.kind === 'room' ? (own(what.namespace, 'adapter') as RoomEvents | undefined) : undefined;
      if (what?.kind !== 'room' || typeof rooms?.on !== 'function') return null;
      const hear = (room: unknown): void => {
        if (room === what.room) changed();
      };
      for (const event of roomEvents) rooms.on(event, hear);
      return () => {
        for (const event of roomEvents) rooms.off(event, hear);
      };
    },
    isOver(actor) {
      const what = known.get(actor);
      if (what?.kind === 'socket') return own(actor, 'connected') !== true;
      return what?.kind === 'room' && mapGet(ownAt(what.namespace, 'adapter', 'rooms'), what.room) !== actor;
    },
  };
}

/** Each socket has a room of its own, of its name: those are left out. */
function* roomsOf(namespace: object): Generator<[string, Set<unknown>]> {
  const sockets = own(namespace, 'sockets');
  for (const [room, members] of mapOf(ownAt(namespace, 'adapter', 'rooms'))) {
    const isOwn = sockets instanceof Map && sockets.has(room);
    if (typeof room === 'string' && members instanceof Set && !isOwn) yield [room, members];
  }
}

function mapOf(value: unknown): Iterable<[unknown, unknown]> {
  return value instanceof Map ? value : [];
}

function mapGet(value: unknown, key: unknown): unknown {
  return value instanceof Map ? value.get(key) : undefined;
}

function stateOfServer(server: object): object {
  return {
    path: ownText(server, '_path'),
    namespaces: [...mapOf(own(server, '_nsps'))].map(([name]) => name),
    clients: ownNumber(own(server, 'eio'), 'clientsCount'),
  };
}

function stateOfNamespace(namespace: object): object {
  const sockets = own(namespace, 'sockets');
  return {
    name: ownText(namespace, 'name'),
    sockets: sockets instanceof Map ? sockets.size : null,
    rooms: [...roomsOf(namespace)].map(([room]) => room),
  };
}

function stateOfSocket(socket: object): object {
  const id = ownText(socket, 'id');
  const handshake = own(socket, 'handshake');
  const rooms = mapGet(ownAt(socket, 'nsp', 'adapter', 'sids'), id);
  const acknowledgements = own(socket, 'acks');
  return {
    id,
    connected: own(socket, 'connected') === true,
    rooms: rooms instanceof Set ? [...(rooms as Set<unknown>)].filter((room) => room !== id) : [],
    data: own(socket, 'data'),
    from: ownText(handshake, 'address'),
    since: ownText(handshake, 'time'),
    unanswered: acknowledgements instanceof Map ? acknowledgements.size : null,
  };
}

/** Packets that wait for the transport. */
function unsentOf(socket: object): Mailbox | null {
  const buffer = ownAt(socket, 'client', 'conn', 'writeBuffer');
  if (!Array.isArray(buffer)) return null;
  return { length: buffer.length, head: buffer.slice(0, maxHead).map((packet) => own(packet, 'data')) };
}
