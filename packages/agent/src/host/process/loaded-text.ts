/**
 * The text of an instrumented file, for the door: it reads it at an interrupt, through an inspector session of its own, since it names functions also while the main thread hangs. Nothing but
 * text is handed out.
 */
import type { SlotTable } from '../../loader/index.ts';
import { stringify } from '../../platform/originals.ts';

/** V8 has swapped code of the file in place: what stands on the disk is not what runs. */
export const editedText = 'edited';

export interface LoadedText {
  /** What V8 runs. */
  text: string;
  /** From the JavaScript that was loaded to that, as in loader/edits.ts. */
  numbers: number[];
  removed: string;
  format: 'module' | 'commonjs';
  loadedAtMs: number;
}

export function loadedTextOf(table: SlotTable | null, url: string): string {
  const record = table?.recordOf(url) ?? null;
  if (record === null) return 'null';
  const { text, edits, format, loadedAtMs } = record;
  return stringify({ text, numbers: [...edits.numbers], removed: edits.removed, format, loadedAtMs } satisfies LoadedText);
}
