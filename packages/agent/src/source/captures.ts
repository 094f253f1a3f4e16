/** What each function takes from around it: captured variables, and the words that have no variable (`this`, `arguments`, `super`, private names). */
import { OutsideCallers } from './outside-callers.ts';
import { atOnce, inPieces } from './pieces.ts';
import type { Pieces } from './pieces.ts';
import { analysingScopes, isConstant } from './scopes.ts';
import type { Binding, ScopeAnalysis } from './scopes.ts';
import { below, child, children, isClass, isFunction, nameOf, privateNamesOf } from './syntax.ts';
import type { SyntaxNode } from './syntax.ts';
import { opensStrict } from './strict.ts';
import { assignedIn } from './words.ts';

export interface FunctionUse {
  /** Variables of enclosing functions and blocks it uses, itself or through a function in it. Module variables are not among them. */
  captured: Map<string, Binding>;
  this: boolean;
  arguments: boolean;
  newTarget: boolean;
  super: boolean;
  superCall: boolean;
  /** It calls `eval` directly, itself or through an arrow in it. */
  directEval: boolean;
  /** Private names it says, itself or through a function in it, with the class around it that declares each (null: none in this text). */
  privateNames: Map<string, SyntaxNode | null>;
  /** It stands inside `with`: what a name means there is known only when it runs. */
  inWith: boolean;
  /** The text hands it, or its name, to who calls listeners, handlers and callbacks: they may have more to give than it takes. */
  handedOn: boolean;
  /** Code of other files calls it: it is exported, or a method of a class that extends one of a package. */
  calledFromOutside: boolean;
  /** It has a name, and whoever says it calls it, or hands it to who calls listeners: nobody can have it to look at. */
  onlyCalled: boolean;
  strict: boolean;
}

/**
 * What listeners, handlers and callbacks are handed to. Any other call may be one that reads the names of the parameters out of the function's text, as containers do that bring dependencies,
 * or one that calls it for each element, always with the same.
 */
const takers = new Set(
  'on once addListener prependListener prependOnceListener addEventListener then catch finally subscribe setTimeout setInterval setImmediate queueMicrotask nextTick Promise createServer listen use'.split(
    ' ',
  ),
);
/** The same behind a path: with a function alone it is something else that is asked. */
const routes = new Set('get post put patch delete head options all'.split(' '));

export interface Captures extends ScopeAnalysis {
  useOf(fn: SyntaxNode): FunctionUse;
  /** Whether the text assigns it after its declaration. V8 takes a variable that nobody assigns for a constant, so nothing of ours may assign it either. */
  isAssigned(binding: Binding): boolean;
}

/**
 * Whether a patch may assign a variable of the running text. Who writes `let` means it; a `var`, a function or a class that nothing assigns is left the constant that V8 takes it for,
 * since compiled code is full of them.
 */
export function isWritable(binding: Binding, captures: Captures): boolean {
  return binding.kind === 'let' || (!isConstant(binding) && captures.isAssigned(binding));
}

/**
 * The variable of the module that a class expression's own name is another name of: `const Cart = class _Cart {}`, as bundlers write it. Null where something may tell the two apart.
 */
export function moduleNameOf(binding: Binding, captures: Captures): Binding | null {
  if (binding.kind !== 'class-name') return null;
  for (const statement of children(captures.module.node, 'body')) {
    const declaration = statement.type === 'ExportNamedDeclaration' ? (child(statement, 'declaration') ?? statement) : statement;
    for (const declarator of declaration.type === 'VariableDeclaration' ? children(declaration, 'declarations') : []) {
      if (child(declarator, 'init') !== binding.declaration) continue;
      const variable = captures.module.bindings.get(nameOf(child(declarator, 'id')) ?? '');
      return variable === undefined || captures.isAssigned(variable) ? null : variable;
    }
  }
  return null;
}

export function analyseCaptures(program: SyntaxNode): Captures {
  return atOnce(analysingCaptures(program));
}

/** As {@link analyseCaptures}, statement by statement. */
export function* analysingCaptures(program: SyntaxNode): Pieces<Captures> {
  const scopes = yield* analysingScopes(program);
  const uses = new Map<SyntaxNode, FunctionUse>();
  /** Classes around the node that is walked, with how many functions are around each. */
  const classes: { node: SyntaxNode; declares: Set<string>; depth: number }[] = [];
  /** Functions, and names of functions, that are arguments; and the functions that variables begin with. */
  const handed = new Set<SyntaxNode>();
  const beginnings = new Map<SyntaxNode, SyntaxNode>();
  const outside = new OutsideCallers();
  /** Functions whose names stand in a call, and those whose names stand elsewhere. */
  const called = new Set<FunctionUse>();
  const kept = new Set<FunctionUse>();
  let withs = 0;
  let strict = program.sourceType === 'module' || opensStrict(program);
  for (const statement of below(program)) {
    outside.see(statement);
    walk(statement, [], []);
    yield;
  }
  yield* inPieces(scopes.references, (reference) => {
    const binding = scopes.resolve(reference.name, reference.scope);
    if (binding === null) return;
    const use = uses.get(beginnings.get(binding.declaration) ?? binding.declaration);
    if (use !== undefined) {
      const isHanded = handed.has(reference.node);
      const isCalled = reference.above.type !== 'TaggedTemplateExpression' && child(reference.above, 'callee') === reference.node;
      use.handedOn ||= isHanded;
      use.calledFromOutside ||= outside.known.has(reference.node);
      (isHanded || isCalled ? called : kept).add(use);
    }
    if (binding.scope === scopes.module) return;
    for (let at = reference.scope; at !== binding.scope && at.parent !== null; at = at.parent) {
      if (at.kind === 'function') uses.get(at.node)?.captured.set(reference.name, binding);
    }
  });
  for (const use of called) use.onlyCalled = !kept.has(use) && !use.calledFromOutside;
  const targets = new Set<SyntaxNode>();
  for (const statement of below(program)) {
    for (const target of assignedIn(statement)) targets.add(target);
    yield;
  }
  const assigned = new Set<Binding>();
  yield* inPieces(scopes.references, (reference) => {
    const binding = targets.has(reference.node) ? scopes.resolve(reference.name, reference.scope) : null;
    if (binding !== null) assigned.add(binding);
  });
  return {
    ...scopes,
    isAssigned: (binding) => assigned.has(binding),
    useOf(fn) {
      const use = uses.get(fn);
      if (use === undefined) throw new Error('that function is not of this tree');
      return use;
    },
  };

  /** `owners`: the functions whose `this` the node sees (an arrow sees its surroundings'). `around`: all functions it is in. */
  function walk(node: SyntaxNode, owners: FunctionUse[], around: FunctionUse[]): void {
    if (node.type.startsWith('TS') && child(node, 'expression') === null) return;
    if (isFunction(node)) {
      const use: FunctionUse = {
        captured: new Map(),
        this: false,
        arguments: false,
        newTarget: false,
        super: false,
        superCall: false,
        directEval: false,
        privateNames: new Map(),
        inWith: withs > 0,
        handedOn: handed.has(node),
        calledFromOutside: outside.known.has(node),
        onlyCalled: false,
        strict: strict || opensStrict(child(node, 'body')),
      };
      uses.set(node, use);
      const seen = node.type === 'ArrowFunctionExpression' ? [...owners, use] : [use];
      const before = strict;
      strict = use.strict;
      for (const part of below(node)) walk(part, seen, [...around, use]);
      strict = before;
      return;
    }
    if (isClass(node)) {
      const superClass = child(node, 'superClass');
      const body = child(node, 'body');
      outside.seeClass(node);
      const before = strict;
      strict = true;
      if (superClass !== null) walk(superClass, owners, around);
      classes.push({ node, declares: new Set(privateNamesOf(node)), depth: around.length });
      for (const member of body === null ? [] : below(body)) {
        const key = child(member, 'key');
        if (member.computed === true && key !== null) walk(key, owners, around);
        if (member.type === 'StaticBlock') for (const part of below(member)) walk(part, [], around);
        const value = child(member, 'value');
        if (value !== null) walk(value, [], around);
      }
      classes.pop();
      strict = before;
      return;
    }
    switch (node.type) {
      case 'ThisExpression':
        for (const owner of owners) owner.this = true;
        return;
      case 'Super':
        for (const owner of owners) owner.super = true;
        return;
      case 'CallExpression':
        if (child(node, 'callee')?.type === 'Super') for (const owner of owners) owner.superCall = true;
        if (nameOf(child(node, 'callee')) === 'eval') for (const owner of owners) owner.directEval = true;
        handOn(node);
        break;
      case 'NewExpression':
        handOn(node);
        break;
      case 'VariableDeclarator': {
        const id = child(node, 'id');
        const init = child(node, 'init');
        if (id !== null && init !== null && isFunction(init)) beginnings.set(id, init);
        break;
      }
      case 'MetaProperty':
        if (nameOf(child(node, 'meta')) === 'new') for (const owner of owners) owner.newTarget = true;
        return;
      case 'PrivateIdentifier': {
        const name = String(node.name);
        const declaring = classes.findLast((each) => each.declares.has(name));
        for (const owner of around.slice(declaring?.depth ?? 0)) owner.privateNames.set(name, declaring?.node ?? null);
        return;
      }
      case 'WithStatement': {
        withs += 1;
        for (const part of below(node)) walk(part, owners, around);
        withs -= 1;
        return;
      }
      case 'MemberExpression': {
        const property = child(node, 'property');
        const object = child(node, 'object');
        if (object !== null) walk(object, owners, around);
        if (property !== null && (node.computed === true || property.type === 'PrivateIdentifier')) walk(property, owners, around);
        return;
      }
      case 'Identifier':
        if (node.name === 'arguments') for (const owner of owners) owner.arguments = true;
        return;
      default:
    }
    if (node.type === 'Property' || node.type === 'MethodDefinition') {
      const key = child(node, 'key');
      const value = child(node, 'value');
      if (node.computed === true && key !== null) walk(key, owners, around);
      if (value !== null) walk(value, owners, around);
      return;
    }
    for (const part of below(node)) walk(part, owners, around);
  }

  function handOn(call: SyntaxNode): void {
    const callee = child(call, 'callee');
    const taker = nameOf(callee?.type === 'MemberExpression' ? child(callee, 'property') : callee) ?? '';
    const isRoute = routes.has(taker);
    if (!isRoute && !takers.has(taker)) return;
    const given = children(call, 'arguments');
    if (!isRoute || given.length > 1) for (const argument of given) handed.add(argument);
  }
}
