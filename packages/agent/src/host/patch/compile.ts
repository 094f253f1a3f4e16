/**
 * From the text of a patch to code for a slot. The code stands outside the module: it gets the module's variables as an object, and what its original captured
 * through the accessor that each living closure hands over, so one patch serves them all, each with its own variables.
 */
import { stringify } from '../../platform/originals.ts';
import { argumentCount, commonJsNames, exactnessOf, offerOrder, passesThis, scopeWords } from '../../loader/index.ts';
import type { InstrumentedModule, OfferKey } from '../../loader/index.ts';
import {
  analysingCaptures,
  assignedIn,
  child,
  children,
  functionOf,
  indexingFunctions,
  isConstant,
  isWritable,
  moduleNameOf,
  parseFunction,
  privateNamesOf,
  wordsOf,
} from '../../source/index.ts';
import type { Captures, FunctionEntry, FunctionUse, Pieces, SyntaxNode, Words } from '../../source/index.ts';
import type { FunctionTarget } from './modules.ts';
import { slotNested } from './nested-slots.ts';
import type { Draft } from './nested-slots.ts';
import { Unspeakable, givenNames } from './meaning.ts';
import type { Given, Meaning } from './meaning.ts';
import { PatchText } from './rewrite.ts';
import { shapeMismatch } from './shape.ts';

export interface CompiledPatch {
  /** An expression: a function of the module's variables, the class, its private names and Reflect, which gives the function for the slot. */
  code: string;
  /** The order of the registered class it needs, or null. */
  classIndex: number | null;
  /** The variables and words of its module that it uses. */
  names: Set<string>;
  /** What it asks the accessor for. */
  requires: Set<OfferKey>;
  /** What the functions nested in its text offer to patches of their own, by index of the function in the module. */
  offers: Map<number, Set<OfferKey>>;
  /** Functions of the module that closures made by this text are not, though they stand in for them. */
  detached: Set<number>;
}

/**
 * Compiles a patch, or says why it can not be one. Nothing is changed by it; in pieces, so that it can be tried before the turn in which it has to be done.
 * @param offered what every living closure of the function offers.
 * @param imported names that stand for what other modules export, and that the module itself does not have.
 * @param isGlobal whether a name is known outside the module.
 * @throws {KeyholeError} SYNTAX with file, line and caret.
 */
export function* compilingPatch(
  target: FunctionTarget,
  module: InstrumentedModule,
  code: string,
  id: string,
  offered: ReadonlySet<OfferKey>,
  imported: ReadonlySet<string>,
  isGlobal: (name: string) => boolean,
): Pieces<CompiledPatch | { why: string }> {
  const { entry, captures: original } = target;
  const parsed = parseFunction(code, entry.place, module.format, target.file);
  const node = functionOf(parsed.container);
  // Its own name means the function that the service knows, which is the original, and not what is put into the slot.
  node.id = null;
  yield;
  const captures = yield* analysingCaptures(parsed.program);
  const functions = yield* indexingFunctions(parsed.program, parsed.text);
  const own = functions.find((each) => each.container === parsed.container);
  if (own === undefined) return { why: 'the text is not a function' };
  const words = wordsOf(node);
  yield;
  const before = original.useOf(entry.node);
  const use = captures.useOf(node);
  const why = shapeMismatch(entry, own, before, use) ?? unseen(words) ?? otherThis(before, use, words);
  if (why !== null) return { why };
  yield;

  const order = offerOrder(original, entry, target.classes);
  const requires = new Set<OfferKey>();
  if (exactnessOf(own, use) < Infinity) {
    if (!offered.has(argumentCount))
      return { why: 'the new text uses arguments or rest, and closures that a patch made hand over what was left out as undefined' };
    requires.add(argumentCount);
  }
  const numberOf = (key: OfferKey): number | null => {
    const index = order.indexOf(key);
    if (index === -1 || !offered.has(key)) return null;
    requires.add(key);
    return index;
  };
  const names = namesOutside(target, module, captures, parsed.program, offered, imported, isGlobal);
  if ('why' in names) return names;
  yield;
  const { classes } = target;
  const classNode = [...classes.keys()].find((each) => contains(each, entry)) ?? null;
  const declared = classNode === null ? [] : privateNamesOf(classNode);
  const superByClass = entry.class !== null && classes.has(entry.class);
  const given = givenNames(code);
  const meaning: Meaning = {
    given,
    words,
    outside: names.outside(numberOf),
    offered: numberOf,
    self: selfOf(entry, given, numberOf),
    superByClass,
    privateName: (name) => {
      const index = declared.indexOf(name);
      if (index !== -1) return { accessor: given.privates, index };
      const nested = numberOf(`#${name}`);
      if (nested === null)
        throw new Unspeakable(`the new text uses #${name}, which the running code does not, and its class stands inside a function`);
      return { accessor: given.accessor, index: nested };
    },
  };
  const draft: Draft = { target, module, parsed, own, functions, captures, meaning };
  try {
    const nested = slotNested(draft);
    yield;
    const text = new PatchText(parsed.program, parsed.text, meaning, nested.edits);
    const emitted = emit(draft, text, order.length > 0, id);
    const usesClass = superByClass && words.super.length > 0 ? entry.class : words.privateNames.length > 0 ? classNode : null;
    const { offers, detached } = nested;
    const classIndex = usesClass === null ? null : (classes.get(usesClass) ?? null);
    return { code: emitted, classIndex, names: namesUsed(meaning), requires, offers, detached };
  } catch (thrown) {
    if (thrown instanceof Unspeakable) return { why: thrown.message };
    throw thrown;
  }
}

/** How the text says `this`: handed over as the first argument, or asked for, since a derived constructor has none before super(). */
function selfOf(entry: FunctionEntry, given: Given, numberOf: (key: OfferKey) => number | null): string {
  if (entry.kind !== 'derived constructor') return given.self;
  return `${given.accessor}(${numberOf('this')})`;
}

interface NamesOutside {
  outside(numberOf: (key: OfferKey) => number | null): Map<SyntaxNode, { name: string; index: number | null }>;
}

/** The names of a text that are not its own, or why it can not have one of them. */
function namesOutside(
  { entry, captures: original, file }: FunctionTarget,
  module: InstrumentedModule,
  captures: Captures,
  program: SyntaxNode,
  offered: ReadonlySet<OfferKey>,
  imported: ReadonlySet<string>,
  isGlobal: (name: string) => boolean,
): NamesOutside | { why: string } {
  const around = original.scopeOf(entry.node).parent;
  const targets = assignedIn(program);
  const found: { node: SyntaxNode; name: string; ofModule: boolean }[] = [];
  const unreachable = new Set<string>();
  const unknown = new Set<string>();
  for (const reference of captures.references) {
    const { name, node } = reference;
    if (captures.resolve(name, reference.scope) !== null || name === 'arguments') continue;
    const direct = around === null ? null : original.resolve(name, around);
    if (imported.has(name)) {
      if (direct !== null || commonJsNames.has(name)) return { why: `the new text imports ${name}, and ${file} has something of that name` };
      if (targets.has(node)) return { why: `the new text assigns to ${name}, which it imports` };
      found.push({ node, name, ofModule: true });
      continue;
    }
    const binding = direct === null || offered.has(name) ? direct : (moduleNameOf(direct, original) ?? direct);
    if (binding === null) {
      const asked = reference.above.type === 'UnaryExpression' && reference.above.operator === 'typeof';
      if (module.format === 'commonjs' && commonJsNames.has(name)) found.push({ node, name, ofModule: true });
      else if (!asked && !isGlobal(name)) unknown.add(name);
      continue;
    }
    const ofModule = binding.scope === original.module;
    if (!ofModule && !offered.has(name)) {
      unreachable.add(name);
      continue;
    }
    if (targets.has(node)) {
      if (isConstant(binding)) return { why: `the new text assigns to ${name}, which is a constant` };
      if (!isWritable(binding, original)) {
        return { why: `the new text assigns to ${name}, which the running code never does after its declaration: V8 takes it for a constant` };
      }
    }
    found.push({ node, name: binding.name, ofModule });
  }
  if (unknown.size > 0) return { why: `${listed(unknown)} is not defined in ${file}, nor is it a global` };
  if (unreachable.size > 0) {
    const reachable = [...offered].filter((key) => original.useOf(entry.node).captured.has(key));
    return {
      why: `${listed(unreachable)} belongs to an enclosing function and is not captured by the running code, so no patch can reach it (reachable: ${listed(reachable) || 'nothing'})`,
    };
  }
  return {
    outside: (numberOf) => new Map(found.map(({ node, name, ofModule }) => [node, { name, index: ofModule ? null : numberOf(name) }])),
  };
}

/** In sloppy code the call has made an object of `this` before the patch sees it. */
function otherThis(before: FunctionUse, use: FunctionUse, words: Words): string | null {
  return words.this.length > 0 && use.strict && !before.strict ? 'the new text is strict and uses this, and the running code is not strict' : null;
}

function namesUsed({ outside, words }: Meaning): Set<string> {
  const names = new Set([...outside.values()].filter(({ index }) => index === null).map(({ name }) => name));
  if (words.imports.length > 0) names.add(scopeWords.import);
  if (words.importMeta.length > 0) names.add(scopeWords.meta);
  return names;
}

/** What no text can do from outside its module. */
function unseen(words: Words): string | null {
  if (words.directEval.length > 0) return 'the new text calls eval, whose code would not find the names of the module';
  if (words.with.length > 0) return 'the new text uses with';
  return null;
}

function listed(names: Iterable<string>): string {
  return [...names].join(', ');
}

function emit(draft: Draft, text: PatchText, takesAccessor: boolean, id: string): string {
  const { target, own, parsed, meaning } = draft;
  const { given } = meaning;
  const node = own.node;
  const body = child(node, 'body');
  if (body === null) throw new Unspeakable('the new text has no body');
  const head: string[] = [];
  if (passesThis(target.entry, target.captures)) head.push(given.self);
  if (takesAccessor) head.push(given.accessor);
  const parameters = children(node, 'params');
  const first = parameters[0];
  const last = parameters.at(-1);
  const taken = first === undefined || last === undefined ? '' : text.between(node, first.start, last.end);
  const missing = linesOf(parsed.text.slice(parsed.container.start, body.start)) - linesOf(taken);
  const bodyText = '\n'.repeat(missing) + (body.type === 'BlockStatement' ? text.render(body, node) : `{return (${text.render(body, node)})}`);
  const name = stringify(target.entry.name || own.name || 'anonymous');
  const kind = `${own.async ? 'async ' : ''}${own.generator ? '*' : ''}`;
  // As many lines before it as the author's file has, so that a stack trace names the author's line.
  const padding = '\n'.repeat(Math.max(0, target.line - 1));
  // A method of an object literal: it has a name in stack traces but binds none.
  const plain = (params: string): string => `({${padding}${kind}${name}(${params})${bodyText}})[${name}]`;
  // Whose text says `arguments` must not see what the slot adds to them.
  const value =
    own.kind !== 'arrow' && draft.captures.useOf(node).arguments
      ? `(${[...head, '...$a'].join(',')})=>${given.reflect}.apply(${plain(taken)},${passesThis(target.entry, target.captures) ? given.self : 'void 0'},$a)`
      : plain([...head, ...(taken === '' ? [] : [taken])].join(','));
  const strict = target.captures.useOf(target.entry.node).strict ? '"use strict";' : '';
  const sourceUrl = `keyhole-patch/${id}/${target.file.replace(/[\s#?]/g, '_')}`;
  const parametersOfAll = [given.module, given.home, given.privates, given.reflect].join(',');
  return `(function(${parametersOfAll}){${strict}${references(given)}return ${value}})\n//# sourceURL=${sourceUrl}`;
}

/**
 * Objects that stand for a variable or a private member, for the ways of using one that need something to assign to. Of classes: V8 makes no object of them at all where it can, and
 * an object literal with accessors took 160 times as long.
 */
function references({ variable, member, optional, inherited, reflect }: Given): string {
  const made = (constructor: string, get: string, set: string, more = ''): string =>
    `(()=>{class R{constructor(${constructor}){${constructor.replace(/(\w)/g, (name) => `this.${name}=${name}`).replaceAll(',', ';')}}get v(){${get}}set v(x){${set}}${more}}` +
    `return (${constructor})=>new R(${constructor})})()`;
  const call = `get c(){const{o}=this,f=this.v;return typeof f=="function"?(...z)=>${reflect}.apply(f,o,z):f}`;
  return (
    `const ${variable}=${made('a,k', 'return this.a(this.k)', 'this.a(this.k,1,x)')},` +
    `${member}=${made('a,k,o', 'return this.a(this.k,0,this.o)', 'this.a(this.k,1,this.o,x)', call)},` +
    `${optional}=(a,k,o)=>o==null?void 0:${member}(a,k,o),` +
    `${inherited}=${made('h,k,t', `return ${reflect}.get(this.h,this.k,this.t)`, `if(!${reflect}.set(this.h,this.k,x,this.t))throw new TypeError("Cannot assign to read only property of super")`)};`
  );
}

function linesOf(text: string): number {
  return text.split('\n').length - 1;
}

function contains(node: SyntaxNode, entry: FunctionEntry): boolean {
  return node.start <= entry.start && entry.end <= node.end;
}
