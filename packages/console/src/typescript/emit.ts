/** The text of a function in terms of the running module: its free names are said as they are said there, and nothing in it may catch them. */
import {
  child,
  children,
  nameOf,
  typeWrappers,
  type Binding,
  type FunctionEntry,
  type Scope,
  type SyntaxNode,
  type Token,
} from '@keyhole/agent/source';
import { bindingOf, isWithin, type Tree } from './tree.ts';
import { memberKey, type Spoken } from './spoken.ts';

/** How the running module says what the text does not declare itself. */
export interface Speech {
  /** Of the module's, or of a member of one where `member` is given: null for a member that is not said in a way of its own. */
  ofModule(name: string, member: string | null, node: SyntaxNode): Spoken | null;
  /** The running name of a variable of a function around. */
  ofEnclosing(binding: Binding, node: SyntaxNode): string;
  /** Whether the running module has a variable of that name, so that a global could not be meant by it. */
  hides(global: string): boolean;
  privateName(name: string, node: SyntaxNode): string;
  /** What the running function is declared as; null where it has no name of its own. */
  ownName: string | null;
  refuse(why: string, node: SyntaxNode): never;
}

interface Edit {
  start: number;
  end: number;
  text: string;
}

/** @param text of the tree without types, at the same offsets. */
export function emit(tree: Tree, text: string, entry: FunctionEntry, speech: Speech, layout: readonly Edit[] = []): string {
  const { container } = entry;
  const edits: Edit[] = [...layout];
  const above = parentsIn(container);
  /** The names that must not be caught, with the places where they are said. */
  const said: { root: string; scope: Scope }[] = [];
  const assigned = assignedIn(container);

  const replace = (node: SyntaxNode, scope: Scope, { text: expression, root, isBrought }: Spoken): void => {
    const name = /^[^.[(]*/.exec(expression)?.[0] ?? '';
    if (root !== null || isBrought === true || /^(?:exports|module)$/.test(name)) said.push({ root: name, scope });
    if (root === null && name !== 'exports' && name !== 'module' && assigned.has(node))
      speech.refuse(`the new text assigns to ${textOf(node)}, which runs as a constant`, node);
    const isChain = /[.[]/.test(expression) && !expression.startsWith('(');
    // It is called here as it is there.
    if (expression === textOf(node)) return;
    const outermost = withWrappers(node, above);
    const over = above.get(outermost);
    const called = over !== undefined && over.type !== 'NewExpression' && (child(over, 'callee') === outermost || child(over, 'tag') === outermost);
    const isNamespaceCall = called && node.type === 'MemberExpression';
    const spelled = isChain && called && !isNamespaceCall ? `(0, ${expression})` : expression;
    const label = over !== undefined && isShorthand(over, node, above) ? `${String(node.name)}: ` : '';
    // A parenthesis at the start of a line would go on with the line before.
    const fence = spelled.startsWith('(') && startsStatement(node, above) ? ';' : '';
    edits.push({ start: node.start, end: node.end, text: fence + label + spelled });
  };
  const textOf = (node: SyntaxNode): string => text.slice(node.start, node.end);

  for (const { name, node, scope } of tree.captures.references) {
    if (!isWithin(node, container)) continue;
    const binding = bindingOf(tree, node);
    if (binding === null) {
      if (name !== 'arguments' && speech.hides(name))
        speech.refuse(`the new text means the global ${name}, and the running module has a variable of that name`, node);
      said.push({ root: name, scope });
      continue;
    }
    if (isWithin(binding.scope.node, container)) continue;
    if (binding.scope !== tree.captures.module) {
      const running = speech.ofEnclosing(binding, node);
      replace(node, scope, { text: running, root: binding, node });
      continue;
    }
    const over = above.get(node);
    const member = over !== undefined && child(over, 'object') === node && memberKey(tree, over) !== null ? over : null;
    const ofMember = member === null ? null : speech.ofModule(name, nameOf(child(member, 'property')), member);
    if (member !== null && ofMember !== null) {
      replace(member, scope, ofMember);
      continue;
    }
    const spoken = speech.ofModule(name, null, node);
    if (spoken !== null) replace(node, scope, spoken);
  }
  const id = child(entry.node, 'id');
  if (id !== null && entry.container.type === 'FunctionDeclaration' && speech.ownName !== null && nameOf(id) !== speech.ownName) {
    edits.push({ start: id.start, end: id.end, text: speech.ownName });
  }
  edits.push(...renamed(tree, container, said, text, above), ...privateEdits(container, speech));
  return applied(text, entry, edits);
}

/** Locals of the text that would catch a running name get another one. */
function renamed(
  tree: Tree,
  container: SyntaxNode,
  said: readonly { root: string; scope: Scope }[],
  text: string,
  above: ReadonlyMap<SyntaxNode, SyntaxNode>,
): Edit[] {
  const catching = new Set<Binding>();
  for (const { root, scope } of said) {
    // Where the nearest has another name, the next one around would catch it.
    for (let at: Scope | null = scope; at !== null && isWithin(at.node, container); at = at.parent) {
      const binding = at.bindings.get(root);
      if (binding !== undefined) catching.add(binding);
    }
  }
  if (catching.size === 0) return [];
  const edits: Edit[] = [];
  const names = new Map<Binding, string>();
  for (const binding of catching) {
    let fresh = `${binding.name}$`;
    while (text.includes(fresh) || said.some(({ root }) => root === fresh)) fresh += '$';
    names.set(binding, fresh);
  }
  const nodes = [...tree.captures.references.map(({ node }) => node), ...tree.captures.declarations.keys()];
  for (const node of new Set(nodes)) {
    const binding = isWithin(node, container) ? bindingOf(tree, node) : null;
    const fresh = binding === null ? undefined : names.get(binding);
    if (fresh === undefined) continue;
    const over = above.get(node);
    const label = over !== undefined && isShorthand(over, node, above) ? `${String(node.name)}: ` : '';
    edits.push({ start: node.start, end: node.start + String(node.name).length, text: label + fresh });
  }
  return edits;
}

function privateEdits(container: SyntaxNode, speech: Speech): Edit[] {
  const edits: Edit[] = [];
  const walk = (node: SyntaxNode, declared: ReadonlySet<string>): void => {
    let inside = declared;
    if (node.type === 'ClassBody') {
      const keys = partsOf(node).map((member) => child(member, 'key'));
      inside = new Set([...declared, ...keys.filter((key) => key?.type === 'PrivateIdentifier').map((key) => String(key?.name))]);
    }
    if (node.type === 'PrivateIdentifier' && !declared.has(String(node.name))) {
      const from = `#${String(node.name)}`;
      const to = speech.privateName(from, node);
      if (to !== from) edits.push({ start: node.start, end: node.end, text: to });
    }
    for (const part of partsOf(node)) walk(part, inside);
  };
  walk(container, new Set());
  return edits;
}

/** Line breaks so that each token stands on its author's line again, as far as the grammar allows one there. */
export function layoutOf(
  text: string,
  entry: FunctionEntry,
  firstLine: number,
  tokens: readonly Token[],
  lineOf: (offset: number) => number | null,
): Edit[] {
  const edits: Edit[] = [];
  let line = firstLine;
  let previous: Token | null = null;
  for (const token of tokens) {
    if (token.start < entry.start || token.end > entry.end) continue;
    if (previous !== null) {
      const gap = text.slice(previous.end, token.start);
      const wanted = lineOf(token.start);
      const mayBreak =
        !/^(?:return|throw|break|continue|yield|async|await|get|set|static|accessor)$/.test(text.slice(previous.start, previous.end)) &&
        !/^(?:=>|\+\+|--)$/.test(text.slice(token.start, token.end));
      const isTemplate = token.label === 'template' || previous.label === 'template' || previous.label === '`' || token.label === '`';
      const breaks = wanted !== null && wanted > line && mayBreak && !isTemplate ? wanted - line : 0;
      const spaced = breaks > 0 ? '\n'.repeat(breaks) : gap === '' ? '' : ' ';
      if (spaced !== gap && !isTemplate) edits.push({ start: previous.end, end: token.start, text: spaced });
      line += breaks;
    }
    line += text.slice(token.start, token.end).split('\n').length - 1;
    previous = token;
  }
  return edits;
}

const lists: ReadonlySet<string> = new Set(['BlockStatement', 'StaticBlock', 'SwitchCase', 'Program']);

function startsStatement(node: SyntaxNode, above: ReadonlyMap<SyntaxNode, SyntaxNode>): boolean {
  for (let at = above.get(node); at !== undefined && at.start === node.start; at = above.get(at)) {
    const over = above.get(at);
    if (at.type === 'ExpressionStatement') return over !== undefined && lists.has(over.type);
  }
  return false;
}

function isShorthand(over: SyntaxNode, node: SyntaxNode, above: ReadonlyMap<SyntaxNode, SyntaxNode>): boolean {
  if (over.type === 'AssignmentPattern' && child(over, 'left') === node) {
    const property = above.get(over);
    return property?.type === 'Property' && property.shorthand === true;
  }
  return over.type === 'Property' && over.shorthand === true;
}

/** With the type assertions around it, which are nothing in JavaScript. */
function withWrappers(node: SyntaxNode, above: ReadonlyMap<SyntaxNode, SyntaxNode>): SyntaxNode {
  let at = node;
  for (let over = above.get(at); over !== undefined && typeWrappers.has(over.type); over = above.get(at)) at = over;
  return at;
}

function assignedIn(container: SyntaxNode): Set<SyntaxNode> {
  const found = new Set<SyntaxNode>();
  const walk = (node: SyntaxNode): void => {
    const target =
      node.type === 'AssignmentExpression' || node.type === 'ForInStatement' || node.type === 'ForOfStatement'
        ? child(node, 'left')
        : node.type === 'UpdateExpression'
          ? child(node, 'argument')
          : null;
    if (target !== null) found.add(target);
    for (const part of partsOf(node)) walk(part);
  };
  walk(container);
  return found;
}

function parentsIn(container: SyntaxNode): Map<SyntaxNode, SyntaxNode> {
  const above = new Map<SyntaxNode, SyntaxNode>();
  const walk = (node: SyntaxNode): void => {
    for (const part of partsOf(node)) {
      above.set(part, node);
      walk(part);
    }
  };
  walk(container);
  return above;
}

function partsOf(node: SyntaxNode): SyntaxNode[] {
  return Object.values(node)
    .flat()
    .filter((each): each is SyntaxNode => typeof each === 'object' && each !== null && typeof (each as { type?: unknown }).type === 'string');
}

/** Decorators are the class's: they ran when it was made. */
export function startOf({ container, start }: FunctionEntry, text: string): number {
  const last = children(container, 'decorators').at(-1);
  return last === undefined || last.end <= start ? start : last.end + (/^\s*/.exec(text.slice(last.end))?.[0].length ?? 0);
}

function applied(text: string, entry: FunctionEntry, edits: readonly Edit[]): string {
  const { end } = entry;
  const start = startOf(entry, text);
  let out = '';
  let at = start;
  for (const edit of [...edits].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (edit.end <= start || edit.start >= end) continue;
    if (edit.start < at) throw new Error(`two edits of one place: ${text.slice(edit.start, edit.end)}`);
    out += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return out + text.slice(at, end);
}
