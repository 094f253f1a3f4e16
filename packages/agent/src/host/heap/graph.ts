/**
 * V8's heap snapshot as a graph: who holds what, by which edge. The text of a snapshot is several times the heap, so it is read as bytes into typed arrays, piece by piece, and its strings stay
 * bytes until one is asked for. Read in a thread of its own.
 */

interface Meta {
  node_fields: string[];
  node_types: [string[], ...unknown[]];
  edge_fields: string[];
  edge_types: [string[], ...unknown[]];
  location_fields?: string[];
}

/** Where the code of a function begins, from 0. */
export interface Location {
  line: number;
  column: number;
}

const [comma, minus, zero, nine, quote, backslash, open, close] = [...Buffer.from(',-09"\\[]')] as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

export class HeapGraph {
  readonly nodeCount: number;
  /** By node. The edges of a node are those from `firstEdge[node]` on, up to `firstEdge[node + 1]`. */
  readonly firstEdge: Uint32Array;
  readonly ids: Uint32Array;
  /** By edge. */
  readonly to: Uint32Array;
  readonly #nodeTypes: string[];
  readonly #edgeTypes: string[];
  readonly #typeOfNode: Uint8Array;
  readonly #nameOfNode: Uint32Array;
  readonly #typeOfEdge: Uint8Array;
  readonly #nameOfEdge: Uint32Array;
  readonly #locations = new Map<number, Location>();
  readonly #strings: Strings;
  readonly #numbers = new Map<string, Set<number>>();

  /** @param pieces the snapshot's JSON; it is emptied. @throws Error where it is none that is known here. */
  constructor(pieces: Uint8Array[]) {
    const bytes = new Bytes(pieces);
    const head = JSON.parse(`${bytes.textTo('"nodes":[').replace(/,\s*$/, '')}}`) as {
      snapshot: { meta: Meta; node_count: number; edge_count: number };
    };
    const { meta, node_count: nodeCount, edge_count: edgeCount } = head.snapshot;
    this.nodeCount = nodeCount;
    this.#nodeTypes = meta.node_types[0];
    this.#edgeTypes = meta.edge_types[0];
    this.firstEdge = new Uint32Array(nodeCount + 1);
    this.ids = new Uint32Array(nodeCount);
    this.#typeOfNode = new Uint8Array(nodeCount);
    this.#nameOfNode = new Uint32Array(nodeCount);
    const nodeFields = meta.node_fields.length;
    const [type, name, id, edges] = ['type', 'name', 'id', 'edge_count'].map((field) => placeOf(field, meta.node_fields)) as [
      number,
      number,
      number,
      number,
    ];
    let passed = 0;
    bytes.rows(nodeFields, (row, node) => {
      this.#typeOfNode[node] = row[type] ?? 0;
      this.#nameOfNode[node] = row[name] ?? 0;
      this.ids[node] = row[id] ?? 0;
      this.firstEdge[node] = passed;
      passed += row[edges] ?? 0;
    });
    this.firstEdge[nodeCount] = passed;
    bytes.textTo('"edges":[');
    this.to = new Uint32Array(edgeCount);
    this.#typeOfEdge = new Uint8Array(edgeCount);
    this.#nameOfEdge = new Uint32Array(edgeCount);
    const [kind, label, target] = ['type', 'name_or_index', 'to_node'].map((field) => placeOf(field, meta.edge_fields)) as [number, number, number];
    bytes.rows(meta.edge_fields.length, (row, edge) => {
      this.#typeOfEdge[edge] = row[kind] ?? 0;
      this.#nameOfEdge[edge] = row[label] ?? 0;
      this.to[edge] = (row[target] ?? 0) / nodeFields;
    });
    if (meta.location_fields !== undefined) {
      bytes.textTo('"locations":[');
      const [object, line, column] = ['object_index', 'line', 'column'].map((field) => placeOf(field, meta.location_fields ?? [])) as [
        number,
        number,
        number,
      ];
      bytes.rows(meta.location_fields.length, (row) =>
        this.#locations.set((row[object] ?? 0) / nodeFields, { line: row[line] ?? 0, column: row[column] ?? 0 }),
      );
    }
    bytes.textTo('"strings":[');
    this.#strings = new Strings(bytes.rest());
  }

  typeOf(node: number): string {
    return this.#nodeTypes[this.#typeOfNode[node] ?? 0] ?? '';
  }

  /** What V8 calls it: the class of an object, the name of a function, the contents of a string. */
  nameOf(node: number): string {
    return this.#strings.at(this.#nameOfNode[node] ?? 0);
  }

  /** Whether that is its name, without reading the names of all. */
  isNamed(node: number, name: string): boolean {
    let numbers = this.#numbers.get(name);
    if (numbers === undefined) this.#numbers.set(name, (numbers = this.#strings.numbersOf(name)));
    return numbers.has(this.#nameOfNode[node] ?? 0);
  }

  edgeTypeOf(edge: number): string {
    return this.#edgeTypes[this.#typeOfEdge[edge] ?? 0] ?? '';
  }

  /** The name of a property or a variable; the index of an element. */
  edgeNameOf(edge: number): string {
    const type = this.edgeTypeOf(edge);
    const name = this.#nameOfEdge[edge] ?? 0;
    return type === 'element' || type === 'hidden' ? String(name) : this.#strings.at(name);
  }

  /** One number for one name of an edge that has a text. */
  edgeNameNumberOf(edge: number): number {
    return this.#nameOfEdge[edge] ?? 0;
  }

  /** Of functions, and of what functions make. */
  locationOf(node: number): Location | null {
    return this.#locations.get(node) ?? null;
  }

  edgesOf(node: number): [first: number, end: number] {
    return [this.firstEdge[node] ?? 0, this.firstEdge[node + 1] ?? 0];
  }

  /** The edge of a node that has such a name, or -1. */
  edgeNamed(node: number, ...names: string[]): number {
    const [first, end] = this.edgesOf(node);
    for (let edge = first; edge < end; edge += 1) if (names.includes(this.edgeNameOf(edge))) return edge;
    return -1;
  }
}

function placeOf(field: string, fields: readonly string[]): number {
  const place = fields.indexOf(field);
  if (place === -1) throw new Error(`this V8 writes snapshots of another form: without ${field}`);
  return place;
}

/** One way through the pieces of a text, each of which is let go when it has been read. */
class Bytes {
  readonly #pieces: Uint8Array[];
  #piece: Uint8Array;
  #at = 0;

  constructor(pieces: Uint8Array[]) {
    this.#pieces = pieces.reverse();
    this.#piece = this.#pieces.pop() ?? new Uint8Array();
  }

  #next(): number {
    while (this.#at >= this.#piece.length) {
      const piece = this.#pieces.pop();
      if (piece === undefined) throw new Error('the snapshot ends too early');
      this.#piece = piece;
      this.#at = 0;
    }
    const byte = this.#piece[this.#at] ?? 0;
    this.#at += 1;
    return byte;
  }

  /** All up to that mark, and past it. */
  textTo(mark: string): string {
    const read: number[] = [];
    const last = mark.charCodeAt(mark.length - 1);
    for (;;) {
      const byte = this.#next();
      read.push(byte);
      if (byte === last && read.length >= mark.length && Buffer.from(read.slice(-mark.length)).toString('latin1') === mark) break;
    }
    return Buffer.from(read.slice(0, -mark.length)).toString();
  }

  /** The numbers of a list, so many at a time, to its end. */
  rows(width: number, take: (row: Uint32Array, index: number) => void): void {
    const row = new Uint32Array(width);
    let [field, index, number, digits] = [0, 0, 0, 0];
    for (;;) {
      const byte = this.#next();
      if (byte >= zero && byte <= nine) {
        number = number * 10 + (byte - zero);
        digits += 1;
      } else if (byte === comma || byte === close) {
        if (digits > 0) {
          row[field] = number;
          field += 1;
          if (field === width) {
            take(row, index);
            index += 1;
            field = 0;
          }
          number = digits = 0;
        }
        if (byte === close) return;
      } else if (byte === minus || byte === quote || byte === open) throw new Error('the snapshot is not of a form that is known here');
    }
  }

  rest(): Buffer {
    const rest = Buffer.concat([this.#piece.subarray(this.#at), ...this.#pieces.reverse()]);
    this.#pieces.length = 0;
    return rest;
  }
}

/** A list of JSON strings, each read when it is asked for. */
class Strings {
  readonly #bytes: Buffer;
  /** Where each begins, with its quote. */
  readonly #starts: Uint32Array;
  readonly #count: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    let starts = new Uint32Array(65_536);
    let count = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      if (bytes[at] === close) break;
      if (bytes[at] !== quote) continue;
      if (count === starts.length) {
        const larger = new Uint32Array(count * 2);
        larger.set(starts);
        starts = larger;
      }
      starts[count] = at;
      count += 1;
      for (at += 1; bytes[at] !== quote && at < bytes.length; at += 1) if (bytes[at] === backslash) at += 1;
    }
    this.#starts = starts;
    this.#count = count;
  }

  at(index: number): string {
    const start = this.#starts[index];
    if (start === undefined || index >= this.#count) return '';
    let end = start + 1;
    while (this.#bytes[end] !== quote && end < this.#bytes.length) end += this.#bytes[end] === backslash ? 2 : 1;
    return JSON.parse(this.#bytes.subarray(start, end + 1).toString()) as string;
  }

  numbersOf(text: string): Set<number> {
    const found = new Set<number>();
    const sought = Buffer.from(JSON.stringify(text));
    for (let index = 0; index < this.#count; index += 1) {
      const start = this.#starts[index] ?? 0;
      if (this.#bytes.subarray(start, start + sought.length).equals(sought)) found.add(index);
    }
    return found;
  }
}
