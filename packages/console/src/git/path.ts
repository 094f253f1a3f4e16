/** Which paths may be those of a source. The names come from the process, and git, Windows and macOS each read some names as others. */
import { KeyholeError } from '@keyhole/agent/protocol';

const maxPathLength = 1_000;
/** Names that are a device to Windows, whatever follows the first dot. */
const devices = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i;

/**
 * @param file relative, with forward slashes.
 * @throws {KeyholeError} GIT saying what is wrong with it.
 */
export function checkPath(file: string): void {
  const wrong = wrongWith(file);
  if (wrong === null) return;
  const shown = JSON.stringify(file.length > maxPathLength ? `${file.slice(0, 100)}...` : file);
  throw new KeyholeError(
    'GIT',
    `${shown} is no path of a source inside a repository: ${wrong}`,
    'The name came from the process. Nothing was read or written.',
  );
}

function wrongWith(file: string): string | null {
  if (file.length > maxPathLength) return `it is longer than ${maxPathLength} characters`;
  if (/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(file)) return 'it holds control characters';
  if (file.includes('\\')) return 'it holds a backslash';
  if (file.includes(':')) return 'it holds a colon';
  for (const part of file.split('/')) {
    if (part === '') return 'it is absolute, or has an empty part';
    if (part === '.' || part === '..') return `it has a part ${part}`;
    // macOS leaves format characters out of a name; Windows leaves blanks and dots at its end out, and knows .git by a short name too.
    const plain = part.replace(/\p{Cf}/gu, '').toLowerCase();
    if (/^(?:\.git|git~\d+)[ .]*$/.test(plain)) return 'it leads into the repository itself';
    if (/^\.git(?:modules|attributes|ignore|mailmap)[ .]*$/.test(plain) || /^gi7[0-9a-f]{3,4}~\d$|^gitmod~\d$/.test(plain))
      return 'it is a file of git';
    if (/[ .]$/.test(part)) return 'a part of it ends in a dot or a blank, which Windows leaves out';
    if (devices.test(part)) return `${part} is a device to Windows`;
  }
  return null;
}
