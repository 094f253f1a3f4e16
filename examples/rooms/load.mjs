/**
 * Load for the auction house: holds connections open, bids at a bounded rate, and checks all it hears. One JSON line a second on stdout, and
 * one with `"final": true` at the end. It exits 1 when it could not connect, and 0 otherwise: judging the figures is the reader's part.
 *
 *   node load.mjs --url http://127.0.0.1:8080 [--connections 50] [--rooms lobby,gallery] [--rate 40] [--seconds 60] [--until-stdin-ends]
 */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    connections: { type: 'string', default: '50' },
    rooms: { type: 'string', default: 'lobby,gallery,cellar,attic' },
    /** Bids a second, over all connections. */
    rate: { type: 'string', default: '40' },
    seconds: { type: 'string', default: '60' },
    /** For a parent process: its end ends the load too. */
    'until-stdin-ends': { type: 'boolean', default: false },
  },
});

/** What went over the wire: faults of the service, then what it said. */
class Tally {
  dropped = 0;
  gaps = 0;
  duplicates = 0;
  backward = 0;
  unreadable = 0;
  minimums = 0;
  wrongMinimums = 0;
  messages = 0;
  bids = 0;
  refused = 0;
  #before = { minimums: 0, wrongMinimums: 0, messages: 0, bids: 0, refused: 0 };

  total() {
    return { ...this };
  }

  /** What was said since the last call, with all faults so far. */
  recent() {
    const line = this.total();
    for (const [name, before] of Object.entries(this.#before)) {
      line[name] -= before;
      this.#before[name] += line[name];
    }
    return line;
  }
}

/** The least the next bid may be, by the published conditions of sale: the yardstick for what the service says. */
class Conditions {
  #brackets;

  constructor(brackets) {
    this.#brackets = brackets;
  }

  stepAt(price) {
    return this.#brackets.findLast((bracket) => price >= bracket.from).step;
  }

  minimumAfter(price) {
    return price + this.stepAt(price);
  }
}

/** One connection in one room. Compares each message with the one before it. */
class Bidder {
  #socket;
  #tally;
  #conditions;
  #stopping = false;
  #seq = 0;
  #opening = 0;
  #room = { lot: 0, bids: 0, sold: 0, turnover: 0 };
  #price = 0;
  #minimum = null;
  #closed;

  constructor(url, tally, conditions) {
    this.#tally = tally;
    this.#conditions = conditions;
    this.#socket = new WebSocket(url);
    this.#closed = once(this.#socket, 'close');
    this.#socket.on('message', (data) => this.#hear(String(data)));
  }

  async connected() {
    await once(this.#socket, 'open');
    // From here on an error is followed by 'close', which is counted.
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      if (!this.#stopping) this.#tally.dropped += 1;
    });
  }

  get open() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  bid() {
    if (!this.open || this.#minimum === null) return;
    const extra = Math.floor(Math.random() * 4) * this.#conditions.stepAt(this.#price);
    this.#socket.send(JSON.stringify({ type: 'bid', amount: this.#minimum + extra }));
  }

  async stop() {
    this.#stopping = true;
    this.#socket.close(1000);
    await Promise.race([this.#closed, new Promise((resolve) => setTimeout(resolve, 1_000))]);
    this.#socket.terminate();
  }

  #hear(text) {
    let event;
    try {
      event = JSON.parse(text);
    } catch {
      this.#tally.unreadable += 1;
      return;
    }
    this.#tally.messages += 1;
    if (event.seq > this.#seq + 1) this.#tally.gaps += 1;
    if (event.seq <= this.#seq) this.#tally.duplicates += 1;
    this.#seq = event.seq;

    switch (event.type) {
      case 'room':
        this.#room = { lot: event.room.lot.number, bids: event.room.bids, sold: event.room.sold, turnover: event.room.turnover };
        this.#opening = event.room.lot.opening;
        if (event.room.minimum !== null) this.#note(event.room.price, event.room.minimum);
        return;
      case 'lot':
        this.#grow({ lot: event.number }, 1);
        this.#opening = event.opening;
        this.#note(null, event.minimum);
        return;
      case 'bid':
        this.#tally.bids += 1;
        this.#grow({ bids: event.bids }, 1);
        this.#note(event.price, event.minimum);
        return;
      case 'hammer':
        this.#grow({ sold: event.sold, turnover: event.turnover }, Infinity);
        this.#minimum = null;
        return;
      case 'refused':
        this.#tally.refused += 1;
        if (event.minimum !== null) this.#note(event.price, event.minimum);
        return;
      default:
        this.#tally.unreadable += 1;
    }
  }

  /** A room's counters never fall, and rise by `most` at once: else it has lost state, or this connection a message. */
  #grow(counters, most) {
    for (const [name, now] of Object.entries(counters)) {
      const step = now - this.#room[name];
      if (step < 0 || (step === 0 && most === 1)) this.#tally.backward += 1;
      if (step > most) this.#tally.gaps += 1;
      this.#room[name] = now;
    }
  }

  #note(price, minimum) {
    const right = price === null ? this.#opening : this.#conditions.minimumAfter(price);
    this.#tally.minimums += 1;
    if (minimum !== right) this.#tally.wrongMinimums += 1;
    this.#price = price ?? this.#opening;
    this.#minimum = minimum;
  }
}

async function main() {
  if (options.url === undefined) throw new Error('--url is missing');
  const { brackets } = await (await fetch(new URL('/conditions', options.url))).json();
  const conditions = new Conditions(brackets);
  const rooms = options.rooms.split(',');
  const tally = new Tally();
  const bidders = Array.from({ length: Number(options.connections) }, (_, index) => {
    const url = new URL(`/rooms/${rooms[index % rooms.length]}/live?bidder=bidder-${index + 1}`, options.url);
    return new Bidder(String(url).replace(/^http/, 'ws'), tally, conditions);
  });
  await Promise.all(bidders.map((bidder) => bidder.connected()));

  const connections = () => bidders.filter((bidder) => bidder.open).length;
  const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
  let second = 0;
  const bidding = setInterval(() => bidders[Math.floor(Math.random() * bidders.length)].bid(), 1_000 / Number(options.rate));
  const reporting = setInterval(() => print({ second: ++second, connections: connections(), ...tally.recent() }), 1_000);

  await new Promise((stop) => {
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
    setTimeout(stop, Number(options.seconds) * 1_000).unref();
    if (options['until-stdin-ends']) process.stdin.on('end', stop).on('error', stop).resume();
  });
  clearInterval(bidding);
  clearInterval(reporting);
  const last = { final: true, seconds: second, connections: connections(), ...tally.total() };
  await Promise.all(bidders.map((bidder) => bidder.stop()));
  print(last);
  process.stdin.destroy();
}

// Nobody reads any more: the figures have no taker, and the load no purpose.
process.stdout.on('error', () => process.exit(0));
main().catch((error) => {
  console.error(`load: ${error.message}`);
  process.exit(1);
});
