/** What a module offers, as lines of text: names, kinds, names and lengths of functions, prototypes. Values of variables are left out; getters are read, as every user of the package would. Node's own objects are not followed. */
import { builtinModules, createRequire } from 'node:module';

const deepest = 4;
const mostLines = 10_000;

/** @returns {string[]} one line for each thing found, in the order of the module's keys. */
export function shapeOf(value) {
  const lines = [];
  const seen = builtins();
  const visit = (at, each, depth) => {
    if (lines.length >= mostLines) return;
    const kind = each === null ? 'null' : typeof each;
    if (kind !== 'object' && kind !== 'function') {
      lines.push(`${at}: ${kind}`);
      return;
    }
    if (seen.has(each)) {
      lines.push(`${at}: ${seen.get(each)}`);
      return;
    }
    seen.set(each, at);
    lines.push(`${at}: ${kind === 'function' ? `function ${String(each.name)}/${each.length}` : tagOf(each)}`);
    if (depth === deepest || ArrayBuffer.isView(each)) return;
    for (const key of Reflect.ownKeys(each)) {
      const place = `${at}.${String(key)}`;
      const descriptor = Reflect.getOwnPropertyDescriptor(each, key);
      if (descriptor === undefined) continue;
      if (descriptor.get !== undefined || descriptor.set !== undefined) {
        lines.push(
          `${place}: accessor ${[descriptor.get, descriptor.set].map((one) => (one === undefined ? '-' : `${one.name}/${one.length}`)).join()}`,
        );
      }
      try {
        visit(place, each[key], depth + 1);
      } catch (thrown) {
        lines.push(`${place}: throws ${String(thrown)}`);
      }
    }
  };
  visit('exports', value, 0);
  return lines;
}

/** What Node itself offers, by name: packages hand it on, and it differs from process to process. */
function builtins() {
  const found = new Map([[globalThis, 'globalThis']]);
  const members = (at, object) => {
    for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
      if ((typeof value === 'object' && value !== null) || typeof value === 'function') found.set(value, `${at}.${key}`);
    }
  };
  members('globalThis', globalThis);
  found.set(process, 'process').set(console, 'console');
  members('process', process);
  const require = createRequire(import.meta.url);
  for (const name of builtinModules.filter((each) => !/^(_|sys$|wasi$|punycode$)/.test(each))) {
    const module = require(name);
    found.set(module, name);
    members(name, module);
  }
  return found;
}

function tagOf(value) {
  try {
    return Object.prototype.toString.call(value);
  } catch (thrown) {
    return `an object whose tag throws ${String(thrown)}`;
  }
}
