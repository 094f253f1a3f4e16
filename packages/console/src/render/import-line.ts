/** What a patch imports, as a line of its author's file. */
import type { PatchImport } from '@keyhole/agent/protocol';

export function importLine({ local, specifier, imported }: PatchImport, quote = "'"): string {
  const named = imported === local ? local : `${imported} as ${local}`;
  const what = imported === '*' ? `* as ${local}` : imported === 'default' ? local : `{ ${named} }`;
  return `import ${what} from ${quote}${specifier}${quote}`;
}
