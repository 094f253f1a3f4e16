/** What rebind can not do. */
import type { Asserted, Conformance, Limits } from './strategy.ts';

const constant: Asserted = {
  refused: /is a constant, which nothing can assign to/,
  why: 'nothing can assign to a constant that functions or importers call by its name',
};
const privateMethod: Asserted = { refused: /private methods are part of their class/, why: 'private methods are part of their class' };
const constructor: Asserted = { refused: /a class is its constructor/, why: 'instances, subclasses and importers hold the class itself' };
const nameless: Asserted = { refused: /has no name from which it could be found/, why: 'the object or class it stands in has no name' };
const defaultExport: Asserted = { refused: /a default export without a name/, why: 'nothing can assign to a default export without a name' };
const unkept: Asserted = {
  refused: /is captured by no function of the running code/,
  why: 'V8 does not keep what no function of the running code captured',
};
const untold: Asserted = {
  refused: /its closures hold different variables/,
  why: 'the closure whose call was captured can not be told from others of the same text',
};
const uncalled: Asserted = { refused: /no call showed its scope within/, why: 'nothing of the row calls it, and only a call shows its scope' };
const one = {
  skip: 'only the closure whose call was captured takes the new code, and the answer says so: which one that is depends on who calls first',
};

const kept = (...sees: unknown[]): Asserted => ({
  sees,
  why: 'who kept the old function goes on with it; the answer counts and names them, or says that nobody looked',
});

const each = (limit: Asserted, ...names: (keyof Limits)[]): Limits => Object.fromEntries(names.map((name) => [name, limit]));

export const rebind: Conformance = {
  strategy: 'rebind',
  doc: 'The process was not instrumented: any Node, live edit or not.',
  absent: null,
  rounds: 1,
  everywhere: false,
  shared: true,
  limits: {
    'a default of a generator is evaluated when it is called': {
      refused: /no call showed its scope within/,
      why: 'the row calls it and never asks it for a value: its body, at whose entry the scope shows, does not begin',
    },
    ...each(
      constant,
      'function expression, anonymous',
      'function expression, named',
      'function expression, which calls itself by its name',
      'arrow with a block',
      'arrow with an expression',
      'arrow with an expression, patched with a block',
      'arrow with a block, patched with an expression',
      'arrow that gives an object literal',
      'async arrow',
      'destructuring in an arrow',
      'a parameter is added to an arrow',
      'a parameter is added to an arrow that is only called',
      'a parameter is added to a callback, an arrow that is handed over by its name',
      'import.meta',
      'top-level await',
      'JSON imports beside',
      'hashbang, ES module',
      'byte order mark, ES module',
      'patched, patched again, reverted',
      'reverted in the order of patching',
      'reverted against the order of patching',
      'length and name',
      'arguments of the enclosing function, in an arrow',
      'event listener, removed afterwards',
      'once listener',
      'listener of an EventTarget',
      'value of a Map',
      'element of an array, property of an object',
      'target of a Proxy',
      'promise callback that waits',
      'two functions of one file at once',
    ),
    ...each(privateMethod, 'private method', 'private getter and setter'),
    ...each(
      constructor,
      'constructor of a base class',
      'parameters are added to constructors',
      'constructor of a derived class',
      'constructor of a class that is derived again',
      'new.target in a constructor',
    ),
    ...each(
      nameless,
      'default export, method of a class',
      'a captured variable across yield and await',
      'a variable that only a neighbour captured',
      'private names of a class in a function',
      'super.x() of a class in a function',
    ),
    ...each(defaultExport, 'default export, function', 'default export, arrow'),
    ...each(
      unkept,
      'computed name',
      'computed name in a class',
      'module let, first used by the patch',
      'module const, first used by the patch',
      'module var, first used by the patch',
      'module function, first used by the patch',
      'module class, first used by the patch',
      'import binding, first used by the patch',
      'namespace import, first used by the patch',
      'default import, first used by the patch',
      'module variables of one letter',
      'a patch that makes a class',
    ),
    ...each(
      untold,
      'immediately called function',
      'immediately called arrow',
      'immediately returned closure',
      'function in a default parameter',
      'captured variables of one letter',
      'closures over loop variables',
      'assignment to a captured constant throws',
      'a name of the patch hides one that is captured',
      'default with captured variable',
      'a captured function is called without this',
      'captured parameters, functions and classes',
    ),
    ...each(uncalled, 'fn.toString() runs in another context', 'fn.toString() runs in a worker', 'fn.toString() runs in another process'),
    'this in an arrow': { refused: /uses this of what is around it/, why: 'nothing can capture it' },
    'import.meta, first used by the patch': { refused: /uses import\.meta/, why: 'code compiled later can not have it' },
    'a CommonJS file loaded again': { refused: /loaded more than once under one name/, why: 'which copy a call belongs to can not be told' },
    'class field arrow, instances alive and new': { skip: 'living instances take it, later ones have the old code, and the answer says so' },
    'a dual package': kept(['old', 'old'], ['new', 'old'], ['new', 'old'], ['old', 'old'], ['old', 'old'], ['new', 'old']),
    'timer that runs': kept('old', 'old', 'old'),
    'instance made before': kept('oldold', 'newold', 'oldold', 'newold'),
    'express handler': { refused: /the new code would never be called/, why: 'a router holds it, and nothing else does' },
    'fastify handler': { refused: /the new code would never be called/, why: 'a router holds it, and nothing else does' },
    'bound function': { refused: /the new code would never be called/, why: 'a bound function holds it, and nothing else does' },
    'identity and own properties of a function': {
      sees: [
        ['old', true, 'extra'],
        ['newextra', false, 'extra'],
        ['old', true, 'extra'],
        ['newextra', false, 'extra'],
      ],
      why: 'the new function is another one, and the constant keeps the old',
    },
    'a nested function, then its parent': one,
    'a parameter is added to a nested function, that the patch of its parent made short': {
      refused: /no call showed its scope/,
      why: 'the patch of its parent runs, and the text that was loaded is never called',
    },
    'a parent, then its nested function': one,
    'a nested function and its parent at once': one,
    'living closures keep their own variables': one,
    'captured variables are written by old and new code': one,
    'a patch that captures less than the old code': one,
    'a bundle of 2 MB in one line': { skip: 'thousands of functions mention what is assigned: the pause that is predicted depends on the machine' },
    'a thousand patches and reverts without growth of memory': { skip: 'each patch waits for a call' },
  },
};
