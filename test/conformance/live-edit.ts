/** What live edit can not do. */
import type { Conformance } from './strategy.ts';

export const liveEdit: Conformance = {
  strategy: 'live-edit',
  doc: 'The process was not instrumented, and its V8 still swaps code in place (Node 20 to 25).',
  absent: { on: [26], refused: /V8 took that out/, why: 'V8 took it out' },
  rounds: 0,
  shared: false,
  limits: {},
};
