import { conformance } from './runner.ts';

const major = Number(process.versions.node.split('.')[0]);
const topLevel = "V8 takes it for a change of the module's top level: refused";
const skips = {
  'arrow with an expression': topLevel,
  'static method': topLevel,
  'arrow in a class field': 'what makes it stays as it was on Node 22, though living ones change: refused',
  'defaults, destructuring, rest': 'V8 gives the function the length of its new text',
  'new code writes what old code reads': 'V8 leaves living closures alone whose new text captures less: seen, undone and refused',
  'CommonJS, require': 'V8 does not find what the running code did not capture: refused by name',
};

conformance('live-edit', major > 25 ? `Node ${process.version} has no live edit: V8 took it out` : skips);
