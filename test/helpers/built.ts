/** A service's files as compilers make them, and one of them as a process would describe it: for tests of the translation, without a process. */
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import ts from 'typescript';
import type { FunctionDetail, ModuleDetail } from '../../packages/agent/dist/protocol/index.js';
import { Authorship, PlaceMap, authoredPaths, indexFunctions, parseModule } from '../../packages/agent/dist/source/index.js';
import { baseOf, type BaseFile } from '../../packages/console/dist/typescript/base.js';
import type { AgentCalls } from '../../packages/console/dist/typescript/calls.js';

const root = '/service';

/** A compiled file: CommonJS, so that it can be run without a folder. */
export interface Output {
  text: string;
  map: string;
}

/** The author's files by name, under `src/`, compiled; gives what became of one of them. */
export type Build = (files: Record<string, string>, file: string) => Output;

function tsc(target: ts.ScriptTarget): Build {
  return (files, file) => {
    const compilerOptions = { target, module: ts.ModuleKind.CommonJS, esModuleInterop: true, sourceMap: true, inlineSources: true };
    const { outputText, sourceMapText = '' } = ts.transpileModule(files[file] ?? '', { compilerOptions, fileName: file });
    return { text: outputText.replace(/\/\/# sourceMappingURL.*/, ''), map: rooted(sourceMapText) };
  };
}

const esbuildFile: Build = (files, file) => {
  const { code, map } = esbuild.transformSync(files[file] ?? '', {
    loader: 'ts',
    format: 'cjs',
    sourcemap: 'external',
    sourcefile: file,
    platform: 'node',
  });
  return { text: code, map: rooted(map) };
};

/** Sources are named from the root, whatever the tool named them from. */
function rooted(json: string): string {
  const map = JSON.parse(json) as { sources: string[] };
  return JSON.stringify({ ...map, sourceRoot: '', sources: map.sources.map((each) => `src/${path.basename(each)}`) });
}

export const builds: Record<string, Build> = {
  'tsc ES2022': tsc(ts.ScriptTarget.ES2022),
  'tsc ES2021': tsc(ts.ScriptTarget.ES2021),
  'tsc ES2015': tsc(ts.ScriptTarget.ES2015),
  'esbuild file': esbuildFile,
};

/** Bundles take the whole service through a plugin, which only works asynchronously. */
export async function bundle(files: Record<string, string>, minify: boolean): Promise<Output> {
  const { outputFiles } = await esbuild.build({
    entryPoints: ['main.ts'],
    bundle: true,
    minify,
    write: false,
    format: 'cjs',
    platform: 'node',
    sourcemap: 'external',
    outfile: '/service/bundle.js',
    logLevel: 'silent',
    plugins: [
      {
        name: 'memory',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /.*/ }, ({ path: specifier }) => {
            const name = path.basename(specifier).replace(/\.js$/, '.ts');
            return name in files ? { path: `/service/src/${name}`, namespace: 'memory' } : { path: specifier, external: true };
          });
          onLoad({ filter: /.*/, namespace: 'memory' }, ({ path: file }) => ({ contents: files[path.basename(file)] ?? '', loader: 'ts' }));
        },
      },
    ],
  });
  const named = (ending: string): string => outputFiles.find((each) => each.path.endsWith(ending))?.text ?? '';
  return { text: named('.js'), map: rooted(named('.map')) };
}

export interface Described {
  base: BaseFile;
  /** @throws where the process would know no such address. */
  detail(name: string): FunctionDetail;
}

/** What a process that loaded the output would say, to a console with the author's files at the commit that runs. */
export async function describe(files: Record<string, string>, file: string, output: Output, author = files[file] ?? ''): Promise<Described> {
  const name = `src/${file}`;
  const url = pathToFileURL(`${root}/running.js`).href;
  const module: ModuleDetail = { file: name, url, format: 'commonjs', instrumented: true, running: output.text, author, map: output.map };
  const call = async (op: string, params: unknown): Promise<unknown> => {
    if (op === 'info') return { root, commit: null };
    const { file: asked } = params as { file: string };
    if (asked === name) return module;
    const text = files[path.basename(asked)];
    if (text === undefined) throw new Error(`no module comes from ${asked}`);
    return { ...module, author: text };
  };
  const base = await baseOf({ call } as unknown as AgentCalls, name, root);
  return { base, detail: (address) => detailOf(name, output, address) };
}

function detailOf(file: string, { text, map }: Output, name: string): FunctionDetail {
  const authorship = new Authorship(text, new PlaceMap(map, pathToFileURL(`${root}/running.js`).href));
  const program = parseModule(text, 'commonjs', 'running.js');
  const functions = indexFunctions(program, text, authorship);
  const authored = authoredPaths(functions, authorship);
  const found = functions.find((each) => authored.get(each)?.path === name && authored.get(each)?.place.source.endsWith(`/${file}`));
  if (found === undefined) throw new Error(`${file} has no function ${name}`);
  const code = text.slice(found.start, found.end);
  return {
    address: `${file}:${name}`,
    file,
    line: found.line,
    kind: found.kind,
    patched: false,
    code,
    originalCode: code,
    start: found.start,
    source: null,
    original: null,
    strategies: [],
    reachable: [],
    patches: [],
    threads: [],
  };
}

/** Runs a CommonJS text, with the other files of the service as its modules. */
export function run(text: string, others: Record<string, string>): Record<string, unknown> {
  const require = createRequire(import.meta.url);
  const load = (specifier: string): unknown => {
    const other = others[path.basename(specifier).replace(/\.js$/, '.ts')];
    return other === undefined ? require(specifier) : run(other, others);
  };
  const module = { exports: {} as Record<string, unknown> };
  // oxlint-disable-next-line no-implied-eval -- the text is the compiler's of this test
  new Function('exports', 'require', 'module', text)(module.exports, load, module);
  return module.exports;
}
