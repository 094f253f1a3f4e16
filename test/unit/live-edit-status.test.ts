/** Every answer V8 has for a live edit, in words that say what to do. */
import { expect, test } from 'vitest';
import { whyNotEdited, whyRefused } from '../../packages/agent/src/host/patch/live-edit-status.ts';

const exceptionDetails = { text: 'Uncaught', exception: { description: "SyntaxError: Unexpected token '}'\n    at x" } };

test.each([
  [{ status: 'Ok' }, null],
  [{}, null],
  [{ status: 'CompileError', exceptionDetails }, "V8 can not compile the new text: SyntaxError: Unexpected token '}'"],
  [{ exceptionDetails: { text: 'Uncaught SyntaxError' } }, 'V8 can not compile the new text: Uncaught SyntaxError'],
  [{ status: 'BlockedByActiveGenerator' }, /generator or async function of the file is suspended.*try again/],
  [{ status: 'BlockedByActiveFunction' }, /running right now: try again/],
  [{ status: 'BlockedByTopLevelEsModuleChange' }, /top level of an ES module/],
  [{ status: 'Ok', exceptionDetails }, /Ok, and an exception/],
  [{ status: 'BlockedBySomethingNew' }, /BlockedBySomethingNew, which nobody knows/],
])('%j', (answer, words) => {
  if (words === null) expect(whyNotEdited(answer)).toBeNull();
  else expect(whyNotEdited(answer)).toMatch(words);
});

test.each([
  ['LiveEdit functionality is no longer available', /V8 took that out/],
  ["'Debugger.setScriptSource' wasn't found", /V8 took that out/],
  ['Script source is in use', 'V8 refused: Script source is in use'],
])('%s', (message, words) => expect(whyRefused(new Error(message))).toMatch(words));
