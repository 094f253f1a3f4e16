/**
 * What a changed file is to a running process, by its name and its text. What nobody can tell is taken for something that the process reads: it is never passed over in silence.
 */
import * as path from 'node:path';

export type FileKind =
  | { kind: 'source' }
  /** No process runs it: a document, a test, a tool's file. */
  | { kind: 'beside'; what: string }
  | { kind: 'manifest' | 'lock' }
  | { kind: 'unknown' };

const source = /\.(?:[cm]?[jt]s|[jt]sx)$/;
const declaration = /\.d\.[cm]?ts$/;
const documents = /\.(?:md|mdx|markdown|rst|adoc)$/i;
const documentNames = /^(?:licen[cs]e|notice|authors|contributors|changelog|changes|history|readme|security|codeowners)(?:\.\w+)?$/i;
const testFolders = /(?:^|\/)(?:tests?|__tests__|__mocks__|__snapshots__|__fixtures__|specs?|e2e|fixtures)\//;
const testNames = /\.(?:test|spec|bench)(?:-d)?\.[cm]?[jt]sx?$|\.snap$/;
const toolFolders = /(?:^|\/)(?:docs?|examples?|bench(?:marks?)?|scripts|\.[^/]+)\//;
const toolNames =
  /^(?:\.[^/]+|tsconfig(?:\.[\w.-]+)?\.json|jsconfig\.json|(?:eslint|prettier|vitest|jest|rollup|vite|webpack|tsup|babel|commitlint|typedoc)\.config\.[cm]?[jt]s|codecov\.yml|dockerfile|docker-compose\.ya?ml|makefile)$/i;
const locks = /^(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|deno\.lock)$/;

export function kindOf(file: string): FileKind {
  const name = path.posix.basename(file);
  if (name === 'package.json') return { kind: 'manifest' };
  if (locks.test(name)) return { kind: 'lock' };
  if (declaration.test(name)) return { kind: 'beside', what: 'types only' };
  if (source.test(name)) return { kind: 'source' };
  return besides(file) ?? { kind: 'unknown' };
}

/** What a file is that the process has not loaded, where its name tells that it is no part of any service. */
export function besides(file: string): { kind: 'beside'; what: string } | null {
  const name = path.posix.basename(file);
  if (documents.test(name) || documentNames.test(name)) return { kind: 'beside', what: 'a document' };
  if (testFolders.test(file) || testNames.test(name)) return { kind: 'beside', what: 'a test' };
  if (toolFolders.test(file) || toolNames.test(name)) return { kind: 'beside', what: 'a file of tools' };
  return null;
}

/** Fields of a package.json that change nothing of a process that runs. */
const harmless = new Set(
  [
    'version',
    'description',
    'keywords',
    'author',
    'contributors',
    'maintainers',
    'license',
    'files',
    'repository',
    'bugs',
    'homepage',
    'funding',
    'publishConfig',
    'private',
    'types',
  ].concat([
    'scripts',
    'devDependencies',
    'lint-staged',
    'husky',
    'simple-git-hooks',
    'jest',
    'mocha',
    'ava',
    'nyc',
    'c8',
    'tsd',
    'eslintConfig',
    'eslintIgnore',
    'prettier',
    'size-limit',
    'knip',
  ]),
);

/** @returns the fields of two texts of a package.json that differ and matter to a process; null where one of them is not JSON. */
export function manifestChanges(before: string, after: string): { matter: string[]; rest: string[] } | null {
  const old = objectOf(before);
  const renewed = objectOf(after);
  if (old === null || renewed === null) return null;
  const changed = [...new Set([...Object.keys(old), ...Object.keys(renewed)])].filter(
    (key) => JSON.stringify(old[key]) !== JSON.stringify(renewed[key]),
  );
  return { matter: changed.filter((key) => !harmless.has(key)), rest: changed.filter((key) => harmless.has(key)) };
}

/** @returns installed packages that differ between two texts of a package-lock.json and are not for development alone; null where that can't be told. */
export function lockChanges(file: string, before: string, after: string): string[] | null {
  if (!file.endsWith('.json')) return null;
  const old = installed(before);
  const renewed = installed(after);
  if (old === null || renewed === null) return null;
  return [...new Set([...old.keys(), ...renewed.keys()])]
    .filter((key) => old.get(key) !== renewed.get(key))
    .map((key) => key.replace(/^.*node_modules\//, ''));
}

function installed(text: string): Map<string, string> | null {
  const packages = objectOf(text)?.['packages'];
  if (typeof packages !== 'object' || packages === null) return null;
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(packages as Record<string, Record<string, unknown> | null>)) {
    if (!key.includes('node_modules/') || value?.['dev'] === true) continue;
    found.set(key, JSON.stringify([value?.['version'], value?.['resolved'], value?.['integrity'], value?.['link']]));
  }
  return found;
}

function objectOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
