/**
 * What the language has no expression for, or none that runs nothing: `room.[[Prototype]]`, `handler.[[Scopes]][0]`, `room.#secret`, `byKey.[[Entries]][3]`. Such steps end an expression, and after
 * the first of them come more of these, names and indexes. No getter runs, and no Proxy's trap.
 */
import { types } from 'node:util';
import { getOwnPropertyDescriptor, getPrototypeOf } from '../platform/originals.ts';
import { KeyholeError } from '../protocol/index.ts';
import { elementsOf, isSmall, nameOfKey } from './bounded.ts';
import { firstOf } from './elements.ts';
import { objectsIn } from './inspector.ts';
import type { Inspector, RemoteObject } from './inspector.ts';
import { isSecret, isSecretEntry } from './secrets.ts';
import { isWeakCollection, weakRows } from './weak-entries.ts';

const steps = /\.(\[\[\w+\]\]|#?[\p{ID_Continue}$]+)|\[(\d+)\]/gu;
const written = /^(.*?)(\.(?:\[\[\w+\]\]|#[\p{ID_Continue}$]+)(?:\.(?:\[\[\w+\]\]|#?[\p{ID_Continue}$]+)|\[\d+\])*)\s*$/su;

/** An expression, and the steps behind it; none for an expression of the language. */
export function splitInner(expression: string): { outer: string; inner: string[] } {
  const [, outer = expression, rest = ''] = written.exec(expression) ?? [];
  return { outer, inner: [...rest.matchAll(steps)].map(([, name, index]) => name ?? `[${index}]`) };
}

/** @throws {KeyholeError} NOT_FOUND, naming the step and what there is. */
export function innerValue(inspector: Inspector, from: RemoteObject, inner: readonly string[], { group, maxPauseMs }: Within): RemoteObject {
  let at = from;
  let path = '';
  for (let index = 0; index < inner.length; index += 1) {
    const step = inner[index] ?? '';
    if (isSecret(step)) throw hiddenStep(`what is called ${step} is hidden`);
    path += step.startsWith('[') && !step.startsWith('[[') ? step : `.${step}`;
    const value = inspector.objectOf(at);
    if (value === null) throw new KeyholeError('NOT_FOUND', `${path}: there is no object to look into`);
    if (isSecretEntry(at, () => value)) throw hiddenStep('what has that key is hidden');
    if (step === '[[Entries]]' && isWeakCollection(value)) {
      index += 1;
      at = inspector.show(weakEntry(inspector, value, inner[index], path, maxPauseMs), group);
      path += inner[index];
      continue;
    }
    at =
      step.startsWith('[[') || step.startsWith('#')
        ? innerOf(inspector, { object: at, value, group }, step, path)
        : inspector.show(ownOf(value, step, path), group);
  }
  return at;
}

interface Within {
  group: string;
  maxPauseMs: number;
}

/** One entry, as V8 shows those of a Map and of a Set. @param which the step that names it. */
function weakEntry(inspector: Inspector, collection: object, which: string | undefined, path: string, maxPauseMs: number): object {
  const index = /^\[(\d+)\]$/.exec(which ?? '')?.[1];
  if (index === undefined)
    throw new KeyholeError('BAD_REQUEST', `${path}: which of them?`, `${path}[0] is the first; without ${path} they are shown in pages.`);
  const [row] = weakRows(inspector, collection, { start: Number(index), count: 1, maxPauseMs }).rows;
  if (row === undefined) throw new KeyholeError('NOT_FOUND', `${path}[${index}] is not there`);
  if (!('key' in row)) return { value: row.value };
  if (typeof row.key === 'symbol' && isSecret(nameOfKey(row.key))) throw hiddenStep('what has that key is hidden');
  return { key: row.key, value: row.value };
}

function hiddenStep(why: string): KeyholeError {
  return new KeyholeError('NOT_ALLOWED', why, 'Whoever may eval can evaluate it, which is journaled.');
}

interface Asked {
  object: RemoteObject;
  value: object;
  group: string;
}

function innerOf(inspector: Inspector, { object, value, group }: Asked, step: string, path: string): RemoteObject {
  if (step === '[[Prototype]]' && !types.isProxy(value)) return inspector.show(getPrototypeOf(value), group);
  // V8 lists all that it holds, to tell one of these.
  if (object.objectId === undefined || !isSmall(value))
    throw new KeyholeError('NOT_FOUND', `${path}: it is too large to be asked for that`, 'Its own pages show what it holds.');
  const answer = inspector.properties(object.objectId, true, false);
  const { internalProperties = [], privateProperties = [] } = answer;
  const all = step.startsWith('#') ? privateProperties : internalProperties;
  const found = all.find(({ name }) => name === step);
  inspector.release(objectsIn(answer), found?.value === undefined ? [] : [found.value]);
  if (found?.value !== undefined) return found.value;
  const there = all.map(({ name }) => name).join(', ') || 'none';
  throw new KeyholeError('NOT_FOUND', found === undefined ? `${path} is not there` : `${path} is a getter, which would run`, `It has ${there}.`);
}

/** An element, or a property of its own or of a prototype, that is no getter. */
function ownOf(value: object, step: string, path: string): unknown {
  const elements = elementsOf(value);
  const index = /^\[(\d+)\]$/.exec(step)?.[1];
  if (index !== undefined && elements !== null) {
    const [row] = firstOf(value, elements, Number(index), 1);
    if (row?.index === Number(index)) return row.value;
    throw new KeyholeError('NOT_FOUND', `${path} is not there`);
  }
  for (let at: object | null = value; at !== null && !types.isProxy(at); at = getPrototypeOf(at)) {
    const descriptor = getOwnPropertyDescriptor(at, index ?? step);
    if (descriptor === undefined) continue;
    if ('value' in descriptor) return descriptor.value;
    throw new KeyholeError('NOT_FOUND', `${path} is a getter, which would run`, 'keyhole eval runs anything.');
  }
  throw new KeyholeError('NOT_FOUND', `${path} is not there`);
}
