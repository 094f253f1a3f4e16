/** Whether a request is exactly ours: the one thing that is looked at before anything of it is understood. Browsers are kept out by what they can't leave away, and by a Host that no page has. */
import type { IncomingMessage } from 'node:http';
import { subprotocol } from '../protocol/index.ts';

/**
 * The authority that the request names, or the status line of a refusal, which says nothing about what is behind.
 * @param authorities what Host may be, letter by letter.
 */
export function judgeRequest(
  { method, url, httpVersion, headers, rawHeaders }: Pick<IncomingMessage, 'method' | 'url' | 'httpVersion' | 'headers' | 'rawHeaders'>,
  authorities: readonly string[],
): { authority: string } | { status: string } {
  if (method !== 'GET' || url !== '/') return { status: '404 Not Found' };
  if (headers.origin !== undefined || Object.keys(headers).some((name) => name.startsWith('sec-fetch-'))) return { status: '403 Forbidden' };
  // Node joins or drops repeated headers: what counts is what was sent.
  const [host, ...others] = rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'host');
  if (host === undefined || others.length > 0 || !authorities.includes(host)) return { status: '403 Forbidden' };
  if (httpVersion !== '1.1' || headers['sec-websocket-protocol'] !== subprotocol) return { status: '400 Bad Request' };
  return { authority: host };
}
