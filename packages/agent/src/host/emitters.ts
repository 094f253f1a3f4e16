/** Listeners of EventEmitters, as Node keeps them: read, not asked for. */
import { EventEmitter } from 'node:events';
import { types } from 'node:util';
import { getOwnPropertyDescriptor, getPrototypeOf, isArray, ownKeys } from '../platform/originals.ts';
import { nameOfKey } from './bounded.ts';
import { hide } from './secrets.ts';

/** Events of one emitter that are told apart. */
const maxEvents = 20;
const prototypeOfEmitters = EventEmitter.prototype;

/** Whether what inherits from it is an EventEmitter. */
export function isOfEmitters(prototype: object): boolean {
  for (let at: object | null = prototype; at !== null && !types.isProxy(at); at = getPrototypeOf(at)) if (at === prototypeOfEmitters) return true;
  return false;
}

/** How many listeners an emitter has in all. */
export function countListeners(emitter: object): number {
  let count = 0;
  for (const each of eventsOf(emitter)) count += each.count;
  return count;
}

/** How many each event has, the most first. */
export function listenersOf(emitter: object): { event: string; count: number }[] {
  const events = [...eventsOf(emitter)].sort((a, b) => b.count - a.count).slice(0, maxEvents);
  return events.map(({ event, count }) => ({ event: hide(nameOfKey(event)), count }));
}

function* eventsOf(emitter: object): Generator<{ event: string | symbol; count: number }> {
  if (types.isProxy(emitter)) return;
  const events: unknown = getOwnPropertyDescriptor(emitter, '_events')?.value;
  if (typeof events !== 'object' || events === null || types.isProxy(events)) return;
  for (const event of ownKeys(events)) {
    const listeners: unknown = getOwnPropertyDescriptor(events, event)?.value;
    if (typeof listeners === 'function') yield { event, count: 1 };
    else if (isArray(listeners) && !types.isProxy(listeners)) yield { event, count: listeners.length };
  }
}
