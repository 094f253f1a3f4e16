/**
 * HTTP servers that listen, and the requests that are open in them: what Node keeps of both. Node does not keep when a request began, so its age is exact for those that began since somebody
 * looked, and a lower bound for older ones; that is heard of for a minute after each look, and nothing is heard of otherwise.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Server as NetServer } from 'node:net';
import type { Adapter, FoundActor } from '../host/actors/adapter.ts';
import { nodeClock } from '../platform/clock.ts';
import type { Clock } from '../platform/clock.ts';
import { activeHandles } from './handles.ts';
import { connectionsOfHttp2, factsOfHttp2, isHttp2Server, isOfHttp2, isOverInHttp2, requestsOfHttp2 } from './http2.ts';
import { isObject, Numbers, own, ownBySymbol, ownNumber, ownText } from './own.ts';

/** How long beginnings are heard of after a look. */
const hearsForMs = 60_000;
const began = 'http.server.request.start';
const { apply } = Reflect;
const addressOf = NetServer.prototype.address;

/** @param handles what keeps the event loop alive. */
export function http(handles: () => readonly unknown[] = activeHandles, clock: Clock = nodeClock): Adapter {
  const numbers = new Numbers();
  const begun = new BeginningTimes(clock);

  const stateOfServer = (server: object): object => {
    const requests = [...openRequests(server)];
    const isHttp2 = isHttp2Server(server);
    return {
      listening: addressText(server),
      connections: connectionsOf(server).length + (isHttp2 ? connectionsOfHttp2(server, handles()) : 0),
      // Not 0 where nobody can tell.
      openRequests: isHttp2 && requestsOfHttp2(server) === null ? null : requests.length,
      longestMs: requests.reduce<number | null>((most, request) => Math.max(most ?? 0, begun.ageOf(request).ms), null),
    };
  };
  const stateOfRequest = (request: object): object => {
    const { ms, isExact } = begun.ageOf(request);
    if (isOfHttp2(request)) {
      const { method, path, socket, stream } = factsOfHttp2(request);
      return { method, url: path === null ? null : withoutValues(path), ageAtLeastMs: ms, from: peerOf(socket), stream };
    }
    const response = responseOf(request);
    return {
      method: ownText(request, 'method'),
      url: withoutValues(ownText(request, 'url') ?? ''),
      ...(isExact ? { ageMs: ms } : { ageAtLeastMs: ms }),
      from: peerOf(own(request, 'socket')),
      bodyRead: own(request, 'complete') === true,
      status: own(response, '_header') == null ? null : ownNumber(response, 'statusCode'),
    };
  };

  return {
    name: 'http',
    shown: 'asked',
    *list(): Generator<FoundActor> {
      begun.hear();
      for (const server of serversOf(handles())) {
        const name = addressText(server);
        yield { actor: server, name, type: 'http.Server' };
        for (const request of openRequests(server))
          yield { actor: request, name: `${name}/${numbers.of(request)}`, type: 'http.Request', parent: name };
      }
    },
    state: (actor) => (actor instanceof NetServer ? stateOfServer(actor) : stateOfRequest(actor)),
    isOver: (actor) => (actor instanceof NetServer ? !actor.listening : isOfHttp2(actor) ? isOverInHttp2(actor) : responseOf(actor) === undefined),
  };
}

/** Only a server of HTTP has a list of its connections; one of HTTP/2 has none where it does not speak the older one too. */
function serversOf(handles: readonly unknown[]): object[] {
  return handles.filter((handle): handle is object => handle instanceof NetServer && (isObject(listOf(handle)) || isHttp2Server(handle)));
}

function listOf(server: object): unknown {
  return ownBySymbol(server, 'http.server.connections');
}

/** Node's parsers, one of each connection. */
function connectionsOf(server: object): readonly unknown[] {
  const list = listOf(server) as { all?: () => readonly unknown[] } | undefined;
  return list?.all?.() ?? [];
}

/** The response that a connection is at belongs to the request that is open; those that wait behind it in the same connection are not seen. */
function* openRequests(server: object): Generator<object> {
  for (const parser of connectionsOf(server)) {
    const request = own(own(own(parser, 'socket'), '_httpMessage'), 'req');
    if (isObject(request)) yield request;
  }
  if (isHttp2Server(server)) yield* requestsOfHttp2(server) ?? [];
}

function responseOf(request: object): unknown {
  const response = own(own(request, 'socket'), '_httpMessage');
  return own(response, 'req') === request ? response : undefined;
}

function addressText(server: object): string {
  const address: unknown = apply(addressOf, server, []);
  if (typeof address === 'string') return address;
  const host = ownText(address, 'address') ?? '?';
  return `${host.includes(':') ? `[${host}]` : host}:${ownNumber(address, 'port') ?? 0}`;
}

function peerOf(socket: unknown): string | null {
  const { remoteAddress, remotePort } = (socket ?? {}) as { remoteAddress?: string; remotePort?: number };
  return remoteAddress === undefined ? null : `${remoteAddress}:${remotePort ?? 0}`;
}

/** Values of a query may be secrets; their names tell what was asked for. */
function withoutValues(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? url : `${url.slice(0, at)}${url.slice(at).replace(/=[^&]*/g, '=...')}`;
}

/** When requests began, by what Node says on its channel while somebody looks. */
class BeginningTimes {
  readonly #clock: Clock;
  readonly #began = new WeakMap<object, { atMs: number; isExact: boolean }>();
  #callOff: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From now on, for a while. */
  hear(): void {
    if (this.#callOff === null) subscribe(began, this.#note);
    this.#callOff?.();
    this.#callOff = this.#clock.after(hearsForMs, () => {
      this.#callOff = null;
      unsubscribe(began, this.#note);
    });
  }

  ageOf(request: object): { ms: number; isExact: boolean } {
    const nowMs = this.#clock.now();
    const { atMs, isExact } = this.#began.get(request) ?? { atMs: nowMs, isExact: false };
    if (atMs === nowMs) this.#began.set(request, { atMs, isExact });
    return { ms: Math.round(nowMs - atMs), isExact };
  }

  readonly #note = (message: unknown): void => {
    const request = own(message, 'request');
    if (isObject(request)) this.#began.set(request, { atMs: this.#clock.now(), isExact: true });
  };
}
