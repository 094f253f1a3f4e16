/**
 * Values of the service as the wire shows them: previews, handles, and pages. Nothing here runs code of the service: no getter, no Proxy trap, no toString.
 */
import { KeyholeError, limits } from '../protocol/index.ts';
import type { RemoteProperty, RemoteValue, Result, ValuePage } from '../protocol/index.ts';
import type { Inspector, PropertiesAnswer, RemoteObject } from './inspector.ts';
import { KeptValues } from './kept-values.ts';

/** Row sources that are read by index, so that ten million elements cost no more than a page. */
const indexed = new Set(['array', 'typedarray', 'map', 'set']);

interface Handle {
  object: RemoteObject | null;
  text: string | null;
}

export class SessionObjects {
  readonly #inspector: Inspector;
  readonly group: string;
  readonly kept: KeptValues;
  readonly #handles = new Map<string, Handle>();
  #next = 1;

  constructor(inspector: Inspector, session: string) {
    this.#inspector = inspector;
    this.group = `keyhole:${session}`;
    this.kept = new KeptValues(inspector);
  }

  release(): void {
    this.#handles.clear();
    this.kept.release();
    this.#inspector.releaseGroup(this.group);
  }

  /** The object behind a handle of this session. */
  object(handle: string): RemoteObject {
    const found = this.#handles.get(handle)?.object;
    if (found == null)
      throw new KeyholeError('NOT_FOUND', `no object behind ${handle}`, 'Handles live as long as the session, and the oldest are let go first.');
    return found;
  }

  text(handle: string, start: number, count: number): Result<'text'> {
    const text = this.#handles.get(handle)?.text;
    if (text == null)
      throw new KeyholeError('NOT_FOUND', `no string behind ${handle}`, 'Handles live as long as the session, and the oldest are let go first.');
    return { text: text.slice(start, start + count), length: text.length };
  }

  value(object: RemoteObject): RemoteValue {
    const value: RemoteValue = { type: object.type };
    if (object.subtype !== undefined) value.subtype = object.subtype;
    if (object.className !== undefined) value.className = object.className;
    if (object.description !== undefined && object.type !== 'string') value.description = object.description.slice(0, limits.maxStringLength);
    if (object.unserializableValue !== undefined) value.unserializable = object.unserializableValue.slice(0, limits.maxStringLength);
    if (object.preview !== undefined) value.preview = object.preview;
    if (typeof object.value === 'string') {
      value.length = object.value.length;
      value.value = object.value.slice(0, limits.maxStringLength);
      if (object.value.length > limits.maxStringLength) value.handle = this.#keep({ object: null, text: object.value });
    } else if (object.value === null || typeof object.value === 'number' || typeof object.value === 'boolean') {
      value.value = object.value;
    }
    if (object.objectId !== undefined) value.handle = this.#keep({ object, text: null });
    const length = lengthOf(object);
    if (length !== null) value.length = length;
    return value;
  }

  /** One page of an opened value. */
  page(object: RemoteObject, start: number, count: number, depth: number): ValuePage {
    const value = this.value(object);
    if (object.objectId === undefined) return { value, properties: [], total: 0, start };
    const page = indexed.has(object.subtype ?? '') ? this.#elements(object, start, count, depth) : this.#properties(object, start, count, depth);
    const scopes = object.type === 'function' ? this.#scopes(object.objectId) : undefined;
    return { value, ...page, start, ...(scopes === undefined ? {} : { scopes }) };
  }

  #keep(handle: Handle): string {
    const id = `h${this.#next}`;
    this.#next += 1;
    this.#handles.set(id, handle);
    if (this.#handles.size > limits.maxHandles) {
      const [oldest] = this.#handles.keys();
      const objectId = oldest === undefined ? undefined : this.#handles.get(oldest)?.object?.objectId;
      if (oldest !== undefined) this.#handles.delete(oldest);
      if (objectId !== undefined) this.#inspector.post('Runtime.releaseObject', { objectId });
    }
    return id;
  }

  #elements(object: RemoteObject, start: number, count: number, depth: number): { properties: RemoteProperty[]; total: number } {
    const { objectId } = object;
    if (objectId === undefined) return { properties: [], total: 0 };
    const slice = this.#inspector.post<{ result: RemoteObject }>('Runtime.callFunctionOn', {
      objectId,
      functionDeclaration: pageOf,
      arguments: [{ value: start }, { value: count }, { value: object.subtype }],
      objectGroup: this.group,
    }).result;
    if (slice.objectId === undefined) return { properties: [], total: 0 };
    const rows = this.#inspector.properties(slice.objectId).result;
    const total = Number(rows.find((row) => row.name === 'total')?.value?.value ?? 0);
    const properties: RemoteProperty[] = [];
    for (const row of rows) {
      const match = /^([kvs])(\d+)$/.exec(row.name);
      if (match === null || row.value === undefined || match[1] === 'k') continue;
      const key = rows.find((each) => each.name === `k${match[2]}`)?.value;
      const property: RemoteProperty = {
        name: match[2] ?? '',
        kind: key !== undefined || object.subtype === 'set' ? 'entry' : 'data',
        enumerable: true,
      };
      if (key !== undefined) property.key = this.value(key);
      property.value = this.value(row.value);
      this.#open(property, row.value, depth);
      properties.push(property);
    }
    return { properties, total };
  }

  #properties(object: RemoteObject, start: number, count: number, depth: number): { properties: RemoteProperty[]; total: number } {
    const { objectId } = object;
    if (objectId === undefined) return { properties: [], total: 0 };
    const answer = this.#inspector.properties(objectId);
    const rows = rowsOf(answer);
    const properties = rows.slice(start, start + count).map((row) => {
      const property: RemoteProperty = { name: row.name, kind: row.kind, enumerable: row.enumerable };
      if (row.value !== undefined) {
        property.value = this.value(row.value);
        if (row.kind !== 'internal') this.#open(property, row.value, depth);
      }
      return property;
    });
    return { properties, total: rows.length };
  }

  #open(property: RemoteProperty, object: RemoteObject, depth: number): void {
    if (depth <= 1 || object.objectId === undefined || object.type === 'function') return;
    property.properties = this.page(object, 0, limits.maxPageSize, depth - 1).properties;
  }

  #scopes(objectId: string): ValuePage['scopes'] {
    const internal = this.#inspector.properties(objectId).internalProperties?.find((each) => each.name === '[[Scopes]]')?.value;
    if (internal?.objectId === undefined) return [];
    return this.#inspector
      .properties(internal.objectId)
      .result.filter((row) => row.value?.objectId !== undefined && /^\d+$/.test(row.name) && row.value.description !== 'Global')
      .map((row) => {
        const [, type = 'Closure', name] = /^(\w+)(?: \((.*)\))?$/.exec(row.value?.description ?? '') ?? [];
        const { properties } = this.#properties(row.value as RemoteObject, 0, limits.maxPageSize, 0);
        return { type, ...(name === undefined ? {} : { name }), variables: properties };
      });
  }
}

interface Row {
  name: string;
  kind: RemoteProperty['kind'];
  enumerable: boolean;
  value?: RemoteObject;
}

function rowsOf(answer: PropertiesAnswer): Row[] {
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

/** Runs in the service, with intrinsics only: own data elements of a slice; an accessor on an array is left out, a hole too. */
const pageOf = `function (start, count, kind) {
  const out = { __proto__: null };
  let row = start;
  if (kind === 'map' || kind === 'set') {
    const prototype = kind === 'map' ? Map.prototype : Set.prototype;
    out.total = Object.getOwnPropertyDescriptor(prototype, 'size').get.call(this);
    const entries = prototype.entries.call(this);
    let at = 0;
    for (let next = entries.next(); !next.done && at < start + count; next = entries.next(), at += 1) {
      if (at < start) continue;
      if (kind === 'map') out['k' + at] = next.value[0];
      out['v' + at] = next.value[1];
    }
    return out;
  }
  const length = kind === 'typedarray'
    ? Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'length').get.call(this)
    : Object.getOwnPropertyDescriptor(this, 'length').value;
  out.total = length;
  for (; row < length && row < start + count; row += 1) {
    const descriptor = Object.getOwnPropertyDescriptor(this, row);
    if (descriptor !== undefined && 'value' in descriptor) out['v' + row] = descriptor.value;
  }
  return out;
}`;

/** `Array(3)`, `Map(2)`: V8 writes the length into the description. */
function lengthOf(object: RemoteObject): number | null {
  if (!indexed.has(object.subtype ?? '')) return null;
  const match = /\((\d+)\)$/.exec(object.description ?? '');
  return match === null ? null : Number(match[1]);
}

/** A plain JSON value, read without running anything; undefined where it is not one or is too large. */
export function jsonOf(inspector: Inspector, object: RemoteObject, budget = { nodes: 1_000, characters: 20_000 }, depth = 6): unknown {
  budget.nodes -= 1;
  if (budget.nodes < 0 || depth < 0) return undefined;
  if (object.type === 'boolean') return object.value;
  if (object.type === 'string') {
    budget.characters -= String(object.value).length;
    return budget.characters < 0 ? undefined : object.value;
  }
  if (object.type === 'number') return object.unserializableValue === undefined ? object.value : undefined;
  if (object.subtype === 'null') return null;
  if (object.objectId === undefined || object.type !== 'object') return undefined;
  const isArray = object.subtype === 'array';
  if (!isArray && (object.subtype !== undefined || object.className !== 'Object')) return undefined;
  if (isArray && (lengthOf(object) ?? 0) > budget.nodes) return undefined;
  const { result } = inspector.properties(object.objectId, true, false);
  if (result.length > budget.nodes) return undefined;
  const entries: [string, unknown][] = [];
  for (const { name, value, enumerable, symbol } of result) {
    if (!enumerable || symbol !== undefined) continue;
    if (value === undefined) return undefined;
    const json = jsonOf(inspector, value, budget, depth - 1);
    if (json === undefined) return undefined;
    entries.push([name, json]);
  }
  if (!isArray) return Object.fromEntries(entries);
  const list = entries.map(([, json]) => json);
  return list.length === lengthOf(object) ? list : undefined;
}
