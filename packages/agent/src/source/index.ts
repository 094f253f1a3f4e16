/** What agent and console share about source text. Pure: no `node:` import below this folder. */
export * from './pieces.ts';
export * from './syntax.ts';
export * from './functions.ts';
export * from './scopes.ts';
export * from './captures.ts';
export * from './source-map.ts';
export * from './map-comment.ts';
export * from './normalize.ts';
export * from './top-level-await.ts';
export * from './kept-names.ts';
export * from './closed-grammar.ts';
export * from './condition.ts';
export * from './strict.ts';
export * from './authored.ts';
export * from './words.ts';
export * from './patterns.ts';
export * from './secrets.ts';
