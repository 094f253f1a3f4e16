/**
 * What actors and adapters are asked. It is code of the service and of its libraries, so it runs under V8's time limit and in bounds: one that throws or does not answer is shown as such, and hides
 * no other.
 */
import { nodeClock } from '../../platform/clock.ts';
import type { Inspector } from '../inspector.ts';
import { messageWithoutSecrets } from '../secrets.ts';
import { Glimpse } from '../watch/glimpse.ts';
import type { Adapter, Mailbox } from './adapter.ts';
import { entryOfFound } from './entry.ts';
import type { ActorEntry } from './entry.ts';

/** What they may take to answer before they are left alone, at a time and in all. */
const answerLimitMs = 250;
const listLimitMs = 1_000;
const silent = `did not answer within ${answerLimitMs} ms`;
/** An actor is looked for by its name among as many. */
const maxSought = 20_000;
/** Messages that are shown of a mailbox. */
const maxHead = 3;
/** Of an actor that is followed: as much as can be compared by eye. */
const followGlimpse = { breadth: 30, characters: 300, objects: 200 };

/** What one actor answered. */
export interface Looked {
  entry: ActorEntry;
  shown?: unknown;
  mailbox: Mailbox | null;
  suspended: boolean;
  error?: string;
}

/** What one actor shows: the JSON text of a value, and how many messages wait for it. */
export interface Seen {
  state: string;
  mailbox: number | null;
  error?: string;
}

export class Asking {
  readonly #inspector: Inspector;

  constructor(inspector: Inspector) {
    this.#inspector = inspector;
  }

  /** What an adapter lists, as far as it comes. @returns `why` something of it may be missing, or null. */
  list(adapter: Adapter, isWanted: (entry: ActorEntry) => boolean, most: number): { entries: ActorEntry[]; why: string | null } {
    const entries: ActorEntry[] = [];
    let why: string | null = null;
    const done = this.#inspector.within(answerLimitMs, () => {
      try {
        let seen = 0;
        for (const each of adapter.list()) {
          seen += 1;
          if (seen > maxSought) {
            why = `it has more than ${maxSought}, and only those were looked at`;
            break;
          }
          const entry = entryOfFound(adapter, each);
          if (entry === null || !isWanted(entry)) continue;
          if (entries.length === most) {
            why = `there are more than ${most}; a TYPE shows fewer`;
            break;
          }
          entries[entries.length] = entry;
          if (most === 1) break;
        }
      } catch (thrown) {
        why = `it failed: ${messageWithoutSecrets(thrown)}`;
      }
    });
    return { entries, why: done ? why : `it did not come to its end within ${answerLimitMs} ms` };
  }

  /** Each in turn; who does not answer in time is passed over. */
  each(entries: readonly ActorEntry[]): Looked[] {
    const looked: Looked[] = [];
    const untilMs = nodeClock.now() + listLimitMs;
    while (looked.length < entries.length && nodeClock.now() < untilMs) {
      const done = this.#inspector.within(answerLimitMs, () => {
        while (looked.length < entries.length) looked[looked.length] = lookAt(entries[looked.length] as ActorEntry);
      });
      const entry = entries[looked.length];
      if (!done && entry !== undefined) looked.push({ entry, mailbox: null, suspended: false, error: silent });
    }
    return [
      ...looked,
      ...entries.slice(looked.length).map((entry) => ({ entry, mailbox: null, suspended: false, error: 'was not asked: the others took too long' })),
    ];
  }

  /** What one actor shows now, as JSON texts: two looks can be compared. */
  glimpse(entry: ActorEntry, depth: number): Seen {
    const seen: Seen = { state: '{"type":"undefined"}', mailbox: null };
    const done = this.#inspector.within(answerLimitMs, () => {
      const { shown, mailbox, error } = lookAt(entry);
      seen.mailbox = mailbox?.length ?? null;
      if (error !== undefined) seen.error = error;
      else seen.state = new Glimpse({ ...followGlimpse, depth }).of(shown);
    });
    return done ? seen : { ...seen, error: silent };
  }

  /** Whether it says that it has come to its end. */
  isOver(entry: ActorEntry): boolean {
    let over = false;
    this.#inspector.within(answerLimitMs, () => {
      try {
        over = entry.isOver?.() === true;
      } catch {
        // What it shows will say what is wrong with it.
      }
    });
    return over;
  }
}

function lookAt(entry: ActorEntry): Looked {
  const looked: Looked = { entry, mailbox: null, suspended: false };
  try {
    looked.mailbox = bounded(entry.mailbox?.() ?? null);
    looked.suspended = entry.isSuspended?.() === true;
    looked.shown = entry.state === undefined ? entry.actor : entry.state();
  } catch (thrown) {
    looked.error = messageWithoutSecrets(thrown);
  }
  return looked;
}

function bounded(mailbox: Mailbox | null): Mailbox | null {
  if (mailbox === null || typeof mailbox.length !== 'number' || !Number.isFinite(mailbox.length)) return null;
  return { length: mailbox.length, head: Array.isArray(mailbox.head) ? mailbox.head.slice(0, maxHead) : [] };
}
