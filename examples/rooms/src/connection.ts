/** One websocket client in one room. Numbers what it sends, so that the client notices any loss. */
import type { WebSocket } from 'ws';
import type { RoomEvent } from './events.ts';
import type { Member, Room } from './room.ts';

/** A client that reads this much slower than the room talks is cut off, for the process's memory. */
const maxUnsentBytes = 1_048_576;

export class Connection implements Member {
  readonly #socket: WebSocket;
  readonly #room: Room;
  readonly #bidder: string;
  #seq = 0;

  constructor(socket: WebSocket, room: Room, bidder: string) {
    this.#socket = socket;
    this.#room = room;
    this.#bidder = bidder;
    socket.on('message', (data) => this.#receive(String(data)));
    socket.on('close', () => room.leave(this));
    // 'close' follows; without a listener an error of one client would end the process.
    socket.on('error', (error) => console.error(`${bidder} in ${room.name}: ${error.message}`));
    room.join(this);
  }

  deliver(event: RoomEvent): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > maxUnsentBytes) {
      this.#socket.close(1013, 'reads too slowly');
      return;
    }
    this.#seq += 1;
    this.#socket.send(JSON.stringify({ seq: this.#seq, ...event }));
  }

  #receive(text: string): void {
    const amount = amountOf(text);
    if (amount === null) {
      this.deliver({ type: 'refused', reason: 'send {"type":"bid","amount":EUROS}', price: null, minimum: null });
      return;
    }
    void this.#room.bid(this.#bidder, amount).then((answer) => {
      // Who is accepted hears it with everybody else.
      if (!answer.accepted) this.deliver({ type: 'refused', reason: answer.reason, price: answer.price, minimum: answer.minimum });
    });
  }
}

function amountOf(text: string): number | null {
  try {
    const message = JSON.parse(text) as { type?: unknown; amount?: unknown } | null;
    const amount = message?.type === 'bid' ? message.amount : null;
    return typeof amount === 'number' && Number.isSafeInteger(amount) && amount > 0 ? amount : null;
  } catch {
    return null;
  }
}
