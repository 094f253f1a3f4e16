/** What live edit can not do. */
import type { Asserted, Conformance } from './strategy.ts';

const topLevel: Asserted = { refused: /top level of an ES module/, why: "V8 takes it for a change of the module's top level" };
const uncaptured: Asserted = {
  refused: /is captured by no function of the running code/,
  why: 'V8 does not find what no function of the running code captured',
};
const suspended: Asserted = { refused: /is suspended, and its code would have to change under it/, why: 'V8 swaps nothing that is suspended' };
const unproven = (why: string): Asserted => ({ refused: /living functions still have the old text/, why });
const elsewhere = unproven('a living function elsewhere has the same text: that the patch took effect can not be proven');
const alike = unproven('V8 leaves living closures alone whose new text captures other variables');
const inside: Asserted = { refused: /live edit would undo the one with the other/, why: 'the two texts are one in the file' };
const at = (file: string, ...pairs: [number, number][]): string[][] => pairs.map((pair) => pair.map((line) => `${file}:${line}`));
const moved: Asserted = {
  sees: at('program.mjs', [5, 1], [7, 3], [8, 3], [5, 1]),
  why: 'the file has the lines of the patch, and V8 knows no other name for it',
};

export const liveEdit: Conformance = {
  strategy: 'live-edit',
  doc: 'The process was not instrumented, and its V8 still swaps code in place (Node 20 to 25).',
  absent: { on: [26], refused: /V8 took that out/, why: 'V8 took it out' },
  rounds: 0,
  everywhere: false,
  shared: false,
  limits: {
    'arrow with an expression, patched with a block': topLevel,
    'arrow with a block, patched with an expression': topLevel,
    'async arrow': topLevel,
    'parameters are added to constructors': topLevel,
    'ordinary function made async': topLevel,
    'namespace import, first used by the patch': topLevel,
    'assignment to a module constant throws': topLevel,
    'assignment to a captured constant throws': topLevel,
    'block and catch scopes': topLevel,
    'a name of the patch hides one of the module': topLevel,
    'import.meta': topLevel,
    'class field arrow, instances alive and new': { refused: /a class field makes it/, why: 'V8 leaves what makes it as it was' },
    'computed name': uncaptured,
    'computed name in a class': uncaptured,
    'module let, first used by the patch': uncaptured,
    'module const, first used by the patch': uncaptured,
    'module var, first used by the patch': uncaptured,
    'module function, first used by the patch': uncaptured,
    'module class, first used by the patch': uncaptured,
    'exported class, called with new': uncaptured,
    'module variables of one letter': uncaptured,
    require: uncaptured,
    'require, first used by the patch': uncaptured,
    'a patch that makes a class': uncaptured,
    'captured variables of one letter': alike,
    'a patch that captures less than the old code': alike,
    'a variable that only a neighbour captured': alike,
    'a bundle of 2 MB in one line': { skip: 'V8 stands still over a changed line of 2 MB for longer than a test may take' },
    'a CommonJS file loaded again': { ...elsewhere, on: [20] },
    'recursion: what runs finishes on the old code, its new calls take the new': suspended,
    'an awaiting async function finishes on the old code': suspended,
    'a suspended generator finishes on the old code': suspended,
    'a generator suspended in a patch finishes on the patch': suspended,
    'a nested function, then its parent': inside,
    'a parameter is added to a nested function, that the patch of its parent made short': inside,
    'a parent, then its nested function': {
      ...inside,
      sees: [
        ['oldinner1', 'oldinner2'],
        ['newinner1', 'newinner2', 'newinner3'],
      ],
    },
    'a nested function and its parent at once': inside,
    'a thousand patches and reverts without growth of memory': { skip: 'V8 takes tenths of a second for each, so a thousand take minutes' },
    "stack traces name the author's lines, and the patch": moved,
    "stack traces name the author's lines, and the patch, under --enable-source-maps": moved,
    "stack traces name the author's lines of compiled code under --enable-source-maps": {
      sees: at('author.ts', [15, 11], [16, 13], [16, 13], [15, 11]),
      why: 'the source map is still that of the loaded text',
    },
    'stack traces of compiled code without --enable-source-maps': { ...moved, sees: at('program.mjs', [5, 1], [6, 2], [5, 1]) },
    'coverage (NODE_V8_COVERAGE)': {
      on: [24],
      refused: /which would end with a live edit/,
      why: 'optimized code has to be thrown away first, and that would end the counting',
    },
    'a second debugger is not disturbed': {
      sees: [
        ['oldg', ['g < f']],
        ['newg', []],
        ['oldg', []],
      ],
      why: 'breakpoints of the other debugger in that file are lost',
    },
  },
};
