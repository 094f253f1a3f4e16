/**
 * One change of an actor's state, and its undoing. It runs nothing of the service's: no getter, setter or Proxy trap; what would need one is refused. A change that is not there when it is read
 * back is an error, and so is an undo of what the service has changed since.
 */
import { types } from 'node:util';
import {
  apply,
  defineProperty,
  getInMap,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  hasInMap,
  is,
  isArray,
  keysOfMap,
  ownKeys,
  parse,
  set,
  setInMap,
} from '../../platform/originals.ts';
import { KeyholeError, parsePath } from '../../protocol/index.ts';
import type { PathStep } from '../../protocol/index.ts';

const maxUndo = 200;
const maxNamed = 20;

/** Where a value stands. */
interface Place {
  holder: object;
  key: PathStep;
  inMap: boolean;
}

interface Asked {
  actor: string;
  object: object;
  path: string;
  /** JSON. */
  value: string;
}

interface Changed {
  actor: string;
  path: string;
  place: Place;
  before: unknown;
  after: unknown;
}

export class ActorState {
  /** The latest, by their ids. What stood there before is held as long, so that it can come back as it was. */
  readonly #changed = new Map<string, Changed>();

  /** Whether it could be set now, and what it would replace. @throws {KeyholeError} NOT_FOUND, NOT_PATCHABLE, BAD_REQUEST */
  judge(asked: Asked): { place: Place; before: unknown; after: unknown } {
    const { path } = asked;
    const steps = parsePath(path);
    const after = valueOf(asked.value);
    const place = placeOf(asked.object, steps, path);
    const before = read(place, path);
    if (typeof before === 'function' || typeof before === 'symbol') throw refused(path, `it is a ${typeof before}: keyhole push changes functions`);
    const [was, becomes] = [kindOf(before), kindOf(after)];
    if (was !== becomes && was !== 'null' && was !== 'undefined' && becomes !== 'null')
      throw refused(
        path,
        `it is ${article(was)} and would become ${article(becomes)}`,
        'VALUE is JSON: "text" in quotes, 1, true, null, [..], {..}. keyhole eval can change the type.',
      );
    return { place, before, after };
  }

  /** @throws {KeyholeError} NOT_FOUND, NOT_PATCHABLE, BAD_REQUEST, UNPROVEN */
  set(id: string, asked: Asked): { before: unknown; after: unknown } {
    const { actor, path } = asked;
    const { place, before, after } = this.judge(asked);
    write(place, after);
    const now = read(place, path);
    if (!is(now, after)) {
      write(place, before);
      throw new KeyholeError(
        'UNPROVEN',
        `${path} of ${actor} did not take the value; what was there is there again`,
        'A typed array, for one, keeps only numbers of its kind.',
      );
    }
    this.#changed.set(id, { actor, path, place, before, after });
    const [oldest] = this.#changed.keys();
    if (this.#changed.size > maxUndo && oldest !== undefined) this.#changed.delete(oldest);
    return { before, after };
  }

  /** Puts back what one change replaced. @throws {KeyholeError} NOT_FOUND, STALE_BASE, NOT_PATCHABLE */
  restore(id: string): { actor: string; path: string } {
    const changed = this.#changed.get(id);
    if (changed === undefined)
      throw new KeyholeError(
        'NOT_FOUND',
        `no change ${id} of an actor can be undone`,
        `Those of this process can, the last ${maxUndo} of them; keyhole log tells what was there before.`,
      );
    const { actor, path, place, before, after } = changed;
    if (!is(read(place, path), after))
      throw new KeyholeError(
        'STALE_BASE',
        `${path} of ${actor} is not what ${id} made it: the service has changed it since`,
        'keyhole set it to what it should be now.',
      );
    write(place, before);
    if (!is(read(place, path), before)) throw new KeyholeError('UNPROVEN', `${path} of ${actor} did not take back what was there`);
    this.#changed.delete(id);
    return { actor, path };
  }
}

function valueOf(text: string): unknown {
  try {
    return parse(text);
  } catch {
    throw new KeyholeError(
      'BAD_REQUEST',
      `VALUE is not JSON: ${text.slice(0, 100)}`,
      'Texts stand in double quotes, which a shell needs quotes around: \'"open"\'.',
    );
  }
}

/** Follows the path to the object that holds its end. */
function placeOf(actor: object, steps: readonly PathStep[], path: string): Place {
  let holder: object = actor;
  for (const [index, key] of steps.entries()) {
    const place = { holder, key, inMap: types.isMap(holder) };
    if (types.isProxy(holder)) throw refused(path, `${shown(steps, index)} is a Proxy: to read it would run its traps`);
    if (index === steps.length - 1) return writable(place, path, shown(steps, index));
    const next = read(place, path);
    if ((typeof next !== 'object' && typeof next !== 'function') || next === null)
      throw new KeyholeError('NOT_FOUND', `${shown(steps, index + 1)} is no object, so it has no ${String(steps[index + 1])}`);
    holder = next;
  }
  throw new KeyholeError('BAD_REQUEST', 'the path is empty');
}

function writable(place: Place, path: string, holderName: string): Place {
  const { holder, key, inMap } = place;
  if (inMap) return { ...place, key: mapKey(holder, key, path) };
  const own = getOwnPropertyDescriptor(holder, key);
  if (own === undefined) {
    const from = inherited(holder, key);
    if (from === null) throw new KeyholeError('NOT_FOUND', `${holderName} has no property ${String(key)}`, `It has ${namesOf(holder)}.`);
    throw refused(path, from === 'accessor' ? 'it is an accessor: to set it would run code' : 'it is inherited, and others share it');
  }
  if (!('value' in own)) throw refused(path, 'it is an accessor: to set it would run code');
  if (own.writable !== true) throw refused(path, 'it is read-only (frozen, or defined so)');
  if (isArray(holder) && key === 'length') throw refused(path, 'to change a length would drop elements');
  return place;
}

/** A Map has its keys as they are; a word of the path is one of text or a number. */
function mapKey(map: object, key: PathStep, path: string): PathStep {
  for (const each of typeof key === 'string' && /^-?\d+(?:\.\d+)?$/.test(key) ? [key, Number(key)] : [key, String(key)])
    if (apply(hasInMap, map, [each]) === true) return each;
  const keys = [...(apply(keysOfMap, map, []) as Iterable<unknown>)].filter((each) => typeof each === 'string' || typeof each === 'number');
  throw new KeyholeError(
    'NOT_FOUND',
    `${path}: the Map has no key ${String(key)}`,
    keys.length === 0 ? 'None of its keys is text or a number.' : `It has ${listed(keys.map(String))}.`,
  );
}

function inherited(holder: object, key: PathStep): 'accessor' | 'data' | null {
  for (let at = getPrototypeOf(holder); at !== null && !types.isProxy(at); at = getPrototypeOf(at)) {
    const found = getOwnPropertyDescriptor(at, key);
    if (found !== undefined) return 'value' in found ? 'data' : 'accessor';
  }
  return null;
}

function read({ holder, key, inMap }: Place, path: string): unknown {
  if (inMap) return apply(getInMap, holder, [mapKey(holder, key, path)]);
  for (let at: object | null = holder; at !== null; at = getPrototypeOf(at)) {
    if (types.isProxy(at)) throw refused(path, 'a Proxy is among what it inherits from');
    const found = getOwnPropertyDescriptor(at, key);
    if (found === undefined) continue;
    if (!('value' in found)) throw refused(path, `${String(key)} is an accessor: to read it would run code`);
    return found.value;
  }
  throw new KeyholeError('NOT_FOUND', `${path}: there is no ${String(key)}`, `There is ${namesOf(holder)}.`);
}

/** An own data property that is writable: neither a setter nor a trap is in the way. */
function write({ holder, key, inMap }: Place, value: unknown): void {
  if (inMap) apply(setInMap, holder, [key, value]);
  else if (!defineProperty(holder, key, { value })) set(holder, key, value);
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : isArray(value) ? 'list' : typeof value;
}

function article(kind: string): string {
  return kind === 'object' ? 'an object' : `a ${kind}`;
}

function shown(steps: readonly PathStep[], count: number): string {
  return count === 0 ? 'the actor' : steps.slice(0, count).map(String).join('.');
}

function namesOf(holder: object): string {
  return listed(ownKeys(holder).filter((key) => typeof key === 'string'));
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none (private fields do not count: they can not be set)';
  return `${names.slice(0, maxNamed).join(', ')}${names.length > maxNamed ? `, and ${names.length - maxNamed} more` : ''}`;
}

function refused(path: string, why: string, hint = 'keyhole eval runs any code, with the rights for it.'): KeyholeError {
  return new KeyholeError('NOT_PATCHABLE', `${path} can not be set: ${why}`, hint);
}
