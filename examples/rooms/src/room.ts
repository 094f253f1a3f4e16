/** One room of the auction house: an actor. Its state changes only while it handles a message of its mailbox, never in between. */
import type { BidAnswer, RoomEvent, RoomState } from './events.ts';
import { type Lot, lotWithNumber } from './lots.ts';
import { Mailbox } from './mailbox.ts';
import { type Ladder, makeLadder } from './pricing.ts';

/** Somebody in the room. */
export interface Member {
  deliver(event: RoomEvent): void;
}

export interface RoomOptions {
  name: string;
  /** How long a lot is up, and how long the room rests before the next one. */
  lotMs: number;
  restMs: number;
}

type Message =
  | { kind: 'join'; member: Member }
  | { kind: 'leave'; member: Member }
  | { kind: 'bid'; bidder: string; amount: number; answer: (answer: BidAnswer) => void }
  | { kind: 'hammer' }
  | { kind: 'open' };

export class Room {
  readonly name: string;
  readonly #lotMs: number;
  readonly #restMs: number;
  readonly #mailbox: Mailbox<Message>;
  readonly #members = new Set<Member>();
  #timer: NodeJS.Timeout | null = null;
  #open = false;
  #lotNumber = 0;
  #lot: Lot = lotWithNumber(1);
  #ladder: Ladder = makeLadder(this.#lot.opening);
  #leader: string | null = null;
  #bids = 0;
  #sold = 0;
  #turnover = 0;

  constructor(options: RoomOptions) {
    this.name = options.name;
    this.#lotMs = options.lotMs;
    this.#restMs = options.restMs;
    this.#mailbox = new Mailbox<Message>(
      (message) => this.#handle(message),
      (error, message) => this.#failed(error, message),
    );
    this.#openLot();
  }

  get queueLength(): number {
    return this.#mailbox.length;
  }

  join(member: Member): void {
    this.#mailbox.post({ kind: 'join', member });
  }

  leave(member: Member): void {
    this.#mailbox.post({ kind: 'leave', member });
  }

  bid(bidder: string, amount: number): Promise<BidAnswer> {
    return new Promise((answer) => {
      this.#mailbox.post({ kind: 'bid', bidder, amount, answer });
    });
  }

  snapshot(): RoomState {
    return {
      name: this.name,
      open: this.#open,
      lot: { number: this.#lotNumber, title: this.#lot.title, opening: this.#lot.opening },
      price: this.#ladder.price(),
      leader: this.#leader,
      minimum: this.#open ? this.#ladder.nextMinimum() : null,
      bids: this.#bids,
      sold: this.#sold,
      turnover: this.#turnover,
      members: this.#members.size,
    };
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#mailbox.close();
  }

  #handle(message: Message): void {
    switch (message.kind) {
      case 'join':
        this.#members.add(message.member);
        message.member.deliver({ type: 'room', room: this.snapshot() });
        return;
      case 'leave':
        this.#members.delete(message.member);
        return;
      case 'bid':
        message.answer(this.#take(message.bidder, message.amount));
        return;
      case 'hammer':
        this.#closeLot();
        return;
      case 'open':
        this.#openLot();
        return;
    }
  }

  #take(bidder: string, amount: number): BidAnswer {
    if (!this.#open) return { accepted: false, reason: 'the next lot is not open yet', price: null, minimum: null };
    const least = this.#ladder.nextMinimum();
    if (amount < least) return { accepted: false, reason: 'too low', price: this.#ladder.price(), minimum: least };
    this.#ladder.raise(amount);
    this.#leader = bidder;
    this.#bids += 1;
    const minimum = this.#ladder.nextMinimum();
    this.#tell({ type: 'bid', lot: this.#lotNumber, bidder, price: amount, minimum, bids: this.#bids });
    return { accepted: true, price: amount, minimum };
  }

  #openLot(): void {
    this.#lotNumber += 1;
    this.#lot = lotWithNumber(this.#lotNumber);
    this.#ladder = makeLadder(this.#lot.opening);
    this.#leader = null;
    this.#open = true;
    this.#tell({ type: 'lot', number: this.#lotNumber, ...this.#lot, minimum: this.#ladder.nextMinimum() });
    this.#after(this.#lotMs, 'hammer');
  }

  #closeLot(): void {
    const price = this.#ladder.price();
    this.#open = false;
    if (price !== null) {
      this.#sold += 1;
      this.#turnover += price;
    }
    this.#tell({ type: 'hammer', lot: this.#lotNumber, price, buyer: this.#leader, sold: this.#sold, turnover: this.#turnover });
    this.#after(this.#restMs, 'open');
  }

  /** Timers change nothing themselves: they post a message like everybody else. */
  #after(delayMs: number, kind: 'hammer' | 'open'): void {
    this.#timer = setTimeout(() => this.#mailbox.post({ kind }), delayMs);
  }

  #tell(event: RoomEvent): void {
    for (const member of this.#members) member.deliver(event);
  }

  #failed(error: unknown, message: Message): void {
    console.error(`room ${this.name}: ${message.kind} failed:`, error);
    if (message.kind === 'bid') message.answer({ accepted: false, reason: 'internal error', price: null, minimum: null });
  }
}
