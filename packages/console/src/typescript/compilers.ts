/**
 * What compilers make of the author's text. Nobody says which one a service was built with, so they are tried: the one whose result is what runs was it, or does the same.
 */
import {
  analyseCaptures,
  indexFunctions,
  authoredPaths,
  Authorship,
  PlaceMap,
  parseModule,
  type FunctionEntry,
  type ModuleFormat,
  type Token,
} from '@keyhole/agent/source';
import { transformSync, type TransformOptions } from 'esbuild';
import type { JsxForm } from './jsx.ts';
import { loadedTypeScript } from './loaded-typescript.ts';
import type { AuthorFile } from './parse.ts';
import type { Tree } from './tree.ts';

/** A whole file, compiled. */
export interface Compiled {
  tree: Tree;
  tokens: Token[];
  /** The function that became of one of the author's, or null. */
  find(entry: FunctionEntry): FunctionEntry | null;
  /** The author's line of a place in the compiled text, where one is known exactly. */
  lineOf(offset: number): number | null;
}

export interface Compiler {
  name: string;
  isCommonJs: boolean;
  /** What it makes of elements. */
  jsx: JsxForm;
  compile(author: AuthorFile): Compiled;
  /** The compiler for a patch's text, where this one also rewrites what need not be. Its module has the same names. */
  forPatch: Compiler;
}

function esbuild(name: string, jsx: JsxForm, options: TransformOptions, forPatch?: Compiler): Compiler {
  const compiler: Compiler = {
    name,
    isCommonJs: false,
    jsx,
    compile(author) {
      const { code, map } = transformSync(author.text, {
        loader: author.file.endsWith('x') ? (author.language === 'ts' ? 'tsx' : 'jsx') : author.language,
        sourcemap: 'external',
        sourcefile: 'author',
        target: 'esnext',
        logLevel: 'silent',
        ...(jsx.kind === 'automatic'
          ? { jsx: 'automatic', jsxImportSource: jsx.importSource }
          : { jsx: 'transform', jsxFactory: jsx.factory, jsxFragment: jsx.fragment }),
        ...options,
      });
      return compiled(author, code, map, 'module');
    },
    forPatch: forPatch as Compiler,
  };
  compiler.forPatch ??= compiler;
  return compiler;
}

function typescript(target: (typeof targets)[number], isCommonJs: boolean, jsx: JsxForm): Compiler {
  const compiler: Compiler = {
    name: `tsc ${target} ${isCommonJs ? 'CommonJS' : 'ES modules'}`,
    isCommonJs,
    jsx,
    compile(author) {
      const ts = loadedTypeScript();
      const { outputText, sourceMapText = '' } = ts.transpileModule(author.text, {
        fileName: `author${/\.[^.]+$/.exec(author.file)?.[0] ?? '.ts'}`,
        compilerOptions: {
          target: ts.ScriptTarget[target],
          module: isCommonJs ? ts.ModuleKind.CommonJS : ts.ModuleKind.ESNext,
          sourceMap: true,
          esModuleInterop: true,
          experimentalDecorators: true,
          ...(jsx.kind === 'automatic'
            ? { jsx: ts.JsxEmit.ReactJSX, jsxImportSource: jsx.importSource }
            : { jsx: ts.JsxEmit.React, jsxFactory: jsx.factory, jsxFragmentFactory: jsx.fragment }),
        },
      });
      return compiled(author, outputText, sourceMapText, isCommonJs ? 'commonjs' : 'module');
    },
    get forPatch(): Compiler {
      return compiler;
    },
  };
  return compiler;
}

const olderFields = { tsconfigRaw: { compilerOptions: { useDefineForClassFields: false, experimentalDecorators: true } } };
const targets = ['ESNext', 'ES2022', 'ES2021', 'ES2020', 'ES2019', 'ES2018', 'ES2017', 'ES2016', 'ES2015'] as const;

/** Those that do least come first. */
function compilersFor(jsx: JsxForm): Compiler[] {
  const plain = esbuild('esbuild', jsx, {});
  const plainOlderFields = esbuild('esbuild, assigned fields', jsx, olderFields);
  return [
    plain,
    esbuild('esbuild, minified syntax', jsx, { minifySyntax: true, format: 'esm' }, plain),
    plainOlderFields,
    esbuild('esbuild, minified syntax, assigned fields', jsx, { minifySyntax: true, format: 'esm', ...olderFields }, plainOlderFields),
    ...targets.flatMap((target) => [typescript(target, false, jsx), typescript(target, true, jsx)]),
  ];
}

const classic = compilersFor({ kind: 'classic', factory: 'React.createElement', fragment: 'React.Fragment' });

/** @param forms of the file's elements; none where it has none, or nothing of them is to be patched. */
export function compilersOf(forms: readonly JsxForm[]): readonly Compiler[] {
  return forms.length === 0 ? classic : forms.flatMap(compilersFor);
}

function compiled(author: AuthorFile, text: string, map: string, format: ModuleFormat): Compiled {
  const tokens: Token[] = [];
  const program = parseModule(text, format, author.file, tokens);
  const places = new PlaceMap(map, 'file:///compiled/');
  const authorship = new Authorship(text, places, () => author.text);
  const functions = indexFunctions(program, text);
  const renamed = indexFunctions(program, text, authorship);
  const authored = authoredPaths(renamed, authorship);
  const byPath = new Map<string, FunctionEntry>();
  for (const [index, entry] of functions.entries()) {
    const found = renamed[index] === undefined ? undefined : authored.get(renamed[index]);
    if (found === undefined) continue;
    byPath.set(found.path === '' ? `${found.place.line}:${found.place.column}` : found.path, entry);
  }
  return {
    tree: { text, program, captures: analyseCaptures(program), functions },
    tokens,
    find: (entry) => byPath.get(entry.path === '' ? placeKey(author, entry) : entry.path) ?? null,
    lineOf: (offset) => authorship.exactly(offset)?.line ?? null,
  };
}

function placeKey(author: AuthorFile, entry: FunctionEntry): string {
  return `${entry.line}:${entry.start - author.text.lastIndexOf('\n', entry.start - 1) - 1}`;
}
