/** Generated programs (parameters of every shape, closures, classes, labels, directives, generators) say the same instrumented as plain. */
import * as vm from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packed, withEdits } from '../../packages/agent/dist/loader/edits.js';
import { instrumentModule } from '../../packages/agent/dist/loader/transform.js';
import { generatedProgram, seenOf } from './generated-program.ts';

async function run(text: string): Promise<unknown> {
  const module = { exports: {} as unknown };
  vm.runInThisContext(`(function (module) {${text}\n})`)(module);
  const exported = module.exports as unknown[] & { after: () => unknown };
  return [await seenOf([...exported]), await seenOf(exported.after())];
}

test('generated programs', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(1000), { maxLength: 150 }), async (tape) => {
      const source = generatedProgram(tape);
      const instrumented = withEdits(source, packed(instrumentModule(source, 'commonjs', 'program.js', '$kht').edits));
      expect(instrumented.split('\n').length).toBe(source.split('\n').length);
      expect(await run(instrumented)).toEqual(await run(source));
    }),
    { numRuns: 500 },
  );
});
