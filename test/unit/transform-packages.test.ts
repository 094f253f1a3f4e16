/** What well-known packages do that the transform once did not survive, as small programs. */
import * as vm from 'node:vm';
import { describe, expect, test } from 'vitest';
import { packed, withEdits } from '../../packages/agent/dist/loader/edits.js';
import { instrumentModule } from '../../packages/agent/dist/loader/transform.js';

/** Runs a CommonJS text in a realm where modules can register themselves; answers what it exported, and how often it did. */
function run(text: string): { exports: unknown; registered: number } {
  let registered = 0;
  const module = { exports: {} as unknown };
  const realm = vm.createContext({ $keyhole: () => (registered += 1), module });
  vm.runInContext(`(function (module, exports) {${text}\n})(module, module.exports)`, realm);
  return { exports: module.exports, registered };
}

const programs: Record<string, { source: string; registers: number }> = {
  'core-js: a variable named globalThis': { source: 'var globalThis = { a: 1 }; module.exports = globalThis.a', registers: 1 },
  'lodash: a variable named Symbol': { source: 'var Symbol = undefined; module.exports = typeof Symbol', registers: 1 },
  'readable-stream: a name that is not there yet': { source: 'const { Symbol } = { Symbol: 2 }; module.exports = Symbol', registers: 1 },
  'a class with private names beside them': {
    source: 'const Symbol = 1, globalThis = 2; class A { #x = Symbol + globalThis; get x() { return this.#x } } module.exports = new A().x',
    registers: 2,
  },
};

describe('an instrumented program of a package says what the plain one says', () => {
  for (const [name, { source, registers }] of Object.entries(programs)) {
    test(name, () => {
      const text = withEdits(source, packed(instrumentModule(source, 'commonjs', 'program.js', '$kht').edits));
      expect(run(text)).toEqual({ exports: run(source).exports, registered: registers });
    });
  }
});

test('a module that declares our own name is not instrumented', () => {
  expect(() => instrumentModule('var $keyhole = 1', 'commonjs', 'program.js', '$kht')).toThrow('$keyhole');
  expect(() => instrumentModule('var $keyholes = 1', 'commonjs', 'program.js', '$kht')).not.toThrow();
});
