/** `keyhole top`: a process, looked at once a second unless told otherwise, on a screen or as JSON. */
import { setTimeout as delay } from 'node:timers/promises';
import { KeyholeError, type Vitals } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { duration } from '../render/duration.ts';
import { Screen } from '../render/screen.ts';
import { wantsColour } from '../render/text.ts';
import { topLines, type ActorOrder, type TopState } from '../render/top.ts';
import { durationFlag, type CommandContext, type CommandDefinition } from './command.ts';
import { readKeys } from './keys.ts';

/** Between two looks. */
const minEveryMs = 100;
const defaultEveryMs = 1_000;
const maxEveryMs = 3_600_000;
/** A sample of functions costs more than a look: starting one walks the heap. It lasts as long as the time between two looks, and this long at most. */
const sampleEveryMs = 10_000;
const maxSampleMs = 1_000;
/** From the start of counting to the first figures, at most. */
const maxFirstMs = 500;
const onceColumns = 100;
const onceRows = 40;

export const top: CommandDefinition = {
  name: 'top',
  summary: 'live screen: event loop, heap, actors by mailbox, hottest functions, patches',
  target: 'agent',
  words: [],
  required: () => 0,
  options: [
    { flags: '--once', doc: 'one look, and no screen' },
    { flags: '--every <time>', doc: `between two looks (default: ${duration(defaultEveryMs)})` },
  ],
  async run(context, { flags }) {
    const everyMs = durationFlag(flags, 'every', '--every', minEveryMs, maxEveryMs) ?? defaultEveryMs;
    const connection = await context.connect();
    const looking = new Looking(connection, context, everyMs);
    const asJson = flags['json'] === true;
    const onScreen = process.stdout.isTTY === true && process.stdin.isTTY === true && flags['once'] !== true;
    if (flags['once'] === true || (!asJson && !onScreen)) {
      await looking.begin();
      await looking.sample();
      const state = await looking.look();
      return {
        json: documentOf(state),
        text: topLines(state, onceColumns, onceRows)
          .slice(0, -1)
          .flatMap((line) => [line, '\n']),
      };
    }
    if (asJson) await printAll(looking, context);
    else await context.handOver(() => show(looking, context));
    return { json: undefined, text: '' };
  },
};

class Looking {
  readonly #connection: Connection;
  readonly #context: CommandContext;
  #mailboxes = new Map<string, number>();
  #hottest: TopState['hottest'] = null;
  #noFunctions: string | null = null;
  #sampledAt = -Infinity;
  #patches: TopState['patches'] = [];
  #silent = false;
  /** Others look as well, and there was no time left for the last look. */
  #crowded = false;
  #latest: TopState | null = null;
  order: ActorOrder = 'mailbox';
  readonly everyMs: number;

  constructor(connection: Connection, context: CommandContext, everyMs: number) {
    this.#connection = connection;
    this.#context = context;
    this.everyMs = everyMs;
    connection.onNews((event) => {
      if (event === 'silent' || event === 'answering') this.#silent = event === 'silent';
    });
  }

  /** The last look, in the order that is wanted now. */
  get latest(): TopState | null {
    return this.#latest === null ? null : { ...this.#latest, order: this.order, alarm: this.#alarm() };
  }

  #alarm(): string | null {
    if (this.#silent) return 'THE MAIN THREAD DOES NOT ANSWER: keyhole rescue';
    return this.#crowded ? 'OTHERS LOOK TOO: these figures are older' : null;
  }

  /** Begins to count: what the agent loads for its first answer is none of the service's doing, and is in no figure. */
  async begin(): Promise<void> {
    const { signal, timeoutMs } = this.#context;
    this.#growth(await this.#connection.call('vitals', {}, { signal, timeoutMs }));
    await delay(Math.min(maxFirstMs, this.everyMs), undefined, { signal });
  }

  async look(): Promise<TopState> {
    const { signal, timeoutMs } = this.#context;
    const vitals = await this.#connection.call('vitals', {}, { signal, timeoutMs });
    const { patches } = await this.#connection.call('patch.list', {}, { signal, timeoutMs });
    this.#patches = patches.map(({ id, address, trial }) => ({ id, address, errors: trial?.errors?.seen ?? null }));
    const growth = this.#growth(vitals);
    const { service, pid, node } = this.#connection.welcome;
    this.#latest = {
      name: `${service}#${pid} ${node}`,
      vitals,
      growth,
      hottest: this.#hottest,
      noFunctions: this.#noFunctions,
      patches: this.#patches,
      order: this.order,
      alarm: null,
    };
    return this.#latest;
  }

  /**
   * The same for whoever looks again and again: where the main thread does not answer, or looking has no time left, there is another look later.
   * @returns null where there was none, which `latest` says too.
   */
  async lookAgain(): Promise<TopState | null> {
    try {
      const state = await this.look();
      this.#crowded = false;
      return state;
    } catch (thrown) {
      unlessLater(thrown);
      this.#crowded = KeyholeError.from(thrown).code === 'BUSY';
      return null;
    }
  }

  /** Functions by CPU, where it is time for that; never rejects. */
  async sample(): Promise<void> {
    if (performance.now() - this.#sampledAt < sampleEveryMs || this.#noFunctions !== null) return;
    this.#sampledAt = performance.now();
    try {
      const { signal } = this.#context;
      const { hottest } = await this.#connection.call('profile', { durationMs: Math.min(maxSampleMs, this.everyMs), brief: true }, { signal });
      this.#hottest = hottest;
    } catch (thrown) {
      const { code } = KeyholeError.from(thrown);
      // Somebody else samples, or nothing answers: later.
      if (code === 'NOT_ALLOWED') this.#noFunctions = 'it takes the role trace';
    }
  }

  #growth({ actors, sinceMs }: Vitals): Map<string, number> {
    const growth = new Map<string, number>();
    for (const { id, mailbox } of actors.top) {
      const before = this.#mailboxes.get(id);
      if (before !== undefined && mailbox !== null && sinceMs > 0) growth.set(id, Math.round(((mailbox - before) * 1_000) / sinceMs));
    }
    this.#mailboxes = new Map(actors.top.flatMap(({ id, mailbox }) => (mailbox === null ? [] : [[id, mailbox] as const])));
    return growth;
  }
}

function documentOf({ vitals, growth, hottest, patches }: TopState): object {
  const actors = vitals.actors.top.map((actor) => ({ ...actor, growth: growth.get(actor.id) ?? null }));
  return { ...vitals, actors: { count: vitals.actors.count, top: actors }, hottest: hottest ?? [], patches };
}

async function printAll(looking: Looking, context: CommandContext): Promise<void> {
  await beginUnlessAborted(looking, context.signal);
  await untilAborted(looking.everyMs, context.signal, async () => {
    const [state] = await Promise.all([looking.lookAgain(), looking.sample()]);
    if (state !== null) context.terminal.jsonLine(documentOf(state));
    else context.terminal.message('there was no look: the main thread does not answer, or others look at it; the next one comes later\n');
  });
}

async function beginUnlessAborted(looking: Looking, signal: AbortSignal): Promise<void> {
  try {
    await looking.begin();
  } catch (error) {
    if (!signal.aborted) unlessLater(error);
  }
}

/** Looks again and again until the operator has seen enough. */
async function untilAborted(everyMs: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    const startedAt = performance.now();
    try {
      await work();
      await delay(Math.max(0, everyMs - (performance.now() - startedAt)), undefined, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

async function show(looking: Looking, context: CommandContext): Promise<void> {
  const screen = new Screen(process.stdout, wantsColour(process.stdout, context.env));
  const enough = new AbortController();
  const { signal } = enough;
  context.signal.addEventListener('abort', () => enough.abort(), { once: true });
  const draw = (): void => {
    const state = looking.latest;
    if (state !== null) screen.draw(topLines(state, screen.columns, screen.rows));
  };
  const letGo = readKeys((key) => {
    if (key === 'q' || key === '\u0003' || key === '\u001b') enough.abort();
    else if (key === 'm' || key === 'g') looking.order = key === 'm' ? 'mailbox' : 'growth';
    draw();
  });
  process.stdout.on('resize', draw);
  // What the main thread does not answer must not hold up the screen.
  const ticking = setInterval(draw, looking.everyMs);
  try {
    await settledOrAborted(beginUnlessAborted(looking, signal), signal);
    await untilAborted(looking.everyMs, signal, async () => {
      void looking.sample();
      await settledOrAborted(looking.lookAgain().then(draw), signal);
    });
  } finally {
    clearInterval(ticking);
    process.stdout.off('resize', draw);
    letGo();
    screen.leave();
  }
}

/** A main thread that hangs, or at which many look, is looked at again. */
function unlessLater(thrown: unknown): void {
  if (!['TIMEOUT', 'BUSY'].includes(KeyholeError.from(thrown).code)) throw thrown;
}

/** Waits for nothing more once the signal is given, and leaves no listener on it: it is waited for at each look. */
function settledOrAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const enough = (): void => resolve();
    signal.addEventListener('abort', enough, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', enough));
  });
}
