/**
 * Who holds a function: a heap snapshot, which is V8's own and whole graph of who holds what. It is taken at once and read afterwards; taking it stops the process, so whoever asks
 * has a budget for it. Holders are named by what they are, never by their contents.
 */
import { parse } from '../../platform/originals.ts';
import { getHeapSnapshot } from 'node:v8';
import type { Unreached } from '../../protocol/index.ts';
import type { KeyholePlace } from './keyhole-place.ts';

interface Snapshot {
  snapshot: { meta: { node_fields: string[]; node_types: [string[]]; edge_fields: string[]; edge_types: [string[]] } };
  nodes: number[];
  edges: number[];
  strings: string[];
}

/** In the snapshot it is found by its name. */
class KeyholeSought {
  readonly sought: unknown;
  constructor(sought: unknown) {
    this.sought = sought;
  }
}

interface Holding {
  /** The node that holds, and by which edge. */
  from: number;
  type: string;
  name: string;
}

/** For each set of places: who else holds the functions that were there. The snapshot is taken before this returns. */
export async function surveyHolders(sets: readonly (readonly KeyholePlace[])[]): Promise<Unreached[][]> {
  const sought = sets.map((places) => new KeyholeSought([...new Set(places.flatMap(({ before, keyholeOriginal }) => [before, keyholeOriginal]))]));
  const stream = getHeapSnapshot();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const graph = new Graph(parse(Buffer.concat(chunks).toString()) as Snapshot);
  const numbers = graph.nodesNamed(KeyholeSought.name);
  // They are made in order, so their ids are too; kept alive until here.
  return sought.map((_, index) => {
    const node = numbers[index];
    return node === undefined ? [{ holder: 'the snapshot of the heap does not show who else holds it', count: null }] : graph.holdersOf(node);
  });
}

class Graph {
  readonly #snapshot: Snapshot;
  readonly #nodeSize: number;
  readonly #edgeSize: number;
  readonly #nodeTypes: string[];
  readonly #edgeTypes: string[];

  constructor(snapshot: Snapshot) {
    const { meta } = snapshot.snapshot;
    this.#snapshot = snapshot;
    this.#nodeSize = meta.node_fields.length;
    this.#edgeSize = meta.edge_fields.length;
    this.#nodeTypes = meta.node_types[0];
    this.#edgeTypes = meta.edge_types[0];
  }

  nodesNamed(name: string): number[] {
    const found: { node: number; id: number }[] = [];
    const { nodes, strings } = this.#snapshot;
    for (let node = 0; node < nodes.length; node += this.#nodeSize) {
      if (strings[nodes[node + 1] ?? 0] === name && this.#typeOf(node) === 'object') found.push({ node, id: nodes[node + 2] ?? 0 });
    }
    return found.sort((a, b) => a.id - b.id).map(({ node }) => node);
  }

  holdersOf(soughtNode: number): Unreached[] {
    const list = this.#edgesOf(soughtNode).find((edge) => edge.name === 'sought')?.to;
    const functions = new Set<number>();
    for (const edge of list === undefined ? [] : this.#elementsOf(list)) functions.add(edge);
    const counts = new Map<string, number>();
    for (const holding of this.#holding(functions)) {
      const label = this.#labelOf(holding);
      if (label !== null) counts.set(label, (counts.get(label) ?? 0) + 1);
    }
    return [...counts].map(([holder, count]) => ({ holder, count })).sort((a, b) => b.count - a.count);
  }

  #labelOf(holding: Holding, depth = 0): string | null {
    const { from, type, name } = holding;
    const holder = this.#nameOf(from);
    const kind = this.#typeOf(from);
    // Held by us, or held so that it can go at any time.
    if (type === 'weak' || type === 'shortcut' || name === 'keyholeOriginal' || ours.has(holder) || kind === 'code' || kind === 'hidden') return null;
    if (name === 'listener' && kind === 'closure') return null;
    if (type === 'context') return `the variable ${name} of ${this.#closureOf(from)}`;
    if (kind === 'array' && depth < 3) {
      // What an object keeps its elements and properties in: its own edges say the same.
      const holdings = this.#holding(new Set([from])).filter((each) => each.name !== 'elements' && each.name !== 'properties');
      return holdings.map((each) => this.#labelOf(each, depth + 1)).find((label) => label !== null) ?? null;
    }
    if (kind === 'synthetic') return holder === '(Global handles)' ? 'native code' : null;
    if (holder === 'Timeout' || holder === 'Immediate') return `a ${holder === 'Timeout' ? 'timer' : 'setImmediate'}`;
    if (name === 'table') return `a ${holder}`;
    if (type === 'element') return this.#isSought(from) ? null : holder === 'Array' ? 'an array' : `a list in ${holder}`;
    if (name.startsWith('bound_')) return 'a bound function';
    if (kind === 'closure') return type === 'property' ? `the property ${name} of the function ${holder || '(anonymous)'}` : null;
    if (type === 'property') return `the property ${name} of ${holder === 'Object' ? 'an object' : holder}`;
    return holder.startsWith('system /') ? `${holder.slice(9)} of V8` : holder;
  }

  #isSought(list: number): boolean {
    return this.#holding(new Set([list])).some((each) => this.#nameOf(each.from) === KeyholeSought.name);
  }

  /** A function that has this context: names whose variable it is. */
  #closureOf(context: number): string {
    for (const { from } of this.#holding(new Set([context]))) {
      if (this.#typeOf(from) === 'closure' && this.#nameOf(from) !== '') return `the scope of ${this.#nameOf(from)}`;
    }
    return 'a scope';
  }

  #holding(targets: ReadonlySet<number>): Holding[] {
    const { nodes, edges } = this.#snapshot;
    const found: Holding[] = [];
    let edge = 0;
    for (let from = 0; from < nodes.length; from += this.#nodeSize) {
      const end = edge + (nodes[from + 4] ?? 0) * this.#edgeSize;
      for (; edge < end; edge += this.#edgeSize) {
        if (!targets.has(edges[edge + 2] ?? -1)) continue;
        found.push({ from, ...this.#edgeAt(edge) });
      }
    }
    return found;
  }

  #edgesOf(node: number): { to: number; name: string }[] {
    const { nodes, edges } = this.#snapshot;
    let edge = 0;
    for (let at = 0; at < node; at += this.#nodeSize) edge += (nodes[at + 4] ?? 0) * this.#edgeSize;
    const found: { to: number; name: string }[] = [];
    for (let count = nodes[node + 4] ?? 0; count > 0; count -= 1, edge += this.#edgeSize)
      found.push({ to: edges[edge + 2] ?? 0, name: this.#edgeAt(edge).name });
    return found;
  }

  #elementsOf(list: number): number[] {
    const direct = this.#edgesOf(list);
    const stored = direct.find((edge) => edge.name === 'elements');
    return [...direct, ...(stored === undefined ? [] : this.#edgesOf(stored.to))].map(({ to }) => to).filter((to) => this.#typeOf(to) === 'closure');
  }

  #edgeAt(edge: number): { type: string; name: string } {
    const { edges, strings } = this.#snapshot;
    const type = this.#edgeTypes[edges[edge] ?? 0] ?? '';
    const name = edges[edge + 1] ?? 0;
    return { type, name: type === 'element' || type === 'hidden' ? String(name) : (strings[name] ?? '') };
  }

  #typeOf(node: number): string {
    return this.#nodeTypes[this.#snapshot.nodes[node] ?? 0] ?? '';
  }

  #nameOf(node: number): string {
    const { nodes, strings } = this.#snapshot;
    return strings[nodes[node + 1] ?? 0] ?? '';
  }
}

const ours = new Set(['KeyholeSought', 'KeyholePlace']);
