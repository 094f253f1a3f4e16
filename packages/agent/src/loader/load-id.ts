/**
 * Names for loads. The same file gets the same name in every process, so that the instrumented text is the same and V8's compile cache knows it; a file that is
 * loaded again in one process gets a name of its own, because every load has slots of its own.
 */
import { createHash } from 'node:crypto';

const loads = new Map<string, number>();

/** An identifier that no name of the source starts with. */
export function loadId(url: string, source: string): string {
  const hash = BigInt(`0x${createHash('sha256').update(url).digest('hex').slice(0, 12)}`).toString(36);
  let id = `$kh${hash}`;
  const before = loads.get(id) ?? 0;
  loads.set(id, before + 1);
  if (before > 0) id += `r${before}`;
  while (source.includes(id)) id += 'x';
  return id;
}
