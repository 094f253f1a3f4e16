/** A value of the service as text, in the manner of Node's REPL. Works on previews alone: it opens nothing and runs nothing. */
import type { Preview, PreviewProperty, RemoteValue } from '@keyhole/agent/protocol';
import { joined, span, widthOf, type Text } from './text.ts';

/** A line longer than this is broken, as util.inspect does. */
const lineWidth = 76;
/** V8 lists these beside the elements of every typed array; they say nothing that the title does not. */
const typedArrayFrame = new Set(['buffer', 'byteLength', 'byteOffset', 'length', 'Symbol(Symbol.toStringTag)']);

/** It has the name or the look of a secret. */
const hidden = span('dim', '[redacted]');

export function renderValue(value: RemoteValue): Text {
  switch (value.type) {
    case 'undefined':
      return span('dim', 'undefined');
    case 'string':
      return renderString(value);
    case 'number':
    case 'bigint':
      return span('number', value.unserializable ?? String(value.value ?? value.description ?? ''));
    case 'boolean':
      return span('number', String(value.value));
    case 'symbol':
      return span('string', value.description ?? 'Symbol()');
    case 'function':
      return span('keyword', functionTitle(value.description ?? value.className ?? 'Function'));
    case 'object':
      return renderObject(value);
    case 'redacted':
      return hidden;
    default:
      return value.description ?? '?';
  }
}

/** Whether two renderings fit on one line decides how they are laid out. */
function layOut(open: string, rows: Text[], close: string): Text {
  if (rows.length === 0) return `${open}${close}`;
  const width = rows.reduce<number>((sum, row) => sum + widthOf(row) + 2, open.length + close.length);
  const padding = open.endsWith('[') || open.endsWith('{') ? ' ' : '';
  if (width <= lineWidth) return [open, padding, ...joined(rows, ', '), padding, close];
  return [open, '\n  ', ...joined(rows, ',\n  '), '\n', close];
}

/** A property's name, quoted where it is not a name. */
export function renderName(name: string): Text {
  return /^#?[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) || name.startsWith('Symbol(') ? name : span('string', quoted(name));
}

function renderString(value: RemoteValue): Text {
  const text = String(value.value ?? '');
  const missing = (value.length ?? text.length) - text.length;
  const shown = span('string', quoted(text));
  return missing > 0 ? [shown, span('dim', `... ${missing} more characters`)] : shown;
}

function renderObject(value: RemoteValue): Text {
  if (value.subtype === 'null') return span('keyword', 'null');
  if (value.subtype === 'error') return renderError(value);
  if (value.subtype === 'regexp' || value.subtype === 'date') return span('warning', value.description ?? '');
  if (value.preview === undefined) return span('keyword', `[${value.description ?? value.className ?? 'Object'}]`);
  return renderPreview(value.preview, value.length);
}

function renderError(value: RemoteValue): Text {
  // V8's description of an error is its stack, in the words of the service.
  const [head, ...frames] = (value.description ?? value.className ?? 'Error').split('\n');
  return [span('bad', head ?? ''), ...frames.map((frame) => span('dim', `\n${frame}`))];
}

function renderPreview(preview: Preview, length?: number): Text {
  if (preview.type !== 'object') return renderAbbreviated(preview.type, preview.subtype, preview.description);
  if (preview.subtype === 'null') return span('keyword', 'null');
  if (preview.subtype === 'promise' || preview.subtype === 'proxy') return renderInternals(preview);
  const rows: Text[] = [];
  for (const entry of preview.entries ?? []) {
    rows.push(entry.key === undefined ? renderPreview(entry.value) : [renderPreview(entry.key), ' => ', renderPreview(entry.value)]);
  }
  const isList = preview.subtype === 'array' || preview.subtype === 'typedarray';
  const isKeyed = preview.subtype === 'map' || preview.subtype === 'set';
  let index = 0;
  const holes = (until: number): void => {
    if (until > index) rows.push(span('dim', `<${until - index} empty item${until - index === 1 ? '' : 's'}>`));
  };
  for (const property of preview.properties) {
    if (preview.subtype === 'array' && /^\d+$/.test(property.name)) {
      holes(Number(property.name));
      index = Number(property.name) + 1;
    }
    if (isKeyed && property.name === 'size') continue;
    if (preview.subtype === 'typedarray' && typedArrayFrame.has(property.name)) continue;
    if (isList && /^\d+$/.test(property.name)) rows.push(renderPreviewValue(property));
    else rows.push([renderName(property.name), ': ', renderPreviewValue(property)]);
  }
  if (preview.overflow) {
    const listed = isList || isKeyed ? (length ?? countIn(preview.description)) : undefined;
    const missing = listed === undefined ? 0 : listed - (preview.subtype === 'array' ? index : rows.length);
    rows.push(span('dim', missing > 0 ? `... ${missing} more` : '...'));
  }
  const title = titleOf(preview.description, isList);
  return isList ? layOut(`${title}[`, rows, ']') : layOut(`${title}{`, rows, '}');
}

/** V8 puts a promise's state and a proxy's target into properties with double brackets. */
function renderInternals(preview: Preview): Text {
  const inside = new Map(preview.properties.map((property) => [property.name.replace(/^\[\[|\]\]$/g, ''), property]));
  if (preview.subtype === 'proxy') {
    const target = inside.get('Target');
    return ['Proxy ', target === undefined ? '{}' : ['{ ', renderPreviewValue(target), ' }']];
  }
  const state = inside.get('PromiseState')?.value ?? 'pending';
  const result = inside.get('PromiseResult');
  if (state === 'pending' || result === undefined) return ['Promise { ', span('keyword', `<${state}>`), ' }'];
  return ['Promise { ', ...(state === 'rejected' ? [span('bad', '<rejected> ')] : []), renderPreviewValue(result), ' }'];
}

export function renderPreviewValue(property: PreviewProperty): Text {
  if (property.type === 'accessor') return span('keyword', '[Getter]');
  if (property.valuePreview !== undefined) return renderPreview(property.valuePreview);
  return renderAbbreviated(property.type, property.subtype, property.value);
}

/** A value inside a preview is V8's short text for it already. */
function renderAbbreviated(type: string, subtype: string | undefined, text: string | undefined): Text {
  switch (type) {
    case 'string':
      return span('string', quoted(text ?? ''));
    case 'number':
    case 'bigint':
    case 'boolean':
      return span('number', text ?? '');
    case 'undefined':
      return span('dim', 'undefined');
    case 'redacted':
      return hidden;
    case 'symbol':
      return span('string', text ?? 'Symbol()');
    case 'function':
      return span('keyword', text === undefined || text === '' ? '[Function]' : functionTitle(text));
    default:
      if (subtype === 'null') return span('keyword', 'null');
      if (subtype === 'regexp' || subtype === 'date') return span('warning', text ?? '');
      if (subtype === 'error') return span('bad', (text ?? 'Error').split('\n')[0] ?? '');
      return span('keyword', `[${text ?? 'Object'}]`);
  }
}

/** `[Function: name]` and `[class Name]` from the text that V8 describes a function with. */
function functionTitle(source: string): string {
  const named = /^class(?:\s+([\p{ID_Continue}$]+))?/u.exec(source);
  if (named !== null) return `[class ${named[1] ?? '(anonymous)'}]`;
  const name = /^(?:async\s+)?(?:function\s*)?(?:\*\s*)?(?:(?:get|set|static)\s+)?(#?[\p{ID_Continue}$]+)\s*\(/u.exec(source)?.[1];
  const kind = /^async\s+(?:function\s*)?\*/.test(source)
    ? 'AsyncGeneratorFunction'
    : /^(?:function\s*)?\*/.test(source)
      ? 'GeneratorFunction'
      : /^async\b/.test(source)
        ? 'AsyncFunction'
        : 'Function';
  return name === undefined || name === 'function' || name === 'async' ? `[${kind} (anonymous)]` : `[${kind}: ${name}]`;
}

/** `Array(3)` and `Object` go without saying; every other class is named. */
function titleOf(description: string | undefined, isList: boolean): string {
  if (description === undefined || description === 'Object') return '';
  const array = /^Array\((\d+)\)$/.exec(description);
  if (isList && array !== null) return Number(array[1]) > 6 ? `(${array[1]}) ` : '';
  return `${description} `;
}

function countIn(description: string | undefined): number | undefined {
  const count = /\((\d+)\)$/.exec(description ?? '')?.[1];
  return count === undefined ? undefined : Number(count);
}

/** In single quotes, as Node prints it. */
export function quoted(text: string): string {
  const quote = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !text.includes('`') ? '`' : "'";
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replaceAll(quote, `\\${quote}`);
  return `${quote}${escaped}${quote}`;
}
