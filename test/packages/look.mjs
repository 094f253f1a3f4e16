/**
 * One package in one process: `node look.mjs NAME require|import plain|DIST ROOT OUT`. Loads it, plain or instrumented by the agent built in DIST, and writes to OUT its shape, what
 * a small call of it answers, and what became of its files. Not to stdout: that belongs to the package.
 */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { isModuleNamespaceObject } from 'node:util/types';
import { catalogue } from './catalogue.mjs';
import { shapeOf } from './shape.mjs';

const [name, how, dist, root, out] = process.argv.slice(2);
const urlOf = (...parts) => pathToFileURL(path.join(...parts)).href;

let table = null;
if (dist !== 'plain') {
  const { installInstrumentation } = await import(urlOf(dist, 'loader/hooks.js'));
  table = installInstrumentation({ root, include: ['node_modules/**'], exclude: [] });
}

const says = { failed: null, shape: [], answer: null };
try {
  const module = how === 'require' ? createRequire(path.join(root, 'x.js'))(name) : await (await import(urlOf(root, 'entry.mjs'))).load(name);
  says.shape = shapeOf(module);
  try {
    says.answer = JSON.parse(JSON.stringify((await catalogue[name].call(mainOf(module), module)) ?? null));
  } catch (thrown) {
    says.answer = `threw ${String(thrown)}`;
  }
} catch (thrown) {
  says.failed = String(thrown).split('\n')[0];
}
if (table !== null) {
  const modules = table.list();
  const untouched = table.untouched.map(({ file, why }) => ({ file: file.split('/node_modules/').at(-1), why }));
  const without = modules.flatMap((module) => [...module.without.values()]);
  says.files = { transformed: modules.length, untouched, without };
}
writeFileSync(out, JSON.stringify(says));
// A package may have left timers or sockets behind.
process.exit(0);

/** What a user of the package would work with: its default export, where there is one. */
function mainOf(module) {
  const first = isModuleNamespaceObject(module) ? (module.default ?? module) : module;
  return first.__esModule === true && first.default !== undefined ? first.default : first;
}
