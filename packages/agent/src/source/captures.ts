/** What each function takes from around it: captured variables, and the words that have no variable (`this`, `arguments`, `super`, private names). */
import { analyseScopes } from './scopes.ts';
import type { Binding, ScopeAnalysis } from './scopes.ts';
import { below, child, isClass, isFunction, nameOf } from './syntax.ts';
import type { SyntaxNode } from './syntax.ts';

export interface FunctionUse {
  /** Variables of enclosing functions and blocks it uses, itself or through a function in it. Module variables are not among them. */
  captured: Map<string, Binding>;
  this: boolean;
  arguments: boolean;
  newTarget: boolean;
  super: boolean;
  superCall: boolean;
  privateNames: boolean;
}

export interface Captures extends ScopeAnalysis {
  useOf(fn: SyntaxNode): FunctionUse;
}

export function analyseCaptures(program: SyntaxNode): Captures {
  const scopes = analyseScopes(program);
  const uses = new Map<SyntaxNode, FunctionUse>();
  walk(program, [], []);
  for (const reference of scopes.references) {
    const binding = scopes.resolve(reference.name, reference.scope);
    if (binding === null || binding.scope === scopes.module) continue;
    for (let at = reference.scope; at !== binding.scope && at.parent !== null; at = at.parent) {
      if (at.kind === 'function') uses.get(at.node)?.captured.set(reference.name, binding);
    }
  }
  return {
    ...scopes,
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
        privateNames: false,
      };
      uses.set(node, use);
      const seen = node.type === 'ArrowFunctionExpression' ? [...owners, use] : [use];
      for (const part of below(node)) walk(part, seen, [...around, use]);
      return;
    }
    if (isClass(node)) {
      const superClass = child(node, 'superClass');
      const body = child(node, 'body');
      if (superClass !== null) walk(superClass, owners, around);
      for (const member of body === null ? [] : below(body)) {
        const key = child(member, 'key');
        if (member.computed === true && key !== null) walk(key, owners, around);
        if (member.type === 'StaticBlock') for (const part of below(member)) walk(part, [], around);
        const value = child(member, 'value');
        if (value !== null) walk(value, [], around);
      }
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
        break;
      case 'MetaProperty':
        if (nameOf(child(node, 'meta')) === 'new') for (const owner of owners) owner.newTarget = true;
        return;
      case 'PrivateIdentifier':
        for (const owner of around) owner.privateNames = true;
        return;
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
}
