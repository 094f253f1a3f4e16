/** Functions with JSX, from the author's .tsx to what a compiler made of it: held against modules that the compiler makes of the changed text. */
import { transformSync as swcSync } from '@swc/core';
import { transformSync as esbuildSync } from 'esbuild';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { compile, proveBase } from '../../packages/console/dist/typescript/base.js';
import { compareFiles } from '../../packages/console/dist/typescript/compare.js';
import { parseAuthor } from '../../packages/console/dist/typescript/parse.js';
import { describe as described, run, type Output } from '../helpers/built.ts';

type Build = (text: string, name: string) => Output;

function mapped(text: string, json: string, name: string): Output {
  return {
    text: text.replace(/\/\/# sourceMappingURL.*/, ''),
    map: JSON.stringify({ ...(JSON.parse(json) as object), sourceRoot: '', sources: [`src/${name}`] }),
  };
}

const esbuild =
  (jsx: 'automatic' | 'transform'): Build =>
  (text, name) => {
    const { code, map } = esbuildSync(text, { loader: 'tsx', format: 'cjs', platform: 'node', jsx, sourcemap: 'external', sourcefile: name });
    return mapped(code, map, name);
  };

const tsc =
  (jsx: ts.JsxEmit, target: ts.ScriptTarget): Build =>
  (text, fileName) => {
    const compilerOptions = { target, jsx, module: ts.ModuleKind.CommonJS, esModuleInterop: true, sourceMap: true };
    const { outputText, sourceMapText = '' } = ts.transpileModule(text, { compilerOptions, fileName });
    return mapped(outputText, sourceMapText, fileName);
  };

const swc =
  (runtime: 'automatic' | 'classic'): Build =>
  (text, name) => {
    const { code, map = '' } = swcSync(text, {
      configFile: false,
      swcrc: false,
      filename: name,
      jsc: { parser: { syntax: 'typescript', tsx: true }, target: 'es2022', transform: { react: { runtime } } },
      module: { type: 'commonjs' },
      sourceMaps: true,
    });
    return mapped(code, map, name);
  };

const builds: Record<string, Build> = {
  'esbuild, automatic': esbuild('automatic'),
  'esbuild, classic': esbuild('transform'),
  'tsc, automatic': tsc(ts.JsxEmit.ReactJSX, ts.ScriptTarget.ES2022),
  'tsc, classic, target ES2015': tsc(ts.JsxEmit.React, ts.ScriptTarget.ES2015),
  'swc, automatic': swc('automatic'),
  'swc, classic': swc('classic'),
};

const view = `import React from 'react';
import { Price, type Money } from './price.js';

interface Row {
  name: string;
  net: Money;
}
export const touched: string[] = [];

export function Line({ name, net }: Row): JSX.Element {
  return (
    <li className="line" data-name={name} onClick={() => touched.push(name)}>
      {name}: <Price net={net} />
    </li>
  );
}

export function List(props: { rows: Row[] }): JSX.Element {
  const all = props.rows.map((row) => <Line key={row.name} {...row} />);
  return <ul>{all}</ul>;
}

export function Empty(): JSX.Element {
  return <><b>nothing</b><i>here</i></>;
}

export function plain(n: number): unknown {
  return n + 1;
}
`;
const price = `import React from 'react';
export type Money = number;
export function Price({ net }: { net: Money }): JSX.Element { return <b>{net}</b>; }
export function Other({ net }: { net: Money }): JSX.Element { return <i>{net}</i>; }
`;
/** Elements as plain objects, whichever way they are made. */
const react = `
const made = (type, { children, ...props }, key) => ({ type: typeof type === 'function' ? type.name : String(type), props, key, children: [children ?? []].flat(9) });
exports.createElement = (type, props, ...children) => { const { key, ...rest } = props ?? {}; return made(type, { ...rest, ...(children.length > 0 && { children }) }, key); };
exports.jsx = made; exports.jsxs = made; exports.Fragment = 'fragment';
`;

interface View {
  touched: string[];
  Line(row: object): { props: { onClick?: () => unknown } };
  List(props: object): unknown;
  Empty(): unknown;
  plain(n: number): unknown;
}

function seen(text: string, build: Build): unknown {
  const main = run(text, { react, 'jsx-runtime': react, 'price.ts': build(price, 'price.tsx').text }) as unknown as View;
  const line = main.Line({ name: 'a', net: 1 });
  const clicked = line.props.onClick?.();
  return JSON.parse(
    JSON.stringify([line, clicked, main.touched, main.List({ rows: [{ name: 'b', net: 2 }] }), main.Empty(), main.plain(1)]),
  ) as unknown;
}

async function patched(build: Build, text: string, path: string, changed: string): Promise<string> {
  const output = build(text, 'view.tsx');
  const { base, detail } = await described({ 'view.tsx': text, 'price.tsx': price }, 'view.tsx', output);
  const before = base.author.functions.find((each) => each.path === path);
  const renewed = parseAuthor(changed, base.author.file);
  const after = renewed.functions.find((each) => each.path === path);
  if (before === undefined || after === undefined) throw new Error(`the author has no ${path}`);
  const { start, originalCode, address } = detail(path);
  proveBase(base, before, detail(path));
  const { code, imports } = compile(changed.slice(after.start, after.end), after, base, renewed, address);
  if (imports.length > 0) throw new Error(`imports ${imports.map(({ local }) => local).join(', ')}`);
  return output.text.slice(0, start) + code + output.text.slice(start + originalCode.length);
}

const changes: [what: string, path: string, from: string, to: string][] = [
  ['attributes, text and a child', 'Line', '{name}: <Price net={net} />', 'the <em title="a &amp; b">{name}</em> at <Price net={net * 2} key="p" />'],
  ['a handler alone', 'Line.onClick', 'touched.push(name)', 'touched.push(name, name)'],
  ['spread attributes', 'List', '<ul>{all}</ul>', '<ul {...{ title: String(all.length) }} hidden>{all}{all.length}</ul>'],
  ['a fragment', 'Empty', '<b>nothing</b>', '<b>{String(touched.length)}</b> and'],
  ['a function that had no elements', 'plain', 'return n + 1;', 'return <b title="n">{n}</b>;'],
  ['a function that has none', 'plain', 'n + 1', 'n + 2'],
];

for (const [name, build] of Object.entries(builds)) {
  describe(name, () => {
    for (const [what, path, from, to] of changes) {
      test(what, async () => {
        const changed = view.replace(from, to);
        expect(changed).not.toBe(view);
        const rebuilt = seen(build(changed, 'view.tsx').text, build);
        expect(rebuilt).not.toEqual(seen(build(view, 'view.tsx').text, build));
        expect(seen(await patched(build, view, path, changed), build)).toEqual(rebuilt);
      });
    }

    test('a fragment where nothing shows what it stands for', async () => {
      const bare =
        "import { createElement as make } from 'react';\nexport const use = make;\nexport function plain(n: number): unknown {\n  return n + 1;\n}\n";
      await expect(patched(build, bare, 'plain', bare.replace('n + 1', '<>{n}</>'))).rejects.toThrow(
        /plain: line 4 is JSX, and no function of the file/,
      );
    });

    test('nothing shows what becomes of elements: refused by line', async () => {
      const bare = "import React from 'react';\nexport function plain(n: number): unknown {\n  return n + 1;\n}\n";
      await expect(patched(build, bare, 'plain', bare.replace('n + 1', '<b>{n}</b>'))).rejects.toThrow(
        /plain: line 3 is JSX, and no function of the file/,
      );
    });
  });
}

test('a component that the running module has not is one to be imported', async () => {
  const changed = view.replace('{ Price, type Money }', '{ Price, Other, type Money }').replace('<Price net={net} />', '<Missing net={net} />');
  const text = changed.replace("import React from 'react';", "import React from 'react';\nimport { Missing } from './missing.js';");
  await expect(patched(tsc(ts.JsxEmit.ReactJSX, ts.ScriptTarget.ES2022), view, 'Line', text)).rejects.toThrow('imports Missing');
});

test('elements of another build are not taken for the running ones', async () => {
  const output = builds['tsc, classic, target ES2015']?.(view, 'view.tsx');
  if (output === undefined) throw new Error('no build');
  const other = { ...output, text: output.text.replace('"b", null', '"u", null') };
  expect(other.text).not.toBe(output.text);
  await expect(patched(() => other, view, 'Empty', view.replace('nothing', 'none'))).rejects.toThrow(/not shown to come from this text/);
});

describe('the file around functions', () => {
  const differences = (before: string, after: string): { why: string }[] => {
    const { imports, refused } = compareFiles(parseAuthor(before, 'src/view.tsx'), parseAuthor(after, 'src/view.tsx'));
    return [...imports, ...refused];
  };
  const refusals = (from: string, to: string): string[] => differences(view, view.replace(from, to)).map((each) => each.why);

  test('an import that elements alone use is one of values', () => {
    expect(refusals("import React from 'react'", "import React from 'preact/compat'")).toEqual([
      expect.stringContaining('an import changed'),
      expect.stringContaining('an import was removed'),
    ]);
    expect(refusals('{ Price, type', '{ Other as Price, type')).toEqual([
      expect.stringContaining('an import changed'),
      expect.stringContaining('an import was removed'),
    ]);
  });

  test('a comment that compilers read is code', () => {
    expect(refusals('import React', '/** @jsxImportSource preact */\nimport React')).toEqual([expect.stringContaining('how JSX is compiled')]);
    expect(refusals('import React', '// a comment\nimport React')).toEqual([]);
  });
});
