/** What is said when a function is no longer what the author of a change has seen. */
import { KeyholeError } from '../../protocol/index.ts';

const hint = 'Look at what runs now with keyhole fn, and edit that.';

export function staleBase(address: string, expected: string, actual: string): KeyholeError {
  return new KeyholeError('STALE_BASE', `${address} is no longer the text that was edited`, hint, { address, expected, actual });
}

export function staleStrategy(address: string): KeyholeError {
  return new KeyholeError('STALE_BASE', `${address} was patched by somebody else in the meantime`, hint);
}
