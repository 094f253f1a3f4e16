/**
 * Finds the living function objects that one text made, and the places that hold them. A function is taken for ours only by its text and by where V8 says it was made, never by
 * its name. It changes nothing.
 */
import { EventEmitter } from 'node:events';
import { functionText } from '../../platform/originals.ts';
import type { DebugSession, DebuggedScript } from './debug-session.ts';
import { loadedCode } from './modules.ts';
import type { FunctionTarget } from './modules.ts';
import { hasOwnScope } from './rebind-capture.ts';
import type { CapturedScope } from './rebind-capture.ts';
import type { Places } from './rebind-places.ts';
import { emittersAtHand, exportSpots, isObject, listenerSpots, propertySpot, spotsOf, spotsOfPlaces, valueAt } from './rebind-spots.ts';
import type { AnyFunction, Spot } from './rebind-spots.ts';

/** A place, the function it held when it was loaded, and `this` of the new one where that is an arrow function of an instance. */
export interface FoundSpot {
  spot: Spot;
  keyholeOriginal: AnyFunction;
  instance: unknown;
}

export interface Search {
  target: FunctionTarget;
  places: Places;
  scope: CapturedScope;
  session: DebugSession;
  script: DebuggedScript;
  /** Whether the budget allows a walk of the heap: it finds emitters that are not at hand, and instances. */
  mayWalkHeap: boolean;
}

export function findSpots(search: Search): FoundSpot[] | { why: string } {
  const { target, places, scope, session, script } = search;
  const { start, end } = target.entry;
  const text = loadedCode(target).replace(/^static\s+/, '');
  const known = new Map<unknown, boolean>();
  const isOurs = (value: unknown): boolean => {
    if (typeof value !== 'function' || !isObject(value)) return false;
    let ours = known.get(value);
    if (ours === undefined) {
      ours = functionText.call(value) === text && session.isMadeBy(value, script, start, end);
      known.set(value, ours);
    }
    return ours;
  };
  const named = spotsOfPlaces(places.places, scope).filter(({ read }) => isOurs(read()));
  const field = places.places.find((place) => place.kind === 'field');
  if (field !== undefined) return fieldSpots(search, valueAt(field.prototype, scope), field.key, isOurs);
  if (!hasOwnScope(target)) return withOriginals(everywhere(search, named, isOurs));
  const closure = closureOf(search, named, isOurs);
  if (closure === null) {
    return { why: 'its closures hold different variables, and none could be told to be the one whose call was captured' };
  }
  return withOriginals(everywhere(search, named, (value) => value === closure));
}

/** All places at hand that hold one of the functions. */
export function everywhere(
  { target, scope, session, mayWalkHeap }: Omit<Search, 'places' | 'script' | 'session'> & { session: DebugSession | null },
  named: readonly Spot[],
  isOurs: (value: unknown) => boolean,
): Spot[] {
  const { url } = target.module;
  const emitters: EventEmitter[] = emittersAtHand(scope, target.captures.module.bindings.keys(), url);
  if (mayWalkHeap && session !== null)
    for (const each of session.instancesOf(EventEmitter.prototype)) if (isObject(each)) emitters.push(each as EventEmitter);
  const spots = [...named, ...spotsOf(scope.self, isOurs), ...exportSpots(isOurs, url), ...listenerSpots(emitters, isOurs)];
  const prototypes = spots.map((spot) => Reflect.getOwnPropertyDescriptor(spot.read() as object, 'prototype')?.value as unknown);
  for (const prototype of new Set(prototypes)) {
    const constructor = isObject(prototype) && isOurs(Reflect.getOwnPropertyDescriptor(prototype, 'constructor')?.value);
    const spot = constructor ? propertySpot(prototype, 'constructor', 'value', 'its own prototype') : null;
    if (spot !== null) spots.push(spot);
  }
  return spots.filter(
    (spot, index) => spots.findIndex((each) => each.holder === spot.holder && each.key === spot.key && each.read() === spot.read()) === index,
  );
}

function withOriginals(spots: readonly Spot[]): FoundSpot[] {
  return spots.map((spot) => ({ spot, keyholeOriginal: spot.read() as AnyFunction, instance: undefined }));
}

function fieldSpots(
  { session, mayWalkHeap }: Search,
  prototype: unknown,
  key: string,
  isOurs: (value: unknown) => boolean,
): FoundSpot[] | { why: string } {
  if (!isObject(prototype)) return { why: 'its class can not be reached from the captured scope' };
  if (!mayWalkHeap)
    return { why: 'each instance holds a function of its own, and finding them walks the heap, which takes longer than --max-pause allows' };
  const found: FoundSpot[] = [];
  for (const instance of session.instancesOf(prototype)) {
    if (!isObject(instance) || !isOurs(Reflect.getOwnPropertyDescriptor(instance, key)?.value)) continue;
    const spot = propertySpot(instance, key, 'value', `the field ${key} of an instance`);
    if (spot !== null) found.push({ spot, keyholeOriginal: spot.read() as AnyFunction, instance });
  }
  return found;
}

/** The closure whose scope was captured: what its own variable holds, or what it was called on holds, where that is proven to see the same variables. */
function closureOf({ target, scope, session }: Search, named: readonly Spot[], isOurs: (value: unknown) => boolean): unknown {
  const [variable] = named.filter((spot) => spot.holder === scope);
  if (variable !== undefined) return variable.read();
  const candidates = new Set(spotsOf(scope.self, isOurs).map((spot) => spot.read()));
  const captured = [...target.captures.useOf(target.entry.node).captured].filter(([name]) => name !== 'arguments');
  for (const candidate of candidates) {
    if (captured.length === 0) return candidate;
    if (captured.some(([name]) => seesTheSame(candidate, name, scope, session))) return candidate;
  }
  return null;
}

/** Proven by a mark: what the captured scope puts into a variable, the candidate sees in it. Within one turn, so nobody else does. */
function seesTheSame(candidate: unknown, name: string, scope: CapturedScope, session: DebugSession): boolean {
  const mark = {};
  let before: unknown;
  let write: (value: unknown) => void;
  try {
    before = scope.evaluate(name);
    write = scope.evaluate(`$keyholeValue=>{${name}=$keyholeValue}`) as (value: unknown) => void;
    write(mark);
  } catch {
    // A constant, or one that V8 did not keep: a value that is an object proves as much.
    return isObject(before) && session.seenBy(candidate, name) === before;
  }
  try {
    return session.seenBy(candidate, name) === mark;
  } finally {
    write(before);
  }
}
