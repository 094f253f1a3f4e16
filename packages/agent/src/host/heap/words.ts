/** A way through the heap in the words of the language: variables, properties, entries, functions. What V8 keeps in between is left out. */
import type { HeldBy } from '../../protocol/index.ts';
import type { HeapGraph } from './graph.ts';
import type { Way } from './ways.ts';

/** A function or a module, where V8 says that it is. Lines and columns from 0. */
export interface CodePlace {
  functionName: string;
  url: string;
  line: number;
  column: number;
}

export interface HeldStep {
  by: HeldBy;
  /** Of the variable, the property, the entry; empty where V8 does not tell. */
  name: string;
  /** What is held there: the class of an object, `function`. */
  held: string;
  /** Where that function is, or the module whose variable it is. */
  place: CodePlace | null;
}

const maxNameLength = 80;
const reactionName = 'system / PromiseReaction';
const moduleName = 'system / SourceTextModule';

export function stepsOf(graph: HeapGraph, way: Way): HeldStep[] {
  const steps: HeldStep[] = [];
  /** What was passed since the last step: nodes that the language has no word for. */
  let passed: { node: number; edge: number }[] = [];
  let from = way.nodes[0] ?? 0;
  for (const [index, edge] of way.edges.entries()) {
    const node = way.nodes[index + 1] ?? 0;
    const awaits = passed.some((each) => graph.isNamed(each.node, reactionName)) && graph.typeOf(node) === 'closure' && graph.nameOf(node) === '';
    if ((isHidden(graph, node) || awaits) && index < way.edges.length - 1) {
      passed.push({ node, edge });
      continue;
    }
    steps.push(stepOf(graph, { from, passed, edge, node }));
    from = node;
    passed = [];
  }
  return withoutNode(steps);
}

/** A module stays for as long as the process, so its variables need no more words; and how Node keeps its own things is of interest only where it ends. */
function withoutNode(steps: HeldStep[]): HeldStep[] {
  const last = steps.findLastIndex(
    ({ by, place }, index) => by === 'module' || (place?.url.startsWith('node:') === true && steps[index + 1]?.by === 'variable'),
  );
  return last <= 0 ? steps : steps.slice(last);
}

function isHidden(graph: HeapGraph, node: number): boolean {
  const type = graph.typeOf(node);
  return ['hidden', 'array', 'code', 'synthetic', 'object shape'].includes(type) || graph.nameOf(node).startsWith('system / ');
}

interface Passage {
  from: number;
  passed: { node: number; edge: number }[];
  edge: number;
  node: number;
}

function stepOf(graph: HeapGraph, passage: Passage): HeldStep {
  const { node } = passage;
  const { by, name, place = placeOf(graph, node) } = howOf(graph, passage);
  return { by, name: name.slice(0, maxNameLength), held: heldName(graph, node), place };
}

function howOf(graph: HeapGraph, { from, passed, edge, node }: Passage): { by: HeldBy; name: string; place?: CodePlace | null } {
  const type = graph.edgeTypeOf(edge);
  const name = graph.edgeNameOf(edge);
  const last = passed.at(-1);
  const lastIs = (text: string): boolean => last !== undefined && graph.isNamed(last.node, text);
  if (type === 'context') return { by: 'variable', name };
  if (type === 'property') return { by: 'property', name };
  if (lastIs('system / Cell')) {
    const exported = exportOf(graph, last?.node ?? 0);
    const module = exported?.module ?? passed.find((each) => graph.isNamed(each.node, moduleName))?.node;
    return { by: 'module', name: exported?.name ?? '', place: placeOf(graph, node) ?? (module === undefined ? null : moduleOf(graph, module)) };
  }
  if (from === 0) return rootOf(graph, passed, type);
  const ways = passed.map((each) => graph.edgeNameOf(each.edge));
  if (passed.some((each) => graph.isNamed(each.node, reactionName))) return { by: 'waiting', name: '' };
  if (name === 'reactions_or_result') return { by: 'settled', name: '' };
  if (ways.includes('parameters_and_registers')) return { by: 'local', name: '' };
  if (ways.includes('bound_arguments') || name.startsWith('bound_')) return { by: 'bound', name: name === 'bound_this' ? 'this' : '' };
  if (/part of key/.test(name)) return { by: 'weak key', name: '' };
  if (last !== undefined && ways.includes('table')) return entryOf(graph, last.node, edge);
  if (type === 'element') return { by: 'element', name };
  if (last !== undefined && graph.isNamed(last.node, 'system / Context')) return { by: 'variable', name: '' };
  return { by: 'internal', name: type === 'hidden' || /^\d+$/.test(name) ? '' : name };
}

function rootOf(graph: HeapGraph, passed: Passage['passed'], type: string): { by: HeldBy; name: string } {
  if (
    type === 'shortcut' ||
    passed.some((each) => graph.edgeNameOf(each.edge) === 'global_object' || graph.isNamed(each.node, 'system / NativeContext'))
  )
    return { by: 'global', name: '' };
  const root = passed.map((each) => each.node).findLast((each) => graph.typeOf(each) === 'synthetic');
  const name = root === undefined ? '' : graph.nameOf(root);
  return name === '(Global handles)' ? { by: 'native', name: '' } : { by: 'v8', name: name.replace(/^\(|\)$/g, '') };
}

/** A Map keeps each key before its value; what is no object has no edge. */
function entryOf(graph: HeapGraph, table: number, edge: number): { by: HeldBy; name: string } {
  const at = Number(graph.edgeNameOf(edge));
  const key = graph.edgeNamed(table, String(at - 1));
  if (key !== -1) return { by: 'entry', name: keyText(graph, graph.to[key] ?? 0) };
  return graph.edgeNamed(table, String(at + 1)) === -1 ? { by: 'entry', name: '' } : { by: 'key', name: '' };
}

/** The module that declares an exported variable, and its name there: its table of exports has the name before the cell. Others import the same cell. */
function exportOf(graph: HeapGraph, cell: number): { module: number; name: string } | null {
  for (const { from: table, edge } of edgesTo(graph, cell)) {
    const key = graph.typeOf(table) === 'array' ? along(graph, table, String(Number(graph.edgeNameOf(edge)) - 1)) : undefined;
    if (key === undefined || graph.typeOf(key) !== 'string') continue;
    const module = edgesTo(graph, table).find(({ from }) => graph.isNamed(from, moduleName));
    if (module !== undefined) return { module: module.from, name: graph.nameOf(key) };
  }
  return null;
}

function edgesTo(graph: HeapGraph, sought: number): { from: number; edge: number }[] {
  const found: { from: number; edge: number }[] = [];
  for (let from = 0; from < graph.nodeCount; from += 1) {
    const [first, end] = graph.edgesOf(from);
    for (let edge = first; edge < end; edge += 1) if (graph.to[edge] === sought) found.push({ from, edge });
  }
  return found;
}

function keyText(graph: HeapGraph, node: number): string {
  const type = graph.typeOf(node);
  const name = graph.nameOf(node);
  return type === 'string' ? JSON.stringify(name.slice(0, maxNameLength)) : heldName(graph, node);
}

function heldName(graph: HeapGraph, node: number): string {
  const type = graph.typeOf(node);
  const name = graph.nameOf(node);
  if (type === 'closure') return 'function';
  if (type === 'string' || type === 'concatenated string' || type === 'sliced string') return 'string';
  if (type === 'object' && name === 'Generator') return 'suspended function';
  if (isHidden(graph, node)) return name === '' || type === 'array' ? 'V8' : name.replace(/^system \/ /, '');
  return name.replace(/ \(global\*\)$| \/ .*$/, '').slice(0, maxNameLength);
}

/** Of a function, and of a call that waits. */
function placeOf(graph: HeapGraph, node: number): CodePlace | null {
  const type = graph.typeOf(node);
  if (type !== 'closure' && !(type === 'object' && graph.isNamed(node, 'Generator'))) return null;
  const location = graph.locationOf(node);
  const called = type === 'closure' ? node : graph.to[graph.edgeNamed(node, 'function')];
  const functionName = called === undefined ? '' : graph.nameOf(called);
  return { functionName, url: scriptOf(graph, node), line: location?.line ?? 0, column: location?.column ?? 0 };
}

function moduleOf(graph: HeapGraph, module: number): CodePlace {
  return { functionName: '', url: scriptOf(graph, module), line: 0, column: 0 };
}

/** From a module to the call that ran it, from that to its function, and from a function to its code and its script. */
function scriptOf(graph: HeapGraph, start: number): string {
  let node: number | undefined = start;
  if (graph.isNamed(node, moduleName)) node = generatorOf(graph, node);
  if (node !== undefined && graph.isNamed(node, 'Generator')) node = along(graph, node, 'function');
  const code = node === undefined ? undefined : along(graph, node, 'shared');
  let script = code === undefined ? undefined : along(graph, code, 'script', 'script_or_debug_info');
  // While a debugger looks at the function that stands in between.
  if (script !== undefined && graph.isNamed(script, 'system / DebugInfo')) script = along(graph, script, 'script');
  return script === undefined ? '' : graph.nameOf(script);
}

function generatorOf(graph: HeapGraph, module: number): number | undefined {
  const [first, end] = graph.edgesOf(module);
  for (let edge = first; edge < end; edge += 1) if (graph.isNamed(graph.to[edge] ?? 0, 'Generator')) return graph.to[edge];
  return undefined;
}

function along(graph: HeapGraph, node: number, ...names: string[]): number | undefined {
  const edge = graph.edgeNamed(node, ...names);
  return edge === -1 ? undefined : graph.to[edge];
}
