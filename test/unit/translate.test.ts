/** From the author's TypeScript to what a compiler made of it: held against modules that the compiler makes of the changed text. */
import fc from 'fast-check';
import { rollup } from 'rollup';
import { describe, expect, test } from 'vitest';
import { compile, proveBase } from '../../packages/console/dist/typescript/base.js';
import { parseAuthor } from '../../packages/console/dist/typescript/parse.js';
import { builds, bundle, describe as described, run, type Described, type Output } from '../helpers/built.ts';
import { bodyOf, files, withTarget } from '../helpers/built-service.ts';

const names = [...Object.keys(builds), 'esbuild bundle', 'esbuild minified bundle'];

async function build(name: string, sources: Record<string, string>): Promise<Output> {
  const make = builds[name];
  return make === undefined ? bundle(sources, name.includes('minified')) : make(sources, 'main.ts');
}

/** What the others of the service are compiled to, where they are files of their own. */
function others(name: string): Record<string, string> {
  const make = builds[name];
  return make === undefined ? {} : Object.fromEntries(['lib.ts', 'again.ts'].map((file) => [file, make(files, file).text]));
}

/** A function of the new text in terms of the running module. */
/** Its code; where it needs an import that the running module does not have, that is an error here. */
function translated(service: Described, path: string, text: string): string {
  const { code, imports } = translation(service, path, text);
  if (imports.length > 0) throw new Error(`imports ${imports.map(({ imported, specifier }) => `${imported} of ${specifier}`).join(', ')}`);
  return code;
}

function translation({ base, detail }: Described, path: string, text: string): ReturnType<typeof compile> {
  const before = base.author.functions.find((each) => each.path === path);
  const renewed = parseAuthor(text, base.author.file);
  const after = renewed.functions.find((each) => each.path === path);
  if (before === undefined || after === undefined) throw new Error(`the author has no ${path}`);
  proveBase(base, before, detail(path));
  return compile(text.slice(after.start, after.end), after, base, renewed, detail(path).address);
}

/** The running module with the function put in its place. */
function patched(output: Output, service: Described, path: string, text: string): string {
  const { start, originalCode } = service.detail(path);
  return output.text.slice(0, start) + translated(service, path, text) + output.text.slice(start + originalCode.length);
}

interface Main {
  touch(): unknown;
  target(a: number, b?: number): unknown;
}

function seen(text: string, name: string): unknown {
  const main = run(text, others(name)) as unknown as Main;
  const call = (...given: [number, number?]): unknown => {
    try {
      return main.target(...given);
    } catch (thrown) {
      // What a message says of a variable is its name, which compilers choose.
      return (thrown as Error).name;
    }
  };
  return JSON.stringify([main.touch(), call(1), call(4, 9), main.touch()], (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
}

const paths = ['Cart.onEvent', 'Cart.add', 'Cart.#capped', 'helper', 'touch', 'slow', 'outer', 'outer.inner', 'target'];
/** A method that was lowered to a function of the module has no address. */
const lowered = new Set(['tsc ES2021 Cart.#capped', 'tsc ES2015 Cart.#capped']);

describe('the old text is what runs', () => {
  for (const name of names) {
    test(name, async () => {
      const output = await build(name, files);
      const service = await described(files, 'main.ts', output);
      for (const path of paths.filter((each) => !lowered.has(`${name} ${each}`))) {
        expect(() => translated(service, path, files['main.ts'] ?? ''), path).not.toThrow();
        expect(seen(patched(output, service, path, files['main.ts'] ?? ''), name), path).toBe(seen(output.text, name));
      }
    });
  }
});

describe('a generated change does what the rebuilt module does', () => {
  for (const name of names) {
    test(name, { timeout: 120_000 }, async () => {
      const output = await build(name, files);
      const tape = fc.array(fc.nat(10_000), { minLength: 10, maxLength: 60 });
      await fc.assert(
        fc.asyncProperty(tape, async (numbers) => {
          const changed = withTarget(bodyOf(numbers));
          const service = await described(files, 'main.ts', output);
          const rebuilt = await build(name, changed);
          expect(seen(patched(output, service, 'target', changed['main.ts'] ?? ''), name)).toBe(seen(rebuilt.text, name));
        }),
        { numRuns: Number(process.env['KEYHOLE_TEST_RUNS'] ?? 12) },
      );
    });
  }
});

describe('a generated function is what its compiler makes of it', () => {
  for (const name of names) {
    test(name, { timeout: 120_000 }, async () => {
      const tape = fc.array(fc.nat(10_000), { minLength: 10, maxLength: 40 });
      const tally = { accepted: 0, refused: 0 };
      await fc.assert(
        fc.asyncProperty(tape, async (numbers) => {
          const sources = withTarget(bodyOf(numbers));
          const text = sources['main.ts'] ?? '';
          const output = await build(name, sources);
          const service = await described(sources, 'main.ts', output);
          try {
            expect(seen(patched(output, service, 'target', text), name)).toBe(seen(output.text, name));
            tally.accepted += 1;
          } catch (thrown) {
            // A minifier computes with what it puts in place of constants, and then nothing shows what was computed.
            if (!name.includes('minified') || !/not shown to come from this text/.test(String(thrown))) throw thrown;
            tally.refused += 1;
          }
        }),
        { numRuns: Number(process.env['KEYHOLE_TEST_RUNS'] ?? 8) },
      );
      expect(tally.accepted).toBeGreaterThan(tally.refused);
    });
  }
});

describe('a text that is not what runs is refused', () => {
  const versions: [string, string, string][] = [
    ['another import of the same shape', 'return [a, b, price(a)];', 'return [a, b, less(a)];'],
    ['another member', 'return [a, b, price(a)];', 'return [a, b, lib.other(a)];'],
    ['another constant', 'return [a, b, price(a)];', 'return [a, b, price(b)];'],
    ['another number', 'b: number = 2', 'b: number = 3'],
    ['a variable of the module', 'return [a, b, price(a)];', 'return [a, b, helper(a)];'],
  ];
  for (const name of ['tsc ES2022', 'esbuild minified bundle']) {
    for (const [what, from, to] of versions) {
      test(`${name}: ${what}`, async () => {
        const elsewhere = { ...files, 'main.ts': (files['main.ts'] ?? '').replace(from, to) };
        expect(elsewhere['main.ts']).not.toBe(files['main.ts']);
        const running = await build(name, files);
        // The map of the other version, which names every place and every name as that has them.
        const { map } = await build(name, elsewhere);
        const service = await described(elsewhere, 'main.ts', { text: running.text, map });
        expect(() => translated(service, 'target', elsewhere['main.ts'] ?? '')).toThrow(/not shown to come from this text|has no function/);
      });
    }
  }
});

describe('an import that the old text did not need', () => {
  // No test of a package: what require gives is what it is, and only a compiler's function makes a namespace of it.
  const rows: [string, string, string, RegExp | null][] = [
    ['the default of what is only required', "import label, { price } from './lib.js';", 'label(a)', /imports default of \.\/lib\.js/],
    ['another name of what is required', "import label, { price, other } from './lib.js';", 'other(a)', null],
    [
      'a namespace of what is required',
      "import { price } from './lib.js';\nimport * as lib from './lib.js';",
      'Object.keys(lib)',
      /imports \* of \.\/lib\.js/,
    ],
    ['a file that nobody knows', "import { price } from './lib.js';\nimport { gone } from './gone.js';", 'gone(a)', /imports gone of \.\/gone\.js/],
  ];
  for (const [what, imports, used, refused] of rows) {
    test(what, async () => {
      const main = `${imports}\nexport function target(a: number): unknown { return price(a); }\n`;
      const changed = main.replace('return price(a)', `return [price(a), ${used}]`);
      const sources = { ...files, 'main.ts': main };
      const output = await build('tsc ES2022', sources);
      const service = await described(sources, 'main.ts', output);
      const translate = (): string => translated(service, 'target', changed);
      if (refused === null) expect(translate()).toContain('(0, lib_js_1.other)(a)');
      else expect(translate).toThrow(refused);
    });
  }
});

test('locals of one name, one in the other, make way for what runs under that name', async () => {
  const main = "import { price } from './lib.js';\nexport function target(a: number): unknown { return price(a); }\n";
  const output = await build('esbuild minified bundle', { ...files, 'main.ts': main });
  const service = await described({ ...files, 'main.ts': main }, 'main.ts', output);
  const [, name = ''] = /return (\w+)\(/.exec(translated(service, 'target', main)) ?? [];
  const body = `{ const seen = [${name}]; { let ${name} = 3; seen.push(price(${name})); } return seen; }`;
  const changed = main.replace('(a: number)', `(${name}: number)`).replace('{ return price(a); }', body);
  const exports = run(patched(output, service, 'target', changed), {}) as unknown as Main;
  expect(exports.target(4)).toEqual([4, 7]);
});

test('a folder that the build names by its file is the same module, and another file is not', async () => {
  const main = "import { price } from './lib';\nexport function target(a: number): unknown { return price(a); }\n";
  const sources = { 'main.ts': main, 'index.ts': files['lib.ts'] ?? '' };
  const output = await build('esbuild file', sources);
  const named = (specifier: string): Output => ({ ...output, text: output.text.replace('"./lib"', JSON.stringify(specifier)) });
  const changed = main.replace('price(a)', 'price(a) + 1');
  expect(named('./lib/index.js').text).not.toBe(output.text);
  expect(translated(await described(sources, 'main.ts', named('./lib/index.js')), 'target', changed)).toContain('(a) + 1');
  const other = await described(sources, 'main.ts', named('./lib/other.js'));
  expect(() => translated(other, 'target', changed)).toThrow(/not shown to be price of \.\/lib/);
});

test('an exported variable that CommonJS keeps twice is assigned in both places', async () => {
  const main =
    'let count = 0;\nexport { count as total };\nexport function target(a: number): unknown { return a; }\nexport function touch(): unknown { return count; }\n';
  const changed = main.replace('return a', 'count = a; return count += 1');
  for (const name of ['tsc ES2022', 'tsc ES2015', 'esbuild file', 'esbuild bundle']) {
    const sources = { 'main.ts': main };
    const output = await build(name, sources);
    const service = await described(sources, 'main.ts', output);
    const exports = run(patched(output, service, 'target', changed), {}) as unknown as Main & { total: number };
    expect([exports.target(4), exports.total, exports.touch()], name).toEqual([5, 5, 5]);
  }
});

test('a line that begins with an import goes on with no other', async () => {
  const main = "import { price } from './lib.js'\nexport function target(a: number): unknown {\n  let b = a\n  price(b)\n  return b\n}\n";
  const sources = { ...files, 'main.ts': main };
  const output = await build('tsc ES2022', sources);
  const service = await described(sources, 'main.ts', output);
  const code = translated(service, 'target', main.replace('price(b)', 'b = 2\n  price(b)'));
  expect((run(output.text.replace(service.detail('target').originalCode, code), others('tsc ES2022')) as unknown as Main).target(7)).toBe(2);
  expect(code.split('\n')).toHaveLength(6);
});

describe('calls that a bundler changed by what the old text did', () => {
  const main = `import { price } from './lib.js';
let seen = 0;
const kept: unknown[] = [];
function second(n: number, more: number): number { const twice = n * 2; return twice + 1; }
function hook(n: number): number { return n; }
function nothing(): void {}
class Desk {
  readonly made: number;
  constructor(made: number) { this.made = made; }
  static check(n: number): number { const twice = n * 2; return twice; }
}
function acts(n: number): number { seen += n; return seen; }
export function target(a: number): unknown {
  kept.push(hook, nothing, second, acts);
  nothing();
  return [
    hook(a),
    second(a, 70001),
    acts(a), price(a), seen,
    Desk.check(70002), Desk['check'](70004),
    new Desk(70003).made,
  ];
}
export const touch = target;
`;
  const rows: [string, string, string, string, (text: string) => string, boolean][] = [
    [
      'an argument that was left out',
      'second',
      'twice + 1',
      'twice + more',
      (text) => text.replace(/second\((\w+), 70001\)/, (call, first: string) => `second(${first})`.padEnd(call.length)),
      false,
    ],
    ['an argument that is still there', 'second', 'twice + 1', 'twice + more', (text) => text, true],
    [
      'a call that was left out',
      'second',
      'const twice = n * 2;',
      'const twice = (seen += 1);',
      (text) => text.replace(/second\(\w+, 70001\)/, (call) => '0'.padEnd(call.length)),
      false,
    ],
    [
      'a call of a static method that was left out',
      'Desk.check',
      'const twice = n * 2;',
      'const twice = (seen += 1);',
      (text) => text.replace('Desk.check(70002)', (call) => '0'.padEnd(call.length)),
      false,
    ],
    [
      'an instance that was not made',
      'Desk.constructor',
      'this.made = made;',
      'this.made = seen += made;',
      (text) => text.replace('new Desk(70003).made', (call) => '0'.padEnd(call.length)),
      false,
    ],
    ['a method whose calls are all there', 'Desk.check', 'const twice = n * 2;', 'const twice = (seen += 1);', (text) => text, true],
    ['a constructor whose calls are all there', 'Desk.constructor', 'this.made = made;', 'this.made = seen += made;', (text) => text, true],
    ['a call of what had effects', 'acts', 'seen += n;', 'seen -= n;', (text) => text, true],
  ];
  for (const [what, path, from, to, edited, accepted] of rows) {
    test(what, async () => {
      const sources = { ...files, 'main.ts': main };
      const output = await build('esbuild bundle', sources);
      const text = edited(output.text);
      expect(text).toHaveLength(output.text.length);
      const service = await described(sources, 'main.ts', { ...output, text });
      const translate = (): string => translated(service, path, main.replace(from, to));
      if (accepted) expect(translate()).toMatch(new RegExp(`(?:function|static)? ?${path.replace('Desk.', '')}\\(`));
      else expect(translate).toThrow(/the build may have changed its calls by what the old text did \(main\.ts:\d+ (?:may )?mentions? it\)/);
    });
  }

  test('data in a bundle calls nothing', async () => {
    const sources = { ...files, 'main.ts': main };
    const output = await build('esbuild bundle', sources);
    const map = JSON.parse(output.map) as { sources: string[]; sourcesContent: (string | null)[] };
    const withData = { ...map, sources: [...map.sources, 'src/package.json'], sourcesContent: [...map.sourcesContent, '{ "second": 1 }'] };
    const service = await described(sources, 'main.ts', { ...output, map: JSON.stringify(withData) });
    expect(translated(service, 'second', main.replace('twice + 1', 'twice + more'))).toContain('more');
  });

  describe('rollup, which knows what a package is handed', () => {
    const shop = `import { all, each, end, kept } from 'tiny';
import { log } from 'outside';
function noop() {}
function plain() {}
function idle() {}
const handlers = { close() {}, name: 1 };
const others = { shut() { return 1; }, open() {} };
export function target() { each(noop); all(handlers); log(plain); others.open(); end(others); return kept(others.shut()); }
export function more() { return [idle()]; }
`;
    const tiny = `export function each(cb) { console.log(cb.name); cb(); }
export function all(it) { console.log(it.name); it.close(); }
export function end(it) { console.log(it.open); it.shut(); }
export function kept(n) { return n + 1; }
`;
    const bundled = async (): Promise<Output> => {
      const texts: Record<string, string> = { '/service/src/main.ts': shop, '/service/node_modules/tiny/index.js': tiny };
      const made = await rollup({
        input: '/service/src/main.ts',
        external: ['outside'],
        plugins: [
          {
            name: 'memory',
            resolveId: (id) => (id === 'tiny' ? '/service/node_modules/tiny/index.js' : id in texts ? id : null),
            load: (id) => texts[id] ?? null,
          },
        ],
      });
      const { output } = await made.generate({ format: 'cjs', sourcemap: true, file: '/service/bundle.js' });
      return { text: output[0].code, map: output[0].map?.toString() ?? '' };
    };
    const rows: [what: string, path: string, from: string, to: string, refused: RegExp | null][] = [
      ['a function that a package called', 'noop', 'noop() {}', "noop() { console.log('now'); }", /main\.ts:8 hands it to each/],
      ['a method that a package called', 'handlers.close', 'close() {}', "close() { console.log('now'); }", /has no function/],
      ['a method that a package called, and that others still call', 'others.shut', 'return 1;', "console.log('now');", /index\.js:3 may mention it/],
      ['a function that is handed outside', 'plain', 'plain() {}', "plain() { console.log('now'); }", null],
      ['a call that is there', 'more', 'return [idle()]', 'return [idle(), 1]', null],
    ];
    for (const [what, path, from, to, refused] of rows) {
      test(what, async () => {
        const output = await bundled();
        // As it is said: the calls of the parameters are gone.
        expect(output.text).not.toMatch(/cb\(\)|it\.(?:close|shut)\(\)/);
        const service = await described({ 'main.ts': shop }, 'main.ts', output);
        const translate = (): string => translated(service, path, shop.replace(from, to));
        if (refused === null) expect(translate()).toContain(to.replace(/^\w+\(\) /, ''));
        else expect(translate).toThrow(refused);
      });
    }
  });

  test('bodies that a minifier puts in the place of calls', async () => {
    const sources = { ...files, 'main.ts': main };
    const output = await build('esbuild minified bundle', sources);
    for (const [path, changed] of [
      ['hook', main.replace('{ return n; }', '{ return n + 1; }')],
      ['nothing', main.replace('nothing(): void {}', 'nothing(): void { seen += 1; }')],
    ] as const) {
      const service = await described(sources, 'main.ts', output);
      expect(() => translated(service, path, changed), path).toThrow(/may have changed its calls|has no function/);
    }
  });
});
