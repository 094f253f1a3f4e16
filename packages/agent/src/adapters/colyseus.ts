/**
 * Rooms of Colyseus that this process has, and their clients, as its match-maker and its rooms keep them. Rooms are found by the list of the local driver; with a driver that spans several processes
 * (Redis) there is no such list, and they have to be handed over.
 */
import type { Adapter, FoundActor } from '../host/actors/adapter.ts';
import { givenNow, isObject, own, ownNumber, ownText } from './own.ts';
import type { Given } from './own.ts';

/** Of Colyseus's interface, what is used of it. */
interface MatchMaker {
  driver?: unknown;
  getLocalRoomById?(roomId: string): unknown;
}
interface Room {
  readonly roomId: string;
  readonly roomName: string;
  readonly locked: boolean;
  readonly maxClients: number;
  readonly state?: { toJSON?: () => unknown } | null;
  broadcast(type: string, message: unknown): void;
}
interface Client {
  readonly sessionId: string;
  send(type: string, message: unknown): void;
}

/** `RoomInternalState.DISPOSING`. */
const disposing = 2;
/** `ClientState.JOINED` and `LEAVING`. */
const joined = 1;

/**
 * @param given the `matchMaker` of Colyseus, or rooms, or what gives them.
 * @example
 * agent.actors.use(colyseus([matchMaker]));
 */
export function colyseus(given: Given): Adapter {
  const clients = new WeakSet();
  return {
    name: 'colyseus',
    shown: 'always',
    *list(): Generator<FoundActor> {
      for (const each of givenNow(given)) {
        for (const room of isRoom(each) ? [each] : roomsOf(each)) {
          if (isDisposing(room)) continue;
          const name = `${room.roomName}/${room.roomId}`;
          yield { actor: room, name, type: room.roomName };
          for (const client of clientsOf(room)) {
            clients.add(client);
            yield { actor: client, name: `${name}/${client.sessionId}`, type: 'colyseus.Client', parent: name, isDetail: true };
          }
        }
      }
    },
    state: (actor) => (clients.has(actor) ? stateOfClient(actor) : stateOfRoom(actor as Room)),
    send(actor, message) {
      if (!Array.isArray(message) || typeof message[0] !== 'string' || message.length > 2)
        throw new Error('a message is a list: its type, then what it holds, such as ["news", {"id": 7}]');
      const [type, payload] = message as [string, unknown];
      if (clients.has(actor)) (actor as Client).send(type, payload);
      else (actor as Room).broadcast(type, payload);
    },
    isOver: (actor) => (clients.has(actor) ? (ownNumber(actor, 'state') ?? joined) > joined : isDisposing(actor)),
  };
}

function isRoom(object: object): object is Room {
  return typeof (object as Partial<Room>).broadcast === 'function';
}

function isDisposing(room: object): boolean {
  return own(room, '_internalState') === disposing;
}

function* roomsOf(matchMaker: MatchMaker): Generator<Room> {
  const listed = own(matchMaker.driver, 'rooms');
  if (!Array.isArray(listed) || typeof matchMaker.getLocalRoomById !== 'function') return;
  for (const cached of listed) {
    const room = matchMaker.getLocalRoomById(ownText(cached, 'roomId') ?? (cached as { roomId: string }).roomId);
    if (isObject(room) && isRoom(room)) yield room;
  }
}

function clientsOf(room: object): Client[] {
  const clients = own(room, 'clients');
  return Array.isArray(clients) ? clients.filter((each): each is Client => isObject(each) && typeof (each as Client).sessionId === 'string') : [];
}

function stateOfRoom(room: Room): object {
  const { state } = room;
  return {
    clients: clientsOf(room).length,
    maxClients: room.maxClients,
    locked: room.locked,
    // A schema keeps its values behind accessors.
    state: typeof state?.toJSON === 'function' ? state.toJSON() : state,
  };
}

function stateOfClient(client: object): object {
  return { sessionId: ownText(client, 'sessionId'), state: ownNumber(client, 'state'), userData: own(client, 'userData'), auth: own(client, 'auth') };
}
