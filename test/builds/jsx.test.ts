/** A service with JSX, built in several ways: a commit that changes its elements is pushed, and what runs is what a service built from the commit answers; then it comes home. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
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
exports.jsx = made; exports.jsxs = made; exports.Fragment = 'fragment';
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

const builds: Record<string, { type: 'commonjs' | 'module'; build: (folder: string) => void }> = {
  'esbuild, bundle, automatic': {
    type: 'commonjs',
    build: esbuild({ entryPoints: ['src/main.ts'], bundle: true, external: ['react', 'react/jsx-runtime'], format: 'cjs', jsx: 'automatic' }),
  },
  'esbuild, ES module files, classic': { type: 'module', build: esbuild({ entryPoints: Object.keys(sources), format: 'esm', jsx: 'transform' }) },
  'tsc, CommonJS, automatic': {
    type: 'commonjs',
    build: (folder) =>
      each(folder, (text, fileName) => {
        const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS, esModuleInterop: true, sourceMap: true };
        const done = ts.transpileModule(text, { compilerOptions: { ...compilerOptions, jsx: ts.JsxEmit.ReactJSX, inlineSources: true }, fileName });
        return { code: done.outputText, map: (done.sourceMapText ?? '').replace(/"sources":\["[^"]*"\]/, `"sources":["${fileName}"]`) };
      }),
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

for (const [name, { type, build }] of Object.entries(builds)) {
  test(name, async () => {
    const files = {
      ...sources,
      '.gitignore': 'dist\nnode_modules\n',
      'package.json': JSON.stringify({ name: 'svc', type }),
      'node_modules/react/package.json': '{"name":"react","exports":{".":"./index.js","./jsx-runtime":"./index.js"}}',
      'node_modules/react/index.js': react,
    };
    const start = (texts: Record<string, string>): ReturnType<typeof startService> =>
      startService({ files: texts, main: 'dist/main.js', git: true, prepare: build });
    const changed = view
      .replace('<li className="line">{name}', '<li className={count([]) > 0 ? "full" : "empty"} title={name}>{name.toUpperCase()}')
      .replace('<ul>{', '<ul id="all"><li>{rows.length}</li>{')
      .replace('return rows.length', 'return rows.length * 10');
    const [service, rebuilt] = await Promise.all([start(files), start({ ...files, 'src/view.tsx': changed })]);
    const before = await service.ask('list');
    writeFileSync(path.join(service.folder, 'src/view.tsx'), changed);
    commitAll(service.folder, 'another view');
    const console = await attached(service, push);
    const done = await console('--json', '--commit', 'HEAD');
    const { ok, patches, refused } = done.json() as { ok: boolean; patches: { address: string }[]; refused: unknown[] };
    expect({ ok, refused, patches: patches.map(({ address }) => address) }).toEqual({
      ok: true,
      refused: [],
      patches: ['src/view.tsx:Line', 'src/view.tsx:list', 'src/view.tsx:count'],
    });
    expect(await service.ask('list')).toBe(await rebuilt.ask('list'));
    expect(await service.ask('list')).not.toBe(before);
    expect(await service.ask('count')).toBe('20');
    const exported = await service.keyhole('export', 'svc', '--repo', service.folder, '--include-landed', '--branch', 'home');
    expect(exported.code, exported.stderr).toBe(0);
    expect(run(service.folder, 'git', 'show', 'home:src/view.tsx')).toBe(changed.trim());
  });
}
