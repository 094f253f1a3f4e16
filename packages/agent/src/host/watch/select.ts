/** Which functions an operator means by addresses and wildcards, and which of these have a slot to be looked at through. */
import { KeyholeError } from '../../protocol/index.ts';
import type { WatchStarted } from '../../protocol/index.ts';
import type { FunctionTarget, ModuleIndex } from '../patch/modules.ts';
import type { SlotsStrategy } from '../patch/slots.ts';

interface Selected {
  targets: FunctionTarget[];
  /** What a wildcard means and can not be watched. */
  skipped: WatchStarted['skipped'];
}

/** @throws {KeyholeError} NOT_FOUND, NOT_PATCHABLE, TOO_LARGE. */
export function selectFunctions(modules: ModuleIndex, slots: SlotsStrategy, addresses: readonly string[], most: number): Selected {
  const targets = new Set<FunctionTarget>();
  const skipped: Selected['skipped'] = [];
  if (addresses.length === 0) throw new KeyholeError('BAD_REQUEST', 'at least one function has to be named');
  for (const address of addresses) {
    const wild = address.endsWith('*');
    const prefix = address.slice(0, -1);
    if (wild && !prefix.includes(':')) {
      throw new KeyholeError(
        'BAD_REQUEST',
        `${address} does not say which file`,
        'A wildcard stands behind the colon: src/pricing.ts:* or src/cart.ts:Cart.*',
      );
    }
    const found: readonly FunctionTarget[] = wild ? modules.withPrefix(prefix) : modules.at(address);
    if (found.length === 0)
      throw new KeyholeError('NOT_FOUND', `no function that is loaded begins with ${prefix}`, 'keyhole fn with a folder lists what is loaded.');
    for (const target of found) {
      const { possible, why } = slots.assess(target);
      if (possible) targets.add(target);
      else if (wild) skipped.push({ address: target.address, why });
      else
        throw new KeyholeError(
          'NOT_PATCHABLE',
          `${target.address} can not be watched: ${why}`,
          'What has no slot can be looked at line by line: keyhole logpoint.',
        );
    }
  }
  if (targets.size > most) {
    throw new KeyholeError(
      'TOO_LARGE',
      `${addresses.join(', ')} means ${targets.size} functions, where ${most} can be looked at together`,
      'Name fewer, or a class of the file: src/cart.ts:Cart.*',
    );
  }
  if (targets.size === 0) {
    const [first] = skipped;
    throw new KeyholeError('NOT_PATCHABLE', `none of the functions can be watched: ${first?.address}: ${first?.why}`);
  }
  return { targets: [...targets], skipped };
}
