/** The HTTP side: create and list rooms, read a room's state, place a bid. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { type House, RoomRefused } from './house.ts';
import { brackets } from './pricing.ts';

const maxBodyBytes = 4_096;

export function makeHttpHandler(house: House): RequestListener {
  return function handle(request, response) {
    void answer(house, request).then(
      ({ status, body }) => send(response, status, body),
      (error: unknown) => {
        const refused = error instanceof RoomRefused;
        if (!refused) console.error(`${request.method} ${request.url}:`, error);
        send(response, refused ? error.status : 500, { error: refused ? error.message : 'internal error' });
      },
    );
  };
}

interface Answer {
  status: number;
  body: unknown;
}

async function answer(house: House, request: IncomingMessage): Promise<Answer> {
  const path = new URL(request.url ?? '/', 'http://rooms').pathname;
  const [, top, name, action, ...rest] = path.split('/');
  const route = `${request.method} ${top}`;
  if (route === 'GET conditions' && name === undefined) return { status: 200, body: { brackets } };
  if (top !== 'rooms' || rest.length > 0) return { status: 404, body: { error: 'no such page' } };

  if (name === undefined) {
    if (request.method === 'GET') return { status: 200, body: house.rooms().map((room) => room.snapshot()) };
    if (request.method !== 'POST') return { status: 405, body: { error: 'GET or POST' } };
    const { name: wanted, lotMs } = await readJson(request);
    if (typeof wanted !== 'string') throw new RoomRefused(400, 'name is missing');
    if (lotMs !== undefined && !isAmount(lotMs)) throw new RoomRefused(400, 'lotMs must be a whole number');
    return { status: 201, body: house.openRoom(wanted, lotMs).snapshot() };
  }

  const room = house.room(name);
  if (room === undefined) return { status: 404, body: { error: `no room ${name}` } };
  if (action === undefined && request.method === 'GET') return { status: 200, body: room.snapshot() };
  if (action === 'bids' && request.method === 'POST') {
    const { bidder, amount } = await readJson(request);
    if (typeof bidder !== 'string' || bidder === '') throw new RoomRefused(400, 'bidder is missing');
    if (!isAmount(amount)) throw new RoomRefused(400, 'amount must be a whole number of euros');
    const result = await room.bid(bidder, amount);
    return { status: result.accepted ? 200 : 409, body: result };
  }
  return { status: 404, body: { error: 'no such page' } };
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new RoomRefused(413, `a body has at most ${maxBodyBytes} bytes`);
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Falls through to the same answer: what came is not an object.
  }
  throw new RoomRefused(400, 'the body must be a JSON object');
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}
