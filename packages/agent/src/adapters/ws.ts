/** Servers and connections of ws 8. A server is found at its first upgrade; its connections are those that it keeps itself (`clients`). */
import type { Adapter, FoundActor } from '../host/actors/adapter.ts';
import { givenNow, isObject, Numbers, own, ownAt, ownNumber, ownText } from './own.ts';
import type { Given } from './own.ts';

/** Of ws's interface, what is used of it. */
interface WebSocket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly isPaused: boolean;
  readonly protocol: string;
  pause(): void;
  resume(): void;
  send(data: string): void;
}

const states = ['connecting', 'open', 'closing', 'closed'];
const serverStates = ['running', 'closing', 'closed'];
const open = 1;

/**
 * @param servers a `WebSocketServer` or several, or what gives them; for a bundle, or a service without `--import @keyhole/agent/register`.
 * @example
 * agent.actors.use(ws([webSocketServer]));
 */
export function ws(servers: Given): Adapter {
  const numbers = new Numbers();
  const clientNumbers = new Numbers();
  return {
    name: 'ws',
    shown: 'always',
    *list(): Generator<FoundActor> {
      for (const server of givenNow(servers)) {
        const clients = own(server, 'clients');
        // Without such a list, as in Socket.IO, somebody else keeps the connections.
        if (!(clients instanceof Set) || own(server, '_state') === 2) continue;
        const name = String(numbers.of(server));
        yield { actor: server, name, type: 'WebSocketServer' };
        for (const client of clients)
          yield { actor: client as object, name: `${name}/${clientNumbers.of(client as object)}`, type: 'WebSocket', parent: name, isDetail: true };
      }
    },
    state: (actor) => (isServer(actor) ? stateOfServer(actor) : stateOfConnection(actor as WebSocket)),
    isOver: (actor) => (isServer(actor) ? own(actor, '_state') === 2 : (actor as WebSocket).readyState > open),
    isSuspended: (actor) => !isServer(actor) && (actor as WebSocket).isPaused,
    suspend: (actor) => connection(actor).pause(),
    resume: (actor) => connection(actor).resume(),
    send(actor, message) {
      connection(actor).send(typeof message === 'string' ? message : JSON.stringify(message));
    },
  };
}

function isServer(actor: object): boolean {
  return own(actor, 'clients') instanceof Set;
}

/** @throws {Error} where it is a server, or not open. */
function connection(actor: object): WebSocket {
  if (isServer(actor)) throw new Error('it is the server: one of its connections can be meant');
  const socket = actor as WebSocket;
  if (socket.readyState !== open) throw new Error(`the connection is ${states[socket.readyState] ?? socket.readyState}`);
  return socket;
}

function stateOfServer(server: object): object {
  const options = own(server, 'options');
  return {
    state: serverStates[ownNumber(server, '_state') ?? -1] ?? null,
    path: ownText(options, 'path'),
    port: ownNumber(options, 'port'),
    clients: (own(server, 'clients') as Set<unknown>).size,
    maxPayloadBytes: ownNumber(options, 'maxPayload'),
  };
}

function stateOfConnection(socket: WebSocket): object {
  const stream = own(socket, '_socket');
  const { remoteAddress, remotePort } = (isObject(stream) ? stream : {}) as { remoteAddress?: string; remotePort?: number };
  return {
    state: states[socket.readyState] ?? null,
    from: remoteAddress === undefined ? null : `${remoteAddress}:${remotePort ?? 0}`,
    bufferedBytes: socket.bufferedAmount,
    protocol: socket.protocol,
    paused: socket.isPaused,
    unhandledBytes: ownNumber(ownAt(socket, '_receiver'), '_bufferedBytes'),
  };
}
