/** Cuts secrets out of entries before they are written. It never touches the texts of patches and of evaluations: they are what the journal is for. */
import { pathToFileURL } from 'node:url';
import type { JournalDraft, RequestProof } from '../protocol/index.ts';
import { Secrets, redacted as mark } from '../source/secrets.ts';
import type { JournalConfig } from './options.ts';

export type Redact = (draft: JournalDraft) => JournalDraft;

/** Source: what an operator asked to run or to put in place. */
const keptWhole = new Set([
  'expression',
  ...['code', 'baseCode', 'source', 'baseSource'].map((field) => `patches.${field}`),
  ...['name', 'local', 'specifier', 'imported', 'from'].map((field) => `patches.imports.${field}`),
]);

type Rule = (value: string | number, path: string[]) => unknown;

/** @throws {Error} where the module can not be loaded or exports no function. */
export async function createRedaction({ names, patterns, module }: JournalConfig['redact']): Promise<Redact> {
  const secrets = new Secrets({ names, patterns: [] });
  const isSecret = (name: string): boolean => secrets.names(name);
  const expressions = patterns.map((pattern) => new RegExp(pattern, 'gu'));
  const rule = module === null ? null : await loadRule(module);

  const clean = (value: unknown, path: string[]): unknown => {
    const words = path.filter((word) => !/^\d+$/.test(word));
    if (keptWhole.has(words.join('.'))) return value;
    if (isSecret(words.at(-1) ?? '')) return mark;
    if (typeof value === 'string' || typeof value === 'number') {
      const plain = typeof value === 'string' ? expressions.reduce((text, each) => text.replace(each, mark), value) : value;
      return rule === null ? plain : answerOf(rule, plain, path);
    }
    if (Array.isArray(value)) return value.map((each, index) => clean(each, [...path, String(index)]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, clean(field, [...path, key])]));
  };
  const cleanRequest = (request: Record<string, unknown>): Record<string, unknown> => {
    const { path, value, message } = request;
    const setsSecret = typeof path === 'string' && value !== undefined && (isSecret(path) || (typeof value === 'string' && holdsSecret(value)));
    const sendsSecret = typeof message === 'string' && holdsSecret(message);
    return clean({ ...request, ...(setsSecret && { value: mark }), ...(sendsSecret && { message: mark }) }, []) as Record<string, unknown>;
  };
  /** What is set or sent is JSON, whose names count as well. */
  const holdsSecret = (json: string): boolean => {
    try {
      return JSON.stringify(clean(JSON.parse(json), ['value'])) !== JSON.stringify(JSON.parse(json));
    } catch {
      return false;
    }
  };
  /** What was set is named by a path beside it. */
  const cleanResult = (result: Record<string, unknown>): Record<string, unknown> => {
    const { path } = result;
    const named = typeof path === 'string' && 'before' in result && isSecret(path);
    return clean(named ? { ...result, before: mark, after: mark } : result, ['result']) as Record<string, unknown>;
  };

  return (draft) => {
    switch (draft.kind) {
      case 'refusal':
        return { ...draft, why: String(clean(draft.why, ['why'])) };
      case 'start':
      case 'session':
      case 'witness':
      case 'recovered':
      case 'rotated':
      case 'segment':
      case 'checkpoint':
        return draft;
      default: {
        const cleaned = { ...draft };
        if (cleaned.phase === 'undone') {
          if (cleaned.errors !== undefined) cleaned.errors = clean(cleaned.errors, ['errors']) as typeof cleaned.errors;
          return cleaned;
        }
        // What a replay brings along has to stay as it was signed.
        if (cleaned.phase === 'due' || cleaned.phase === 'stood') return cleaned;
        if (cleaned.phase === 'refused') return { ...cleaned, why: String(clean(cleaned.why, ['why'])) };
        if (cleaned.phase !== 'outcome') {
          const request = cleanRequest(cleaned.request);
          const isSame = JSON.stringify(request) === JSON.stringify(cleaned.request);
          if (cleaned.signed !== undefined) cleaned.signed = proofOf(cleaned.signed, isSame);
          if (!isSame) cleaned.request = request;
        }
        if ('result' in cleaned && cleaned.result !== undefined) cleaned.result = cleanResult(cleaned.result);
        if ('error' in cleaned && cleaned.error !== undefined)
          cleaned.error = { ...cleaned.error, message: String(clean(cleaned.error.message, ['error', 'message'])) };
        return cleaned;
      }
    }
  };
}

/** The nonce lets everybody make the signed bytes from the entry; without it what was cut out can not be guessed from their digest. */
function proofOf({ nonce, digest, ...proof }: RequestProof, isWhole: boolean): RequestProof {
  if (isWhole) return { ...proof, ...(nonce !== undefined && { nonce }) };
  return { ...proof, ...(digest !== undefined && { digest }) };
}

async function loadRule(file: string): Promise<Rule> {
  const loaded = (await import(pathToFileURL(file).href)) as { default?: unknown };
  if (typeof loaded.default !== 'function') throw new Error(`${file} has no function as its default export`);
  return loaded.default as Rule;
}

/** A rule that fails keeps nothing. */
function answerOf(rule: Rule, value: string | number, path: string[]): unknown {
  try {
    const answer = rule(value, path);
    return typeof answer === 'string' || typeof answer === 'number' ? answer : mark;
  } catch {
    return mark;
  }
}
