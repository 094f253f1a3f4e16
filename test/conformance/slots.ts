/** What slots can not do. */
import type { Asserted, Conformance } from './strategy.ts';

const constant: Asserted = { refused: /is a constant/, why: 'would throw at every call: refused when it is pushed' };
const passed =
  'what a call hands over was fixed when the file was loaded: short functions would be slower if they handed over more, and arrows and sloppy functions would have to say it in their text, where somebody may read the names of their parameters';

const before24: Asserted = {
  on: [20, 22],
  refused: /(?:takes more parameters|uses arguments).*before Node 24/,
  why: 'to hand over more makes calls slower there',
};

export const slots: Conformance = {
  strategy: 'slots',
  doc: 'The process was started with `--import @keyhole/agent/register`.',
  absent: null,
  rounds: 2,
  everywhere: true,
  shared: true,
  limits: {
    'default that reads a destructured parameter': {
      refused: /a default that runs code follows a destructured parameter/,
      why: 'a destructured parameter moves into the body, and the default could not read it before',
    },
    'arguments first used by the patch, in a short function': {
      refused: /uses arguments, which the running code does not pass on/,
      why: passed,
    },
    'a parameter is added to a short function': { refused: /takes more parameters.*shorter than 120 characters/, why: passed },
    'a parameter is added to a function that is not strict, and is more than called': {
      refused: /takes more parameters.*may read there/,
      why: passed,
    },
    'arguments first used by the patch': before24,
    'a parameter is added': before24,
    'a parameter is added to a method of a class that extends one of a package': before24,
    'a parameter is added to a function': before24,
    'a parameter is added to a method': before24,
    'parameters are added to constructors': before24,
    'a parameter is added to a nested function, that the patch of its parent made short': before24,
    'a parameter is added to an arrow that is only called': before24,
    'a parameter is added to a function that is not strict': before24,
    'a parameter is added to a pattern, in sloppy code that is only called': before24,
    'a parameter is added to an arrow': { refused: /takes more parameters.*shorter than 120 characters/, why: passed },
    'assignment to a module constant throws': constant,
    'assignment to a captured constant throws': constant,
    'a variable that only a neighbour captured': { refused: /y belongs to an enclosing function/, why: 'the function itself does not hold it' },
    'new.target, first used by the patch': { refused: /uses new\.target/, why: 'the running code does not hand it over' },
    'CommonJS, sloppy: an undeclared name is made a global': {
      refused: /uses with/,
      why: 'what a name means inside `with` is known only when it runs',
    },
    'a thousand patches and reverts without growth of memory': {
      on: [26],
      skip: 'Node 26 itself keeps 2 KB of every text that is compiled, see docs/notes/node.md',
    },
    'a default of a generator is evaluated when it is called': {
      refused: /evaluated at its first next\(\)/,
      why: 'the running generator hands over when its body begins, which is at the first next()',
    },
    'a function that the patch makes strict': {
      refused: /is strict and uses this/,
      why: 'in sloppy code `this` has been made an object before the patch sees it',
    },
  },
};
