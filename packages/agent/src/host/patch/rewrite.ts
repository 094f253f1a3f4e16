/**
 * The text of a patch as code that stands outside its module: what the text says of its surroundings (module variables, captured variables, `this`, `super`,
 * private names, `import`) is said through what the slot hands over. Everything else stays as the author wrote it, line by line.
 */
import { stringify } from '../../platform/originals.ts';
import { isAnonymousFunction } from '../../loader/index.ts';
import type { Edit } from '../../loader/index.ts';
import { assignedIn, below, child, children, nameOf } from '../../source/index.ts';
import type { SyntaxNode } from '../../source/index.ts';
import { Unspeakable } from './meaning.ts';
import type { Meaning } from './meaning.ts';

export class PatchText {
  readonly #source: string;
  readonly #meaning: Meaning;
  readonly #slots: readonly Edit[];
  /** What the text assigns to. */
  readonly #targets: Set<SyntaxNode>;
  readonly #own: Record<'this' | 'super' | 'arguments' | 'newTarget' | 'importMeta' | 'imports' | 'privateNames', Set<SyntaxNode>>;
  #nextSlot = 0;

  /** @param slots insertions for the slots of nested functions, sorted, none of them inside a name or a word. */
  constructor(program: SyntaxNode, source: string, meaning: Meaning, slots: readonly Edit[]) {
    this.#source = source;
    this.#targets = assignedIn(program);
    this.#meaning = meaning;
    this.#slots = slots;
    const { words } = meaning;
    const nodes = (places: readonly { node: SyntaxNode }[]): Set<SyntaxNode> => new Set(places.map((place) => place.node));
    this.#own = {
      this: nodes(words.this),
      super: nodes(words.super),
      arguments: nodes(words.arguments),
      newTarget: nodes(words.newTarget),
      importMeta: nodes(words.importMeta),
      imports: nodes(words.imports),
      privateNames: nodes(words.privateNames),
    };
  }

  /**
   * A part of the text, rewritten. Parts have to be asked for in the order of the text.
   * @throws {Unspeakable}
   */
  render(node: SyntaxNode, above: SyntaxNode | null = null): string {
    return this.#special(node, above) ?? this.#plain(node, node.start, node.end);
  }

  /** A stretch of the text that is no node: what stands in a node between two offsets, its parts rewritten. */
  between(node: SyntaxNode, from: number, to: number): string {
    return this.#plain(node, from, to);
  }

  #plain(node: SyntaxNode, from: number, to: number): string {
    const out: string[] = [];
    let at = from;
    for (const part of below(node).sort((a, b) => a.start - b.start || b.end - a.end)) {
      if (part.start < at || part.end > to) continue;
      out.push(this.#gap(at, part.start), this.render(part, node));
      at = part.end;
    }
    out.push(this.#gap(at, to));
    return out.join('');
  }

  /** The text between two parts, with the slots that belong there. */
  #gap(from: number, to: number): string {
    let out = '';
    let at = from;
    for (let slot = this.#slots[this.#nextSlot]; slot !== undefined && slot.at <= to; slot = this.#slots[this.#nextSlot]) {
      if (slot.at < from) throw new Unspeakable('a function in the new text stands where it can not have its slot');
      out += this.#source.slice(at, slot.at) + slot.insert;
      at = slot.at;
      this.#nextSlot += 1;
    }
    return out + this.#source.slice(at, to);
  }

  #special(node: SyntaxNode, above: SyntaxNode | null): string | null {
    const { given, self } = this.#meaning;
    switch (node.type) {
      case 'Identifier':
        if (this.#own.arguments.has(node)) return this.#word('arguments');
        return this.#name(node, above);
      case 'ThisExpression':
        return this.#own.this.has(node) ? self : null;
      case 'MetaProperty':
        if (this.#own.importMeta.has(node)) return `${given.module}["import.meta"]`;
        return this.#own.newTarget.has(node) ? this.#word('new.target') : null;
      case 'ImportExpression':
        return `${given.module}["import()"](${this.#list([child(node, 'source'), child(node, 'options')], node)})`;
      case 'Property':
        return node.shorthand === true ? this.#shorthand(node) : null;
      case 'AssignmentExpression':
        return this.#assignment(node);
      case 'AssignmentPattern':
        return this.#default(node);
      case 'CallExpression':
        return this.#call(node);
      case 'MemberExpression':
        return this.#member(node, above);
      case 'BinaryExpression':
        return this.#own.privateNames.has(child(node, 'left') ?? node) ? this.#brandCheck(node) : null;
      default:
        return null;
    }
  }

  #name(node: SyntaxNode, above: SyntaxNode | null): string | null {
    const variable = this.#meaning.outside.get(node);
    if (variable === undefined) return null;
    const { given } = this.#meaning;
    const called = above !== null && (child(above, 'callee') === node || child(above, 'tag') === node);
    if (variable.index === null) {
      const expression = `${given.module}.${variable.name}`;
      // A call through a property would pass an object as `this`.
      return called && above?.type !== 'NewExpression' ? `(0,${expression})` : expression;
    }
    if (this.#targets.has(node)) return `${given.variable}(${given.accessor},${variable.index}).v`;
    const read = `${given.accessor}(${variable.index})`;
    return called && above?.type === 'NewExpression' ? `(${read})` : read;
  }

  #shorthand(node: SyntaxNode): string | null {
    const value = child(node, 'value');
    const target = value?.type === 'AssignmentPattern' ? child(value, 'left') : value;
    if (value === null || target === null || target === undefined) return null;
    const variable = this.#meaning.outside.get(target);
    if (variable === undefined && !this.#own.arguments.has(target)) return value.type === 'AssignmentPattern' ? this.render(value, node) : null;
    return `${nameOf(child(node, 'key')) ?? ''}:${this.render(value, node)}`;
  }

  #assignment(node: SyntaxNode): string | null {
    const left = child(node, 'left');
    const right = child(node, 'right');
    if (left === null || right === null) return null;
    const operator = String(node.operator).slice(0, -1);
    const property = left.type === 'MemberExpression' ? child(left, 'property') : null;
    const object = child(left, 'object');
    if (property !== null && object !== null && operator === '' && this.#own.privateNames.has(property)) {
      const { accessor, index } = this.#privateOf(left, object, property);
      const target = this.#argument(object, left);
      return `${accessor}(${index},1,${target},${this.#lines(object.end, right.start)}${this.#argument(right, node)})`;
    }
    const variable = this.#meaning.outside.get(left);
    if (variable === undefined) return null;
    const { index } = variable;
    const gap = this.#lines(left.end, right.start);
    if (index === null || ['&&', '||', '??'].includes(operator)) {
      return `${this.render(left, node)}${gap}${String(node.operator)}${this.#named(variable.name, right, node)}`;
    }
    const { accessor } = this.#meaning.given;
    const value = this.#named(variable.name, right, node);
    return operator === '' ? `${accessor}(${index},1,${gap}${value})` : `${accessor}(${index},1,${accessor}(${index})${operator}${gap}(${value}))`;
  }

  /** A function without a name takes that of the variable it is assigned to; what stands for the variable has another. */
  #named(name: string, value: SyntaxNode, above: SyntaxNode): string {
    const text = this.#argument(value, above);
    return isAnonymousFunction(value) ? `({${stringify(name)}:${text}})[${stringify(name)}]` : text;
  }

  #default(node: SyntaxNode): string | null {
    const left = child(node, 'left');
    const right = child(node, 'right');
    const variable = left === null ? undefined : this.#meaning.outside.get(left);
    if (left === null || right === null || variable === undefined) return null;
    return `${this.render(left, node)}${this.#lines(left.end, right.start)}=${this.#named(variable.name, right, node)}`;
  }

  #call(node: SyntaxNode): string | null {
    const callee = child(node, 'callee');
    if (callee === null) return null;
    const { given, self } = this.#meaning;
    if (callee.type === 'Super') {
      const index = this.#meaning.offered('super()');
      if (index === null) throw new Unspeakable('the new text calls super(), which the running code does not at this place');
      return `${given.accessor}(${index},0,[${this.#list(children(node, 'arguments'), node)}])`;
    }
    if (callee.type !== 'MemberExpression') return null;
    const object = child(callee, 'object');
    const property = child(callee, 'property');
    if (object?.type === 'Super' && this.#own.super.has(object)) {
      if (node.optional === true) throw new Unspeakable('the new text calls super.x?.(), which a patch can not');
      const method = this.#superProperty(callee);
      return `${given.reflect}.apply(${method},${self},[${this.#list(children(node, 'arguments'), node)}])`;
    }
    if (object === null || property === null || !this.#own.privateNames.has(property)) return null;
    const reference = this.#privateReference(object, property, callee);
    const dot = callee.optional === true ? '?.' : '.';
    return `${reference}${dot}c${node.optional === true ? '?.' : ''}(${this.#list(children(node, 'arguments'), node)})`;
  }

  #member(node: SyntaxNode, above: SyntaxNode | null): string | null {
    const object = child(node, 'object');
    const property = child(node, 'property');
    if (object === null || property === null) return null;
    if (object.type === 'Super') {
      if (!this.#own.super.has(object)) return null;
      return this.#targets.has(node) ? this.#superTarget(node) : this.#superProperty(node);
    }
    if (!this.#own.privateNames.has(property)) return null;
    if (above?.type === 'TaggedTemplateExpression') throw new Unspeakable('the new text uses a private method as a template tag');
    if (node.optional === true || this.#targets.has(node)) {
      return `${this.#privateReference(object, property, node)}${node.optional === true ? '?' : ''}.v`;
    }
    const { accessor, index } = this.#privateOf(node, object, property);
    return `${accessor}(${index},0,${this.#argument(object, node)}${this.#lines(object.end, property.start)})`;
  }

  /** An object that stands for the private member: for whatever is more than reading or plainly assigning it. */
  #privateReference(object: SyntaxNode, property: SyntaxNode, member: SyntaxNode): string {
    const { given } = this.#meaning;
    const { accessor, index } = this.#privateOf(member, object, property);
    const make = member.optional === true ? given.optional : given.member;
    return `${make}(${accessor},${index},${this.#argument(object, member)}${this.#lines(object.end, property.start)})`;
  }

  #privateOf(member: SyntaxNode, object: SyntaxNode, property: SyntaxNode): { accessor: string; index: number } {
    // The rest of the chain would be skipped where something is missing before; said from outside it is not.
    for (let at: SyntaxNode | null = object; at !== null && member.optional !== true; at = child(at, 'object') ?? child(at, 'callee')) {
      if (at.type !== 'MemberExpression' && at.type !== 'CallExpression') break;
      if (at.optional === true) throw new Unspeakable(`the new text uses #${String(property.name)} behind a ?. of the same chain`);
    }
    return this.#meaning.privateName(String(property.name));
  }

  #brandCheck(node: SyntaxNode): string {
    const left = child(node, 'left');
    const right = child(node, 'right');
    if (left === null || right === null) throw new Unspeakable('the new text asks for a private name in nothing');
    const { accessor, index } = this.#meaning.privateName(String(left.name));
    return `${accessor}(${index},2,${this.#argument(right, node)})`;
  }

  #superProperty(member: SyntaxNode): string {
    const { given, self, superByClass } = this.#meaning;
    const key = this.#superKey(member);
    if (superByClass) return `${given.reflect}.get(${given.home}(),${key},${self})`;
    const index = this.#meaning.offered('super');
    if (index === null) throw new Unspeakable('the new text uses super, which the running code does not at this place');
    return `${given.accessor}(${index},0,${key})`;
  }

  #superTarget(member: SyntaxNode): string {
    const { given, self, superByClass } = this.#meaning;
    if (!superByClass) throw new Unspeakable('the new text assigns to super.x, and its class stands inside a function');
    return `${given.inherited}(${given.home}(),${this.#superKey(member)},${self}).v`;
  }

  #superKey(member: SyntaxNode): string {
    const property = child(member, 'property');
    if (property === null) throw new Unspeakable('the new text says super without a property');
    return member.computed === true ? this.#argument(property, member) : stringify(String(property.name));
  }

  #word(key: 'arguments' | 'new.target'): string | null {
    const index = this.#meaning.offered(key);
    // Its own arguments are its own.
    if (index === null && key === 'arguments') return null;
    if (index === null) throw new Unspeakable(`the new text uses ${key}, which the running code does not`);
    return `${this.#meaning.given.accessor}(${index})`;
  }

  #list(parts: readonly (SyntaxNode | null)[], node: SyntaxNode): string {
    let out = '';
    let end: number | null = null;
    for (const part of parts) {
      if (part === null) continue;
      if (end !== null) out += `,${this.#lines(end, part.start)}`;
      out += this.#argument(part, node);
      end = part.end;
    }
    return out;
  }

  /** A part that stood between operators or in parentheses, as an argument. */
  #argument(part: SyntaxNode, above: SyntaxNode): string {
    const text = this.render(part, above);
    return part.type === 'SequenceExpression' ? `(${text})` : text;
  }

  /** The line breaks of a stretch that is said in another way: lines stay the author's. */
  #lines(from: number, to: number): string {
    return '\n'.repeat(this.#source.slice(from, to).split('\n').length - 1);
  }
}
