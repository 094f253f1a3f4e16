/**
 * The shortest ways from what always lives to one object, through a heap snapshot. What only Keyhole holds for its sessions does not count, nor what V8 may drop at any time; an entry of a WeakMap
 * counts as held by its key.
 */
import type { HeapGraph } from './graph.ts';

/** One way: nodes, the first of them V8's root, and the edges between them. */
export interface Way {
  nodes: number[];
  edges: number[];
}

export interface Found {
  /** The shortest first, each by another holder. */
  ways: Way[];
  /** How many edges hold it in all: places, not objects. */
  holders: number;
  /** Keyhole's own places hold it too. */
  held: boolean;
}

/** How the snapshot shows what is sought, and what of it is ours: an object of the class with that name, made for this. */
export interface Marks {
  sought: number;
  /** What keeps values for our sessions: nothing behind it counts. */
  ours: ReadonlySet<number>;
  /** What our sessions show, by handles of the inspector's. */
  shown: ReadonlySet<number>;
}

/** V8's roots that are only there while the snapshot is taken: our own calls. */
const passing = new Set(['(Stack roots)', '(Handle scope)', '(Weak roots)', '(Eternal handles)']);
const globalHandles = '(Global handles)';

/** @param marker the class of the object that holds the others. @throws Error where the snapshot does not show it. */
export function marksIn(graph: HeapGraph, marker: string): Marks {
  for (let node = 0; node < graph.nodeCount; node += 1) {
    if (!graph.isNamed(node, marker) || graph.typeOf(node) !== 'object') continue;
    const [sought, ours, shown] = ['sought', 'ours', 'shown'].map((name) => graph.edgeNamed(node, name));
    if (sought === undefined || sought === -1) continue;
    const list = (edge: number | undefined): number[] => (edge === undefined || edge === -1 ? [] : elementsOf(graph, graph.to[edge] ?? 0));
    return { sought: graph.to[sought] ?? 0, ours: new Set([node, ...list(ours)]), shown: new Set(list(shown)) };
  }
  throw new Error('the snapshot of the heap does not show the object');
}

function elementsOf(graph: HeapGraph, list: number): number[] {
  const found: number[] = [];
  const [first, end] = graph.edgesOf(list);
  for (let edge = first; edge < end; edge += 1) if (graph.edgeTypeOf(edge) === 'element') found.push(graph.to[edge] ?? 0);
  return found;
}

export function waysTo(graph: HeapGraph, marks: Marks, most: number): Found {
  const { sought, ours } = marks;
  const strong = new Strong(graph, marks);
  const reached = new Reached(graph.nodeCount);
  const later: { from: number; edge: number }[] = [];
  const walk = (): void => {
    for (let node = reached.next(); node !== -1; node = reached.next()) {
      // Beyond the object itself nothing is looked for: what it holds may hold it again.
      if (node === sought || ours.has(node)) continue;
      const isRoot = graph.typeOf(node) === 'synthetic';
      const rootName = isRoot ? graph.nameOf(node) : '';
      const follow = (edge: number): void => {
        const to = graph.to[edge] ?? 0;
        if (reached.has(to) || !strong.holds(node, edge, rootName)) return;
        // Native code holds nearly everything of Node's: a way through the language says more.
        if (graph.typeOf(to) === 'native' || (isRoot && graph.isNamed(to, globalHandles))) later.push({ from: node, edge });
        else reached.add(to, node, edge);
      };
      const [first, end] = graph.edgesOf(node);
      // Of a scope first the variables that have names.
      if (isContext(graph, node)) for (let edge = first; edge < end; edge += 1) if (graph.edgeTypeOf(edge) === 'context') follow(edge);
      for (let edge = first; edge < end; edge += 1) follow(edge);
    }
  };
  reached.add(0, 0, -1);
  walk();
  for (const { from, edge } of later) reached.add(graph.to[edge] ?? 0, from, edge);
  walk();
  return waysBack(graph, marks, strong, reached, most);
}

function waysBack(graph: HeapGraph, marks: Marks, strong: Strong, reached: Reached, most: number): Found {
  const { sought, ours } = marks;
  const last: { from: number; edge: number; order: number }[] = [];
  let held = false;
  for (let from = 0; from < graph.nodeCount; from += 1) {
    const [first, end] = graph.edgesOf(from);
    for (let edge = first; edge < end; edge += 1) {
      if (graph.to[edge] !== sought) continue;
      if (ours.has(from)) held = true;
      const rootName = graph.typeOf(from) === 'synthetic' ? graph.nameOf(from) : '';
      if (from === sought || ours.has(from) || !reached.has(from) || !strong.holds(from, edge, rootName)) continue;
      // V8 names the same slot of a scope twice, by its number and by its variable.
      if (graph.edgeTypeOf(edge) === 'hidden' && isContext(graph, from) && namedTwin(graph, from, edge)) continue;
      // What an object keeps its elements in: its own edges say the same.
      if (graph.typeOf(from) === 'array' && leadsTo(graph, reached.before(from), sought)) continue;
      last.push({ from, edge, order: reached.orderOf(from) });
    }
  }
  last.sort((a, b) => a.order - b.order);
  const ways: Way[] = [];
  const seen = new Set<number>();
  for (const { from, edge } of last) {
    if (ways.length === most) break;
    if (seen.has(from)) continue;
    seen.add(from);
    const way = reached.wayTo(from);
    ways.push({ nodes: [...way.nodes, sought], edges: [...way.edges, edge] });
  }
  return { ways, holders: last.length, held };
}

/** Whether an edge keeps alive what it leads to. */
class Strong {
  readonly #graph: HeapGraph;
  readonly #marks: Marks;
  /** By the name of an edge of V8's own: never, always, or only from the object with that id. */
  readonly #known = new Map<number, boolean | number>();

  constructor(graph: HeapGraph, marks: Marks) {
    this.#graph = graph;
    this.#marks = marks;
  }

  /** @param rootName of one of V8's roots, else nothing. */
  holds(from: number, edge: number, rootName: string): boolean {
    const graph = this.#graph;
    const type = graph.edgeTypeOf(edge);
    if (type === 'weak' || passing.has(rootName)) return false;
    const to = graph.to[edge] ?? 0;
    if (rootName === globalHandles) return !this.#marks.shown.has(to);
    // A WeakRef that was made or read in this job: until its end.
    if (to === this.#marks.sought && rootName !== '') return false;
    if (type !== 'internal') return true;
    const number = graph.edgeNameNumberOf(edge);
    let known = this.#known.get(number);
    if (known === undefined) {
      const name = graph.edgeNameOf(edge);
      const [, key] = /part of key \(.*? @(\d+)\) -> value/.exec(name) ?? [];
      this.#known.set(number, (known = key === undefined ? name !== 'weak_refs_keep_during_job' : Number(key)));
    }
    return typeof known === 'boolean' ? known : known === graph.ids[from];
  }
}

export function isContext(graph: HeapGraph, node: number): boolean {
  return graph.isNamed(node, 'system / Context');
}

function leadsTo(graph: HeapGraph, node: number, to: number): boolean {
  const [first, end] = graph.edgesOf(node);
  for (let edge = first; edge < end; edge += 1) if (graph.to[edge] === to) return true;
  return false;
}

function namedTwin(graph: HeapGraph, from: number, edge: number): boolean {
  const [first, end] = graph.edgesOf(from);
  for (let other = first; other < end; other += 1) if (graph.to[other] === graph.to[edge] && graph.edgeTypeOf(other) === 'context') return true;
  return false;
}

/** What was reached, in order, and from where. */
class Reached {
  readonly #from: Uint32Array;
  readonly #by: Uint32Array;
  readonly #order: Uint32Array;
  readonly #queue: Uint32Array;
  #count = 0;
  #looked = 0;

  constructor(nodes: number) {
    this.#from = new Uint32Array(nodes);
    this.#by = new Uint32Array(nodes);
    /** From 1; 0: not reached. */
    this.#order = new Uint32Array(nodes);
    this.#queue = new Uint32Array(nodes);
  }

  has(node: number): boolean {
    return this.#order[node] !== 0;
  }

  before(node: number): number {
    return this.#from[node] ?? 0;
  }

  orderOf(node: number): number {
    return this.#order[node] ?? 0;
  }

  add(node: number, from: number, edge: number): void {
    if (this.has(node)) return;
    this.#from[node] = from;
    this.#by[node] = edge;
    this.#queue[this.#count] = node;
    this.#count += 1;
    this.#order[node] = this.#count;
  }

  next(): number {
    if (this.#looked === this.#count) return -1;
    this.#looked += 1;
    return this.#queue[this.#looked - 1] ?? -1;
  }

  wayTo(node: number): Way {
    const way: Way = { nodes: [node], edges: [] };
    for (let at = node; at !== 0;) {
      way.edges.unshift(this.#by[at] ?? 0);
      at = this.#from[at] ?? 0;
      way.nodes.unshift(at);
    }
    return way;
  }
}
