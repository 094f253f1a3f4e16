/** What slots can not do. */
import type { Asserted, Conformance } from './strategy.ts';

const parameters: Asserted = {
  refused: /takes more parameters than the \d+ that the running code passes on/,
  why: 'the running code passes on the parameters it has',
};
const newTarget: Asserted = { refused: /uses new\.target/, why: 'new.target is not passed on' };
const importMeta: Asserted = { refused: /uses import\.meta/, why: 'code compiled later has no import.meta' };
const derived: Asserted = { refused: /it is the constructor of a derived class/, why: 'super() can only be called inside the constructor itself' };
const noClass: Asserted = {
  refused: /its class stands inside a function or had none/,
  why: 'private names and super are reached only through classes at module level',
};

export const slots: Conformance = {
  strategy: 'slots',
  doc: 'The process was started with `--import @keyhole/agent/register`.',
  absent: null,
  rounds: 2,
  shared: true,
  limits: {
    'constructor of a derived class': derived,
    'constructor of a class that is derived again': derived,
    'default that reads a destructured parameter': {
      refused: /a parameter's default reads a out of a destructured parameter/,
      why: 'a destructured parameter moves into the body, and the default stays',
    },
    'arguments first used by the patch': {
      refused: /uses arguments, which the running code does not pass on/,
      why: 'the running code passes on its parameters only',
    },
    'arguments of the enclosing function, in an arrow': {
      refused: /uses the arguments of an enclosing function/,
      why: 'an arrow does not pass them on',
    },
    'a parameter is added': parameters,
    'a parameter is added to an arrow': parameters,
    'a parameter with a default is added': parameters,
    'rest is added': parameters,
    'captured variables of one letter': { refused: /it captures a variable named \$k, \$w or \$v/, why: 'names of the slot itself' },
    'a variable that only a neighbour captured': {
      refused: /y belongs to an enclosing function and is not captured by the running code/,
      why: 'a closure hands over the variables that it captured itself',
    },
    'super.x() in an object literal': noClass,
    'private names of a class in a function': noClass,
    'super.x() of a class in a function': noClass,
    'a patch that makes a class': noClass,
    'new.target': newTarget,
    'new.target, first used by the patch': newTarget,
    'new.target in a constructor': newTarget,
    'import.meta': importMeta,
    'import.meta, first used by the patch': importMeta,
    'a function that the patch makes strict': {
      sees: ['object', 'object', 'object', 'object'],
      why: 'the running code is sloppy and has turned `this` into an object before it hands the call over',
    },
    'a bundle of 2 MB in one line': { skip: 'the transform takes a minute: it looks through the whole text once for each function' },
    'a thousand patches and reverts without growth of memory': {
      sees: ['grown'],
      why: 'what the nested functions of each applied text offer is remembered once for each time it was applied',
    },
  },
};
