/** A heap that is nearly full: what takes more of it is refused, since it could end the process. Asked on the main thread, and by the door about it. */
import { KeyholeError, limits } from '../../protocol/index.ts';

/** Bytes. */
export interface HeapUse {
  used: number;
  /** V8's. */
  limit: number;
}

export function isNearlyFull({ used, limit }: HeapUse): boolean {
  return used > limit * limits.fullHeapShare;
}

/** @param instead what takes no more of it, as a sentence. @throws {KeyholeError} HEAP_FULL, with the figures. */
export function refuseFullHeap(what: string, heap: HeapUse, instead = ''): void {
  if (!isNearlyFull(heap)) return;
  const [used, most] = [heap.used, heap.limit].map((bytes) => Math.round(bytes / 1_048_576));
  throw new KeyholeError(
    'HEAP_FULL',
    `the heap holds ${used} of ${most} MB: ${what} takes more of it, and could end the process`,
    `--insist does it all the same.${instead === '' ? '' : ` ${instead}`}`,
  );
}
