/** Checks of single parameters: null where the value will do, else what it has to be. */
import { limits } from './limits.ts';

export type Check = (value: unknown) => string | null;

export const text =
  (maxLength: number): Check =>
  (value) =>
    typeof value !== 'string' ? 'a string' : value.length > maxLength ? `a string of at most ${maxLength} characters` : null;
export const integer =
  (least: number, most: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most ? null : `a whole number from ${least} to ${most}`;
export const flag: Check = (value) => (typeof value === 'boolean' ? null : 'true or false');
export const listOf =
  (item: Check, most: number): Check =>
  (value) => {
    if (!Array.isArray(value) || value.length > most) return `a list of at most ${most}`;
    for (const each of value) {
      const wrong = item(each);
      if (wrong !== null) return `a list, each ${wrong}`;
    }
    return null;
  };
/** A name that can stand in code. */
export const identifier: Check = (value) =>
  typeof value === 'string' && value.length <= 200 && /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u.test(value) ? null : 'a name';
/** What can stand between quotes in an import. */
const specifier: Check = (value) =>
  typeof value === 'string' && value.length <= 1_000 && /^[^\p{C}'"`\\]+$/u.test(value) ? null : 'the name of a module, without quotes';
const importFields: Record<string, Check> = {
  name: identifier,
  local: identifier,
  specifier,
  imported: (value) => (value === '*' ? null : identifier(value)),
  from: specifier,
};
export const patchImport: Check = (value) => {
  const names = Object.keys(importFields);
  const form = `an object with exactly ${names.join(', ')}`;
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== names.length) return form;
  for (const [name, check] of Object.entries(importFields)) {
    const wrong = Object.hasOwn(value, name) ? check((value as Record<string, unknown>)[name]) : form;
    if (wrong !== null) return wrong === form ? form : `one whose ${name} is ${wrong}`;
  }
  return null;
};
const patchImports = listOf(patchImport, limits.maxPatchImports);

export const patchRequest: Check = (value) => {
  if (typeof value !== 'object' || value === null) return 'an object';
  const fields = ['address', 'code', 'baseCode', 'source', 'baseSource'];
  const { imports, ...texts } = value as { imports?: unknown };
  const wrongImports = imports === undefined ? null : patchImports(imports);
  if (wrongImports !== null) return `an object whose imports are ${wrongImports}`;
  const entries = Object.entries(texts);
  if (entries.length !== fields.length) return `an object with exactly ${fields.join(', ')}`;
  for (const [name, field] of entries) {
    if (!fields.includes(name) || typeof field !== 'string' || field.length > limits.maxSourceBytes) {
      return `an object with ${fields.join(', ')}, each a string of at most ${limits.maxSourceBytes} characters`;
    }
  }
  return null;
};

export const commitId: Check = (value) =>
  typeof value === 'string' && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(value) ? null : 'the full id of a commit';
export const digest: Check = (value) => (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? null : '64 hex digits');
export const time: Check = (value) =>
  typeof value === 'string' && value.length <= 40 && /^\d{4}-/.test(value) && !Number.isNaN(Date.parse(value))
    ? null
    : 'a time as in 2026-01-31T12:00:00Z';
