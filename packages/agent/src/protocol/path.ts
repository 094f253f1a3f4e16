/** A path into an actor's state: `queue[0].price`, `limits["max-bid"]`. Names and keys only; nothing of it is evaluated. */
import { KeyholeError } from './errors.ts';

export type PathStep = string | number;

const step = /\.?([\p{ID_Start}$_][\p{ID_Continue}$]*)|\[(\d{1,10})\]|\[("(?:[^"\\]|\\.)*")\]|\[('(?:[^'\\]|\\.)*')\]/uy;

/** @throws {KeyholeError} BAD_REQUEST saying where it is wrong. */
export function parsePath(path: string): PathStep[] {
  const steps: PathStep[] = [];
  step.lastIndex = 0;
  while (step.lastIndex < path.length) {
    const at = step.lastIndex;
    const [whole, name, index, double, single] = step.exec(path) ?? [];
    const text = double ?? (single === undefined ? undefined : `"${single.slice(1, -1).replaceAll("\\'", "'").replaceAll('"', '\\"')}"`);
    // Names are parted by dots, and the first has none before it.
    const isWrong = whole === undefined || (name !== undefined && whole.startsWith('.') === (at === 0));
    if (isWrong) throw wrong(path, at);
    if (name !== undefined) steps.push(name);
    else if (index !== undefined) steps.push(Number(index));
    else steps.push(wordOf(text ?? '""', path, at));
  }
  if (steps.length === 0) throw wrong(path, 0);
  return steps;
}

function wordOf(json: string, path: string, at: number): string {
  try {
    return JSON.parse(json) as string;
  } catch {
    throw wrong(path, at);
  }
}

function wrong(path: string, at: number): KeyholeError {
  const rest = path.slice(at, at + 20);
  return new KeyholeError(
    'BAD_REQUEST',
    `the path ${path.slice(0, 200)} is not understood at ${rest === '' ? 'its end' : rest}`,
    'It takes names and keys, such as queue[0].price or limits["max-bid"]. Private names can not be set.',
  );
}
