/** Whether everything that the author wrote of a variable is in the running code still: a build that knows what a function does may have changed who calls it. */
import { child, children, below, lineTable, nameOf, type Authorship, type Binding, type PlaceMap, type SyntaxNode } from '@keyhole/agent/source';
import type { AuthorFile } from './parse.ts';
import { importOf, isOfPackage, type AuthorSources, type ImportOf } from './sources.ts';
import type { Tree } from './tree.ts';

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

const maxIndentation = 200;

/**
 * A place in the author's files that mentions a variable of his file, and is not found in the running code with as many arguments; null where all are there. Code that the
 * build left out as a whole counts as missing.
 */
export function missingMention(places: Places, meant: Binding, held: Binding): string | null {
  const { tree, map, author, source: own, sources, authorship } = places;
  const { captures } = tree;
  const found = new Map<string, number | null>();
  for (const { node, name, scope, above } of captures.references) {
    if (name !== held.name || captures.resolve(name, scope) !== held) continue;
    // Some maps let a statement begin with the white space before it.
    const indented = /[ \t]*$/.exec(tree.text.slice(Math.max(0, node.start - maxIndentation), node.start))?.[0].length ?? 0;
    const place = authorship?.exactly(node.start) ?? authorship?.exactly(node.start - indented);
    if (place != null) found.set(`${place.source}:${place.line}:${place.column}`, argumentsOf(node, above));
  }
  for (const source of (map?.sources ?? []).filter((each) => !isOfPackage(each))) {
    const file = source === own ? author : sources.file(source);
    if (file === null) return `nobody knows the text of ${source.replace(/^.*\//, '')}`;
    for (const { nodes, above, line } of mentionsIn(file, source, meant, places)) {
      const key = nodes.map((node) => `${source}:${lineAndColumn(file.text, node.start)}`).find((each) => found.has(each));
      const called = argumentsOf(nodes[0] ?? above, above);
      if (key === undefined || (called !== null && found.get(key) !== called)) return `${source.replace(/^.*\//, '')}:${line} mentions it`;
    }
  }
  return null;
}

/** Where a file of the author's mentions a variable of this one's; for `ns.name`, the places of both words. */
function* mentionsIn(
  file: AuthorFile,
  source: string,
  meant: Binding,
  { author, source: own, sources }: Places,
): Generator<{ nodes: SyntaxNode[]; above: SyntaxNode; line: number }> {
  const { captures } = file;
  const lineOf = lineTable(file.text);
  const parents = new Map<SyntaxNode, SyntaxNode>();
  const isMeant = (from: ImportOf | null): boolean => {
    const target = from === null ? null : sources.imported(source, from);
    return target !== null && 'source' in target && target.source === own && target.name === meant.name;
  };
  for (const { node, name, scope, above } of captures.references) {
    if (above.type === 'ExportSpecifier' || above.type === 'ExportDefaultDeclaration') continue;
    const binding = captures.resolve(name, scope);
    if (binding === null) continue;
    const line = lineOf(node.start);
    if (binding === meant) {
      yield { nodes: [node], above, line };
      continue;
    }
    if (binding.scope !== captures.module || meant.scope !== author.captures.module) continue;
    const from = importOf(file, binding);
    if (from?.imported !== '*') {
      if (isMeant(from)) yield { nodes: [node], above, line };
      continue;
    }
    const property = above.type === 'MemberExpression' && child(above, 'object') === node ? child(above, 'property') : null;
    // A namespace that is handed on may be asked for anything.
    if (property === null || above.computed === true) {
      if (isMeant({ ...from, imported: meant.name })) yield { nodes: [node], above, line };
    } else if (isMeant({ ...from, imported: nameOf(property) ?? '' })) {
      if (parents.size === 0) parentsOf(file.program, parents);
      yield { nodes: [above, property], above: parents.get(above) ?? above, line };
    }
  }
}

/** How many arguments a mention passes; null where it is no call. */
function argumentsOf(node: SyntaxNode, above: SyntaxNode): number | null {
  return above.type === 'CallExpression' && child(above, 'callee') === node ? children(above, 'arguments').length : null;
}

function parentsOf(node: SyntaxNode, parents: Map<SyntaxNode, SyntaxNode>): void {
  for (const part of below(node)) {
    parents.set(part, node);
    parentsOf(part, parents);
  }
}

function lineAndColumn(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return `${before.length}:${before.at(-1)?.length ?? 0}`;
}
