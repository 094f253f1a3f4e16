/**
 * Actor systems of XState 5. A root is found when it is started, its children in its snapshots; all of them as long as they run. What is read of a mailbox is XState's own list, which it
 * documents nowhere: where it has another shape, there is no mailbox, and nothing is suspended.
 */
import { types } from 'node:util';
import type { Adapter, FoundActor, Mailbox } from '../host/actors/adapter.ts';
import { givenNow, isObject, Numbers, own, ownAt, ownText } from './own.ts';
import type { Given } from './own.ts';

/** Of XState's interface, what is used of it. */
interface XStateActor {
  readonly id: string;
  getSnapshot(): unknown;
  send(event: object): void;
}
interface SystemEvent {
  actorRef?: unknown;
}

const running = 1;
const maxDepth = 50;
const maxCounted = 100_000;
const maxHead = 3;
const { apply } = Reflect;
const functionText = Function.prototype.toString;

/**
 * @param roots root actors, or what gives them; for a bundle, or a service without `--import @keyhole/agent/register`.
 * @example
 * agent.actors.use(xstate([checkout]));
 */
export function xstate(roots: Given): Adapter {
  const numbers = new Numbers();
  return {
    name: 'xstate',
    shown: 'always',
    *list(): Generator<FoundActor> {
      for (const root of givenNow(roots)) {
        if (!isRunning(root)) continue;
        yield* family(root, `${kindOf(root)}#${numbers.of(root)}`, undefined, 0);
      }
    },
    state: stateOf,
    mailbox: mailboxOf,
    isSuspended: (actor) => own(own(actor, 'mailbox'), '_active') === false,
    suspend(actor) {
      const mailbox = known(actor);
      mailbox._active = false;
    },
    resume(actor) {
      known(actor).start();
    },
    send(actor, message) {
      if (!isObject(message) || ownText(message, 'type') === null) throw new Error('an event is an object with a type, such as {"type":"next"}');
      if (!isRunning(actor)) throw new Error('it has stopped');
      (actor as XStateActor).send(message);
    },
    subscribe(actor, changed) {
      // Not the actor's own `subscribe`: whether somebody observes an actor decides what XState does with its errors.
      const system = own(actor, 'system');
      const inspect = own(system, 'inspect');
      // Early versions gave nothing to end it by.
      if (typeof inspect !== 'function' || !apply(functionText, inspect, []).includes('unsubscribe')) return null;
      const next = (event: SystemEvent): void => {
        if (event.actorRef === actor) changed();
      };
      const subscription = apply(inspect as (observer: object) => { unsubscribe(): void }, system, [{ next }]);
      return () => subscription.unsubscribe();
    },
    isOver: (actor) => !isRunning(actor),
  };
}

function* family(actor: object, name: string, parent: string | undefined, depth: number): Generator<FoundActor> {
  yield { actor, name, type: kindOf(actor), ...(parent !== undefined && { parent }) };
  const children = ownAt(actor, '_snapshot', 'children');
  if (!isObject(children) || types.isProxy(children) || depth >= maxDepth) return;
  for (const id of Object.keys(children)) {
    const child = own(children, id);
    if (isObject(child) && isRunning(child)) yield* family(child, `${name}/${id}`, name, depth + 1);
  }
}

function isRunning(actor: object): boolean {
  return own(actor, '_processingStatus') === running;
}

/** A machine by its id; other logic by what it was made from, where that has a name. */
function kindOf(actor: object): string {
  const id = ownText(own(actor, 'logic'), 'id') ?? ownText(actor, 'src');
  return id === null || id === '' || id === '(machine)' ? 'actor' : id;
}

function stateOf(actor: object): object {
  const snapshot = own(actor, '_snapshot');
  const shown: Record<string, unknown> = {};
  for (const name of ['status', 'value', 'context', 'output', 'error', 'input']) {
    const value = own(snapshot, name);
    if (value !== undefined) shown[name] = value;
  }
  const children = own(snapshot, 'children');
  const names = isObject(children) && !types.isProxy(children) ? Object.keys(children) : [];
  return names.length === 0 ? shown : { ...shown, children: names };
}

function mailboxOf(actor: object): Mailbox | null {
  const mailbox = own(actor, 'mailbox');
  if (!hasKnownShape(mailbox)) return null;
  const head: unknown[] = [];
  let length = 0;
  for (let at = own(mailbox, '_current'); isObject(at) && length < maxCounted; at = own(at, 'next')) {
    if (head.length < maxHead) head.push(own(at, 'value'));
    length += 1;
  }
  return { length, head };
}

interface KnownMailbox {
  _active: boolean;
  start(): void;
}

function hasKnownShape(mailbox: unknown): mailbox is KnownMailbox {
  return (
    typeof own(mailbox, '_active') === 'boolean' && own(mailbox, '_current') !== undefined && typeof (mailbox as KnownMailbox).start === 'function'
  );
}

/** @throws {Error} where it can't be suspended or resumed. */
function known(actor: object): KnownMailbox {
  const mailbox = own(actor, 'mailbox');
  if (!hasKnownShape(mailbox)) throw new Error('this version of XState keeps its mailbox in another way');
  if (!isRunning(actor)) throw new Error('it has stopped');
  return mailbox;
}
