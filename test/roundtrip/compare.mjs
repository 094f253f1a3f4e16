/**
 * Holds a process that was patched against one that was started from the new build. The text of each module that a changed file became, with the patches in their places, has to be the
 * same as that of the new build; where a bundler named something else, then each function of the file. Same: to the parser, after one printer (esbuild's) has made its simplifications
 * in both, since a compiler's own (`void 0` for `undefined`, `{ headers }` for `{ headers: headers }`) stand in one of them only.
 */
import { transformSync } from 'esbuild';
import { analyseCaptures, indexFunctions, normalForm, parseModule } from '../../packages/agent/dist/source/index.js';
import { unify } from '../../packages/console/dist/typescript/unify.js';

/**
 * @param {string} file as its author names it.
 * @returns {Promise<{ how: 'module' | 'functions', differs: { address: string, patched: string, built: string }[] }>}
 */
export async function compareFile(patched, built, file) {
  const [mine, theirs] = await Promise.all([patched, built].map((connection) => connection.call('module.get', { file })));
  const { patches } = await patched.call('patch.list', {});
  if (formOf(mine, patches) === formOf(theirs, [])) return { how: 'module', differs: [] };
  const [here, there] = await Promise.all([patched, built].map((connection) => functionsOf(connection, file)));
  const differs = [];
  for (const [address, code] of there) {
    const own = here.get(address);
    if (own === undefined || !sameFunction(own, code, theirs)) differs.push({ address, patched: own ?? '', built: code });
  }
  for (const address of here.keys()) if (!there.has(address)) differs.push({ address, patched: here.get(address), built: '' });
  return { how: 'functions', differs };
}

/** A module with its patches in the places of what they replaced. */
function formOf({ running, format, file }, patches) {
  const renewed = new Map(patches.map(({ baseCode, code }) => [baseCode, code]));
  let text = '';
  let at = 0;
  for (const { start, end } of indexFunctions(parseModule(running, format, file), running)) {
    const code = renewed.get(running.slice(start, end));
    // One that stands in another is part of the other's new text already.
    if (code === undefined || start < at) continue;
    text += running.slice(at, start) + code;
    at = end;
  }
  return normalForm(parseModule(simplified(text + running.slice(at)), format, file));
}

function simplified(code) {
  return transformSync(code, { loader: 'js', target: 'esnext', minifySyntax: true, charset: 'utf8', legalComments: 'none' }).code;
}

async function functionsOf(connection, file) {
  const { functions } = await connection.call('fn.list', { prefix: `${file}:` });
  const found = new Map();
  let nameless = 0;
  for (const { address } of functions) {
    // Lines move; the first function without a name stays the first.
    const name = /:\d+$/.test(address) ? `${file}: nameless ${(nameless += 1)}` : address;
    found.set(name, (await connection.call('fn.get', { address })).code);
  }
  return found;
}

function sameFunction(a, b, { format, file }) {
  return a === b || form(a, format, file) === form(b, format, file) || differInLocalsAlone(a, b, format, file);
}

/** A bundler gives a local another name where the module has one of that name: all names from outside are the same, letter by letter. */
function differInLocalsAlone(a, b, format, file) {
  for (const [before, after] of places) {
    try {
      const [left, right] = [a, b].map((code) => {
        const text = simplified(`${before}${code}${after}`);
        const program = parseModule(text, format, file);
        return { text, program, captures: analyseCaptures(program), functions: indexFunctions(program, text) };
      });
      return unify(left, left.functions[0], right, right.functions[0], true).agrees;
    } catch {
      // It stood elsewhere.
    }
  }
  return false;
}

const places = [
  ['use((', '))'],
  ['use(class extends Object {', '})'],
  ['use({', '})'],
];

/** The text of a function says not where it stood: as a function, in a class, or in an object. What super means does not matter here. */
function form(code, format, file) {
  for (const [before, after] of places) {
    try {
      return normalForm(parseModule(simplified(`${before}${code}${after}`), format, file));
    } catch {
      // It stood elsewhere.
    }
  }
  // Private names and the like, which are none outside of their class.
  return code;
}
