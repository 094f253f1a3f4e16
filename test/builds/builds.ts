/** The ways in which the service is built. */
import ts from 'typescript';
import {
  babel,
  esbuildBundle,
  esbuildFiles,
  none,
  rollup,
  rollupAndTerser,
  swc,
  tsc,
  viteSsr,
  webpack,
  type Compiler,
  type Format,
  type MapForm,
} from './compilers.ts';

export interface Build {
  compile: Compiler;
  format: Format;
  form: MapForm;
  /** Started in the folder; default: `dist/main.js`. */
  main?: string;
  /** Loaded before the agent. */
  imports?: string[];
  /** What the author wrote instead, where the build takes TypeScript that is types only. */
  author?: (text: string) => string;
  /** It makes one file of all. */
  bundles?: true;
  /** It gives top-level names other names, so what runs is not to the letter what it makes of the changed text. */
  renames?: true;
  /** The first Node that has it. */
  since?: [major: number, minor: number];
}

const inline: MapForm = { map: 'inline', text: 'map' };
const file: MapForm = { map: 'file', text: 'map' };
const bare: MapForm = { map: 'file', text: 'checkout' };
const { ES2015, ES2021, ES2022 } = ts.ScriptTarget;

export const builds = {
  'tsc, CommonJS': { compile: tsc(ES2022), format: 'commonjs', form: inline },
  'tsc, ES modules': { compile: tsc(ES2022), format: 'module', form: bare },
  'tsc, target ES2015': { compile: tsc(ES2015), format: 'commonjs', form: file },
  'tsc, target ES2021': { compile: tsc(ES2021), format: 'module', form: file },
  'Node, types stripped': {
    compile: none,
    format: 'module',
    form: { map: 'none', text: 'process' },
    main: 'src/main.ts',
    author: erasable,
    since: [22, 18],
  },
  tsx: { compile: none, format: 'module', form: { map: 'in memory', text: 'checkout' }, main: 'src/main.ts', imports: ['tsx'] },
  'esbuild, CommonJS files': { compile: esbuildFiles('commonjs'), format: 'commonjs', form: inline },
  'esbuild, ES module files': { compile: esbuildFiles('module'), format: 'module', form: bare },
  'esbuild, bundle': { compile: esbuildBundle('module'), format: 'module', form: file, bundles: true },
  'esbuild, minified bundle': { compile: esbuildBundle('commonjs', { minify: true }), format: 'commonjs', form: file, renames: true, bundles: true },
  'esbuild, bundle, names kept, path aliases': {
    compile: esbuildBundle('module', { keepNames: true }),
    format: 'module',
    form: inline,
    bundles: true,
    author: (text) => text.replaceAll(/((?:from |import\()')\.\//g, '$1@/'),
  },
  'swc, CommonJS': { compile: swc('commonjs'), format: 'commonjs', form: file },
  'swc, ES modules': { compile: swc('module'), format: 'module', form: bare },
  'swc, target ES5': { compile: swc('commonjs', 'es5'), format: 'commonjs', form: file },
  'Babel, CommonJS': { compile: babel('commonjs'), format: 'commonjs', form: inline },
  'Babel, ES modules': { compile: babel('module'), format: 'module', form: bare },
  rollup: { compile: rollup, format: 'module', form: bare, bundles: true },
  'rollup, then Terser': { compile: rollupAndTerser, format: 'module', form: bare, bundles: true, renames: true },
  'webpack, sources named from the map': { compile: webpack, format: 'commonjs', form: file, bundles: true },
  'Vite, SSR': { compile: viteSsr, format: 'module', form: file, bundles: true },
} satisfies Record<string, Build>;

export type BuildName = keyof typeof builds;
export const buildNames = Object.keys(builds) as BuildName[];

export function isBundle(name: BuildName): boolean {
  return 'bundles' in builds[name];
}

/** What is missing in Node's own stripping is written without it, and files are named as they are. */
function erasable(text: string): string {
  return text
    .replaceAll(/((?:from |import\()'\.\/\w+)\.js'/g, "$1.ts'")
    .replaceAll(/^export (?:const )?enum (\w+) \{\n([^}]*)\}/gm, (_, name: string, members: string) => {
      const object = members.replaceAll(' = ', ': ');
      return `export const ${name} = {\n${object}} as const;\nexport type ${name} = (typeof ${name})[keyof typeof ${name}];`;
    })
    .replace(
      'constructor(\n    private readonly owner: string,\n    public limit = 100,\n  ) {',
      (head) => head.replaceAll(/private readonly |public /g, '') + '\n    this.owner = owner;\n    this.limit = limit;',
    )
    .replace('#total = 7;', '#total = 7;\n  private readonly owner: string;\n  limit: number;');
}

/** Why this Node can not run the build, or null. */
export function missing({ since }: Build): string | null {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const there = since === undefined || major > since[0] || (major === since[0] && minor >= since[1]);
  return there ? null : `Node ${since.join('.')} has it first`;
}
