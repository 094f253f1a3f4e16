/** CommonJS as compilers write it: which variables hold what was required, and what is on `exports`. */
import { below, child, children, nameOf, normalForm, type Binding, type SyntaxNode } from '@keyhole/agent/source';
import { importOf } from './sources.ts';
import { bindingOf, type Tree } from './tree.ts';

export class Required {
  readonly #tree: Tree;
  readonly #isCompilers: (binding: Binding) => boolean;
  readonly #specifiers = new Map<Binding, string>();

  /** @param isCompilers whether a variable of the text was made by a compiler. */
  constructor(tree: Tree, isCompilers: (binding: Binding) => boolean) {
    this.#tree = tree;
    this.#isCompilers = isCompilers;
    for (const declarator of declaratorsOf(tree.program)) {
      const name = nameOf(child(declarator, 'id'));
      const specifier = this.#requiredBy(child(declarator, 'init'));
      const declared = name === null ? undefined : tree.captures.module.bindings.get(name);
      if (declared !== undefined && specifier !== null) this.#specifiers.set(declared, specifier);
    }
  }

  /** `const pricing_1 = require("./pricing.js")`, also inside a compiler's own function, or of a package that a bundle holds: the specifier. */
  of(binding: Binding): string | null {
    return this.#specifiers.get(binding) ?? null;
  }

  get specifiers(): Iterable<string> {
    return this.#specifiers.values();
  }

  /**
   * Whether a property of what was required is what an import of that name means. What `require` gives has no `default` of its own and is no namespace: only a compiler's function makes one
   * of it, where the old text needed it.
   */
  provides(binding: Binding, imported: string): boolean {
    if (this.of(binding) === null) return false;
    const value = declaredWith(this.#tree, binding);
    const helper = nameOf(value === null ? null : child(value, 'callee')) ?? '';
    if (helper === 'require') return imported !== 'default' && imported !== '*';
    if (/star|esm|wildcard|namespace/i.test(helper)) return true;
    return /default/i.test(helper) && imported === 'default';
  }

  #requiredBy(node: SyntaxNode | null): string | null {
    const callee = node?.type === 'CallExpression' ? child(node, 'callee') : null;
    if (node === null || callee?.type !== 'Identifier') return null;
    const [first] = children(node, 'arguments');
    const made = bindingOf(this.#tree, callee);
    if (callee.name === 'require' && made === null) return first?.type === 'Literal' && typeof first.value === 'string' ? first.value : null;
    if (made === null || !this.#isCompilers(made)) return null;
    return this.#requiredBy(first ?? null) ?? this.#wrappedBy(made);
  }

  /** `var require_react = __commonJS({ "node_modules/react/index.js"(exports, module) {...} })`: a package that a bundle holds once, as its importers name it. */
  #wrappedBy(binding: Binding): string | null {
    const value = declaredWith(this.#tree, binding);
    const [wrapped, ...others] = value?.type === 'CallExpression' ? children(value, 'arguments') : [];
    const [member, ...more] = wrapped?.type === 'ObjectExpression' && others.length === 0 ? children(wrapped, 'properties') : [];
    const file = member?.method === true && more.length === 0 ? nameOf(child(member, 'key')) : null;
    const [, inside, nested] = file?.split('node_modules/') ?? [];
    return inside === undefined || nested !== undefined ? null : inside.replace(/(?:\/index)?\.c?js$/, '');
  }
}

/** How a variable that a compiler made is declared, as a normal form. */
export function declarationForm(tree: Tree, binding: Binding): string {
  const from = importOf(tree, binding);
  if (from !== null) return `import ${from.imported} of ${from.specifier}`;
  const value = declaredWith(tree, binding);
  return value === null ? binding.kind : normalForm(value);
}

/** What a variable of the module is declared with. */
function declaredWith({ program }: Tree, { name }: Binding): SyntaxNode | null {
  const declarator = declaratorsOf(program).find((each) => nameOf(child(each, 'id')) === name);
  return declarator === undefined ? null : child(declarator, 'init');
}

/** The names that are assigned on `exports`. */
export function exportedBy(program: SyntaxNode): Set<string> {
  const names = new Set<string>();
  for (const statement of children(program, 'body')) {
    for (let at = child(statement, 'expression'); at?.type === 'AssignmentExpression'; at = child(at, 'right')) {
      const target = child(at, 'left');
      const object = target === null ? null : child(target, 'object');
      const name = target === null ? null : nameOf(child(target, 'property'));
      if (object?.type === 'Identifier' && object.name === 'exports' && name !== null) names.add(name);
    }
  }
  return names;
}

function declaratorsOf(program: SyntaxNode): SyntaxNode[] {
  return children(program, 'body').flatMap((each) => (each.type === 'VariableDeclaration' ? children(each, 'declarations') : []));
}

/** Calls of `import()`. */
export function importsIn(node: SyntaxNode): SyntaxNode[] {
  return below(node).flatMap((part) => [...(part.type === 'ImportExpression' ? [part] : []), ...importsIn(part)]);
}
