/** Names and words that the instrumented text and the table agree on. Needed at every start, so nothing here imports the parser. */

/**
 * The global under which instrumented modules find the slot table; a realm without an agent has none, and nothing happens there. A name of our own, because every other one may be
 * the module's: core-js declares `globalThis`, lodash `Symbol`, and readable-stream has a `Symbol` that is not there yet.
 */
export const registryName = '$keyhole';

/** The table as an instrumented text asks for it, before the arguments. */
export const registration = `typeof ${registryName}=="function"&&${registryName}`;

/** What a CommonJS module sees that is no global. */
export const commonJsNames: ReadonlySet<string> = new Set(['require', 'module', 'exports', '__filename', '__dirname']);

/** Names in the scope object that stand for words: they can not be names of variables. */
export const scopeWords = { import: 'import()', meta: 'import.meta', commonjs: 'require()' } as const;

/** Whether a text is the transform's. */
export function isInstrumented(text: string): boolean {
  return text.includes(`${registration}(`);
}

/** The expression that is a function's slot. */
export function slotName(id: string, index: number): string {
  return `${id}[${index}]`;
}
