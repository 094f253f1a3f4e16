/** Compilers and bundlers: large files, every kind of syntax. */

export default {
  acorn: {
    version: '8.19.0',
    style: 'ES5 classes, dual',
    call: (a) => [
      Array.from(a.tokenizer('a?.b ?? `c${d}`', { ecmaVersion: 2022 })).length,
      JSON.stringify(a.parse('class A { #x; static { } async *m() {} }', { ecmaVersion: 2022 })).length,
    ],
  },
  '@babel/parser': {
    version: '7.29.15',
    style: 'compiled, one file',
    call: (b) => JSON.stringify(b.parse('const f = async <T,>(x: T) => <a>{x}</a>', { plugins: ['typescript', 'jsx'] })).length,
  },
  '@babel/core': {
    version: '7.29.13',
    style: 'compiled, generators for coroutines',
    call: (b) =>
      b.transformSync('const f = (x) => x', {
        configFile: false,
        babelrc: false,
        plugins: [
          ({ types: t }) => ({
            visitor: {
              Identifier(p) {
                if (p.node.name === 'x') p.replaceWith(t.identifier('y'));
              },
            },
          }),
        ],
      }).code,
  },
  terser: {
    version: '5.51.4',
    style: 'bundled UMD',
    call: async (t) =>
      (
        await t.minify('class A { #longName = 1; get long() { return this.#longName } } export const f = (value) => new A().long + value', {
          module: true,
        })
      ).code,
  },
  typescript: {
    version: '6.0.3',
    style: 'compiled, one file of 9 MB',
    call: (ts) => [
      ts.transpileModule('enum E { A, B } class C<T> { constructor(private x?: T) {} @d m() {} }', {
        compilerOptions: { target: 2, experimentalDecorators: true },
      }).outputText,
      ts.createSourceFile('a.ts', 'let a: number', 99).statements.length,
    ],
  },
  prettier: {
    version: '3.10.1',
    style: 'minified, dual',
    call: async (p) => [await p.format('const f=({a,b:[c]})=>{return   a+c}', { parser: 'babel' }), await p.format('a:\n   - b', { parser: 'yaml' })],
  },
  eslint: {
    version: '10.15.0',
    style: 'CommonJS, private names',
    call: (e) =>
      new e.Linter()
        .verify('var a = 1; if (a = 2) {}', [{ rules: { 'no-var': 2, 'no-cond-assign': 2, 'prefer-const': 1 } }])
        .map((m) => [m.ruleId, m.line, m.column]),
  },
  rollup: {
    version: '4.68.8',
    style: 'bundled, native parser',
    call: async (r) => {
      const bundle = await r.rollup({
        input: 'a',
        plugins: [
          {
            name: 'v',
            resolveId: (id) => id,
            load: (id) => (id === 'a' ? 'import { b } from "b"; export const f = () => b' : 'export const b = 1, c = 2'),
          },
        ],
      });
      return (await bundle.generate({ format: 'es' })).output[0].code;
    },
  },
  webpack: {
    version: '5.112.2',
    style: 'CommonJS, lazy getters, code by toString',
    call: (w) => [
      Object.keys(w.config.getNormalizedWebpackOptions({ entry: './a' }).entry),
      w.Template.asString([w.Template.indent('a'), w.Template.getFunctionContent(() => 1).trim()]),
      w.version,
    ],
  },
  sucrase: {
    version: '3.35.1',
    style: 'dual, compiled TypeScript',
    call: (s) => s.transform('import a from "a"; export const b = <T,>(x?: T): T => x!; a', { transforms: ['typescript', 'imports'] }).code,
  },
  postcss: {
    version: '8.5.33',
    style: 'CommonJS, Proxy nodes',
    call: (postcss) =>
      postcss([
        {
          postcssPlugin: 'p',
          Declaration(d) {
            if (d.prop === 'a') d.prop = 'b';
          },
        },
      ]).process('x { a: 1; &:hover { c: 2 } }', { from: undefined }).css,
  },
  peggy: {
    version: '5.1.0',
    style: 'CommonJS, makes parsers',
    call: (p) => p.generate('s = a:n "+" b:s { return a + b } / n\nn = d:$[0-9]+ { return +d }').parse('1+22+3'),
  },
  svelte: { version: '5.57.3', style: 'ES modules, runtime', call: (s) => [typeof s.mount, typeof s.tick, Object.keys(s).length] },
  vue: {
    version: '3.5.45',
    style: 'bundled, Proxy-heavy',
    call: (v) => {
      const state = v.reactive({ n: 1, list: [1] });
      const double = v.computed(() => state.n * 2 + state.list.length);
      const before = double.value;
      state.n = 5;
      state.list.push(2);
      return [before, double.value, v.isProxy(state), v.h('a', { b: 1 }, 'c').children];
    },
  },
};
