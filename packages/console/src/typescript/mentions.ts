/** Whether everything that the author wrote of a function is in the running code still: a build that knows what a function does may have changed who calls it. */
import { child, lineTable, nameOf, type Authorship, type Binding, type PlaceMap, type SyntaxNode } from '@keyhole/agent/source';
import { argumentsOf, handedTo, parentsIn, propertyName, type Holder } from './holders.ts';
import type { AuthorFile } from './parse.ts';
import { importOf, isOfBundler, isOfPackage, type AuthorSources, type ImportOf } from './sources.ts';
import { bindingOf, type Tree } from './tree.ts';

/** A running module, and the author's files that became it. */
export interface Places {
  tree: Tree;
  map: PlaceMap | null;
  author: AuthorFile;
  /** The author's file as the map names it; null without a map. */
  source: string | null;
  sources: AuthorSources;
  authorship: Authorship | null;
}

/** A place of the author's where a function may be called, or handed on. */
interface Mention {
  /** The word, and the chain that ends in it: maps know the one or the other. */
  nodes: SyntaxNode[];
  /** What is called, where it is. */
  expression: SyntaxNode;
}

/** What runs at a place of the author's. */
interface Running {
  binding: Binding | null;
  /** Of a chain: the last name; null where it is computed. */
  property: string | null;
  isMember: boolean;
  passed: number | null;
}

/** How a function comes to run: an accessor where its property is mentioned. */
export type Use = 'called' | 'constructed' | 'accessed';

export interface Calls {
  use: Use;
  /** The old text does nothing but give a result: whoever calls it and leaves that may have been left out, in packages as well. */
  mayBeLeftOut: boolean;
}

interface HeldIn {
  holder: Holder;
  file: AuthorFile;
  source: string;
}

const maxIndentation = 200;

/**
 * A place in the author's files that mentions a function, or what holds it, and is not found in the running code with as many arguments; null where all are there. Code that the
 * build left out as a whole counts as missing.
 * @param held the running variables that hold the function.
 */
export function missingMention(places: Places, holders: readonly Holder[], held: ReadonlySet<Binding>, { use, mayBeLeftOut }: Calls): string | null {
  const { map, author, source: own, sources } = places;
  if (own === null || holders.length === 0) return null;
  const files: [string, AuthorFile][] = [];
  for (const source of (map?.sources ?? []).filter((each) => (mayBeLeftOut || !isOfPackage(each)) && !isOfBundler(each) && !each.endsWith('.json'))) {
    const file = source === own ? author : sources.file(source);
    if (file === null) return `nobody knows the text of ${source.replace(/^.*\//, '')}`;
    files.push([source, file]);
  }
  const running = RunningPlaces.of(places);
  const open = holders.map((holder): HeldIn => ({ holder, file: author, source: own }));
  const seen: Holder[] = [];
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    const { holder } = next;
    if (seen.some((each) => isSame(each, holder))) continue;
    seen.push(holder);
    const isFirst = holders.includes(holder);
    for (const [source, file] of files) {
      for (const { nodes, expression } of mentionsIn(file, source, next, sources)) {
        const over = parentsIn(file).get(expression);
        const taker = mayBeLeftOut ? takerOf(file, source, expression, places) : null;
        if (taker !== null)
          return `${source.replace(/^.*\//, '')}:${lineIn(file, expression.start)} hands it to ${taker}, which may not call it any more`;
        if (use === 'constructed' && isFirst && over !== undefined && isNoConstruction(over, expression)) continue;
        const passed = argumentsOf(file, expression);
        const fits = ({ binding, property, isMember, passed: there }: Running): boolean => {
          if (passed !== null && there !== passed) return false;
          if (holder.by === 'property') return property === holder.name || (isMember && (property === null || holder.name.startsWith('#')));
          return isFirst && holder.by === 'variable' ? binding !== null && held.has(binding) : true;
        };
        if (!nodes.some((node) => running.at(source, file, node).some(fits)))
          return `${source.replace(/^.*\//, '')}:${lineIn(file, expression.start)} ${'binding' in holder ? 'mentions' : 'may mention'} it`;
        // What an accessor gives is not the accessor.
        if (use === 'called') open.push(...handedTo(file, expression).map((each) => ({ holder: each, file, source })));
      }
    }
  }
  return null;
}

/**
 * The function of the bundle's that an expression is handed to, by its name: rollup follows what is handed to a function, and leaves out calls of the parameter. What is handed to a method, or to a
 * function from outside, it does not know.
 */
function takerOf(file: AuthorFile, source: string, expression: SyntaxNode, { map, sources }: Places): string | null {
  const over = parentsIn(file).get(expression);
  if (over === undefined || (over.type !== 'CallExpression' && over.type !== 'NewExpression') || child(over, 'callee') === expression) return null;
  const callee = child(over, 'callee');
  const binding = callee?.type === 'Identifier' ? bindingOf(file, callee) : null;
  if (binding === null) return null;
  const from = importOf(file, binding);
  const target = from === null ? null : sources.imported(source, from);
  const isOutside =
    target !== null && 'module' in target && (map?.sources ?? []).every((each) => !each.includes(`/node_modules/${packageOf(target.module)}/`));
  return isOutside ? null : binding.name;
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function isSame(a: Holder, b: Holder): boolean {
  if (a.by === 'variable' && b.by === 'variable') return a.binding === b.binding;
  return a.by === 'property' && b.by === 'property' ? a.name === b.name : a.by === b.by && a.by === 'index';
}

/** A class is asked for its members, and for its instances. */
function isNoConstruction(over: SyntaxNode, node: SyntaxNode): boolean {
  return (over.type === 'MemberExpression' && child(over, 'object') === node) || (over.type === 'BinaryExpression' && over.operator === 'instanceof');
}

function* mentionsIn(
  file: AuthorFile,
  source: string,
  { holder, file: ofFile, source: ofSource }: HeldIn,
  sources: AuthorSources,
): Generator<Mention> {
  if (holder.by === 'property' || holder.by === 'index') {
    // Private names mean nothing elsewhere.
    if (holder.by === 'property' && holder.name.startsWith('#') && file !== ofFile) return;
    yield* membersIn(file, holder.by === 'property' ? holder.name : null);
    return;
  }
  const name = holder.by === 'default' ? 'default' : holder.binding.name;
  const isModules = holder.by === 'default' || holder.binding.scope === ofFile.captures.module;
  const isMeant = (from: ImportOf | null): boolean => {
    const target = from === null ? null : sources.imported(source, from);
    return target !== null && 'source' in target && target.source === ofSource && target.name === name;
  };
  const { captures } = file;
  for (const { node, name: written, scope, above } of captures.references) {
    if (above.type === 'ExportSpecifier' || above.type === 'ExportDefaultDeclaration') continue;
    const binding = captures.resolve(written, scope);
    if (binding === null) continue;
    if (holder.by === 'variable' && binding === holder.binding) {
      yield { nodes: [node], expression: node };
      continue;
    }
    if (!isModules || binding.scope !== captures.module) continue;
    const from = importOf(file, binding);
    if (from?.imported !== '*') {
      if (isMeant(from)) yield { nodes: [node], expression: node };
      continue;
    }
    const property = above.type === 'MemberExpression' && child(above, 'object') === node ? child(above, 'property') : null;
    // A namespace that is handed on may be asked for anything.
    if (property === null || above.computed === true) {
      if (isMeant({ ...from, imported: name })) yield { nodes: [node], expression: node };
    } else if (isMeant({ ...from, imported: nameOf(property) ?? '' })) yield { nodes: [above, property], expression: above };
  }
}

/** Where a property of that name is asked for, by any object; and calls of properties whose name is computed. */
function* membersIn(file: AuthorFile, name: string | null): Generator<Mention> {
  const parents = parentsIn(file);
  for (const node of parents.keys()) {
    if (node.type === 'MemberExpression') {
      const property = child(node, 'property');
      const asked = propertyName(node);
      if (property === null || (asked === null ? !mayAskFor(file, node, name) : asked !== name)) continue;
      yield { nodes: [property, node], expression: node };
    } else if (node.type === 'Property' && name !== null && parents.get(node)?.type === 'ObjectPattern' && nameOf(child(node, 'key')) === name) {
      yield { nodes: [child(node, 'key') ?? node], expression: node };
    }
  }
}

/** Whether a call of a computed property may be one of that name, or of any index where no name is given. */
function mayAskFor(file: AuthorFile, member: SyntaxNode, name: string | null): boolean {
  if (argumentsOf(file, member) === null) return false;
  const key = child(member, 'property');
  return name === null || key?.type !== 'Literal' || typeof key.value !== 'number';
}

/** The running code by the author's places. */
class RunningPlaces {
  static readonly #known = new WeakMap<Tree, RunningPlaces>();
  readonly #byPlace = new Map<string, Running[]>();

  /** Made once for a running module: a bundle has tens of thousands of names. */
  static of(places: Places): RunningPlaces {
    const known = RunningPlaces.#known.get(places.tree) ?? new RunningPlaces(places);
    RunningPlaces.#known.set(places.tree, known);
    return known;
  }

  private constructor({ tree, authorship }: Places) {
    if (authorship === null) return;
    const add = (node: SyntaxNode, running: Running): void => {
      // Some maps let a statement begin with the white space before it.
      const indented = /[ \t]*$/.exec(tree.text.slice(Math.max(0, node.start - maxIndentation), node.start))?.[0].length ?? 0;
      const place = authorship.exactly(node.start) ?? authorship.exactly(node.start - indented);
      if (place === null) return;
      const key = `${place.source}:${place.line}:${place.column}`;
      const there = this.#byPlace.get(key);
      if (there === undefined) this.#byPlace.set(key, [running]);
      else there.push(running);
    };
    const parents = parentsIn(tree);
    for (const { node } of tree.captures.references) {
      add(node, { binding: bindingOf(tree, node), property: null, isMember: false, passed: argumentsOf(tree, node) });
    }
    for (const node of parents.keys()) {
      const isPattern = node.type === 'Property' && parents.get(node)?.type === 'ObjectPattern';
      if (node.type !== 'MemberExpression' && !isPattern) continue;
      const property = isPattern ? nameOf(child(node, 'key')) : propertyName(node);
      const running = { binding: null, property, isMember: true, passed: argumentsOf(tree, node) };
      add(node, running);
      const word = child(node, isPattern ? 'key' : 'property');
      if (word !== null && word.start !== node.start) add(word, running);
    }
  }

  at(source: string, file: AuthorFile, { start }: SyntaxNode): readonly Running[] {
    const column = start - file.text.lastIndexOf('\n', start - 1) - 1;
    return this.#byPlace.get(`${source}:${lineIn(file, start)}:${start === 0 ? 0 : column}`) ?? [];
  }
}

/** Lines of the author's files, each counted once: a bundle has thousands of mentions. */
const lineTables = new WeakMap<AuthorFile, (offset: number) => number>();

function lineIn(file: AuthorFile, offset: number): number {
  let lineAt = lineTables.get(file);
  if (lineAt === undefined) lineTables.set(file, (lineAt = lineTable(file.text)));
  return lineAt(offset);
}
