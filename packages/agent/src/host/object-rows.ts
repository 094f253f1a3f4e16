/** Rows of an opened value, and what else is told of a value without looking into it again. */
import { getOwnPropertyDescriptor } from '../platform/originals.ts';
import type { RemoteProperty } from '../protocol/index.ts';
import type { ElementRow, Elements } from './elements.ts';
import type { PropertiesAnswer, RemoteObject } from './inspector.ts';
import { hide, longestSecret } from './secrets.ts';

/** Row sources that are read by index, so that ten million elements cost no more than a page. */
const indexed = new Set(['array', 'typedarray', 'map', 'set']);

export interface Row {
  name: string;
  kind: RemoteProperty['kind'];
  enumerable: boolean;
  value?: RemoteObject;
}

export function rowsOf(answer: PropertiesAnswer): Row[] {
  const rows: Row[] = answer.result.map(({ name, value, enumerable, get, set }) =>
    value === undefined && (get !== undefined || set !== undefined)
      ? { name, kind: 'accessor', enumerable }
      : { name, kind: 'data', enumerable, ...(value === undefined ? {} : { value }) },
  );
  for (const { name, value } of answer.privateProperties ?? []) {
    rows.push(value === undefined ? { name, kind: 'accessor', enumerable: false } : { name, kind: 'private', enumerable: false, value });
  }
  for (const { name, value } of answer.internalProperties ?? []) {
    if (value !== undefined && name !== '[[Scopes]]') rows.push({ name, kind: 'internal', enumerable: false, value });
  }
  return rows;
}

/** `Array(3)`, `Map(2)`: V8 writes the length into the description. */
export function lengthOf(object: RemoteObject): number | null {
  if (!indexed.has(object.subtype ?? '')) return null;
  const match = /\((\d+)\)$/.exec(object.description ?? '');
  return match === null ? null : Number(match[1]);
}

/** A piece of a text in which secrets are written over, also one that does not lie in it whole. */
export function pieceOf(text: string, start: number, count: number): string {
  const from = Math.max(0, start - longestSecret);
  return hide(text.slice(from, start + count + longestSecret)).slice(start - from, start - from + count);
}

export function elementBefore(list: object, index: number): unknown {
  return getOwnPropertyDescriptor(list, index - 1)?.value;
}

/** A list or a table, of which a page is wanted. */
export interface OpenedList {
  object: RemoteObject;
  held: object;
  /** null: of a WeakMap or a WeakSet. */
  elements: Elements | null;
  start: number;
  count: number;
  depth: number;
}

/** What is wanted of it. */
export interface WantedRows {
  start: number;
  count: number;
  /** For a WeakMap or a WeakSet, which can only be listed whole. */
  maxPauseMs: number;
}

/** A page of it, and how many there are in all. */
export interface FetchedRows {
  rows: readonly ElementRow[];
  total: number;
}

export interface Rows {
  properties: RemoteProperty[];
  total: number;
}
