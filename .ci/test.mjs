/** `npm test`: does all its own set-up, then checks everything, cheapest first. Plain Node, since nothing need be installed yet. */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const modified = (file) => {
  try {
    return statSync(`${root}/${file}`).mtimeMs;
  } catch {
    return -Infinity;
  }
};

const run = (title, command, ...args) => {
  console.log(`\n> ${title}`);
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status === 0) return;
  console.error(`\n${title} failed${error === undefined ? '' : `: ${error.message}`}`);
  process.exit(1);
};
const tool = (title, file, ...args) => run(title, process.execPath, `${root}/node_modules/${file}`, ...args);

if (modified('node_modules/.package-lock.json') < modified('package-lock.json')) run('install', 'npm', 'ci');
run('build', 'npm', 'run', '--silent', 'build');
tool('types of the tests', 'typescript/bin/tsc', '-p', 'test');
tool('lint', 'oxlint/bin/oxlint', '--type-aware');
tool('format', 'prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.');
tool('dead exports and dependencies', 'knip/bin/knip.js');
tool('package @keyhole/agent', 'publint/src/cli.js', 'packages/agent', '--strict');
tool('package @keyhole/console', 'publint/src/cli.js', 'packages/console', '--strict');
run('docs', process.execPath, 'test/tools/docs.mjs', '--check');
tool('tests', 'vitest/vitest.mjs', 'run', '--config', 'test/vitest.config.ts', ...process.argv.slice(2));
