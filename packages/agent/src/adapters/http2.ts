/**
 * What Node keeps of servers of HTTP/2: since Node 24 their sessions, with the streams that are open in each. Before, only the sockets know their server. Of a stream that the service took as such,
 * Node keeps no headers; of a request (`server.on('request')`) it does.
 */
import { types } from 'node:util';
import { apply, forEachOfMap, forEachOfSet } from '../platform/originals.ts';
import { isObject, nameOfClass, own, ownBySymbol, ownText } from './own.ts';

const classes: ReadonlySet<string> = new Set(['Http2Server', 'Http2SecureServer']);

export function isHttp2Server(handle: object): boolean {
  return classes.has(nameOfClass(handle));
}

/** Null where this Node does not keep them. */
function sessionsOf(server: object): object[] | null {
  const sessions = ownBySymbol(server, 'sessions');
  if (!types.isSet(sessions)) return null;
  const found: object[] = [];
  apply(forEachOfSet as (this: unknown, each: (session: unknown) => void) => void, sessions, [
    (session: unknown) => {
      if (isObject(session)) found.push(session);
    },
  ]);
  return found;
}

/** @param handles what keeps the event loop alive: sockets among them. */
export function connectionsOfHttp2(server: object, handles: readonly unknown[]): number {
  return sessionsOf(server)?.length ?? handles.filter((handle) => isObject(handle) && ownBySymbol(handle, 'server') === server).length;
}

/** Null where this Node does not keep them. */
export function requestsOfHttp2(server: object): object[] | null {
  const sessions = sessionsOf(server);
  return sessions === null ? null : sessions.flatMap((session) => streamsOf(session).map((stream) => requestOf(stream) ?? stream));
}

function streamsOf(session: object): object[] {
  const streams = own(ownBySymbol(session, 'state'), 'streams');
  const found: object[] = [];
  if (types.isMap(streams))
    apply(forEachOfMap as (this: unknown, each: (stream: unknown) => void) => void, streams, [
      (stream: unknown) => {
        if (isObject(stream)) found.push(stream);
      },
    ]);
  return found;
}

function requestOf(stream: object): object | null {
  const request = ownBySymbol(stream, 'request');
  return isObject(request) ? request : null;
}

function streamOf(actor: object): object {
  const stream = ownBySymbol(actor, 'stream');
  return isObject(stream) ? stream : actor;
}

export function isOfHttp2(actor: object): boolean {
  return ownBySymbol(streamOf(actor), 'kSession') !== undefined || ownBySymbol(streamOf(actor), 'id') !== undefined;
}

/** Its session lets go of it. */
export function isOverInHttp2(actor: object): boolean {
  const stream = streamOf(actor);
  const session = ownBySymbol(stream, 'kSession');
  return !isObject(session) || !streamsOf(session).includes(stream);
}

export interface Http2Facts {
  method: string | null;
  path: string | null;
  /** The socket of its session. */
  socket: unknown;
  stream: number | null;
}

export function factsOfHttp2(actor: object): Http2Facts {
  const headers = ownBySymbol(actor, 'headers');
  const stream = streamOf(actor);
  const session = ownBySymbol(stream, 'kSession');
  const id = ownBySymbol(stream, 'id');
  return {
    method: ownText(headers, ':method'),
    path: ownText(headers, ':path'),
    socket: isObject(session) ? ownBySymbol(session, 'socket') : undefined,
    stream: typeof id === 'number' ? id : null,
  };
}
