/**
 * Puts the program into a few files, after the compiler has made `dist`: on Node 20, finding, reading and linking 90 small ones took a third of the processor time of every command. What is
 * large and seldom needed, and what is CommonJS, stays a package of its own.
 */
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (file) => fileURLToPath(new URL(file, import.meta.url));

await rm(here('bundle'), { recursive: true, force: true });
await build({
  entryPoints: [here('dist/cli.js')],
  outdir: here('bundle'),
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  // The CommonJS packages inside ask for Node's modules.
  banner: { js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);" },
  external: ['esbuild', 'typescript', 'ts-blank-space'],
  logLevel: 'warning',
});
