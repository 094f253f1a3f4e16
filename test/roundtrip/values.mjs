/** Arguments for functions of which nothing is known, the same in every process for the same seed, and what came out of a call as text that can be compared. */
import { types } from 'node:util';

/** mulberry32 */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function seedOf(text) {
  let seed = 7;
  for (const letter of text) seed = Math.imul(seed, 31) + letter.charCodeAt(0);
  return seed >>> 0;
}

const words = [
  '',
  'a',
  'name',
  'GET',
  '/a/:id?',
  'text/html; q=0.8',
  'x=1&y=2',
  'é ü',
  '127.0.0.1:80',
  '$a.b',
  'select 1',
  '{"a":[1]}',
  '0',
  ' a, b ',
];
const numbers = [0, 1, -1, 2, 3.5, 255, 1e9, NaN, -0];
const keys = ['name', 'id', 'type', 'path', 'value', 'kind', 'length', 'headers', 'options', 'a'];
const depth = 3;

/**
 * @param notes what the values were asked for and called with is pushed there.
 * @param said what the function says itself, which is what it may look for: see {@link vocabularyOf}.
 */
export function createValues(random, notes, said) {
  const from = (list) => list[Math.floor(random() * list.length)];
  const pick = (list, own = []) => from(own.length > 0 && random() < 0.5 ? own : list);
  const times = (most, make) => Array.from({ length: Math.floor(random() * (most + 1)) }, make);
  const value = (left) => {
    const kind = Math.floor(random() * (left === 0 ? 4 : 8));
    if (kind === 0) return pick(words, said.strings);
    if (kind === 1) return pick(numbers, said.numbers);
    if (kind === 2) return pick([true, false, null, undefined]);
    if (kind === 3) return pick(words) + String(pick(numbers));
    if (kind === 4) return times(3, () => value(left - 1));
    if (kind === 5) return Object.fromEntries(times(6, () => [pick(keys, said.names), value(left - 1)]));
    if (kind === 6) return standIn(`s${Math.floor(random() * 1e6)}`, notes);
    const given = value(0);
    return (...args) => {
      notes.push(`callback(${args.map((each) => describe(each)).join(', ')})`);
      return given;
    };
  };
  return {
    /** Every second time stand-ins alone: with these most functions get far. How many there are does not depend on the function: a commit may have changed its parameters. */
    tuple(number) {
      const length = [0, 1, 1, 2, 2, 3, 3, 4, 5][Math.floor(random() * 9)];
      return Array.from({ length }, (_, index) => (number % 2 === 0 ? standIn(`arg${index}`, notes) : value(depth)));
    },
  };
}

/** @returns {{ names: string[], strings: string[], numbers: number[] }} */
export function vocabularyOf(code) {
  const all = (pattern) => [...new Set([...code.matchAll(pattern)].map(([, found]) => found))];
  return {
    names: all(/[.{,]\s*([a-z_$][\w$]*)(?![\w$(])/gi),
    strings: all(/['"]([^'"\n]{0,60})['"]/g),
    numbers: all(/\b(\d+(?:\.\d+)?)\b/g).map(Number),
  };
}

const mostNotes = 400;
const standIns = new WeakMap();

/** An object that has whatever it is asked for, and notes it. */
function standIn(name, notes) {
  const note = (what) => {
    if (notes.length >= mostNotes) throw new Error('the stand-ins were asked too much');
    notes.push(what);
  };
  const members = new Map();
  const target = function () {};
  const proxy = new Proxy(target, {
    get(_, key) {
      if (key === 'then' || key === Symbol.asyncIterator || key === Symbol.toStringTag) return undefined;
      if (key === Symbol.toPrimitive) return (hint) => (hint === 'number' ? seedOf(name) % 4 : name);
      if (key === Symbol.iterator) return () => [standIn(`${name}[0]`, notes), standIn(`${name}[1]`, notes)][Symbol.iterator]();
      if (key === 'prototype') return target.prototype;
      if (key === 'length') return 2;
      note(`${name}.${String(key)}`);
      if (!members.has(key)) members.set(key, standIn(`${name}.${String(key)}`, notes));
      return members.get(key);
    },
    set(_, key, value) {
      note(`${name}.${String(key)} = ${describe(value)}`);
      members.set(key, value);
      return true;
    },
    deleteProperty(_, key) {
      note(`delete ${name}.${String(key)}`);
      members.delete(key);
      return true;
    },
    has: (_, key) => key !== 'then',
    apply(_, self, args) {
      note(`${name}(${args.map((each) => describe(each)).join(', ')})`);
      return standIn(`${name}()`, notes);
    },
    construct(_, args) {
      note(`new ${name}(${args.map((each) => describe(each)).join(', ')})`);
      return standIn(`new ${name}`, notes);
    },
    ownKeys: () => ['prototype', 'a', 'b'],
    getOwnPropertyDescriptor: (_, key) =>
      key === 'a' || key === 'b'
        ? { value: `${name}.${key}`, writable: true, enumerable: true, configurable: true }
        : Reflect.getOwnPropertyDescriptor(target, key),
  });
  standIns.set(proxy, name);
  return proxy;
}

const mostText = 6_000;
const mostEntries = 60;

/** What a value is, without where it stands on the disk and without calling any of its code. What a function is called is a bundler's to say, where two would have one name. */
export function describe(value, left = 5, seen = []) {
  if (typeof value === 'string') return JSON.stringify(value.replaceAll(process.cwd(), '').slice(0, mostText));
  if (Object.is(value, -0)) return '-0';
  if (typeof value === 'bigint') return `${value}n`;
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return String(value);
  const name = standIns.get(value);
  if (name !== undefined) return `<${name}>`;
  if (types.isProxy(value)) return 'a proxy';
  if (seen.includes(value)) return `circle ${seen.indexOf(value)}`;
  const inside = (each) => describe(each, left - 1, [...seen, value]);
  if (left === 0) return typeof value;
  if (types.isDate(value)) return `Date ${Date.prototype.getTime.call(value)}`;
  if (types.isRegExp(value)) return RegExp.prototype.toString.call(value);
  if (types.isPromise(value)) return 'a promise';
  if (types.isTypedArray(value)) return `${value.constructor?.name} ${Array.prototype.slice.call(value, 0, mostEntries).join()}`;
  const entries = Object.entries(Object.getOwnPropertyDescriptors(value))
    .filter(
      ([key]) =>
        !(types.isNativeError(value) && (key === 'stack' || key === 'message')) &&
        !(typeof value === 'function' && (key === 'prototype' || key === 'name')),
    )
    .slice(0, mostEntries)
    .map(([key, { value: held, get }]) => `${key}: ${get === undefined ? inside(held) : 'accessor'}`);
  if (types.isMap(value))
    for (const [key, held] of [...Map.prototype.entries.call(value)].slice(0, mostEntries)) entries.push(`${inside(key)} => ${inside(held)}`);
  if (types.isSet(value)) for (const held of [...Set.prototype.values.call(value)].slice(0, mostEntries)) entries.push(inside(held));
  const message = types.isNativeError(value) ? ` ${JSON.stringify(messageOf(value))}` : '';
  return `${typeof value === 'function' ? 'function' : classOf(value)}${message} { ${entries.join(', ')} }`.slice(0, mostText);
}

/** V8 quotes the text of the code: `this.x.map is not a function`. */
function messageOf(error) {
  const message = String(Object.getOwnPropertyDescriptor(error, 'message')?.value).replaceAll(process.cwd(), '');
  return message
    .replace(/^.* (is not (?:a function|a constructor|iterable))/s, '... $1')
    .replace(/^(Cannot destructure property '[^']*' of ').*(' as )/s, '$1...$2');
}

function classOf(value) {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null) return 'null';
  return types.isProxy(prototype) ? 'of a proxy' : String(Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value?.name ?? '');
}
