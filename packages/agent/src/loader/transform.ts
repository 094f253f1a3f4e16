/**
 * Gives every function of a module a slot: a test at the top of its body that hands the call to a patch when there is one. The text keeps its lines, and
 * what the author can observe of a function (name, length, `this`, `arguments`, laziness, behaviour of its text in another realm) stays as it was.
 *
 *   function add(a) { return a + n }
 *   function add(a) {if(typeof $kh0=="function")return $kh0.call(this,a); return a + n }
 *
 * A nested function hands over an accessor to the variables it already captures; it is compiled only when a patch runs.
 */
import MagicString from 'magic-string';
import { analyseCaptures, child, children, directivesOf, indexFunctions, isConstant, nameOf, parseModule } from '../source/index.ts';
import type { Captures, FunctionEntry, ModuleFormat, SyntaxNode, Token } from '../source/index.ts';

/** Well-known symbol under which instrumented modules find the slot table; a realm without an agent has none, and nothing happens there. */
export const registryKey = 'keyhole.slots';

export interface Instrumented {
  text: MagicString;
  /** Slots are named `<prefix><index of the function in indexFunctions>`. */
  prefix: string;
  /** Functions without a slot, by index, with the reason. */
  without: Map<number, string>;
}

/** A prefix that no name of the source starts with. */
export function slotPrefix(source: string): string {
  let prefix = '$kh';
  while (source.includes(prefix)) prefix += '_';
  return prefix;
}

/**
 * Instruments a module. `key` is what the module registers itself under.
 * @throws {KeyholeError} SYNTAX where the text does not parse; the caller then loads it untouched.
 */
export function instrumentModule(source: string, format: ModuleFormat, file: string, key: string): Instrumented {
  const tokens: Token[] = [];
  const program = parseModule(source, format, file, tokens);
  const captures = analyseCaptures(program);
  const functions = indexFunctions(program, source);
  const prefix = slotPrefix(source);
  const text = new MagicString(source);
  const without = new Map<number, string>();
  const names: string[] = [];
  const moved: SyntaxNode[] = [];
  for (const [index, entry] of functions.entries()) {
    const why = addSlot({ text, source, tokens, entry, captures, slot: prefix + String(index), offset: 0, moved });
    if (why === null) names.push(prefix + String(index));
    else without.set(index, why);
  }
  const statements = children(program, 'body');
  const directives = directivesOf(statements);
  const last = directives.at(-1);
  const start = last === undefined ? (/^(\uFEFF?#![^\n]*\n)/.exec(source)?.[0].length ?? (source.startsWith('\uFEFF') ? 1 : 0)) : last.end;
  const registry = `globalThis[Symbol.for(${JSON.stringify(registryKey)})]`;
  const slots = names.length === 0 ? '' : `var ${names.join(',')};`;
  text.appendLeft(start, `${last === undefined ? '' : ';'}${slots}${registry}?.(${JSON.stringify(key)},-1,c=>eval(c));`);
  for (const [index, statement] of topLevelClasses(statements).entries()) {
    if (!needsPortal(statement, captures, functions)) continue;
    const body = child(statement, 'body');
    if (body !== null) text.appendLeft(body.start + 1, `static{${registry}?.(${JSON.stringify(key)},${index},c=>eval(c));}`);
  }
  return { text, prefix, without };
}

/** Classes that are statements of the module, or the value of a variable of it: where a portal sees private names and `super`. */
export function topLevelClasses(statements: readonly SyntaxNode[]): SyntaxNode[] {
  return statements.flatMap((statement) => {
    const declaration = statement.type.startsWith('Export') ? (child(statement, 'declaration') ?? statement) : statement;
    if (declaration.type === 'ClassDeclaration') return [declaration];
    if (declaration.type !== 'VariableDeclaration') return [];
    return children(declaration, 'declarations').flatMap((declarator) => {
      const init = child(declarator, 'init');
      return init?.type === 'ClassExpression' ? [init] : [];
    });
  });
}

function needsPortal(node: SyntaxNode, captures: Captures, functions: readonly FunctionEntry[]): boolean {
  if (child(node, 'superClass') !== null) return true;
  const body = child(node, 'body');
  const members = body === null ? [] : children(body, 'body');
  if (members.some((member) => child(member, 'key')?.type === 'PrivateIdentifier')) return true;
  return functions.some((entry) => entry.class === node && captures.useOf(entry.node).super);
}

export interface SlotPlace {
  text: MagicString;
  /** The text the tree was parsed from. */
  source: string;
  tokens: readonly Token[];
  entry: FunctionEntry;
  captures: Captures;
  slot: string;
  /** Added to the tree's offsets to get those of `text`. */
  offset: number;
  /** For the text of a patch: how it reads a variable that its original captured, which is no variable of its own. */
  outer?: (name: string, node: SyntaxNode) => { expression: string; constant: boolean } | null;
  /** Destructured parameters that were moved into a body: what stands in them is out of reach. */
  moved: SyntaxNode[];
}

/** Adds a slot to one function; returns why it can not have one, else null. */
export function addSlot(place: SlotPlace): string | null {
  const { text, entry, captures, slot, offset } = place;
  const { node } = entry;
  const why = obstacle(place);
  if (why !== null) return why;
  const use = captures.useOf(node);
  const isArrow = node.type === 'ArrowFunctionExpression';
  const test = `typeof ${slot}=="function"`;
  const passed: string[] = [];
  let unpack = '';
  const accessor = accessorOf(place);
  if (accessor !== null) passed.push(accessor);

  const readsArguments = use.arguments && !isArrow;
  for (const [index, parameter] of children(node, 'params').entries()) {
    const rest = parameter.type === 'RestElement';
    const target = rest ? child(parameter, 'argument') : parameter.type === 'AssignmentPattern' ? child(parameter, 'left') : parameter;
    if (target === null) continue;
    const value = parameter.type === 'AssignmentPattern' ? child(parameter, 'right') : null;
    if (value !== null && !isAnonymousFunction(value)) {
      // The patch has defaults of its own: while it is there, the old one is not evaluated.
      text.appendLeft(afterToken(place, '=', target.end, value.start) + offset, `${test}?void 0:`);
    }
    let name = nameOf(target);
    if (target.type !== 'Identifier' && !readsArguments) {
      name = `${slot}p${index}`;
      unpack += `var ${place.source.slice(target.start, target.end)}=${name};`;
      place.moved.push(target);
      // Its line breaks move with it, so that the body's lines stay where they are.
      text.overwrite(target.start + offset, target.end + offset, name);
    }
    if (!readsArguments) passed.push(`${rest ? '...' : ''}${name ?? ''}`);
  }
  if (readsArguments) passed.push('...arguments');

  const call = isArrow && !use.this ? `${slot}(${passed.join(',')})` : `${slot}.call(${['this', ...passed].join(',')})`;
  const body = child(node, 'body');
  if (body === null) return 'it has no body';
  if (body.type !== 'BlockStatement') {
    const arrow = lastToken(place, '=>', body.start);
    if (unpack === '') {
      text.appendLeft(arrow + offset, `${test}?${call}:`);
    } else {
      text.appendLeft(arrow + offset, `{if(${test})return ${call};${unpack}return (`);
      text.appendRight(node.end + offset, ')}');
    }
    return null;
  }
  const directives = directivesOf(children(body, 'body'));
  const start = directives.at(-1)?.end ?? body.start + 1;
  const delegate = entry.generator ? 'yield* ' : '';
  text.appendLeft(start + offset, `${directives.length > 0 ? ';' : ''}if(${test})return ${delegate}${call};${unpack}`);
  return null;
}

/** An arrow that reads and writes the captured variables by name; null where nothing is captured. */
function accessorOf(place: SlotPlace): string | null {
  const offered = offeredBy(place);
  if (offered.size === 0) return null;
  const cases = [...offered].map(([name, { expression, constant }]) =>
    constant ? `case"${name}":return ${expression};` : `case"${name}":return $w?${expression}=$v:${expression};`,
  );
  return `($k,$w,$v)=>{switch($k){${cases.join('')}}}`;
}

/** The variables a function's accessor offers, by name, with the expression that stands for each. */
export function offeredBy({
  entry,
  captures,
  outer,
}: Pick<SlotPlace, 'entry' | 'captures' | 'outer'>): Map<string, { expression: string; constant: boolean }> {
  const offered = new Map<string, { expression: string; constant: boolean }>();
  for (const [name, binding] of captures.useOf(entry.node).captured) offered.set(name, { expression: name, constant: isConstant(binding) });
  if (outer === undefined) return offered;
  for (const reference of captures.references) {
    if (reference.node.start < entry.node.start || reference.node.end > entry.node.end) continue;
    if (captures.resolve(reference.name, reference.scope) !== null) continue;
    const variable = outer(reference.name, reference.node);
    if (variable !== null) offered.set(reference.name, variable);
  }
  return offered;
}

function obstacle({ source, entry, captures, moved }: SlotPlace): string | null {
  const { node } = entry;
  if (moved.some((each) => each.start <= node.start && node.end <= each.end)) return 'it stands inside a destructured parameter';
  if (entry.kind === 'derived constructor') return 'it is the constructor of a derived class: super() can only be called inside it';
  const parameters = children(node, 'params');
  const names = new Set<string>();
  for (const parameter of parameters) {
    const name = nameOf(parameter);
    if (name !== null && names.has(name)) return `two of its parameters are named ${name}`;
    if (name !== null) names.add(name);
  }
  if (parameters.some((parameter) => parameter.type !== 'Identifier')) {
    const why = patternObstacle(entry, captures);
    if (why !== null) return why;
  }
  if (/\$[kwv]\b/.test(source) && ['$k', '$w', '$v'].some((name) => captures.useOf(node).captured.has(name))) {
    return 'it captures a variable named $k, $w or $v';
  }
  return null;
}

/** Destructured parameters move into the body; that is the same only where no name means something else there. */
function patternObstacle(entry: FunctionEntry, captures: Captures): string | null {
  const { node } = entry;
  const parameters = children(node, 'params');
  const moved = parameters.filter((parameter) => isPattern(parameter));
  if (moved.length === 0) return null;
  const scope = captures.scopeOf(node);
  const inParameters = (offset: number): boolean => parameters.some((each) => offset >= each.start && offset < each.end);
  for (const reference of captures.references) {
    if (!inParameters(reference.node.start)) continue;
    const binding = captures.resolve(reference.name, reference.scope);
    if (binding === null || binding.scope !== scope) continue;
    if (binding.kind !== 'parameter') return `its parameters read ${reference.name}, which its body declares again`;
    const from = parameters.find((each) => reference.node.start >= each.start && reference.node.start < each.end);
    const declaredIn = moved.find((each) => binding.declaration.start >= each.start && binding.declaration.start < each.end);
    if (declaredIn !== undefined && from !== declaredIn) return `a parameter's default reads ${reference.name} out of a destructured parameter`;
  }
  for (const binding of scope.bindings.values()) {
    if (binding.kind === 'function' && parameters.some((each) => namesIn(each).has(binding.name))) {
      return `its body declares a function ${binding.name} over a parameter`;
    }
  }
  return null;
}

function isPattern(parameter: SyntaxNode): boolean {
  const target =
    parameter.type === 'RestElement' ? child(parameter, 'argument') : parameter.type === 'AssignmentPattern' ? child(parameter, 'left') : parameter;
  return target !== null && target.type !== 'Identifier';
}

function namesIn(node: SyntaxNode, names = new Set<string>()): Set<string> {
  if (node.type === 'Identifier') names.add(String(node.name));
  for (const field of ['left', 'argument', 'value']) {
    const part = child(node, field);
    if (part !== null) namesIn(part, names);
  }
  for (const field of ['elements', 'properties']) for (const part of children(node, field)) namesIn(part, names);
  return names;
}

/** An anonymous function takes the parameter's name; inside a conditional it would lose it. */
function isAnonymousFunction(node: SyntaxNode): boolean {
  return (
    node.type === 'ArrowFunctionExpression' || ((node.type === 'FunctionExpression' || node.type === 'ClassExpression') && child(node, 'id') === null)
  );
}

/** The end of the first such token at or after an offset. */
function afterToken({ tokens }: SlotPlace, label: string, from: number, before: number): number {
  for (let index = firstTokenAt(tokens, from); index < tokens.length; index += 1) {
    const token = tokens[index];
    if (token === undefined || token.start >= before) break;
    if (token.label === label) return token.end;
  }
  throw new Error(`there is no ${label} between ${from} and ${before}`);
}

/** The end of the last such token before an offset. */
function lastToken({ tokens }: SlotPlace, label: string, before: number): number {
  for (let index = firstTokenAt(tokens, before) - 1; index >= 0; index -= 1) {
    const token = tokens[index];
    if (token?.label === label) return token.end;
  }
  throw new Error(`there is no ${label} before ${before}`);
}

function firstTokenAt(tokens: readonly Token[], offset: number): number {
  let low = 0;
  let high = tokens.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tokens[middle]?.start ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
