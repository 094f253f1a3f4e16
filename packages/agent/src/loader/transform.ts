/**
 * Gives every function of a module a slot: a test at the top of its body that hands the call to a patch when there is one. The text keeps its lines, and
 * what the author can observe of a function (name, length, `this`, `arguments`, laziness, behaviour of its text in another realm) stays as it was.
 *
 *   function add(a) { return a + n }
 *   function add(a) {if(typeof $kh1x=="object"&&$kh1x[0])return $kh1x[0](this,a); return a + n }
 *
 * The slots are a property of the global object that the loader defines: V8 takes the value of such a property for a constant until it changes, so optimized code
 * has no test in it. A function that sees more than its module hands over an accessor besides.
 */
import { analyseCaptures, child, children, directivesOf, indexFunctions, nameOf, parseModule } from '../source/index.ts';
import type { Captures, FunctionEntry, ModuleFormat, SyntaxNode, Token } from '../source/index.ts';
import { EditList } from './edits.ts';
import type { Edit, EditableText } from './edits.ts';
import { classBlock, moduleStatement, registeredClasses } from './module-scope.ts';
import { slotName } from './names.ts';
import { accessorOf, offersOf } from './offers.ts';
import { keepsPatterns, patternObstacle } from './moved-patterns.ts';
import { passingOf } from './passing.ts';
import type { Passing } from './passing.ts';
import type { OfferKey } from './offers.ts';

export interface Instrumented {
  edits: Edit[];
  /** How many functions it has; the slot of each is named by its place among them, see {@link slotName}. */
  functions: number;
  /** Functions without a slot, by index, with the reason. */
  without: Map<number, string>;
}

/**
 * Instruments a module. `id` names this load of it; no name of the source may start with it.
 * @throws {KeyholeError} SYNTAX where the text does not parse; the caller then loads it untouched.
 */
export function instrumentModule(source: string, format: ModuleFormat, file: string, id: string): Instrumented {
  const tokens: Token[] = [];
  const program = parseModule(source, format, file, tokens);
  const captures = analyseCaptures(program);
  const functions = indexFunctions(program, source);
  const registered = registeredClasses(program, captures, functions);
  const classes = new Set(registered.keys());
  const text = new EditList(source);
  const without = new Map<number, string>();
  const moved: SyntaxNode[] = [];
  const directives = directivesOf(children(program, 'body'));
  const last = directives.at(-1);
  const start = last === undefined ? (/^(\uFEFF?#![^\n]*\n)/.exec(source)?.[0].length ?? (source.startsWith('\uFEFF') ? 1 : 0)) : last.end;
  text.insert(start, (last === undefined ? '' : ';') + moduleStatement(captures, format, id));
  for (const [index, entry] of functions.entries()) {
    const accessor = accessorOf(offersOf(entry, captures, classes));
    const self = passesThis(entry, captures) ? 'this' : null;
    const passing = passingOf(entry, captures.useOf(entry.node));
    const why = addSlot({ text, source, tokens, entry, captures, slot: slotName(id, index), accessor, self, passing, moved });
    if (why !== null) without.set(index, why);
  }
  for (const [node, index] of registered) {
    const body = child(node, 'body');
    if (body !== null) text.insert(body.start + 1, classBlock(node, index, id));
  }
  return { edits: text.sorted(), functions: functions.length, without };
}

/** What the accessor of a loaded function answers, in the order of its cases. `classes`: those that register themselves. */
export function offerOrder(captures: Captures, entry: FunctionEntry, classes: ReadonlyMap<SyntaxNode, number>): OfferKey[] {
  return [...offersOf(entry, captures, new Set(classes.keys())).keys()];
}

export interface SlotPlace {
  text: EditableText;
  /** The text the tree was parsed from. */
  source: string;
  tokens: readonly Token[];
  entry: FunctionEntry;
  captures: Captures;
  slot: string;
  accessor: string | null;
  /** What stands for `this` in the call of the patch, or null where none is handed over. */
  self: string | null;
  passing: Passing;
  /** Destructured parameters that were moved into a body: what stands in them is out of reach. */
  moved: SyntaxNode[];
}

/** Whether a call hands its `this` to the patch, before everything else. */
export function passesThis(entry: FunctionEntry, captures: Captures): boolean {
  if (entry.kind === 'derived constructor') return false;
  return entry.node.type !== 'ArrowFunctionExpression' || captures.useOf(entry.node).this;
}

/** Adds a slot to one function; returns why it can not have one, else null. */
export function addSlot(place: SlotPlace): string | null {
  const { text, entry, captures, slot, accessor } = place;
  const { node } = entry;
  const why = obstacle(place);
  if (why !== null) return why;
  const test = `typeof ${slot.replace(/\[.*/, '')}=="object"&&${slot}`;
  const passed: string[] = [];
  let unpack = '';
  if (place.self !== null) passed.push(place.self);
  if (accessor !== null) passed.push(accessor);

  const use = captures.useOf(node);
  const { by } = place.passing;
  const handsArguments = by === 'arguments' || by === 'given arguments';
  for (const [index, parameter] of children(node, 'params').entries()) {
    const rest = parameter.type === 'RestElement';
    const target = rest ? child(parameter, 'argument') : parameter.type === 'AssignmentPattern' ? child(parameter, 'left') : parameter;
    if (target === null) continue;
    const value = parameter.type === 'AssignmentPattern' ? child(parameter, 'right') : null;
    if (value !== null && !isAnonymousFunction(value)) {
      // The patch has defaults of its own: while it is there, the old one is not evaluated.
      text.insert(afterToken(place, '=', target.end, value.start), `${test}?void 0:`);
    }
    let name = nameOf(target);
    if (target.type !== 'Identifier' && !keepsPatterns(by, use)) {
      name = `${slot.replace(/\[(\d+)\]/, '_$1')}p${index}`;
      // Not var: a default in the pattern that reads a name of the pattern has to throw as before.
      unpack += `let ${place.source.slice(target.start, target.end)}=${name};`;
      place.moved.push(target);
      // Its line breaks move with it, so that the body's lines stay where they are.
      text.replace(target.start, target.end, name);
    }
    if (!handsArguments) passed.push(`${rest ? '...' : ''}${name ?? ''}`);
  }
  if (handsArguments) passed.push('...arguments');
  if (by === 'given rest') passed.push(`...${giveRest(place)}`);

  const call = `${slot}(${passed.join(',')})`;
  const body = child(node, 'body');
  if (body === null) return 'it has no body';
  if (body.type !== 'BlockStatement') {
    const arrow = lastToken(place, '=>', body.start);
    if (unpack === '') {
      text.insert(arrow, `${test}?${call}:`);
    } else {
      text.insert(arrow, `{if(${test})return ${call};${unpack}return (`);
      text.close(node.end, ')}');
    }
    return null;
  }
  const directives = directivesOf(children(body, 'body'));
  const start = directives.at(-1)?.end ?? body.start + 1;
  const delegate = entry.generator ? 'yield* ' : '';
  text.insert(start, `${directives.length > 0 ? ';' : ''}if(${test})return ${delegate}${call};${unpack}`);
  return null;
}

/** Adds a rest parameter, under a name that nothing else has. */
function giveRest(place: SlotPlace): string {
  const { text, entry, slot, tokens } = place;
  const { node } = entry;
  const rest = slot.replace(/\[.*/, '_');
  const last = children(node, 'params').at(-1);
  if (last === undefined) {
    text.insert(afterToken(place, '(', node.start, node.end), `...${rest}`);
    return rest;
  }
  const next = tokens[firstTokenAt(tokens, last.end)];
  if (next?.label === '=>') {
    text.insert(last.start, '(');
    text.close(last.end, `,...${rest})`);
  } else {
    // Behind what ends a function in the last default, and without a comma of its own where the author left one.
    text.insert(next?.label === ',' ? next.end : last.end, `${next?.label === ',' ? '' : ','}...${rest}`);
  }
  return rest;
}

function obstacle({ entry, captures, moved }: SlotPlace): string | null {
  const { node } = entry;
  const use = captures.useOf(node);
  if (moved.some((each) => each.start <= node.start && node.end <= each.end)) return 'it stands inside a destructured parameter';
  if (use.inWith) return 'it stands inside `with`';
  if (captures.scopeOf(node).bindings.has('arguments')) return 'it has a variable named arguments';
  const parameters = children(node, 'params');
  const names = new Set<string>();
  for (const parameter of parameters) {
    const name = nameOf(parameter);
    if (name !== null && names.has(name)) return `two of its parameters are named ${name}`;
    if (name !== null) names.add(name);
  }
  if (parameters.some((parameter) => parameter.type !== 'Identifier')) {
    const why = patternObstacle(entry, captures);
    if (why !== null) return why;
  }
  return null;
}

/** An anonymous function takes the parameter's name; inside a conditional it would lose it. */
export function isAnonymousFunction(node: SyntaxNode): boolean {
  return (
    node.type === 'ArrowFunctionExpression' || ((node.type === 'FunctionExpression' || node.type === 'ClassExpression') && child(node, 'id') === null)
  );
}

/** The end of the first such token at or after an offset. */
function afterToken({ tokens }: SlotPlace, label: string, from: number, before: number): number {
  for (let index = firstTokenAt(tokens, from); index < tokens.length; index += 1) {
    const token = tokens[index];
    if (token === undefined || token.start >= before) break;
    if (token.label === label) return token.end;
  }
  throw new Error(`there is no ${label} between ${from} and ${before}`);
}

/** The end of the last such token before an offset. */
function lastToken({ tokens }: SlotPlace, label: string, before: number): number {
  for (let index = firstTokenAt(tokens, before) - 1; index >= 0; index -= 1) {
    const token = tokens[index];
    if (token?.label === label) return token.end;
  }
  throw new Error(`there is no ${label} before ${before}`);
}

function firstTokenAt(tokens: readonly Token[], offset: number): number {
  let low = 0;
  let high = tokens.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tokens[middle]?.start ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
