/** The compilers and bundlers, each called as its users call it: a folder with src/*.ts becomes one with dist/*.js. None reads a configuration that lies around. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'rollup';
import ts from 'typescript';

export type Format = 'commonjs' | 'module';
/** How a source map reaches the process, and who knows the author's text: the map, the operator's checkout at the commit that runs, or the process itself. */
export interface MapForm {
  map: 'inline' | 'file' | 'in memory' | 'none';
  text: 'map' | 'checkout' | 'process';
}
export type Compiler = (folder: string, form: MapForm) => Promise<void>;

const typeRoots = [path.resolve(import.meta.dirname, '../../node_modules/@types')];

function sourcesOf(folder: string): string[] {
  return readdirSync(path.join(folder, 'src')).map((name) => path.join(folder, 'src', name));
}

/** tsc takes the format from package.json. What the types say is looked at once, by {@link typeErrors}, and not in every build. */
export function tsc(target: ts.ScriptTarget): Compiler {
  return async (folder, { map, text }) => {
    const program = ts.createProgram(sourcesOf(folder), {
      ...tscOptions(target),
      noCheck: true,
      noLib: true,
      types: [],
      rootDir: path.join(folder, 'src'),
      outDir: path.join(folder, 'dist'),
      ...(map === 'inline' ? { inlineSourceMap: true } : { sourceMap: true }),
      inlineSources: text === 'map',
    });
    const { diagnostics, emitSkipped } = program.emit();
    if (emitSkipped || diagnostics.length > 0) throw new Error(said(diagnostics));
  };
}

export function typeErrors(folder: string): string {
  const program = ts.createProgram(sourcesOf(folder), {
    ...tscOptions(ts.ScriptTarget.ES2022),
    lib: ['lib.es2023.d.ts'],
    typeRoots,
    types: ['node'],
  });
  return said(ts.getPreEmitDiagnostics(program));
}

function tscOptions(target: ts.ScriptTarget): ts.CompilerOptions {
  return { target, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, strict: true };
}

function said(diagnostics: readonly ts.Diagnostic[]): string {
  return ts.formatDiagnostics(diagnostics, { getCurrentDirectory: () => '/', getCanonicalFileName: (name) => name, getNewLine: () => '\n' });
}

export function esbuildFiles(format: Format): Compiler {
  return async (folder, form) => {
    const { build } = await import('esbuild');
    await build({ entryPoints: sourcesOf(folder), bundle: false, outdir: path.join(folder, 'dist'), ...esbuildOptions(folder, format, form) });
  };
}

/** `@/` stands for the sources, where the author wrote so. */
export function esbuildBundle(format: Format, options: { minify?: true; keepNames?: true } = {}): Compiler {
  return async (folder, form) => {
    const { build } = await import('esbuild');
    await build({
      entryPoints: [path.join(folder, 'src/main.ts')],
      bundle: true,
      outfile: path.join(folder, 'dist/main.js'),
      alias: { '@': path.join(folder, 'src') },
      ...options,
      ...esbuildOptions(folder, format, form),
    });
  };
}

function esbuildOptions(folder: string, format: Format, { map, text }: MapForm) {
  return {
    absWorkingDir: folder,
    format: format === 'module' ? 'esm' : 'cjs',
    platform: 'node',
    target: 'node20',
    sourcemap: map === 'inline' ? 'inline' : 'linked',
    sourcesContent: text === 'map',
    logLevel: 'error',
    tsconfigRaw: { compilerOptions: { target: 'es2022' } },
  } as const;
}

export function swc(format: Format, target: 'es5' | 'es2022' = 'es2022'): Compiler {
  return async (folder, form) => {
    const { transformFile } = await import('@swc/core');
    for (const file of sourcesOf(folder)) {
      const { code, map } = await transformFile(file, {
        configFile: false,
        swcrc: false,
        jsc: { parser: { syntax: 'typescript' }, target },
        module: { type: format === 'module' ? 'es6' : 'commonjs' },
        sourceMaps: true,
        inlineSourcesContent: form.text === 'map',
        sourceFileName: `../src/${path.basename(file)}`,
      });
      write(folder, file, code, map ?? '', form);
    }
  };
}

export function babel(format: Format): Compiler {
  return async (folder, form) => {
    const { transformFileAsync } = await import('@babel/core');
    for (const file of sourcesOf(folder)) {
      const result = await transformFileAsync(file, {
        configFile: false,
        babelrc: false,
        presets: [fileURLToPath(import.meta.resolve('@babel/preset-typescript'))],
        plugins: format === 'commonjs' ? [fileURLToPath(import.meta.resolve('@babel/plugin-transform-modules-commonjs'))] : [],
        sourceMaps: true,
        sourceFileName: `../src/${path.basename(file)}`,
      });
      const map = { ...result?.map };
      if (form.text === 'checkout') delete map.sourcesContent;
      write(folder, file, result?.code ?? '', JSON.stringify(map), form);
    }
  };
}

/** Where a compiler's interface gives the map beside the text, as its command line writes them. */
function write(folder: string, source: string, code: string, map: string, form: MapForm): void {
  const name = path.basename(source).replace(/\.ts$/, '.js');
  const file = path.join(folder, 'dist', name);
  mkdirSync(path.dirname(file), { recursive: true });
  const address = form.map === 'file' ? `${name}.map` : `data:application/json;base64,${Buffer.from(map).toString('base64')}`;
  writeFileSync(file, `${code}\n//# sourceMappingURL=${address}\n`);
  if (form.map === 'file') writeFileSync(`${file}.map`, map);
}

export const rollup: Compiler = async (folder, { map, text }) => {
  const [{ rollup: roll }, plugin] = await Promise.all([import('rollup'), import('@rollup/plugin-typescript')]);
  // To its types it is CommonJS, which it is only where it is required.
  const typescript = plugin.default as unknown as (options: object) => Plugin;
  const compilerOptions = {
    target: 'es2022',
    module: 'esnext',
    moduleResolution: 'bundler',
    sourceMap: true,
    noCheck: true,
    lib: ['es2023'],
    types: [],
  };
  const tsconfig = path.join(folder, 'tsconfig.json');
  writeFileSync(tsconfig, JSON.stringify({ compilerOptions, include: ['src'] }));
  const bundle = await roll({
    input: path.join(folder, 'src/main.ts'),
    external: [/^node:/, 'tiny'],
    plugins: [typescript({ tsconfig, filterRoot: folder })],
    onwarn: ({ message }) => {
      throw new Error(message);
    },
  });
  await bundle.write({
    dir: path.join(folder, 'dist'),
    format: 'es',
    sourcemap: map === 'inline' ? 'inline' : true,
    sourcemapExcludeSources: text === 'checkout',
  });
  await bundle.close();
};

/** What rollup made, made small. */
export const rollupAndTerser: Compiler = async (folder, form) => {
  await rollup(folder, form);
  const { minify } = await import('terser');
  const file = path.join(folder, 'dist/main.js');
  const sourceMap = { content: readFileSync(`${file}.map`, 'utf8'), url: 'main.js.map', includeSources: form.text === 'map' };
  const { code, map } = await minify({ 'main.js': readFileSync(file, 'utf8') }, { module: true, sourceMap });
  if (code === undefined || typeof map !== 'string') throw new Error('Terser made nothing');
  writeFileSync(file, code);
  writeFileSync(`${file}.map`, map);
};

export const webpack: Compiler = async (folder) => {
  const { default: pack } = await import('webpack');
  const swcLoader = fileURLToPath(import.meta.resolve('swc-loader'));
  const compiler = pack({
    context: folder,
    mode: 'production',
    target: 'node20',
    entry: './src/main.ts',
    devtool: 'source-map',
    output: { path: path.join(folder, 'dist'), filename: 'main.js', devtoolModuleFilenameTemplate: '../[resource-path]' },
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    module: { rules: [{ test: /\.ts$/, loader: swcLoader, options: { swcrc: false, jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } } }] },
    optimization: { minimize: false },
  });
  if (compiler === null) throw new Error('webpack did not start');
  const said = await new Promise<string | null>((resolve, reject) => {
    compiler.run((error, stats) => (error === null ? resolve(stats?.hasErrors() === true ? stats.toString() : null) : reject(error)));
  });
  await new Promise<void>((resolve) => compiler.close(() => resolve()));
  if (said !== null) throw new Error(said);
};

export const viteSsr: Compiler = async (folder, { map }) => {
  const { build } = await import('vite');
  await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: 'src/main.ts',
      outDir: 'dist',
      sourcemap: map === 'inline' ? 'inline' : true,
      rolldownOptions: { output: { entryFileNames: 'main.js' } },
    },
  });
};

export const none: Compiler = () => Promise.resolve();
