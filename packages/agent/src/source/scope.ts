/** What scope analysis finds: scopes, the bindings in them, and the references to them. */
import type { SyntaxNode } from './syntax.ts';

export type BindingKind = 'import' | 'var' | 'let' | 'const' | 'function' | 'class' | 'parameter' | 'catch' | 'function-name' | 'class-name';

export interface Binding {
  name: string;
  kind: BindingKind;
  scope: Scope;
  declaration: SyntaxNode;
}

export interface Reference {
  name: string;
  node: SyntaxNode;
  /** The node directly above: tells a call, a shorthand property, `typeof`. */
  above: SyntaxNode;
  scope: Scope;
}

export interface Scope {
  kind: 'module' | 'function' | 'block';
  node: SyntaxNode;
  parent: Scope | null;
  bindings: Map<string, Binding>;
}

export interface ScopeAnalysis {
  module: Scope;
  references: Reference[];
  /** Where a name is declared: the node of the name, and the scope that the name belongs to. */
  declarations: Map<SyntaxNode, Scope>;
  /** The scope inside a function's parameters and body. */
  scopeOf(fn: SyntaxNode): Scope;
  /** The binding a name means at a scope, or null for a global. */
  resolve(name: string, at: Scope): Binding | null;
}

/** A binding whose assignment throws. */
export function isConstant(binding: Binding): boolean {
  return binding.kind === 'const' || binding.kind === 'import' || binding.kind === 'class-name' || binding.kind === 'function-name';
}
