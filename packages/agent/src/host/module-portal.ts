/**
 * Evaluates text inside a module: its variables are those of the scope object that the module registered. Only what a person types goes this way; a patch is
 * compiled against the same object without `with`.
 */
import { Script } from 'node:vm';
import { scopeWords } from '../loader/index.ts';
import type { ModuleScope } from '../loader/index.ts';
import { parseModule, wordsOf } from '../source/index.ts';

const importName = '$kh_import';
const metaName = '$kh_meta';

type Within = (scope: object, code: string, self: unknown) => unknown;

/** A function around the text and not the text itself: names are found in the scope while the text is strict, as its module is. */
function within(strict: boolean): Within {
  const inner = `function(){${strict ? '"use strict";' : ''}return eval($kh_code)}`;
  return new Script(`(function($kh_scope,$kh_code,$kh_self){with($kh_scope){return (${inner}).call($kh_self)}})`, {
    filename: 'keyhole-evaluation',
  }).runInThisContext() as Within;
}

/** The names of a module's variables. */
export function variablesOf(scope: ModuleScope): string[] {
  const words: readonly string[] = Object.values(scopeWords);
  return Object.keys(scope).filter((name) => !words.includes(name));
}

/** The way into one module. */
export function portalInto(file: string, scope: ModuleScope, strict: boolean): (code: string) => unknown {
  const run = within(strict);
  const words: Record<string, unknown> = {
    [importName]: scope[scopeWords.import],
    get [metaName]() {
      return scope[scopeWords.meta];
    },
  };
  const variables = new Proxy(scope, {
    has: (_, name) => typeof name === 'string' && (name in scope || name in words),
    get: (_, name) => (typeof name !== 'string' ? undefined : name in words ? words[name] : scope[name]),
    set(_, name, value) {
      const setter = Object.getOwnPropertyDescriptor(scope, name)?.set;
      if (setter === undefined) {
        throw new TypeError(
          `${String(name)} of ${file} can not be assigned: it is a constant, or nothing in the file assigns it and V8 takes it for one`,
        );
      }
      setter(value);
      return true;
    },
  });
  return (code) => run(variables, withoutImports(code), strict ? undefined : scope.exports);
}

/** `import(...)` and `import.meta` mean the module's own; a text that is evaluated has none. */
function withoutImports(code: string): string {
  let program;
  try {
    program = parseModule(code, 'commonjs', 'evaluation');
  } catch {
    // V8 says best what is wrong with it; import.meta is not there in a script, so it is tried as a module's text too.
    try {
      program = parseModule(code, 'module', 'evaluation');
    } catch {
      return code;
    }
  }
  const words = wordsOf(program);
  const places = [
    ...words.imports.map(({ node }) => ({ start: node.start, end: node.start + 'import'.length, text: importName })),
    ...words.importMeta.map(({ node }) => ({ start: node.start, end: node.end, text: metaName })),
  ].sort((a, b) => b.start - a.start);
  return places.reduce((text, { start, end, text: word }) => text.slice(0, start) + word + text.slice(end), code);
}
