/** Who may only look changes nothing: the corpus of hostile expressions, and generated ones, on the main thread's own way to look. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { ActorDirectory } from '../../packages/agent/dist/host/actors/directory.js';
import { ActorRegistry } from '../../packages/agent/dist/host/actors/registry.js';
import { Inspector } from '../../packages/agent/dist/host/inspector.js';
import { createLooking } from '../../packages/agent/dist/host/looking.js';
import { beyondLooking } from '../../packages/agent/dist/source/index.js';
import { coercions, hostileExpressions } from './hostile-expressions.ts';

const generated = Number(process.env['KEYHOLE_EXPRESSIONS'] ?? 30_000);
const portals = {
  portal: (): never => {
    throw new Error('there is no module');
  },
  names: () => [],
};
const inspector = new Inspector();
const actors = new ActorDirectory(new ActorRegistry(), inspector);
const looking = createLooking({ inspector, actors, portals, keepers: [], leaveOut: () => undefined });
const context = { session: 'attacker', call: 1 };

/** How often something of the service's ran. */
let ran = 0;
const run = (): never => {
  ran += 1;
  throw new Error('it ran');
};
const traps = Object.fromEntries(
  ['get', 'set', 'has', 'ownKeys', 'deleteProperty', 'defineProperty', 'getOwnPropertyDescriptor', 'getPrototypeOf', 'apply', 'construct'].map(
    (trap) => [trap, run],
  ),
);

function newLive(): Record<string, unknown> {
  class Failure extends Error {
    override get message(): string {
      return run();
    }
  }
  return {
    count: 0,
    list: [1, 2, 3],
    map: new Map([[1, { one: 1 }]]),
    set: new Set([1]),
    nested: { deep: { value: 'text', list: [{ a: 1 }] } },
    get getter() {
      return run();
    },
    get counting() {
      return (ran += 1);
    },
    proxy: new Proxy({}, traps),
    proxied: Object.create(new Proxy({}, traps)) as unknown,
    toPrimitive: { [Symbol.toPrimitive]: run },
    valueOf: { valueOf: run, toString: run },
    toString2: { toString: run },
    hasInstance: { [Symbol.hasInstance]: run },
    thenable: { then: run },
    error: Object.defineProperty(new Error('x'), 'message', { get: run }),
    errorClass: new Failure(),
    spliced: {
      get splice() {
        return run();
      },
    },
    tagged: {
      get [Symbol.toStringTag]() {
        return run();
      },
    },
    tag: run,
    Trap: function () {
      run();
    },
  };
}

const descriptors = (value: object): unknown[] =>
  Reflect.ownKeys(value).map((key) => {
    const { value: held, get, set, ...flags } = Object.getOwnPropertyDescriptor(value, key) ?? {};
    return [String(key), typeof held === 'object' || typeof held === 'function' ? typeof held : held, get !== undefined, set !== undefined, flags];
  });
const intrinsics = [
  globalThis,
  Object.prototype,
  Array.prototype,
  Function.prototype,
  Map.prototype,
  Promise.prototype,
  Symbol,
  Reflect,
  JSON,
  process,
  process.env,
];
/** All that an expression could have changed. */
const state = (live: Record<string, unknown>): string => {
  const { list, map, set, nested } = live as { list: unknown[]; map: Map<unknown, unknown>; set: Set<unknown>; nested: unknown };
  return JSON.stringify([
    ran,
    descriptors(live),
    list,
    [...map],
    [...set],
    nested,
    Object.getPrototypeOf(live) === Object.prototype,
    intrinsics.map(descriptors),
  ]);
};

const look = async (expression: string, depth = 3): Promise<string> => {
  try {
    await looking.handlers.inspect({ expression, depth }, context);
    return 'shown';
  } catch (thrown) {
    return (thrown as { code?: string }).code ?? String(thrown);
  }
};

let live: Record<string, unknown>;
let before: string;
const begin = (): void => {
  ran = 0;
  live = newLive();
  (globalThis as Record<string, unknown>)['live'] = live;
  before = state(live);
};
beforeEach(begin);

test('there are at least 122 of them, each once', () => {
  expect(new Set(hostileExpressions).size).toBe(hostileExpressions.length);
  expect(hostileExpressions.length).toBeGreaterThanOrEqual(122);
});

describe('the corpus is refused by the grammar, and nothing changed', () => {
  test.each(hostileExpressions)('%s', async (expression) => {
    expect(beyondLooking(expression)).not.toBeNull();
    expect(await look(expression)).toBe('NOT_ALLOWED');
    expect(state(live)).toBe(before);
  });
});

describe('what the grammar lets through runs nothing of the service', () => {
  test.each(coercions)('%s', async (expression) => {
    expect(beyondLooking(expression)).toBeNull();
    expect(await look(expression)).toMatch(/^(shown|NOT_FOUND|SIDE_EFFECT)$/);
    expect(state(live)).toBe(before);
  });
});

/** Expressions of the whole language: most are names, members and operators, some have something in them that would act. */
const { expression } = fc.letrec<{ expression: string }>((tie) => {
  const part = tie('expression');
  const name = fc.constantFrom(...Object.keys(newLive()), 'length', 'constructor', '__proto__', 'prototype', 'size', 'then', 'x', '0');
  const wrap = (pattern: string, ...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
    fc.tuple(...parts).map((texts) => texts.reduce((whole, text) => whole.replace('§', () => text), pattern));
  const binary = fc.constantFrom(
    '+',
    '-',
    '*',
    '/',
    '%',
    '==',
    '===',
    '<',
    '>=',
    'in',
    'instanceof',
    '&&',
    '||',
    '??',
    '&',
    '|',
    '^',
    '>>',
    '>>>',
    '**',
    '<<',
    ',',
    '=',
    '+=',
    '??=',
  );
  return {
    expression: fc.oneof(
      { maxDepth: 5, depthSize: 'medium' },
      {
        weight: 4,
        arbitrary: fc.constantFrom(
          'live',
          'globalThis',
          'process',
          'Array',
          'Symbol',
          'Reflect',
          'this',
          'undefined',
          '1',
          '"x"',
          'null',
          'true',
          '1n',
          '/x/',
        ),
      },
      { weight: 6, arbitrary: name.map((each) => `live.${each}`.replace(/\.0$/, '[0]')) },
      { weight: 4, arbitrary: fc.tuple(part, name).map(([object, member]) => `(${object}).${member}`.replace(/\.0$/, '[0]')) },
      { weight: 2, arbitrary: wrap('(§)[§]', part, part) },
      { weight: 2, arbitrary: wrap('(§)?.[§]', part, part) },
      { weight: 3, arbitrary: wrap('(§) § (§)', part, binary, part) },
      {
        weight: 2,
        arbitrary: wrap('§ (§)', fc.constantFrom('!', '-', '+', '~', 'typeof', 'void', 'delete', '++', '--', 'await', 'new', '...'), part),
      },
      { weight: 2, arbitrary: wrap('(§) ? (§) : (§)', part, part, part) },
      { weight: 2, arbitrary: wrap('`a${§}b${§}`', part, part) },
      { weight: 1, arbitrary: wrap('(§)(§)', part, part) },
      { weight: 1, arbitrary: wrap('(§)`${§}`', part, part) },
      { weight: 1, arbitrary: wrap('(() => §)()', part) },
      { weight: 1, arbitrary: wrap('[§, ...§]', part, part) },
      { weight: 1, arbitrary: wrap('({ [§]: §, ...§ })', part, part, part) },
      { weight: 1, arbitrary: wrap('(function () { return § })', part) },
      { weight: 1, arbitrary: wrap('(class extends (§) { static x = § })', part, part) },
      { weight: 1, arbitrary: wrap('import(§)', part) },
    ),
  };
});

/** How many are looked at between two comparisons of all that there is: one takes as long as a look. */
const chunk = 200;

/** Each of them for itself, from a state that nothing has touched: where together they changed something. */
async function culprit(texts: readonly string[]): Promise<string> {
  for (const text of texts) {
    begin();
    await look(text, 1);
    if (ran > 0 || state(live) !== before) return text;
  }
  return `none of them alone: ${JSON.stringify(texts)}`;
}

const seed = Math.floor(Math.random() * 0x7fff_ffff);
test(
  `${generated} generated expressions, seed ${seed}: nothing of the service ran, and nothing changed`,
  { timeout: Math.max(600_000, generated * 100) },
  async () => {
    const answers = new Map<string, number>();
    // Twice the same shows nothing more; and what the grammar refuses by itself is never evaluated, so of these only some are asked for at all.
    const known = new Set<string>();
    let refused = 0;
    let texts: string[] = [];
    const compare = async (): Promise<void> => {
      if (ran > 0 || state(live) !== before) expect.fail(`it changed something, or ran something of the service: ${await culprit(texts)}`);
      texts = [];
    };
    for (let done = 0; done < generated; done += chunk) {
      for (const text of fc.sample(expression, { numRuns: Math.min(chunk, generated - done), seed: seed + done })) {
        if (known.has(text)) continue;
        known.add(text);
        const isRefused = beyondLooking(text) !== null;
        if (isRefused) refused += 1;
        if (isRefused && refused % 50 !== 0) continue;
        const answer = await look(text, 1);
        texts.push(text);
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
        if (isRefused ? answer !== 'NOT_ALLOWED' : !/^(shown|NOT_ALLOWED|NOT_FOUND|SIDE_EFFECT|TIMEOUT)$/.test(answer))
          expect.fail(`${text}: ${answer}`);
        if (ran > 0 || texts.length >= chunk) await compare();
      }
    }
    await compare();
    // Both ways were taken often: a generator whose every expression is refused shows nothing.
    expect(answers.get('shown') ?? 0).toBeGreaterThan(generated / 500);
    expect(refused).toBeGreaterThan(generated / 20);
  },
);
