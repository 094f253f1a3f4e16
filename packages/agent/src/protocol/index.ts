/** What agent and console share: the wire. Pure: no `node:` import below this folder. */
export * from './errors.ts';
export * from './values.ts';
export * from './watch.ts';
export * from './patches.ts';
export * from './journal.ts';
export * from './hotfix.ts';
export * from './parse-hotfix.ts';
export * from './history.ts';
export * from './signing.ts';
export * from './doctor.ts';
export * from './approvals.ts';
export * from './envelope.ts';
export * from './handshake.ts';
export * from './limits.ts';
export * from './operations.ts';
export * from './catalogue.ts';
export * from './codec.ts';
