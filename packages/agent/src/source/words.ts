/**
 * The words of a function that are no variables: `this`, `super`, `arguments`, `new.target`, `import`, private names. Code that is compiled elsewhere has to say
 * them in another way, so their places are listed.
 */
import { below, child, children, isClass, isFunction, nameOf, privateNamesOf } from './syntax.ts';
import type { SyntaxNode } from './syntax.ts';

/** A node with those above it, the nearest last. */
export interface Place {
  node: SyntaxNode;
  above: readonly SyntaxNode[];
}

export interface Words {
  /** Of the function itself and the arrows in it; a function or class in it has its own. */
  this: Place[];
  super: Place[];
  arguments: Place[];
  newTarget: Place[];
  /** Anywhere in the text. */
  importMeta: Place[];
  imports: Place[];
  /** Private names that no class in the text declares: `o.#x` and `#x in o`. */
  privateNames: Place[];
  /** A call of `eval` by its name: it would look for its variables where they are not. */
  directEval: Place[];
  with: Place[];
}

/** The words of a function, or of a whole program with `node` a Program. */
export function wordsOf(node: SyntaxNode): Words {
  const words: Words = {
    this: [],
    super: [],
    arguments: [],
    newTarget: [],
    importMeta: [],
    imports: [],
    privateNames: [],
    directEval: [],
    with: [],
  };
  const above: SyntaxNode[] = [];
  const classes: Set<string>[] = [];
  const at = (place: SyntaxNode): Place => ({ node: place, above: [...above] });

  const inside = (holder: SyntaxNode, own: boolean, parts: Iterable<SyntaxNode | null>): void => {
    above.push(holder);
    for (const part of parts) if (part !== null) walk(part, own);
    above.pop();
  };

  /** `own`: whether `this` here is the function's. */
  function walk(part: SyntaxNode, own: boolean): void {
    switch (part.type) {
      case 'ThisExpression':
        if (own) words.this.push(at(part));
        return;
      case 'Super':
        if (own) words.super.push(at(part));
        return;
      case 'Identifier':
        if (own && part.name === 'arguments') words.arguments.push(at(part));
        return;
      case 'PrivateIdentifier':
        if (!classes.some((declared) => declared.has(String(part.name)))) words.privateNames.push(at(part));
        return;
      case 'MetaProperty':
        if (nameOf(child(part, 'meta')) === 'import') words.importMeta.push(at(part));
        else if (own) words.newTarget.push(at(part));
        return;
      case 'ImportExpression':
        words.imports.push(at(part));
        break;
      case 'CallExpression':
        if (nameOf(child(part, 'callee')) === 'eval' && child(part, 'callee')?.type === 'Identifier') words.directEval.push(at(part));
        break;
      case 'WithStatement':
        words.with.push(at(part));
        break;
      case 'MemberExpression': {
        const property = child(part, 'property');
        const spoken = part.computed === true || property?.type === 'PrivateIdentifier';
        inside(part, own, [child(part, 'object'), spoken ? property : null]);
        return;
      }
      case 'Property': {
        inside(part, own, [part.computed === true ? child(part, 'key') : null, child(part, 'value')]);
        return;
      }
      case 'LabeledStatement':
      case 'BreakStatement':
      case 'ContinueStatement':
        inside(part, own, [child(part, 'body')]);
        return;
      default:
    }
    if (isFunction(part)) {
      const same = own && part.type === 'ArrowFunctionExpression';
      inside(part, same, [...children(part, 'params'), child(part, 'body')]);
      return;
    }
    if (isClass(part)) {
      walkClass(part, own);
      return;
    }
    inside(part, own, below(part));
  }

  function walkClass(node: SyntaxNode, own: boolean): void {
    const body = child(node, 'body');
    const members = body === null ? [] : children(body, 'body');
    inside(node, own, [child(node, 'superClass')]);
    classes.push(new Set(privateNamesOf(node)));
    above.push(node);
    for (const member of members) {
      inside(member, own, [member.computed === true ? child(member, 'key') : null]);
      inside(member, false, member.type === 'StaticBlock' ? children(member, 'body') : [child(member, 'value')]);
    }
    above.pop();
    classes.pop();
  }

  if (isFunction(node)) inside(node, true, [...children(node, 'params'), child(node, 'body')]);
  else inside(node, true, below(node));
  return words;
}

/** The nodes that are assigned to, outside of declarations: identifiers and members. */
export function assignedIn(program: SyntaxNode): Set<SyntaxNode> {
  const found = new Set<SyntaxNode>();
  const targets = (node: SyntaxNode): void => {
    switch (node.type) {
      case 'Identifier':
      case 'MemberExpression':
        found.add(node);
        return;
      case 'AssignmentPattern':
        targetIn(node, 'left');
        return;
      case 'RestElement':
        targetIn(node, 'argument');
        return;
      case 'ParenthesizedExpression':
        targetIn(node, 'expression');
        return;
      case 'ArrayPattern':
        for (const element of children(node, 'elements')) targets(element);
        return;
      case 'ObjectPattern':
        for (const property of children(node, 'properties')) {
          if (property.type === 'RestElement') targets(property);
          else targetIn(property, 'value');
        }
    }
  };
  const targetIn = (node: SyntaxNode, field: string): void => {
    const target = child(node, field);
    if (target !== null) targets(target);
  };
  const walk = (node: SyntaxNode): void => {
    if (node.type === 'AssignmentExpression') targetIn(node, 'left');
    else if (node.type === 'UpdateExpression') targetIn(node, 'argument');
    else if (node.type === 'ForInStatement' || node.type === 'ForOfStatement') targetIn(node, 'left');
    for (const part of below(node)) walk(part);
  };
  walk(program);
  return found;
}
