/** What this process hides from whoever looks: said once, at the start. An evaluation gives what it names; what merely comes along is hidden there too. */
import { apply, descriptionOfSymbol, getOwnPropertyDescriptor } from '../platform/originals.ts';
import { Secrets } from '../source/secrets.ts';
import type { RemoteObject, V8Preview } from './remote-object.ts';

let secrets = new Secrets();

/** @param rules as the journal's: parts of names, and patterns. */
export function hideSecrets(rules: SecretRules): void {
  secrets = new Secrets(rules);
}

export interface SecretRules {
  names: readonly string[];
  patterns: readonly string[];
}

/** A secret may begin before a piece of a text and end after it: that much around it has to be looked at. */
export const longestSecret = 20_100;
export const isSecret = (name: string): boolean => secrets.names(name);
export const hide = (text: string): string => secrets.hide(text);
export const messageWithoutSecrets = (thrown: unknown): string => hide(thrown instanceof Error ? thrown.message : String(thrown));
/** Whether the element after this one of a list is a secret, as in lists of headers. */
export const announcesSecret = (before: unknown): boolean => typeof before === 'string' && secrets.announces(before);

/** What V8 lists the entries of a Map as. */
const entrySubtype = 'internal#entry';

/** Whether it is such an entry, and its key the name of a secret. */
export function isSecretEntry({ subtype }: RemoteObject, entry: () => object | null): boolean {
  if (subtype !== entrySubtype) return false;
  const key: unknown = getOwnPropertyDescriptor(entry() ?? {}, 'key')?.value;
  const name = typeof key === 'symbol' ? apply(descriptionOfSymbol, key, []) : key;
  return typeof name === 'string' && isSecret(name);
}

/** The same of an entry of which there is only V8's short text, where a key may be cut in two. */
const mayBeSecretEntry = (subtype: string | undefined, text = ''): boolean => subtype === entrySubtype && (isSecret(text) || text.includes('…'));

/** A preview without secrets, in place. Texts in it may have been cut before: what had to be seen whole is not here (see {@link Inspector.preview}). */
export function withoutSecrets(preview: V8Preview): V8Preview {
  if (preview.description !== undefined) preview.description = hide(preview.description);
  let before: string | undefined;
  for (const property of preview.properties) {
    const { type, value } = property;
    if (isSecret(property.name) || mayBeSecretEntry(property.subtype, value) || (preview.subtype === 'array' && announcesSecret(before))) {
      property.type = 'redacted';
      delete property.subtype;
      delete property.value;
      delete property.valuePreview;
    } else {
      if (value !== undefined) property.value = hide(value);
      if (property.valuePreview !== undefined) withoutSecrets(property.valuePreview);
    }
    before = type === 'string' ? value : undefined;
  }
  for (const entry of preview.entries ?? []) {
    const { key } = entry;
    if ((key?.type === 'string' || key?.type === 'symbol') && isSecret(key.description ?? ''))
      entry.value = { type: 'redacted', overflow: false, properties: [] };
    else withoutSecrets(entry.value);
    if (key !== undefined) withoutSecrets(key);
  }
  return preview;
}
