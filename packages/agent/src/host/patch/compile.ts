/**
 * From the text of a patch to code for a slot. The code is compiled in the scope of the module; what the original captured from enclosing functions is
 * read and written through the accessor that each living closure hands over, so one patch serves them all, each with its own variables.
 */
import MagicString from 'magic-string';
import { addSlot, offeredBy, topLevelClasses } from '../../loader/index.ts';
import type { InstrumentedModule } from '../../loader/index.ts';
import {
  analyseCaptures,
  below,
  child,
  children,
  directivesOf,
  functionOf,
  indexFunctions,
  isClass,
  isConstant,
  parseFunction,
} from '../../source/index.ts';
import type { Captures, FunctionEntry, FunctionUse, ParsedFunction, SyntaxNode } from '../../source/index.ts';
import type { FunctionTarget } from './modules.ts';
import { pairNested } from './nested.ts';

export interface CompiledPatch {
  /** An expression whose value is the function for the slot. */
  code: string;
  /** The order of the class whose portal compiles it, or -1 for the module's. */
  portal: number;
  /** Captured variables it reads or writes. */
  requires: Set<string>;
  /** What the functions nested in its text offer to patches of their own, by index of the function in the module. */
  offers: Map<number, Set<string>>;
  /** Functions of the module that closures made by this text are not, though they stand in for them. */
  detached: Set<number>;
}

const accessorName = '$khA';
const scopeName = '$khS';
const variablesName = '$khs';

/**
 * Compiles a patch, or says why it can not be one.
 * @param reachable names of enclosing functions' variables that every living closure offers.
 * @param isGlobal whether a name is known outside the module.
 * @throws {KeyholeError} SYNTAX with file, line and caret.
 */
export function compilePatch(
  target: FunctionTarget,
  module: InstrumentedModule,
  code: string,
  id: string,
  reachable: ReadonlySet<string>,
  isGlobal: (name: string) => boolean,
): CompiledPatch | { why: string } {
  const { entry, captures: original } = target;
  const parsed = parseFunction(code, entry.place, module.format, target.file);
  const captures = analyseCaptures(parsed.program);
  const functions = indexFunctions(parsed.program, parsed.text);
  const own = functions.find((each) => each.container === parsed.container);
  if (own === undefined) return { why: 'the text is not a function' };
  const node = functionOf(parsed.container);
  const use = captures.useOf(node);
  const before = original.useOf(entry.node);

  const mismatch = shapeMismatch(entry, own, before, use);
  if (mismatch !== null) return { why: mismatch };
  if (mentionsImportMeta(node)) return { why: 'the new text uses import.meta, which code compiled later can not have' };

  const outerScope = original.scopeOf(entry.node).parent;
  const requires = new Set<string>();
  const unreachable = new Set<string>();
  const unknown = new Set<string>();
  for (const reference of captures.references) {
    const { name } = reference;
    if (captures.resolve(name, reference.scope) !== null || name === 'arguments') continue;
    const binding = outerScope === null ? null : original.resolve(name, outerScope);
    if (binding === null) {
      const asked = reference.above.type === 'UnaryExpression' && reference.above.operator === 'typeof';
      if (!asked && !isGlobal(name)) unknown.add(name);
    } else if (binding.scope !== original.module) {
      (reachable.has(name) ? requires : unreachable).add(name);
    }
  }
  if (unknown.size > 0) return { why: `${listed(unknown)} is not defined in ${target.file}, nor is it a global` };
  if (unreachable.size > 0) {
    return {
      why: `${listed(unreachable)} belongs to an enclosing function and is not captured by the running code, so no patch can reach it (reachable: ${listed(reachable) || 'nothing'})`,
    };
  }

  const classes = topLevelClasses(children(original.module.node, 'body'));
  const classIndex = use.super ? classes.findIndex((each) => each === entry.class) : classes.findIndex((each) => contains(each, entry));
  const needsPortal = use.super || use.privateNames;
  if (needsPortal && !module.instances.every((instance) => instance.classes.has(classIndex))) {
    return {
      why: `the new text uses ${use.super ? 'super' : 'private names'}, and its class stands inside a function or had none when it was loaded`,
    };
  }

  const constants = new Set<string>();
  for (const [name, binding] of before.captured) if (isConstant(binding)) constants.add(name);
  const text = new MagicString(parsed.text);
  const body = child(node, 'body');
  if (body === null) return { why: 'the new text has no body' };
  const shorthands = shorthandOffsets(parsed.program);
  const expressionAt = (name: string, at: SyntaxNode): string =>
    at.start < body.start ? `new ${scopeName}(${accessorName})._${name}` : `${variablesName}._${name}`;
  for (const reference of captures.references) {
    if (!requires.has(reference.name) || captures.resolve(reference.name, reference.scope) !== null) continue;
    const expression = expressionAt(reference.name, reference.node);
    const called = child(reference.above, 'callee') === reference.node || child(reference.above, 'tag') === reference.node;
    const label = shorthands.has(reference.node.start) ? `${reference.name}:` : '';
    // A call through a property would pass an object as `this`; `new` would take the call for its own.
    const standing = !called ? expression : reference.above.type === 'NewExpression' ? `(${expression})` : `(0,${expression})`;
    text.overwrite(reference.node.start, reference.node.end, label + standing);
  }

  const draft: Draft = { target, module, own, functions, captures, parsed, text, requires, constants, expressionAt };
  const nested = slotNested(draft);
  return { code: emit(draft, body, use.super, id), portal: needsPortal ? classIndex : -1, requires, ...nested };
}

/** A patch between its analysis and its code. */
interface Draft {
  target: FunctionTarget;
  module: InstrumentedModule;
  parsed: ParsedFunction;
  own: FunctionEntry;
  functions: FunctionEntry[];
  captures: Captures;
  text: MagicString;
  requires: ReadonlySet<string>;
  constants: ReadonlySet<string>;
  expressionAt: (name: string, at: SyntaxNode) => string;
}

/** What a slot can not do for the two texts, in plain words; null where it can. */
function shapeMismatch(entry: FunctionEntry, own: FunctionEntry, before: FunctionUse, use: FunctionUse): string | null {
  const constructors = ['constructor', 'derived constructor'];
  if (constructors.includes(entry.kind) !== (own.kind === 'derived constructor' || own.kind === 'constructor'))
    return 'a constructor can not become another kind of member';
  if (!constructors.includes(entry.kind) && own.kind !== entry.kind) return `it is a ${entry.kind} and the new text is a ${own.kind}`;
  if (own.static !== entry.static) return 'static can not be added or taken away';
  if (own.generator !== entry.generator) return 'a generator can not become an ordinary function, nor the other way round';
  if (entry.async && entry.generator !== own.generator) return 'an async generator must stay one';
  if (entry.generator && own.async !== entry.async) return 'a generator can not become async, nor the other way round';
  if (entry.async && !own.async) return 'an async function must stay async: its callers hold a promise';
  const isArrow = entry.kind === 'arrow';
  if (isArrow && use.this && !before.this) return 'the new text uses this, which the running arrow function did not capture';
  if (isArrow && use.arguments) return 'the new text uses the arguments of an enclosing function';
  if (isArrow && use.super) return 'the new text uses super in an arrow function';
  if (!isArrow && use.arguments && !before.arguments) return 'the new text uses arguments, which the running code does not pass on';
  if (use.newTarget) return 'the new text uses new.target';
  if (use.superCall) return 'the new text calls super()';
  const taken = children(entry.node, 'params');
  const wanted = children(own.node, 'params');
  const passesAll = before.arguments && !isArrow ? true : taken.at(-1)?.type === 'RestElement';
  if (!passesAll && (wanted.length > taken.length || wanted.at(-1)?.type === 'RestElement')) {
    return `the new text takes more parameters than the ${taken.length} that the running code passes on`;
  }
  return null;
}

function listed(names: Iterable<string>): string {
  return [...names].join(', ');
}

function mentionsImportMeta(node: SyntaxNode): boolean {
  if (node.type === 'MetaProperty') return child(node, 'meta')?.name === 'import';
  for (const part of below(node)) if (mentionsImportMeta(part)) return true;
  return false;
}

function shorthandOffsets(node: SyntaxNode, found = new Set<number>()): Set<number> {
  if (node.type === 'Property' && node.shorthand === true) found.add(node.start);
  for (const part of below(node)) shorthandOffsets(part, found);
  return found;
}

/** Closures that the patch makes answer to the same slots as those the loaded code made, so that patching them later reaches all. */
function slotNested({
  target,
  module,
  own,
  functions,
  captures,
  parsed,
  text,
  requires,
  constants,
  expressionAt,
}: Draft): Pick<CompiledPatch, 'offers' | 'detached'> {
  const originals = indexFunctions(target.captures.module.node, module.running);
  const { pairs, detached } = pairNested(originals, target.index, functions, functions.indexOf(own));
  const offers = new Map<number, Set<string>>();
  const outer = (name: string, node: SyntaxNode): { expression: string; constant: boolean } | null =>
    requires.has(name) ? { expression: expressionAt(name, node), constant: constants.has(name) } : null;
  for (const [original, nested] of pairs) {
    const entry = functions[nested];
    const loaded = originals[original];
    if (entry === undefined || loaded === undefined) continue;
    const alike = entry.generator === loaded.generator && entry.kind === loaded.kind && entry.async === loaded.async;
    // A destructured parameter would have to move into the body; the text of a patch is left as it was written.
    const simple = children(entry.node, 'params').every((each) => each.type === 'Identifier' || each.type === 'RestElement');
    const place = {
      text,
      source: parsed.text,
      tokens: parsed.tokens,
      entry,
      captures,
      slot: module.prefix + String(original),
      offset: 0,
      moved: [],
      outer,
    };
    if (!module.without.has(original) && alike && simple && addSlot(place) === null) offers.set(original, new Set(offeredBy(place).keys()));
    else detached.add(original);
  }
  return { offers, detached };
}

function emit({ target, module, own, text, requires, constants }: Draft, body: SyntaxNode, usesSuper: boolean, id: string): string {
  const parameters = children(own.node, 'params');
  const first = parameters[0];
  const last = parameters.at(-1);
  const head = target.captures.useOf(target.entry.node).captured.size > 0 ? [accessorName] : [];
  if (first !== undefined && last !== undefined) head.push(text.slice(first.start, last.end));
  const variables = requires.size === 0 ? '' : `const ${variablesName}=new ${scopeName}(${accessorName});`;
  let bodyText: string;
  if (body.type === 'BlockStatement') {
    const start = directivesOf(children(body, 'body')).at(-1)?.end ?? body.start + 1;
    bodyText = `${text.slice(body.start, start)};${variables}${text.slice(start, body.end)}`;
  } else {
    bodyText = `{${variables}return (${text.slice(body.start, body.end)});}`;
  }
  const name = JSON.stringify(target.entry.name || own.name || 'anonymous');
  const home = usesSuper ? `__proto__:Object.getPrototypeOf(this${target.entry.static ? '' : '.prototype'}),` : '';
  const accessors = [...requires].map((each) => {
    const write = constants.has(each) ? 'throw new TypeError("Assignment to constant variable.")' : `this.$("${each}",1,$v)`;
    return `get _${each}(){return this.$("${each}",0)}set _${each}($v){${write}}`;
  });
  const scope = requires.size === 0 ? '' : `class ${scopeName}{constructor($){this.$=$}${accessors.join('')}}`;
  const strict = isStrict(target, module) ? '"use strict";' : '';
  // As many lines before it as the author's file has, so that a stack trace names the author's line.
  const padding = '\n'.repeat(Math.max(0, target.line - 1));
  const sourceUrl = `keyhole-patch/${id}/${target.file.replace(/[\s#?]/g, '_')}`;
  // A method of an object literal: it has a name in stack traces but binds none, and it has a home object for super.
  return (
    `(function(){${strict}${scope}return ({${home}${padding}${own.async ? 'async ' : ''}${own.generator ? '*' : ''}${name}(${head.join(',')})${bodyText}})` +
    `[${name}]}).call(this)\n//# sourceURL=${sourceUrl}`
  );
}

function isStrict(target: FunctionTarget, module: InstrumentedModule): boolean {
  if (module.format === 'module') return true;
  const program = target.captures.module.node;
  if (opensStrict(program)) return true;
  return strictAround(program, target.entry);
}

/** Whether a class or a function with the directive stands around the entry, or it is one itself. */
function strictAround(node: SyntaxNode, entry: FunctionEntry): boolean {
  for (const part of below(node)) {
    if (!contains(part, entry)) continue;
    return isClass(part) || (part.type === 'BlockStatement' && opensStrict(part)) || strictAround(part, entry);
  }
  const body = child(entry.node, 'body');
  return body !== null && opensStrict(body);
}

function opensStrict(body: SyntaxNode): boolean {
  return directivesOf(children(body, 'body')).some((each) => each.directive === 'use strict');
}

function contains(node: SyntaxNode, entry: FunctionEntry): boolean {
  return node.start <= entry.start && entry.end <= node.end;
}
