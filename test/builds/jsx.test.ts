/** A service with JSX, built in several ways: a commit that changes its elements is pushed, and what runs is what a service built from the commit answers; then it comes home. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync as babelSync } from '@babel/core';
import { transformSync as swcSync } from '@swc/core';
import { buildSync, type BuildOptions } from 'esbuild';
import ts from 'typescript';
import { expect, test, vi } from 'vitest';
import { push } from '../../packages/console/dist/commands/push.js';
import { attached } from '../helpers/command.ts';
import { answering, commitAll, run, startService } from '../helpers/service.ts';

vi.setConfig({ testTimeout: 120_000 });

const view = `import React from 'react';
import { Price } from './price.js';

interface Row {
  name: string;
  net: number;
}

export function Line({ name, net }: Row): JSX.Element {
  return <li className="line">{name}: <Price net={net} /></li>;
}

export const list = (rows: Row[]): JSX.Element => <ul>{rows.map((row) => <Line key={row.name} {...row} />)}</ul>;

export function count(rows: Row[]): number {
  return rows.length;
}
`;
const sources = {
  'src/view.tsx': view,
  'src/price.tsx':
    "import React from 'react';\nexport function Price({ net }: { net: number }): JSX.Element {\n  return <b>{net.toFixed(2)}</b>;\n}\n",
  'src/main.ts': `import { list, count } from './view.js';
import { shown } from 'react';
const rows = [{ name: 'a', net: 1 }, { name: 'b', net: 2 }];
const answer = (line: string): unknown => (line === 'list' ? shown(list(rows)) : count(rows));
${answering}`,
};
/** Elements that can be shown. */
const react = `
const made = (type, { children, ...props } = {}) => ({ type, props, children: [children ?? []].flat(9) });
exports.createElement = (type, props, ...children) => made(type, { ...props, children });
exports.h = exports.createElement;
exports.jsx = made; exports.jsxs = made; exports.jsxDEV = made; exports.Fragment = 'fragment';
exports.shown = function shown(it) {
  if (typeof it !== 'object' || it === null) return String(it);
  if (typeof it.type === 'function') return shown(it.type({ ...it.props, children: it.children }));
  const { key, ...props } = it.props;
  return '<' + it.type + Object.entries(props).map(([name, value]) => ' ' + name + '=' + value).join('') + '>' + it.children.map(shown).join('') + '</' + it.type + '>';
};
exports.default = exports;
Object.defineProperty(exports, '__esModule', { value: true });
`;

const esbuild = (options: BuildOptions) => (folder: string) =>
  void buildSync({ absWorkingDir: folder, outdir: 'dist', sourcemap: true, platform: 'node', target: 'node20', logLevel: 'error', ...options });
const each = (folder: string, compiled: (text: string, name: string) => { code: string; map: string }): void => {
  mkdirSync(path.join(folder, 'dist'), { recursive: true });
  for (const name of Object.keys(sources)) {
    const { code, map } = compiled(readFileSync(path.join(folder, name), 'utf8'), `../${name}`);
    const file = path.join(folder, 'dist', path.basename(name).replace(/\.tsx?$/, '.js'));
    writeFileSync(file, `${code.replace(/\/\/# sourceMappingURL.*/, '')}\n//# sourceMappingURL=${path.basename(file)}.map\n`);
    writeFileSync(`${file}.map`, map);
  }
};

const tsc =
  (options: ts.CompilerOptions) =>
  (text: string, fileName: string): { code: string; map: string } => {
    const compilerOptions = {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.CommonJS,
      esModuleInterop: true,
      sourceMap: true,
      inlineSources: true,
    };
    const done = ts.transpileModule(text, { compilerOptions: { ...compilerOptions, ...options }, fileName });
    return { code: done.outputText, map: (done.sourceMapText ?? '').replace(/"sources":\["[^"]*"\]/, `"sources":["${fileName}"]`) };
  };

const babel =
  (options: { runtime: 'automatic' | 'classic'; useSpread?: boolean }, format: 'commonjs' | 'module') =>
  (text: string, sourceFileName: string): { code: string; map: string } => {
    const found = (name: string): string => fileURLToPath(import.meta.resolve(name));
    const plugins = [
      [found('@babel/plugin-transform-react-jsx'), options],
      ...(format === 'commonjs' ? [found('@babel/plugin-transform-modules-commonjs')] : []),
    ];
    const presets = [found('@babel/preset-typescript')];
    const done = babelSync(text, {
      configFile: false,
      babelrc: false,
      filename: path.resolve(path.basename(sourceFileName)),
      sourceFileName,
      sourceMaps: true,
      presets,
      plugins,
    });
    return { code: done?.code ?? '', map: JSON.stringify(done?.map) };
  };

interface Build {
  type: 'commonjs' | 'module';
  build: (folder: string) => void;
  /** What the author writes instead. */
  author?: (text: string) => string;
  /** The functions that are refused, and why. */
  refused?: RegExp;
}

/** Another library: its factory is brought in by name, or by the compiler. */
const preact =
  (imports: string) =>
  (text: string): string =>
    text.replace("import React from 'react';\n", imports).replaceAll("'react'", "'preact'");

const builds: Record<string, Build> = {
  'esbuild, ES module files, Preact, automatic': {
    type: 'module',
    author: preact(''),
    build: esbuild({ entryPoints: Object.keys(sources), format: 'esm', jsx: 'automatic', jsxImportSource: 'preact' }),
  },
  'esbuild, bundle, Preact, classic': {
    type: 'commonjs',
    author: preact("import { h } from 'preact';\n"),
    build: esbuild({ entryPoints: ['src/main.ts'], bundle: true, external: ['preact'], format: 'cjs', jsx: 'transform', jsxFactory: 'h' }),
  },
  'tsc, CommonJS, Preact, classic': {
    type: 'commonjs',
    author: preact("import { h } from 'preact';\n"),
    build: (folder) => each(folder, tsc({ jsx: ts.JsxEmit.React, jsxFactory: 'h' })),
  },
  'esbuild, bundle with React in it, automatic': {
    type: 'commonjs',
    build: esbuild({ entryPoints: ['src/main.ts'], bundle: true, format: 'cjs', jsx: 'automatic' }),
  },
  'esbuild, bundle with React in it, classic': {
    type: 'commonjs',
    build: esbuild({ entryPoints: ['src/main.ts'], bundle: true, format: 'cjs', jsx: 'transform' }),
  },
  'Babel, CommonJS, automatic': { type: 'commonjs', build: (folder) => each(folder, babel({ runtime: 'automatic' }, 'commonjs')) },
  'Babel, ES modules, classic, spreads kept': {
    type: 'module',
    build: (folder) => each(folder, babel({ runtime: 'classic', useSpread: true }, 'module')),
  },
  'Babel, ES modules, classic': {
    type: 'module',
    build: (folder) => each(folder, babel({ runtime: 'classic' }, 'module')),
    // `{ key, ...row }` is a call of a function of Babel's, which no other compiler makes.
    refused: /^src\/view\.tsx:list: .* runs as React\.createElement/,
  },
  'esbuild, for development': {
    type: 'module',
    build: esbuild({ entryPoints: Object.keys(sources), format: 'esm', jsx: 'automatic', jsxDev: true }),
    refused: /src\/view\.tsx:Line: .* its elements were compiled for development \(jsxDEV\)/,
  },
  'esbuild, bundle, automatic': {
    type: 'commonjs',
    build: esbuild({ entryPoints: ['src/main.ts'], bundle: true, external: ['react', 'react/jsx-runtime'], format: 'cjs', jsx: 'automatic' }),
  },
  'esbuild, ES module files, classic': { type: 'module', build: esbuild({ entryPoints: Object.keys(sources), format: 'esm', jsx: 'transform' }) },
  'tsc, CommonJS, automatic': {
    type: 'commonjs',
    build: (folder) => each(folder, tsc({ jsx: ts.JsxEmit.ReactJSX })),
  },
  'swc, ES modules, classic': {
    type: 'module',
    build: (folder) =>
      each(folder, (text, filename) => {
        const transform = { react: { runtime: 'classic' as const } };
        const options = { configFile: false as const, swcrc: false, sourceMaps: true, sourceFileName: filename, filename };
        const { code, map = '' } = swcSync(text, { ...options, jsc: { parser: { syntax: 'typescript', tsx: true }, target: 'es2022', transform } });
        return { code, map };
      }),
  },
};

/** Those that stand for the others where time counts. */
const inTheGate: ReadonlySet<string> = new Set([
  'esbuild, ES module files, Preact, automatic',
  'esbuild, bundle with React in it, classic',
  'tsc, CommonJS, automatic',
  'swc, ES modules, classic',
]);

for (const [name, { type, build, author = (text: string) => text, refused: why }] of Object.entries(builds)) {
  if (!inTheGate.has(name) && process.env['KEYHOLE_ALL_BUILDS'] !== '1') {
    test.skip(`${name} (npm run test:builds plays it)`, () => undefined);
    continue;
  }
  test(name, async () => {
    const files = {
      ...Object.fromEntries(Object.entries(sources).map(([file, text]) => [file, author(text)])),
      '.gitignore': 'dist\nnode_modules\n',
      'package.json': JSON.stringify({ name: 'svc', type }),
      ...Object.fromEntries(
        ['react', 'preact'].flatMap((library) => [
          [
            `node_modules/${library}/package.json`,
            `{"name":"${library}","exports":{".":"./index.js","./jsx-runtime":"./jsx-runtime.js","./jsx-dev-runtime":"./jsx-runtime.js"}}`,
          ],
          [`node_modules/${library}/index.js`, react],
          [`node_modules/${library}/jsx-runtime.js`, "module.exports = require('./index.js');\n"],
        ]),
      ),
    };
    const start = (texts: Record<string, string>): ReturnType<typeof startService> =>
      startService({ files: texts, main: 'dist/main.js', git: true, prepare: build });
    const changed = author(view)
      .replace('<li className="line">{name}', '<li className={count([]) > 0 ? "full" : "empty"} title={name}>{name.toUpperCase()}')
      .replace('<ul>{', '<ul id="all"><li>{rows.length}</li>{')
      .replace('return rows.length', 'return rows.length * 10');
    const service = await start(files);
    const before = await service.ask('list');
    writeFileSync(path.join(service.folder, 'src/view.tsx'), changed);
    commitAll(service.folder, 'another view');
    const console = await attached(service, push);
    const done = await console('--json', '--commit', 'HEAD');
    const { ok, patches, refused } = done.json() as { ok: boolean; patches: { address: string }[]; refused: { address: string; why: string }[] };
    if (why !== undefined) {
      expect({ ok, patches }).toEqual({ ok: false, patches: [] });
      expect(refused.map((refusal) => `${refusal.address}: ${refusal.why}`).join('\n')).toMatch(why);
      return;
    }
    expect({ ok, refused, patches: patches.map(({ address }) => address) }).toEqual({
      ok: true,
      refused: [],
      patches: ['src/view.tsx:Line', 'src/view.tsx:list', 'src/view.tsx:count'],
    });
    const rebuilt = await start({ ...files, 'src/view.tsx': changed });
    expect(await service.ask('list')).toBe(await rebuilt.ask('list'));
    expect(await service.ask('list')).not.toBe(before);
    expect(await service.ask('count')).toBe('20');
    const exported = await service.keyhole('export', 'svc', '--repo', service.folder, '--include-landed', '--branch', 'home');
    expect(exported.code, exported.stderr).toBe(0);
    expect(run(service.folder, 'git', 'show', 'home:src/view.tsx')).toBe(changed.trim());
  });
}
