/** One actor, wherever it comes from, with what can be asked of it. Its functions are the service's or a library's: whoever calls them bounds them. */
import type { ActorPower } from '../../protocol/index.ts';
import type { Adapter, FoundActor, Mailbox } from './adapter.ts';
import type { Registered } from './registry.ts';

export interface ActorEntry {
  id: string;
  type: string;
  actor: object;
  /** The adapter that found it. */
  from?: string;
  /** The id of the actor that it belongs to. */
  parent?: string;
  /** Left out of a list that does not ask for it. */
  isDetail?: boolean;
  /** Where it is left out, the actor itself is shown. */
  state?: () => unknown;
  mailbox?: () => Mailbox | null;
  suspend?: () => void;
  resume?: () => void;
  isSuspended?: () => boolean;
  send?: (message: unknown) => void;
  subscribe?: (changed: () => void) => (() => void) | null;
  isOver?: () => boolean;
  /** The same of an actor that was held weakly meanwhile: it holds none itself. */
  again: (actor: object) => ActorEntry | null;
}

const asked = ['state', 'suspend', 'resume', 'isSuspended', 'send', 'subscribe', 'isOver'] as const;

export function entryOfRegistered(id: string, actor: object, registered: Registered): ActorEntry {
  const { mailbox } = registered;
  const entry: ActorEntry = { id, type: registered.type, actor, again: againRegistered(id, registered), ...bound(registered, actor) };
  if (mailbox !== undefined) entry.mailbox = () => mailboxOf(mailbox(actor));
  return entry;
}

/** Functions of their own, since a closure holds all that another one of the same call sees. */
function againRegistered(id: string, registered: Registered): ActorEntry['again'] {
  return (actor) => entryOfRegistered(id, actor, registered);
}

function againFound(adapter: Adapter, found: Omit<FoundActor, 'actor'>): ActorEntry['again'] {
  return (actor) => entryOfFound(adapter, { ...found, actor });
}

/** An instance of a watched class. */
export function entryOfInstance(id: string, actor: object, type: string): ActorEntry {
  return { id, type, actor, again: againInstance(id, type) };
}

function againInstance(id: string, type: string): ActorEntry['again'] {
  return (actor) => entryOfInstance(id, actor, type);
}

/** @returns null where what the adapter gave is no actor. */
export function entryOfFound(adapter: Adapter, found: FoundActor): ActorEntry | null {
  if (typeof found !== 'object' || found === null) return null;
  const { actor, name, type, parent } = found;
  if ((typeof actor !== 'object' && typeof actor !== 'function') || actor === null || typeof name !== 'string' || typeof type !== 'string')
    return null;
  const from = adapter.name;
  const again = againFound(adapter, { name, type, ...(parent !== undefined && { parent }) });
  const entry: ActorEntry = { id: `${from}/${name}`, type, actor, from, again, ...bound(adapter, actor) };
  if (typeof parent === 'string') entry.parent = `${from}/${parent}`;
  if (found.isDetail === true) entry.isDetail = true;
  if (adapter.mailbox !== undefined) entry.mailbox = () => adapter.mailbox?.(actor) ?? null;
  return entry;
}

export function powersOf({ suspend, send, subscribe }: ActorEntry): ActorPower[] {
  return [
    ...(suspend === undefined ? [] : ['suspend' as const]),
    ...(send === undefined ? [] : ['send' as const]),
    ...(subscribe === undefined ? [] : ['subscribe' as const]),
  ];
}

type Asked = Partial<Record<(typeof asked)[number], (actor: object, given: never) => unknown>>;

/** The functions of whoever knows the actor, for this one. They may need their `this`. */
function bound(of: Asked, actor: object): Pick<ActorEntry, (typeof asked)[number]> {
  const functions: Record<string, unknown> = {};
  for (const name of asked) if (typeof of[name] === 'function') functions[name] = (given?: unknown) => of[name]?.(actor, given as never);
  return functions;
}

/** Of a mailbox, by what the service says of it. */
function mailboxOf(said: unknown): Mailbox | null {
  if (Array.isArray(said)) return { length: said.length, head: said };
  return typeof said === 'number' && Number.isFinite(said) ? { length: said, head: [] } : null;
}
