/** Small things that all ways of looking say in the same way. */
import { parse } from '../../platform/originals.ts';
import type { RemoteValue } from '../../protocol/index.ts';
import { Glimpse } from './glimpse.ts';
import type { GlimpseLimits } from './glimpse.ts';

/** What went wrong in a condition or an expression. */
export function describeThrown(thrown: unknown, limits: GlimpseLimits): string {
  const { description = 'something was thrown that is no error' } = parse(new Glimpse({ ...limits, depth: 0 }).of(thrown)) as RemoteValue;
  return description;
}
