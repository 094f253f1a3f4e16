/** Makes an application of 500 files: a tree of ES modules whose leaves require CommonJS files. Its entry prints what the start took, and the memory when the file that BENCH_AWAIT names is there. */
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';

const half = 250;

/** @returns the entry's path. */
export function makeApplication(folder) {
  mkdirSync(folder, { recursive: true });
  const write = (name, text) => writeFileSync(path.join(folder, name), text);
  write('package.json', '{"name":"bench-application"}');
  for (let n = 0; n < half; n += 1) {
    write(`part${n}.cjs`, `'use strict';\n${body(n)}\nmodule.exports = { Store, total, describe, start: () => make(${n})() };\n`);
    const imports = [2 * n + 1, 2 * n + 2].filter((child) => child < half).map((child) => `import './part${child}.mjs';\n`);
    write(
      `part${n}.mjs`,
      `${imports.join('')}import part from './part${n}.cjs';\n${body(n)}\nexport const started = part.start() + make(${n})();\nexport { Store, total, describe };\n`,
    );
  }
  const entry = path.join(folder, 'main.mjs');
  writeFileSync(
    entry,
    `import './part0.mjs';
const startMs = performance.now();
const { existsSync } = process.getBuiltinModule('node:fs');
const { BENCH_AWAIT: door } = process.env;
while (door !== undefined && !existsSync(door)) await new Promise((resolve) => setTimeout(resolve, 10));
globalThis.gc();
const { rss, heapUsed: heap } = process.memoryUsage();
process.stdout.write(JSON.stringify({ startMs, rss, heap }) + '\\n', () => process.exit(0));
`,
  );
  return entry;
}

/** Ten functions as applications have them. */
const body = (n) => `
const rates = { base: ${n}, reduced: ${n} / 2 };

class Store {
  #items = new Map();
  #changes = 0;

  put(key, { value, tags = [] } = {}) {
    this.#items.set(key, { value, tags, at: this.#changes });
    this.#changes += 1;
    return this;
  }

  get size() {
    return this.#items.size;
  }

  find(predicate) {
    for (const [key, item] of this.#items) {
      if (predicate(item, key)) return item;
    }
    return null;
  }
}

function total(lines, rate = rates.base) {
  let sum = 0;
  for (const { price, count } of lines) sum += price * count;
  return sum * (1 + rate / 100);
}

function describe(order) {
  const lines = order.lines.filter((line) => line.count > 0).map((line) => \`\${line.count} x \${line.name}\`);
  return { id: order.id, text: lines.join(', '), total: total(order.lines, rates.reduced) };
}

async function send(order, transport) {
  try {
    return await transport(describe(order));
  } catch (error) {
    throw new Error(\`order \${order.id} was not sent\`, { cause: error });
  }
}

function make(start) {
  let count = start;
  const store = new Store();
  return function next() {
    count += 1;
    store.put(count, { value: send.length });
    return store.size + count;
  };
}
`;
