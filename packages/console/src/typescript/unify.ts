/**
 * Holds a function that was compiled from the author's text against the one that runs. They agree if they are the same tree, whatever local names are; what the module's names of
 * the one are in the other is what is learned. It is a proof in one direction only: two functions that agree do the same *if* the names mean the same, which names.ts looks into.
 */
import { child, children, functionOf, isFunction, isMember, nameOf, type Binding, type FunctionEntry, type SyntaxNode } from '@keyhole/agent/source';
import { Parted, isCode, isEmpty, isTree, need, onlyStatements, returned, same, statementsOf } from './code-parts.ts';
import { bare, constantOf, memberKey, propertyText, spokenBy, type Spoken } from './spoken.ts';
import { bindingOf, isWithin, type Tree } from './tree.ts';

export interface Agreement {
  agrees: true;
  /** By the module's name on the left, or by `name.member` where the running code has an expression for that alone. */
  names: Map<string, Spoken>;
  /** Variables of functions around the two. */
  enclosing: Map<Binding, Binding>;
  /** Private names, with their `#`. */
  privates: Map<string, string>;
}

/** Where they part: the innermost places that were compared. */
export interface Disagreement {
  agrees: false;
  left: SyntaxNode;
  right: SyntaxNode | null;
}

const ignoredFields: ReadonlySet<string> = new Set(
  (
    'type start end loc range raw parent extra directive typeAnnotation returnType typeParameters typeArguments superTypeParameters superTypeArguments accessibility readonly override definite ' +
    'abstract declare implements importKind exportKind predicate'
  ).split(' '),
);

/** @param isFragment whether the right tree is the function alone, so that its free names are whatever they are where it will stand. */
export function unify(left: Tree, leftEntry: FunctionEntry, right: Tree, rightEntry: FunctionEntry, isFragment = false): Agreement | Disagreement {
  const unification = new Unification(left, leftEntry.container, right, rightEntry.container, isFragment);
  try {
    if (leftEntry.kind !== rightEntry.kind || leftEntry.static !== rightEntry.static || leftEntry.place !== rightEntry.place) {
      throw new Parted(leftEntry.container, rightEntry.container);
    }
    unification.roots(leftEntry.container, rightEntry.container);
    const { names, enclosing, privates } = unification;
    return { agrees: true, names, enclosing, privates };
  } catch (thrown) {
    if (!(thrown instanceof Parted)) throw thrown;
    return { agrees: false, left: thrown.left, right: thrown.right };
  }
}

class Unification {
  readonly names = new Map<string, Spoken>();
  readonly enclosing = new Map<Binding, Binding>();
  readonly privates = new Map<string, string>();
  readonly #isFragment: boolean;
  readonly #left: Tree;
  readonly #right: Tree;
  readonly #leftRoot: SyntaxNode;
  readonly #rightRoot: SyntaxNode;
  readonly #locals = new Map<Binding, Binding>();
  readonly #rightLocals = new Map<Binding, Binding>();
  readonly #labels = new Map<string, string>();

  constructor(left: Tree, leftRoot: SyntaxNode, right: Tree, rightRoot: SyntaxNode, isFragment: boolean) {
    this.#isFragment = isFragment;
    this.#left = left;
    this.#right = right;
    this.#leftRoot = leftRoot;
    this.#rightRoot = rightRoot;
  }

  roots(left: SyntaxNode, right: SyntaxNode): void {
    if (isMember(left) && isMember(right)) this.#key(left, right);
    this.#function(functionOf(left), functionOf(right));
  }

  #nodes(givenLeft: SyntaxNode, givenRight: SyntaxNode): void {
    const [left, right] = onlyStatements(bare(givenLeft), bare(givenRight));
    const constant = this.#constant(left, this.#left);
    if (constant !== null && constant === this.#constant(right, this.#right)) return;
    if (left.type === 'Identifier') return this.#name(left, right);
    if (left.type === 'MemberExpression' && this.#memberName(left, right)) return;
    if (isFunction(left) && isFunction(right)) {
      if (left.type !== right.type) throw new Parted(left, right);
      return this.#function(left, right);
    }
    switch (left.type) {
      case 'BlockStatement':
        if (right.type !== 'BlockStatement') throw new Parted(left, right);
        return this.#lists(statementsOf(left), statementsOf(right), left, right);
      case 'MemberExpression':
        if (right.type !== 'MemberExpression' || (left.optional === true) !== (right.optional === true)) throw new Parted(left, right);
        this.#field('object', left, right);
        return this.#property(left, right);
      case 'CallExpression':
      case 'NewExpression':
      case 'TaggedTemplateExpression': {
        if (right.type !== left.type || (left.optional === true) !== (right.optional === true)) throw new Parted(left, right);
        const field = left.type === 'TaggedTemplateExpression' ? 'tag' : 'callee';
        this.#called(need(left, field), need(right, field));
        if (field === 'tag') return this.#field('quasi', left, right);
        return this.#lists(children(left, 'arguments'), children(right, 'arguments'), left, right);
      }
      case 'Property':
      case 'MethodDefinition':
      case 'PropertyDefinition':
        if (right.type !== left.type) throw new Parted(left, right);
        this.#key(left, right);
        for (const field of ['kind', 'method', 'static'] as const) if (!same(left[field], right[field])) throw new Parted(left, right);
        this.#lists(children(left, 'decorators'), children(right, 'decorators'), left, right);
        return this.#field('value', left, right);
      case 'ClassBody':
        if (right.type !== 'ClassBody') throw new Parted(left, right);
        return this.#lists(children(left, 'body').filter(isCode), children(right, 'body').filter(isCode), left, right);
      case 'LabeledStatement':
      case 'BreakStatement':
      case 'ContinueStatement':
        if (right.type !== left.type) throw new Parted(left, right);
        this.#label(child(left, 'label'), child(right, 'label'), left, right);
        return this.#field('body', left, right);
      case 'MetaProperty':
        if (right.type !== left.type || nameOf(child(left, 'property')) !== nameOf(child(right, 'property'))) throw new Parted(left, right);
        return;
      case 'PrivateIdentifier':
        if (right.type !== left.type) throw new Parted(left, right);
        return this.#private(left, right);
      case 'VariableDeclaration':
        // What a constant may not do is an error in either.
        if (right.type !== left.type || (left.kind === 'var') !== (right.kind === 'var')) throw new Parted(left, right);
        return this.#lists(children(left, 'declarations'), children(right, 'declarations'), left, right);
      case 'TemplateElement':
        if (JSON.stringify(left.value) !== JSON.stringify(right.value)) throw new Parted(left, right);
        return;
      default:
        return this.#generic(left, right);
    }
  }

  #generic(left: SyntaxNode, right: SyntaxNode): void {
    if (left.type !== right.type || left.type.startsWith('TS')) throw new Parted(left, right);
    for (const field of new Set([...Object.keys(left), ...Object.keys(right)])) {
      if (!ignoredFields.has(field)) this.#values(left[field], right[field], left, right);
    }
  }

  #values(left: unknown, right: unknown, leftAbove: SyntaxNode, rightAbove: SyntaxNode): void {
    if (isEmpty(left) && isEmpty(right)) return;
    if (Array.isArray(left) && Array.isArray(right)) {
      if (left.length !== right.length) throw new Parted(leftAbove, rightAbove);
      for (const [index, item] of left.entries()) this.#values(item, right[index], leftAbove, rightAbove);
      return;
    }
    if (isTree(left) && isTree(right)) return this.#nodes(left, right);
    if (left instanceof RegExp && right instanceof RegExp) return;
    if (typeof left === 'object' || typeof right === 'object') {
      if (JSON.stringify(left) === JSON.stringify(right)) return;
      throw new Parted(isTree(left) ? left : leftAbove, isTree(right) ? right : rightAbove);
    }
    if (left !== right) throw new Parted(leftAbove, rightAbove);
  }

  #field(field: string, left: SyntaxNode, right: SyntaxNode): void {
    this.#values(left[field], right[field], left, right);
  }

  #lists(left: SyntaxNode[], right: SyntaxNode[], leftAbove: SyntaxNode, rightAbove: SyntaxNode): void {
    for (const [index, each] of left.entries()) {
      const other = right[index];
      if (other === undefined) throw new Parted(each, null);
      this.#nodes(each, other);
    }
    if (right.length > left.length) throw new Parted(leftAbove, right[left.length] ?? rightAbove);
  }

  #function(left: SyntaxNode, right: SyntaxNode): void {
    if ((left.async === true) !== (right.async === true) || (left.generator === true) !== (right.generator === true)) throw new Parted(left, right);
    if ((left.type === 'ArrowFunctionExpression') !== (right.type === 'ArrowFunctionExpression')) throw new Parted(left, right);
    const leftId = child(left, 'id');
    const rightId = child(right, 'id');
    // A name that nothing mentions may be left out of an expression.
    if (left !== functionOf(this.#leftRoot) && leftId !== null && rightId !== null) this.#name(leftId, rightId);
    const parameters = children(left, 'params').filter((each) => !(each.type === 'Identifier' && each.name === 'this'));
    this.#lists(parameters, children(right, 'params'), left, right);
    const [leftBody, rightBody] = [returned(left), returned(right)];
    if (leftBody !== null && rightBody !== null) return this.#nodes(leftBody, rightBody);
    this.#lists(statementsOf(need(left, 'body')), statementsOf(need(right, 'body')), left, right);
  }

  /** A call passes no `this` by way of `(0, x.y)(...)`. */
  #called(left: SyntaxNode, right: SyntaxNode): void {
    const inner = bare(right);
    if (inner.type === 'SequenceExpression' && bare(left).type !== 'SequenceExpression') {
      const [zero, callee, ...others] = children(inner, 'expressions');
      if (zero?.type === 'Literal' && zero.value === 0 && callee !== undefined && others.length === 0) return this.#nodes(left, callee);
    }
    this.#nodes(left, right);
  }

  #name(left: SyntaxNode, right: SyntaxNode): void {
    const meant = bindingOf(this.#left, left);
    const binding = right.type === 'Identifier' ? bindingOf(this.#right, right) : null;
    if (meant === null) {
      if (right.type !== 'Identifier' || binding !== null || left.name !== right.name) throw new Parted(left, right);
      return;
    }
    const rightIsLocal = binding !== null && isWithin(binding.scope.node, this.#rightRoot);
    if (isWithin(meant.scope.node, this.#leftRoot)) {
      if (binding === null || !rightIsLocal) throw new Parted(left, right);
      if ((this.#locals.get(meant) ?? binding) !== binding || (this.#rightLocals.get(binding) ?? meant) !== meant) throw new Parted(left, right);
      this.#locals.set(meant, binding);
      this.#rightLocals.set(binding, meant);
      return;
    }
    if (rightIsLocal) throw new Parted(left, right);
    if (meant.scope !== this.#left.captures.module) {
      if (this.#isFragment && right.type === 'Identifier') return;
      if (binding === null || (this.enclosing.get(meant) ?? binding) !== binding) throw new Parted(left, right);
      this.enclosing.set(meant, binding);
      return;
    }
    this.#learn(meant.name, left, right);
  }

  /** `all.deep` may run as `deep`, and `Level.High` as `2`. */
  #memberName(left: SyntaxNode, right: SyntaxNode): boolean {
    const key = memberKey(this.#left, left);
    if (key === null || (right.type === 'MemberExpression' && propertyText(right, 'property') === propertyText(left, 'property'))) return false;
    this.#learn(key, left, right);
    return true;
  }

  #learn(key: string, left: SyntaxNode, right: SyntaxNode): void {
    const spoken = spokenBy(this.#right, right, this.#isFragment);
    const known = this.names.get(key);
    if (spoken === null || (spoken.root !== null && isWithin(spoken.root.scope.node, this.#rightRoot))) throw new Parted(left, right);
    if (known !== undefined && (known.text !== spoken.text || known.root !== spoken.root)) throw new Parted(left, right);
    this.names.set(key, spoken);
  }

  #key(left: SyntaxNode, right: SyntaxNode): void {
    const [leftKey, rightKey] = [need(left, 'key'), need(right, 'key')];
    if (left.computed === true || right.computed === true) {
      const [leftName, rightName] = [propertyText(left, 'key'), propertyText(right, 'key')];
      if (leftName !== null && leftName === rightName) return;
      if (left.computed !== right.computed) throw new Parted(leftKey, rightKey);
      return this.#nodes(leftKey, rightKey);
    }
    if (leftKey.type === 'PrivateIdentifier' && rightKey.type === 'PrivateIdentifier') return this.#private(leftKey, rightKey);
    if (leftKey.type === 'PrivateIdentifier' || rightKey.type === 'PrivateIdentifier' || nameOf(leftKey) !== nameOf(rightKey)) {
      throw new Parted(leftKey, rightKey);
    }
  }

  #property(left: SyntaxNode, right: SyntaxNode): void {
    const [leftName, rightName] = [propertyText(left, 'property'), propertyText(right, 'property')];
    if (leftName !== null && leftName === rightName) return;
    if (leftName !== null || rightName !== null) throw new Parted(left, right);
    this.#nodes(need(left, 'property'), need(right, 'property'));
  }

  #private(left: SyntaxNode, right: SyntaxNode): void {
    const [from, to] = [`#${String(left.name)}`, `#${String(right.name)}`];
    const known = this.privates.get(from);
    if (known === undefined ? [...this.privates.values()].includes(to) : known !== to) throw new Parted(left, right);
    this.privates.set(from, to);
  }

  #label(left: SyntaxNode | null, right: SyntaxNode | null, leftAbove: SyntaxNode, rightAbove: SyntaxNode): void {
    if (left === null && right === null) return;
    const [from, to] = [nameOf(left), nameOf(right)];
    if (from === null || to === null || (this.#labels.get(from) ?? to) !== to) throw new Parted(leftAbove, rightAbove);
    this.#labels.set(from, to);
  }

  /** What a literal is, however it is written: `!0`, `void 0`, `-1`, `` `text` ``. */
  #constant(node: SyntaxNode, tree: Tree): string | null {
    const known = constantOf(node);
    if (known !== null) return known;
    return node.type === 'Identifier' && node.name === 'undefined' && bindingOf(tree, node) === null && !this.#isDeclared(node, tree)
      ? 'undefined'
      : null;
  }

  #isDeclared(node: SyntaxNode, tree: Tree): boolean {
    return tree.captures.declarations.has(node);
  }
}
