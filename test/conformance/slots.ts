/** What slots can not do. */
import type { Conformance } from './strategy.ts';

export const slots: Conformance = {
  strategy: 'slots',
  doc: 'The process was started with `--import @keyhole/agent/register`.',
  absent: null,
  rounds: 2,
  shared: true,
  limits: {},
};
