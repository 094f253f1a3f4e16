/** Three questions to the inspector of another process, as fast as they can be asked: it is open without a key meanwhile. Whom it belongs to was looked at before. */
import { get } from 'node:http';
import { holdsSocket, listeningSockets, type ListeningSocket } from './listening.ts';
import { WebSocket } from 'ws';

/** Between two looks at the kernel's list; each takes well under a millisecond. */
const lookEveryMs = 1;

/** `answer`: it evaluated and the line held. `closed`: it cut the line, as closing the inspector does. `silent`: neither in time. */
export type EvaluationEnd = { end: 'answer'; value: unknown } | { end: 'closed' } | { end: 'silent' };

/** The socket that the process began to listen on since `before`, or null where it did not in time. */
export async function newListeningSocket(pid: number, before: ReadonlySet<string>, limitMs: number): Promise<ListeningSocket | null> {
  const deadline = performance.now() + limitMs;
  const others = new Set(before);
  do {
    for (const socket of listeningSockets()) {
      if (others.has(socket.inode)) continue;
      if (holdsSocket(pid, socket.inode)) return socket;
      others.add(socket.inode);
    }
    await pause(lookEveryMs);
  } while (performance.now() < deadline);
  return null;
}

/** @returns whether nobody listens there any more, within the time. */
export async function isGone({ inode }: ListeningSocket, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  do {
    if (!listeningSockets().some((each) => each.inode === inode)) return true;
    await pause(lookEveryMs);
  } while (performance.now() < deadline);
  return false;
}

/** @throws {Error} where it is no inspector, or does not answer in time. */
export async function debuggerUrl({ host, port }: ListeningSocket, limitMs: number): Promise<string> {
  const text = await new Promise<string>((resolve, reject) => {
    const request = get({ host, port, path: '/json/list', timeout: limitMs, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => (body += piece));
      response.on('end', () => resolve(body));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('it does not answer')));
    request.on('error', reject);
  });
  const [target] = JSON.parse(text) as { webSocketDebuggerUrl?: unknown }[];
  if (typeof target?.webSocketDebuggerUrl !== 'string') throw new Error('it names no debugger');
  return target.webSocketDebuggerUrl;
}

/** Evaluates one expression. What was sent and not answered may still be evaluated later. */
export function evaluateThere(url: string, expression: string, limitMs: number): Promise<EvaluationEnd> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, { perMessageDeflate: false, followRedirects: false, handshakeTimeout: limitMs });
    const end = (how: EvaluationEnd): void => {
      clearTimeout(timer);
      resolve(how);
      socket.terminate();
    };
    const timer = setTimeout(() => end({ end: 'silent' }), limitMs);
    socket.on('open', () =>
      socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression, returnByValue: true, silent: true } })),
    );
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { id?: number; result?: { result?: { value?: unknown; description?: unknown } } };
      if (message.id === 1) end({ end: 'answer', value: message.result?.result?.value ?? message.result?.result?.description });
    });
    socket.on('error', () => end({ end: 'closed' }));
    socket.on('close', () => end({ end: 'closed' }));
  });
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
