/**
 * Scope analysis: which binding each name of a file means. It answers the two questions a patch stands on: which outer variables does this function
 * capture, and what would a new name mean at its place.
 */
import { namesOf } from './patterns.ts';
import { below, child, children, functionOf, isClass, isFunction, isMember, isNode, nameOf, typeWrappers } from './syntax.ts';
import type { SyntaxNode } from './syntax.ts';
import type { BindingKind, Reference, Scope, ScopeAnalysis } from './scope.ts';
import { atOnce } from './pieces.ts';
import type { Pieces } from './pieces.ts';

export * from './scope.ts';

export function analyseScopes(program: SyntaxNode): ScopeAnalysis {
  return atOnce(analysingScopes(program));
}

/** As {@link analyseScopes}, statement by statement. */
export function* analysingScopes(program: SyntaxNode): Pieces<ScopeAnalysis> {
  const references: Reference[] = [];
  const declarations = new Map<SyntaxNode, Scope>();
  const functionScopes = new Map<SyntaxNode, Scope>();
  const module: Scope = { kind: 'module', node: program, parent: null, bindings: new Map() };

  const open = (kind: Scope['kind'], node: SyntaxNode, parent: Scope): Scope => ({ kind, node, parent, bindings: new Map() });
  const declare = (scope: Scope, id: SyntaxNode | null, kind: BindingKind, declaration: SyntaxNode): void => {
    const name = nameOf(id);
    if (id === null || name === null) return;
    declarations.set(id, scope);
    if (kind === 'var' && scope.bindings.has(name)) return;
    scope.bindings.set(name, { name, kind, scope, declaration });
  };
  const hoistTarget = (scope: Scope): Scope => {
    let at = scope;
    while (at.kind === 'block' && at.parent !== null) at = at.parent;
    return at;
  };

  /** Declares the names of a pattern and visits the expressions in it. */
  const pattern = (node: SyntaxNode, kind: BindingKind, scope: Scope, inside: Scope, above: SyntaxNode): void => {
    switch (node.type) {
      case 'Identifier':
        if (node.name !== 'this') declare(scope, node, kind, node);
        return;
      case 'AssignmentPattern': {
        const left = child(node, 'left');
        const right = child(node, 'right');
        if (left !== null) pattern(left, kind, scope, inside, node);
        if (right !== null) visit(right, inside, node);
        return;
      }
      case 'RestElement': {
        const argument = child(node, 'argument');
        if (argument !== null) pattern(argument, kind, scope, inside, node);
        return;
      }
      case 'ArrayPattern':
        for (const element of children(node, 'elements')) pattern(element, kind, scope, inside, node);
        return;
      case 'ObjectPattern':
        for (const property of children(node, 'properties')) {
          if (property.type === 'RestElement') {
            pattern(property, kind, scope, inside, node);
            continue;
          }
          const key = child(property, 'key');
          const value = child(property, 'value');
          if (property.computed === true && key !== null) visit(key, inside, property);
          if (value !== null) pattern(value, kind, scope, inside, property);
        }
        return;
      case 'TSParameterProperty': {
        const parameter = child(node, 'parameter');
        if (parameter !== null) pattern(parameter, kind, scope, inside, node);
        return;
      }
      default:
        visit(node, inside, above);
    }
  };

  const hoist = (statements: SyntaxNode[], scope: Scope): void => {
    for (const statement of statements) {
      const declaration = statement.type.startsWith('Export') ? child(statement, 'declaration') : statement;
      if (declaration === null) continue;
      if (declaration.type === 'FunctionDeclaration') declare(scope, child(declaration, 'id'), 'function', declaration);
      if (declaration.type === 'ClassDeclaration') declare(scope, child(declaration, 'id'), 'class', declaration);
      if ((declaration.type === 'TSEnumDeclaration' || declaration.type === 'TSModuleDeclaration') && declaration.declare !== true) {
        declare(scope, child(declaration, 'id'), 'var', declaration);
      }
      if (declaration.type === 'TSImportEqualsDeclaration' && declaration.importKind !== 'type') {
        declare(scope, child(declaration, 'id'), 'import', declaration);
      }
      if (declaration.type === 'ImportDeclaration' && declaration.importKind !== 'type') {
        for (const specifier of children(declaration, 'specifiers')) {
          if (specifier.importKind !== 'type') declare(scope, child(specifier, 'local'), 'import', specifier);
        }
      }
      if (declaration.type === 'VariableDeclaration' && declaration.kind !== 'var' && declaration.declare !== true) {
        lexical(declaration, scope);
      }
    }
  };
  const lexical = (declaration: SyntaxNode, scope: Scope): void => {
    const kind: BindingKind = declaration.kind === 'let' ? 'let' : 'const';
    for (const declarator of children(declaration, 'declarations')) {
      const id = child(declarator, 'id');
      if (id !== null) namesOf(id, (_, node) => declare(scope, node, kind, node));
    }
  };

  const enterFunction = (fn: SyntaxNode, outer: Scope): void => {
    const id = child(fn, 'id');
    let around = outer;
    if (fn.type === 'FunctionExpression' && id !== null) {
      around = open('block', fn, outer);
      declare(around, id, 'function-name', fn);
    }
    const scope = open('function', fn, around);
    functionScopes.set(fn, scope);
    // Parameters and body share a scope here: names of the body that a parameter's default could mean are rare, and the transform refuses them.
    for (const parameter of children(fn, 'params')) pattern(parameter, 'parameter', scope, scope, fn);
    const body = child(fn, 'body');
    if (body === null) return;
    if (body.type !== 'BlockStatement') {
      visit(body, scope, fn);
      return;
    }
    const statements = children(body, 'body');
    hoist(statements, scope);
    for (const statement of statements) visit(statement, scope, body);
  };

  const enterBlock = (node: SyntaxNode, scope: Scope): void => {
    const statements = children(node, 'body');
    hoist(statements, scope);
    for (const statement of statements) visit(statement, scope, node);
  };

  const visit = (node: SyntaxNode, scope: Scope, above: SyntaxNode): void => {
    if (node.type.startsWith('TS')) {
      const expression = typeWrappers.has(node.type) ? child(node, 'expression') : null;
      const body = node.type === 'TSModuleDeclaration' && node.declare !== true ? child(node, 'body') : null;
      if (expression !== null) visit(expression, scope, above);
      else if (body?.type === 'TSModuleDeclaration') visit(body, scope, node);
      else if (body !== null) enterBlock(body, open('function', body, scope));
      return;
    }
    if (isFunction(node)) {
      enterFunction(node, scope);
      return;
    }
    if (isClass(node)) {
      enterClass(node, scope);
      return;
    }
    if (isMember(node) || node.type === 'Property' || node.type === 'PropertyDefinition') {
      const key = child(node, 'key');
      const value = child(node, 'value');
      if (node.computed === true && key !== null) visit(key, scope, node);
      if (value !== null) visit(isMember(node) ? functionOf(node) : value, scope, node);
      for (const decorator of children(node, 'decorators')) visit(decorator, scope, node);
      return;
    }
    switch (node.type) {
      case 'Identifier':
        references.push({ name: String(node.name), node, above, scope });
        return;
      case 'MemberExpression': {
        const object = child(node, 'object');
        const property = child(node, 'property');
        if (object !== null) visit(object, scope, node);
        if (node.computed === true && property !== null) visit(property, scope, node);
        return;
      }
      case 'VariableDeclaration':
        if (node.declare === true) return;
        for (const declarator of children(node, 'declarations')) {
          const id = child(declarator, 'id');
          const init = child(declarator, 'init');
          const kind: BindingKind = node.kind === 'var' ? 'var' : node.kind === 'let' ? 'let' : 'const';
          if (id !== null) pattern(id, kind, node.kind === 'var' ? hoistTarget(scope) : scope, scope, declarator);
          if (init !== null) visit(init, scope, declarator);
        }
        return;
      case 'BlockStatement':
      case 'StaticBlock':
        enterBlock(node, open(node.type === 'StaticBlock' ? 'function' : 'block', node, scope));
        return;
      case 'SwitchStatement': {
        const inside = open('block', node, scope);
        const discriminant = child(node, 'discriminant');
        if (discriminant !== null) visit(discriminant, scope, node);
        for (const branch of children(node, 'cases')) hoist(children(branch, 'consequent'), inside);
        for (const branch of children(node, 'cases')) for (const part of below(branch)) visit(part, inside, branch);
        return;
      }
      case 'ForStatement':
      case 'ForInStatement':
      case 'ForOfStatement': {
        const inside = open('block', node, scope);
        const head = child(node, node.type === 'ForStatement' ? 'init' : 'left');
        if (head?.type === 'VariableDeclaration' && head.kind !== 'var') lexical(head, inside);
        for (const part of below(node)) visit(part, inside, node);
        return;
      }
      case 'CatchClause': {
        const inside = open('block', node, scope);
        const param = child(node, 'param');
        const body = child(node, 'body');
        if (param !== null) pattern(param, 'catch', inside, inside, node);
        if (body !== null) visit(body, inside, node);
        return;
      }
      case 'JSXIdentifier':
        // As compilers have it: what begins with a small letter, or has a dash, is the name of an element.
        if (node.name !== 'this' && (above.type === 'JSXMemberExpression' || !/^[a-z]|-/.test(String(node.name)))) {
          references.push({ name: String(node.name), node, above, scope });
        }
        return;
      case 'JSXMemberExpression': {
        const object = child(node, 'object');
        if (object !== null) visit(object, scope, node);
        return;
      }
      case 'JSXAttribute': {
        const value = child(node, 'value');
        if (value !== null) visit(value, scope, node);
        return;
      }
      case 'JSXClosingElement':
      case 'JSXNamespacedName':
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
      case 'BreakStatement':
      case 'ContinueStatement':
      case 'MetaProperty':
        return;
      case 'LabeledStatement': {
        const body = child(node, 'body');
        if (body !== null) visit(body, scope, node);
        return;
      }
      case 'ExportNamedDeclaration':
        if (isNode(node.source)) return;
        for (const part of below(node)) visit(part, scope, node);
        return;
      case 'ExportSpecifier': {
        const local = child(node, 'local');
        if (local !== null) visit(local, scope, node);
        return;
      }
      default:
        for (const part of below(node)) visit(part, scope, node);
    }
  };

  const enterClass = (node: SyntaxNode, scope: Scope): void => {
    const id = child(node, 'id');
    let inside = scope;
    // The inner name of a declaration is the same variable for everybody who reads it; only an expression's name lives inside alone.
    if (id !== null && node.type === 'ClassExpression') {
      inside = open('block', node, scope);
      declare(inside, id, 'class-name', node);
    }
    for (const field of ['superClass', 'body']) {
      const part = child(node, field);
      if (part !== null) visit(part, inside, node);
    }
    for (const decorator of children(node, 'decorators')) visit(decorator, scope, node);
  };

  const statements = children(program, 'body');
  hoist(statements, module);
  for (const statement of statements) {
    visit(statement, module, program);
    yield;
  }

  return {
    module,
    references,
    declarations,
    scopeOf(fn) {
      const scope = functionScopes.get(fn);
      if (scope === undefined) throw new Error('that function is not of this tree');
      return scope;
    },
    resolve(name, at) {
      for (let scope: Scope | null = at; scope !== null; scope = scope.parent) {
        const binding = scope.bindings.get(name);
        if (binding !== undefined) return binding;
      }
      return null;
    },
  };
}
