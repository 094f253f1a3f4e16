/**
 * Coverage for fuzzing: a counter at every place where the program may go one way or another. V8 has coverage of its own, but asking it after each input takes a thousand times as long as most inputs do; and
 * Jazzer.js, which would do this, needs a newer C library than Debian 12 has.
 */
import * as acorn from 'acorn';
import MagicString from 'magic-string';

/** @returns the program with counters in `__hits`, how many there are, and the texts in it: words that its parsers know. */
export function instrument(program) {
  const text = new MagicString(program);
  const words = new Set();
  let count = 0;
  const hit = () => `__hits[${count++}]++`;
  // Inner ones come first: what is put before goes before theirs, what is put behind goes behind.
  const statement = (node) => {
    if (node == null || node.type === 'BlockStatement') return;
    text.prependRight(node.start, `{${hit()};`).appendLeft(node.end, '}');
  };
  const expression = (node) => text.prependRight(node.start, `(${hit()},`).appendLeft(node.end, ')');
  const visitors = {
    BlockStatement: (node) => {
      // Directives stay first.
      const first = node.body.find((each) => each.directive === undefined);
      if (first !== undefined) text.prependRight(first.start, `${hit()};`);
    },
    IfStatement(node) {
      statement(node.consequent);
      statement(node.alternate);
    },
    SwitchCase: (node) => {
      if (node.consequent.length > 0) text.prependRight(node.consequent[0].start, `${hit()};`);
    },
    ConditionalExpression(node) {
      expression(node.consequent);
      expression(node.alternate);
    },
    LogicalExpression: (node) => expression(node.right),
    Literal: (node) => {
      if (typeof node.value === 'string' && node.value.length > 0 && node.value.length < 40) words.add(node.value);
    },
  };
  walk(acorn.parse(program, { ecmaVersion: 'latest', sourceType: 'script' }), visitors);
  return { code: text.toString(), count, words: [...words] };
}

/** Children first. */
function walk(node, visitors) {
  for (const part of Object.values(node).flat()) if (typeof part?.type === 'string') walk(part, visitors);
  visitors[node.type]?.(node);
}
