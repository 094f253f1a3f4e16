/** Calls functions of the loaded modules, by their address, with arguments that are the same in every process; a call that never ends or would end the process ends alone. */
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { types } from 'node:util';
import { Script } from 'node:vm';
import { createValues, describe, randomOf, seedOf, vocabularyOf } from './values.mjs';

const tuples = 60;
const callTimeoutMs = 300;
const settleMs = 150;
const functionTimeoutMs = 8_000;
const call = new Script('globalThis.__roundTripCall()');

/**
 * @param namespaces of the modules that may export it.
 * @param {string} path of the function in its file.
 * @param {string} code of the function, the same for every process.
 * @returns {Promise<null | { how: 'itself' | 'around', outcomes: string[], returned: number }>} null where nothing of it can be reached from outside.
 */
export async function callByPath(namespaces, path, code) {
  const said = vocabularyOf(code);
  const reached = reach(
    namespaces,
    path.split('.').map((name) => name.replace(/~\d+$/, '')),
  );
  if (reached === null) return null;
  const restore = quiet();
  const outcomes = [];
  let returned = 0;
  let pending = 0;
  try {
    const deadline = performance.now() + functionTimeoutMs;
    for (const [name, target] of reached.targets) {
      for (let number = 0; number < tuples; number += 1) {
        const random = randomOf(seedOf(`${path} ${name} ${number}`));
        Math.random = randomOf(number);
        const notes = [];
        const outcome = await outcomeOf(() => target(createValues(random, notes, said), number), notes);
        if (outcome.how === 'returned') returned += 1;
        outcomes.push(`${name} ${number}: ${outcome.how} ${outcome.value} after ${notes.join('; ')}`);
        pending = outcome.how === 'is pending' ? pending + 1 : 0;
        // Too slow to go on; where it stopped is not compared.
        if (pending > 3 || performance.now() > deadline) return { how: reached.how, outcomes, returned };
      }
    }
  } finally {
    restore();
  }
  return { how: reached.how, outcomes, returned };
}

async function outcomeOf(run, notes) {
  let result;
  globalThis.__roundTripCall = run;
  try {
    result = call.runInThisContext({ timeout: callTimeoutMs });
    for (let count = 0; count < 5 && types.isGeneratorObject(result) && typeof result.next === 'function'; count += 1) {
      globalThis.__roundTripCall = () => result.next();
      const step = call.runInThisContext({ timeout: callTimeoutMs });
      notes.push(`gave ${types.isPromise(step) ? describe(await Promise.race([step, delay(settleMs)])) : describe(step)}`);
    }
    if (types.isPromise(result)) {
      const late = {};
      result = await Promise.race([result, delay(settleMs, late)]);
      if (result === late) return { how: 'is pending', value: '' };
    }
    return { how: 'returned', value: describe(result) };
  } catch (thrown) {
    if (thrown?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return { how: 'never ended', value: '' };
    return { how: 'threw', value: describe(thrown) };
  }
}

/** From what is exported along the path: the function itself, or what stands around it where it is private or made by another. */
function reach(namespaces, [first, ...rest]) {
  const exported = namespaces.flatMap((each) => [...entriesOf(each), ...entriesOf(each.default)]);
  const found =
    exported.find(([name, value]) => name === first && value !== undefined) ??
    exported.find(([, value]) => typeof value === 'function' && value.name === first);
  return found === undefined ? null : along(found[1], first, rest, null);
}

function along(value, name, rest, owner) {
  const [next, ...others] = rest;
  if (next === undefined || (typeof value === 'function' && !isClass(value) && entryOf(value, next) === undefined)) {
    if (typeof value !== 'function') return null;
    const targets = isClass(value) ? [[name, constructing(value)]] : [[name, (values, number) => value.apply(owner?.(values), values.tuple(number))]];
    return { how: next === undefined ? 'itself' : 'around', targets };
  }
  if (!isClass(value))
    return typeof value === 'object' || typeof value === 'function' ? along(entryOf(value, next)?.value, next, others, () => value) : null;
  if (next === 'constructor') return { how: others.length === 0 ? 'itself' : 'around', targets: [[name, constructing(value)]] };
  const isPrototype = next === 'prototype';
  return ofClass(value, isPrototype ? others[0] : next, isPrototype ? others.slice(1) : others);
}

function ofClass(value, key, others) {
  const [, kind, plain] = /^(?:(get|set)-)?(.*)$/.exec(key ?? '') ?? [];
  const how = others.length === 0 ? 'itself' : 'around';
  for (const [holder, selfOf] of [
    [value.prototype, (values) => instanceOf(value, values)],
    [value, () => value],
  ]) {
    const entry = entryOf(holder, plain);
    const accessor = entry?.[kind ?? 'value'];
    if (typeof accessor !== 'function') continue;
    return { how, targets: [[plain, (values, number) => accessor.apply(selfOf(values), values.tuple(number))]] };
  }
  // Private, or a field of each instance: whatever the class offers is called.
  const targets = Object.entries(Object.getOwnPropertyDescriptors(value.prototype))
    .filter(([name, { value: method }]) => name !== 'constructor' && typeof method === 'function')
    .map(([name, { value: method }]) => [name, (values, number) => method.apply(instanceOf(value, values), values.tuple(number))]);
  return targets.length === 0 ? null : { how: 'around', targets };
}

function constructing(value) {
  return (values, number) => Reflect.construct(value, values.tuple(number));
}

function instanceOf(value, values) {
  for (let number = 0; number < 6; number += 1) {
    try {
      return Reflect.construct(value, values.tuple(number));
    } catch {
      // With other arguments perhaps.
    }
  }
  return Object.create(value.prototype);
}

function isClass(value) {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
}

function entriesOf(value) {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && !types.isProxy(value)
    ? Object.entries(Object.getOwnPropertyDescriptors(value)).map(([name, { value: held, get }]) => [name, get === undefined ? held : value[name]])
    : [];
}

function entryOf(value, key) {
  return Object.getOwnPropertyDescriptor(value, key);
}

/** Nothing that is called ends the process, reaches the network, or reads the clock. */
function quiet() {
  const refuse = (what) => () => {
    throw new Error(`${what} is not there during the round trip`);
  };
  const { random } = Math;
  const { Date: RealDate, fetch } = globalThis;
  const { exit, reallyExit, abort, kill } = process;
  const { connect } = net.Socket.prototype;
  const ignore = () => undefined;
  globalThis.Date = class Date extends RealDate {
    constructor(...args) {
      super(...(args.length === 0 ? [1_700_000_000_000] : args));
    }
    static now() {
      return 1_700_000_000_000;
    }
  };
  globalThis.fetch = refuse('fetch');
  Object.assign(process, { exit: refuse('exit'), reallyExit: refuse('exit'), abort: refuse('abort'), kill: refuse('kill') });
  net.Socket.prototype.connect = refuse('the network');
  process.on('uncaughtException', ignore).on('unhandledRejection', ignore);
  return () => {
    Math.random = random;
    globalThis.Date = RealDate;
    globalThis.fetch = fetch;
    Object.assign(process, { exit, reallyExit, abort, kill });
    net.Socket.prototype.connect = connect;
    // What the calls left behind may still fail: the two listeners stay.
  };
}
