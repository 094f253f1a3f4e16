/** An error of the service in few words for the journal: no getter is run for it, and what looks like a value of the service is left out. */
import { types } from 'node:util';

export interface ErrorWords {
  name: string;
  message: string;
}

const maxNameLength = 80;
const maxMessageLength = 200;
const maxPrototypes = 20;
const isName = /^[A-Za-z_$][\w$]{0,39}$/;

export function describeError(error: unknown): ErrorWords {
  if (typeof error !== 'object' || error === null) return { name: 'Thrown', message: `a ${error === null ? 'null' : typeof error}` };
  if (types.isProxy(error)) return { name: 'Thrown', message: 'a Proxy' };
  const name = dataOf(error, 'name');
  const message = dataOf(error, 'message');
  return {
    name: typeof name === 'string' ? withoutValues(name).slice(0, maxNameLength) : 'Thrown',
    message: typeof message === 'string' ? withoutValues(message).slice(0, maxMessageLength) : 'an object',
  };
}

/** A data property, own or inherited. */
function dataOf(object: object, key: string): unknown {
  let at: object | null = object;
  for (let step = 0; at !== null && step < maxPrototypes && !types.isProxy(at); step += 1) {
    const found = Reflect.getOwnPropertyDescriptor(at, key);
    if (found !== undefined) return found.value;
    at = Reflect.getPrototypeOf(at);
  }
  return undefined;
}

/** Names stay, since without them nobody knows what went wrong; quoted text, addresses, numbers and tokens go. */
export function withoutValues(text: string): string {
  const [line = ''] = text.slice(0, 2_000).split(/[\r\n\u2028\u2029]/, 1);
  return line
    .replace(/(?<!\w)(["'`])((?:(?!\1).)*)(\1|$)/g, (whole, quote: string, inside: string) => (isName.test(inside) ? whole : `${quote}…${quote}`))
    .replace(/\S+@\S+/g, '…')
    .replace(/[A-Za-z0-9+/=_-]{20,}/g, (token) => (/\d/.test(token) ? '…' : token))
    .replace(/\d{4,}/g, '…');
}
