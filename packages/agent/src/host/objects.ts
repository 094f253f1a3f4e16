/**
 * Values of the service as the wire shows them: previews, handles, and pages. Nothing here runs code of the service: no getter, no Proxy trap, no toString.
 */
import { types } from 'node:util';
import { getOwnPropertyDescriptor } from '../platform/originals.ts';
import { KeyholeError, limits } from '../protocol/index.ts';
import type { RemoteProperty, RemoteValue, Result, ValuePage } from '../protocol/index.ts';
import { countOf, elementsOf, isSmall, keysOf, nameOfKey } from './bounded.ts';
import { firstOf, pageInTurns } from './elements.ts';
import type { Elements } from './elements.ts';
import { objectsIn } from './inspector.ts';
import type { Inspector, PropertiesAnswer, RemoteObject } from './inspector.ts';
import { KeptValues } from './kept-values.ts';
import { elementBefore, lengthOf, pieceOf, rowsOf } from './object-rows.ts';
import type { FetchedRows, OpenedList, Row, Rows, WantedRows } from './object-rows.ts';
import { announcesSecret, hide, isSecret, isSecretEntry, withoutSecrets } from './secrets.ts';
import { isWeakCollection, weakRows } from './weak-entries.ts';

interface Handle {
  object: RemoteObject | null;
  text: string | null;
  /** Its text is what somebody who may evaluate has asked for. */
  asked?: boolean;
}

/** What stands in the place of a secret: nothing of it, and no handle. */
const hidden: RemoteValue = { type: 'redacted' };

export class SessionObjects {
  readonly #inspector: Inspector;
  readonly group: string;
  readonly kept: KeptValues;
  readonly #mayHold: () => number;
  readonly #handles = new Map<string, Handle>();
  #next = 1;
  /** Of the texts behind handles. */
  #characters = 0;
  /** How many handles mean one object of V8's, and those that none means any more. */
  readonly #uses = new Map<string, number>();
  readonly #unused: string[] = [];
  /** How many rows below the first level one request may still open. */
  #rowsLeft = 0;

  /** @param mayHold how many handles, at this moment */
  constructor(inspector: Inspector, session: string, mayHold = (): number => limits.maxHandles) {
    this.#inspector = inspector;
    this.#mayHold = mayHold;
    this.group = `keyhole:${session}`;
    this.kept = new KeptValues(inspector);
  }

  release(): void {
    this.#handles.clear();
    this.#uses.clear();
    this.#unused.length = 0;
    this.#characters = 0;
    this.kept.release();
    this.#inspector.releaseGroup(this.group);
  }

  /** What keeps values for this session, and what it shows: none of it is the service's. */
  held(): { keepers: object[]; shown: object[] } {
    const shown = this.#inspector.objectsOf([...this.#handles.values()].flatMap(({ object }) => object ?? []));
    return { keepers: [this.#handles, this.kept.keeper], shown };
  }

  /** The object behind a handle of this session, as it looks now. */
  shown(handle: string): RemoteObject {
    const found = this.object(handle);
    if (found.held !== undefined) return this.#inspector.show(found.held, this.group);
    const object = { ...found };
    this.#inspector.preview(object);
    return object;
  }

  /** The same for whoever does not show it. */
  object(handle: string): RemoteObject {
    const found = this.#handles.get(handle)?.object;
    if (found == null)
      throw new KeyholeError('NOT_FOUND', `no object behind ${handle}`, 'Handles live as long as the session, and the oldest are let go first.');
    return found;
  }

  text(handle: string, start: number, count: number): Result<'text'> {
    const { text, asked } = this.#handles.get(handle) ?? {};
    if (text == null)
      throw new KeyholeError('NOT_FOUND', `no string behind ${handle}`, 'Handles live as long as the session, and the oldest are let go first.');
    return { text: asked === true ? text.slice(start, start + count) : pieceOf(text, start, count), length: text.length };
  }

  /** @param options `name`: of the property or variable that has it; `asked`: it is what an evaluation was asked for, and no secret to whoever asks. */
  value(object: RemoteObject, { name, asked = false }: { name?: string | undefined; asked?: boolean } = {}): RemoteValue {
    if (name !== undefined && isSecret(name)) return { ...hidden };
    if (isSecretEntry(object, () => this.#inspector.objectOf(object))) return { ...hidden };
    const value: RemoteValue = { type: object.type };
    if (object.subtype !== undefined) value.subtype = object.subtype;
    if (object.className !== undefined) value.className = object.className;
    if (object.description !== undefined && object.type !== 'string') value.description = hide(object.description.slice(0, limits.maxStringLength));
    if (object.unserializableValue !== undefined) value.unserializable = object.unserializableValue.slice(0, limits.maxStringLength);
    if (object.preview !== undefined) value.preview = withoutSecrets(object.preview);
    if (typeof object.value === 'string') {
      value.length = object.value.length;
      value.value = asked ? object.value.slice(0, limits.maxStringLength) : pieceOf(object.value, 0, limits.maxStringLength);
      if (object.value.length > limits.maxStringLength) value.handle = this.#keep({ object: null, text: object.value, asked });
    } else if (object.value === null || typeof object.value === 'number' || typeof object.value === 'boolean') {
      value.value = object.value;
    }
    if ((object.objectId ?? object.held) !== undefined) {
      // A preview may be larger than all the rest, and is out of date when the handle is opened.
      const { preview: _, ...bare } = object;
      value.handle = this.#keep({ object: bare, text: null });
    }
    const length = lengthOf(object);
    if (length !== null) value.length = length;
    return value;
  }

  /** One page of an opened value. @param fetched its elements, where they were fetched before. */
  page(object: RemoteObject, start: number, count: number, depth: number, fetched?: FetchedRows): ValuePage {
    this.#rowsLeft = limits.maxOpenedRows;
    this.#releaseUnused();
    return this.#page(object, start, count, depth, fetched);
  }

  #page(object: RemoteObject, start: number, count: number, depth: number, fetched?: FetchedRows): ValuePage {
    const value = this.value(object);
    const held = this.#inspector.objectOf(object);
    if (held === null || value.type === 'redacted') return { value, properties: [], total: 0, start };
    const elements = elementsOf(held);
    const listed = fetched ?? (elements === null ? null : { rows: firstOf(held, elements, start, count), total: countOf(held, elements) });
    const page =
      listed === null
        ? this.#properties(held, object.objectId, start, count, depth)
        : this.#withOthers(this.#elements(held, elements, listed, depth), { object, held, elements, start, count, depth });
    const scopes = object.type === 'function' && object.objectId !== undefined ? this.#scopes(object.objectId) : undefined;
    const next = start + count < page.total ? { next: start + count } : {};
    return { value, ...page, start, ...next, ...(scopes === undefined ? {} : { scopes }) };
  }

  /** Elements far into a Map or a Set, which are reached in turns, and those of a WeakMap or a WeakSet. @throws {KeyholeError} PAUSE_BUDGET */
  async fetch(object: RemoteObject, wanted: WantedRows, turn: () => Promise<void>): Promise<FetchedRows | undefined> {
    const held = this.#inspector.objectOf(object);
    if (held === null) return undefined;
    if (isWeakCollection(held)) return weakRows(this.#inspector, held, wanted);
    const elements = elementsOf(held);
    if (wanted.start === 0 || (elements !== 'map' && elements !== 'set')) return undefined;
    return { rows: await pageInTurns(held, elements, { ...wanted, turn }), total: countOf(held, elements) };
  }

  #keep(handle: Handle): string {
    const id = `h${this.#next}`;
    this.#next += 1;
    this.#handles.set(id, handle);
    const objectId = handle.object?.objectId;
    if (objectId !== undefined) this.#uses.set(objectId, (this.#uses.get(objectId) ?? 0) + 1);
    this.#characters += handle.text?.length ?? 0;
    const most = this.#mayHold();
    for (const oldest of this.#handles.keys()) {
      if (oldest === id || (this.#handles.size <= most && this.#characters <= limits.maxHeldCharacters)) break;
      this.#drop(oldest);
    }
    return id;
  }

  /** V8 lets an object go when no handle means it any more: several may, and one of them may be about to be opened. */
  #drop(id: string): void {
    const handle = this.#handles.get(id);
    this.#handles.delete(id);
    this.#characters -= handle?.text?.length ?? 0;
    const objectId = handle?.object?.objectId;
    if (objectId === undefined) return;
    const left = (this.#uses.get(objectId) ?? 1) - 1;
    if (left > 0) this.#uses.set(objectId, left);
    else {
      this.#uses.delete(objectId);
      this.#unused.push(objectId);
    }
  }

  #releaseUnused(): void {
    for (const objectId of this.#unused.splice(0)) if (!this.#uses.has(objectId)) this.#inspector.post('Runtime.releaseObject', { objectId });
  }

  #elements(value: object, elements: Elements | null, { rows, total }: FetchedRows, depth: number): Rows {
    const isEntry = elements !== 'array' && elements !== 'typedarray';
    const values = this.#inspector.showAll(
      rows.map((row) => row.value),
      this.group,
    );
    const keys = this.#inspector.showAll(
      rows.flatMap((row) => ('key' in row ? [row.key] : [])),
      this.group,
    );
    const properties = rows.map((row, index) => {
      const shown = values[index] ?? { type: 'undefined' };
      const key = keys[index];
      const property: RemoteProperty = { name: String(row.index), kind: isEntry ? 'entry' : 'data', enumerable: true };
      if (key !== undefined) property.key = this.value(key);
      const name = typeof row.key === 'string' || typeof row.key === 'symbol' ? nameOfKey(row.key) : undefined;
      const isAnnounced =
        elements === 'array' && announcesSecret(rows[index - 1]?.value ?? (row.index > 0 ? elementBefore(value, row.index) : undefined));
      property.value = isAnnounced ? { ...hidden } : this.value(shown, { name });
      this.#open(property, shown, depth);
      return property;
    });
    return { properties, total };
  }

  /** Behind the elements: what else it has of its own. */
  #withOthers(page: Rows, { object, held, elements, start, count, depth }: OpenedList): Rows {
    const { total: length } = page;
    const others = this.#others(object, held, elements);
    const room = count - Math.max(0, Math.min(count, length - start));
    const from = Math.max(0, start - length);
    const shown = this.#shownRows(others.slice(from, from + room), depth);
    return { properties: [...page.properties, ...shown], total: length + others.length };
  }

  /** V8 tells the names of a long list that are no indexes without listing these. */
  #others({ objectId }: RemoteObject, held: object, elements: Elements | null): Row[] {
    if (elements !== 'array' && elements !== 'typedarray') return keysOf(held).map((key) => this.#rowOf(held, key));
    if (objectId === undefined) return [];
    const params = { objectId, ownProperties: true, generatePreview: false, nonIndexedPropertiesOnly: true };
    const answer = this.#inspector.post<PropertiesAnswer>('Runtime.getProperties', params);
    const rows = rowsOf({ result: answer.result.filter(({ name }) => name !== 'length') });
    this.#inspector.release(
      objectsIn(answer),
      rows.flatMap(({ value }) => value ?? []),
    );
    return rows;
  }

  /** @param objectId undefined where V8 is not asked. */
  #properties(value: object, objectId: string | undefined, start: number, count: number, depth: number): Rows {
    const { rows, total } = objectId !== undefined && isSmall(value) ? this.#listed(objectId, start, count) : this.#counted(value, start, count);
    return { properties: this.#shownRows(rows, depth), total };
  }

  #shownRows(rows: readonly Row[], depth: number): RemoteProperty[] {
    return rows.map((row) => {
      const property: RemoteProperty = { name: row.name, kind: row.kind, enumerable: row.enumerable };
      if (row.value !== undefined) {
        property.value = this.value(row.value, { name: row.name });
        if (row.kind !== 'internal') this.#open(property, row.value, depth);
      }
      return property;
    });
  }

  /** As V8 lists them. */
  #listed(objectId: string, start: number, count: number): { rows: Row[]; total: number } {
    const answer = this.#inspector.properties(objectId, true, false);
    const all = rowsOf(answer);
    const rows = all.slice(start, start + count);
    this.#inspector.release(
      objectsIn(answer),
      rows.flatMap(({ value: shown }) => shown ?? []),
    );
    this.#inspector.preview(...rows.flatMap(({ value }) => (value === undefined ? [] : [value])));
    return { rows, total: all.length };
  }

  /** Of what is too large for V8 to list: own properties, without private and internal ones, which only V8 knows. */
  #counted(value: object, start: number, count: number): { rows: Row[]; total: number } {
    const keys = keysOf(value);
    return { rows: keys.slice(start, start + count).map((key) => this.#rowOf(value, key)), total: keys.length };
  }

  #rowOf(value: object, key: string | symbol): Row {
    const name = nameOfKey(key);
    // To look at it would have it written, with what the service has made of messages and names.
    if (key === 'stack' && types.isNativeError(value)) return { name, kind: 'accessor', enumerable: false };
    const { enumerable = false, ...descriptor } = getOwnPropertyDescriptor(value, key) ?? {};
    return 'value' in descriptor
      ? { name, kind: 'data', enumerable, value: this.#inspector.show(descriptor.value, this.group) }
      : { name, kind: 'accessor', enumerable };
  }

  #open(property: RemoteProperty, object: RemoteObject, depth: number): void {
    if (
      depth <= 1 ||
      property.value?.type === 'redacted' ||
      (object.objectId ?? object.held) === undefined ||
      object.type !== 'object' ||
      this.#rowsLeft <= 0
    )
      return;
    const { properties } = this.#page(object, 0, limits.maxPageSize, depth - 1);
    this.#rowsLeft -= properties.length;
    property.properties = properties;
  }

  #scopes(objectId: string): ValuePage['scopes'] {
    const said = this.#inspector.properties(objectId, true, false);
    const internal = said.internalProperties?.find((each) => each.name === '[[Scopes]]')?.value?.objectId;
    const listed = internal === undefined ? { result: [] } : this.#inspector.properties(internal, true, false);
    const scopes = listed.result
      .filter((row) => row.value?.objectId !== undefined && /^\d+$/.test(row.name) && row.value.description !== 'Global')
      .map((row) => {
        const [, type = 'Closure', name] = /^(\w+)(?: \((.*)\))?$/.exec(row.value?.description ?? '') ?? [];
        // V8 gives a scope and its description in an object of its own.
        const { object } = this.#inspector.unwrap(row.value?.objectId ?? '') as { object?: object };
        const { properties } = this.#properties(object ?? {}, undefined, 0, limits.maxPageSize, 0);
        return { type, ...(name === undefined ? {} : { name }), variables: properties };
      });
    this.#inspector.release([...objectsIn(said), ...objectsIn(listed)], []);
    return scopes;
  }
}
