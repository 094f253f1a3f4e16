/**
 * A value as it is at this moment, as the JSON text of a {@link RemoteValue} with V8's kind of preview, made in the middle of the service's call: text at once, since objects that are written
 * later take three times as long. Nothing of the service runs for it: no getter, no Proxy trap, no toString, no iterator of its own. It is bounded in depth, breadth and text, but for one thing:
 * of an object with very many keys V8 lists all keys first.
 */
import { types } from 'node:util';
import {
  apply,
  descriptionOfSymbol,
  entriesOfMap,
  getOwnPropertyDescriptor,
  nextOfMap,
  nextOfSet,
  ownKeys,
  stringify,
  valuesOfSet,
} from '../../platform/originals.ts';
import { announcesSecret, hide, isSecret, longestSecret } from '../secrets.ts';
import { closed, functionWords, kindOf, maxNameLength, typed } from './kinds.ts';
import type { Kind } from './kinds.ts';

export interface GlimpseLimits {
  /** Levels of objects that are opened. */
  depth: number;
  /** Properties, elements or entries of one object. */
  breadth: number;
  /** Characters of one string; of one inside an object a third. */
  characters: number;
  /** Objects in all. */
  objects: number;
}

export const defaultGlimpse: GlimpseLimits = { depth: 2, breadth: 10, characters: 300, objects: 50 };

/** One look, of one or several values: what is left of its bounds goes from one to the next. */
export class Glimpse {
  readonly #limits: GlimpseLimits;
  #objects: number;

  constructor(limits: GlimpseLimits) {
    this.#limits = limits;
    this.#objects = limits.objects;
  }

  /** @param name of what has this value, where it has one. */
  of(value: unknown, name?: string): string {
    if (name !== undefined && isSecret(name)) return '{"type":"redacted"}';
    switch (typeof value) {
      case 'undefined':
        return '{"type":"undefined"}';
      case 'boolean':
        return value ? '{"type":"boolean","value":true}' : '{"type":"boolean","value":false}';
      case 'number':
        return isJson(value) ? `{"type":"number","value":${value}}` : `{"type":"number","unserializable":"${numberText(value)}"}`;
      case 'bigint':
        return `{"type":"bigint","unserializable":"${bigText(value)}"}`;
      case 'string':
        return `{"type":"string","value":${cut(value, this.#limits.characters, '')},"length":${value.length}}`;
      case 'symbol':
        return `{"type":"symbol","description":${stringify(symbolText(value))}}`;
      case 'function':
        return `{"type":"function","description":${stringify(functionWords(value))}}`;
      default:
        return value === null ? '{"type":"object","subtype":"null","value":null}' : this.#object(value as object);
    }
  }

  #object(value: object): string {
    if (types.isProxy(value)) return '{"type":"object","subtype":"proxy","description":"Proxy"}';
    const kind = kindOf(value);
    const { depth } = this.#limits;
    const preview = depth > 0 && !closed.has(kind.subtype ?? kind.description) ? `,"preview":${this.#preview(value, kind, depth)}` : '';
    return `{${typed(kind)},"description":${stringify(kind.description)}${preview}}`;
  }

  /** @param depth how many levels may be opened, this one included. */
  #preview(value: object, kind: Kind, depth: number): string {
    this.#objects -= 1;
    const head = `{${typed(kind)},"description":${stringify(kind.description)}`;
    if (depth <= 0 || this.#objects < 0) return `${head},"overflow":true,"properties":[]}`;
    if (kind.subtype === 'array' || kind.subtype === 'typedarray') return `${head},${this.#elements(value, kind.length, depth)}}`;
    if (kind.subtype === 'map' || kind.subtype === 'set') return `${head},${this.#entries(value, kind.length, kind.subtype, depth)}}`;
    return `${head},${this.#properties(value, depth)}}`;
  }

  #elements(value: object, length: number, depth: number): string {
    const shown = length < this.#limits.breadth ? length : this.#limits.breadth;
    let rows = '';
    let isAnnounced = false;
    for (let index = 0; index < shown; index += 1) {
      const found = getOwnPropertyDescriptor(value, index);
      if (found !== undefined)
        rows += `${rows === '' ? '' : ','}{"name":"${index}",${isAnnounced ? '"type":"redacted"' : this.#property(found, depth)}}`;
      isAnnounced = announcesSecret(found?.value);
    }
    return `"overflow":${length > shown},"properties":[${rows}]`;
  }

  #entries(value: object, length: number, subtype: 'map' | 'set', depth: number): string {
    const shown = length < this.#limits.breadth ? length : this.#limits.breadth;
    const iterator: unknown = apply(subtype === 'map' ? entriesOfMap : valuesOfSet, value, []);
    let rows = '';
    for (let count = 0; count < shown; count += 1) {
      const next = apply(subtype === 'map' ? nextOfMap : nextOfSet, iterator, []);
      if (next.done === true) break;
      const pair = next.value as [unknown, unknown];
      const row =
        subtype === 'set'
          ? this.#entry(next.value, depth)
          : `${isHidden(pair[0]) ? secretEntry : this.#entry(pair[1], depth)},"key":${this.#inside(pair[0], depth - 1)}`;
      rows += `${rows === '' ? '' : ','}{${row}}`;
    }
    return `"overflow":${length > shown},"properties":[],"entries":[${rows}]`;
  }

  #entry(value: unknown, depth: number): string {
    return `"value":${this.#inside(value, depth - 1)}`;
  }

  #properties(value: object, depth: number): string {
    let rows = '';
    let shown = 0;
    let overflow = false;
    for (const key of ownKeys(value)) {
      if (shown >= this.#limits.breadth) {
        overflow = true;
        break;
      }
      const found = getOwnPropertyDescriptor(value, key);
      if (found === undefined || found.enumerable !== true) continue;
      shown += 1;
      const name = typeof key === 'symbol' ? symbolText(key) : key.length > maxNameLength ? key.slice(0, maxNameLength) : key;
      const fields = isSecret(name) ? '"type":"redacted"' : this.#property(found, depth);
      rows += `${rows === '' ? '' : ','}{"name":${stringify(name)},${fields}}`;
    }
    return `"overflow":${overflow},"properties":[${rows}]`;
  }

  /** The fields of a property but for its name. */
  #property(found: PropertyDescriptor, depth: number): string {
    if (!('value' in found)) return '"type":"accessor"';
    const value: unknown = found.value;
    if (typeof value !== 'object' || value === null) return this.#short(value, 'value');
    if (types.isProxy(value)) return '"type":"object","subtype":"proxy","value":"Proxy"';
    const kind = kindOf(value);
    if (depth <= 1 || closed.has(kind.subtype ?? kind.description)) return `${typed(kind)},"value":${stringify(kind.description)}`;
    return `${typed(kind)},"valuePreview":${this.#preview(value, kind, depth - 1)}`;
  }

  /** A value inside a Map or a Set. */
  #inside(value: unknown, depth: number): string {
    if (typeof value !== 'object' || value === null) return `{${this.#short(value, 'description')},"overflow":false,"properties":[]}`;
    if (types.isProxy(value)) return '{"type":"object","subtype":"proxy","description":"Proxy","overflow":false,"properties":[]}';
    const kind = kindOf(value);
    if (!closed.has(kind.subtype ?? kind.description)) return this.#preview(value, kind, depth);
    return `{${typed(kind)},"description":${stringify(kind.description)},"overflow":false,"properties":[]}`;
  }

  /** What is no object, in the short words of a preview, under the field that takes them. */
  #short(value: unknown, field: 'value' | 'description'): string {
    switch (typeof value) {
      case 'string':
        return `"type":"string","${field}":${cut(value, insideCharacters(this.#limits), '…')}`;
      case 'number':
        return `"type":"number","${field}":"${numberText(value)}"`;
      case 'function':
        return `"type":"function","${field}":${stringify(functionWords(value))}`;
      case 'symbol':
        return `"type":"symbol","${field}":${stringify(symbolText(value))}`;
      case 'bigint':
        return `"type":"bigint","${field}":"${bigText(value)}"`;
      case 'object':
        return `"type":"object","subtype":"null","${field}":"null"`;
      default:
        return `"type":"${typeof value}","${field}":"${String(value)}"`;
    }
  }
}

const isHidden = (key: unknown): boolean => typeof key === 'string' && isSecret(key);
const secretEntry = '"value":{"type":"redacted","overflow":false,"properties":[]}';

/** Of a string inside an object. */
function insideCharacters({ characters }: GlimpseLimits): number {
  return characters / 3 < 20 ? 20 : Math.floor(characters / 3);
}

function cut(text: string, most: number, mark: string): string {
  const shown = hide(text.slice(0, most + longestSecret));
  return text.length <= most ? stringify(shown) : stringify(shown.slice(0, most) + mark);
}

/** What JSON has a word for. */
function isJson(value: number): boolean {
  return value - value === 0 && !Object.is(value, -0);
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : `${value}`;
}

/** A number of a million digits takes long to write. */
function bigText(value: bigint): string {
  const most = 1n << 256n;
  return value < most && value > -most ? `${value}n` : 'a bigint of more than 256 bits';
}

function symbolText(symbol: symbol): string {
  return `Symbol(${(apply(descriptionOfSymbol, symbol, []) ?? '').slice(0, maxNameLength)})`;
}
