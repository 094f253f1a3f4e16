/** An agent for tests of the console: the real protocol on a real socket, with answers the test gives. Checks the operator's signature with ssh-keygen. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  authMessage,
  authNamespace,
  decodeFrame,
  encodeFrame,
  KeyholeError,
  limits,
  type Auth,
  type ClientFrame,
  type OperationName,
  type Params,
  type Result,
  type Transcript,
} from '@keyhole/agent/protocol';
import { WebSocketServer, type WebSocket } from 'ws';
import { FakeHost } from './fake-host.ts';

export type Handlers = { [O in OperationName]?: (params: Params<O>, request: { id: number }) => Result<O> | Promise<Result<O>> };

export interface FakeAgent {
  /** The environment in which a console finds it, and nothing else. */
  env: NodeJS.ProcessEnv;
  dir: string;
  socketPath: string;
  label: string;
  /** What the console asked, in order. */
  requests: { op: string; params: Record<string, unknown> }[];
  headers: NodeJS.Dict<string | string[]>[];
  /** Cuts every connection, as a service that is killed does. */
  cut(): void;
  close(): Promise<void>;
}

/** `operators` are public key lines; whoever else comes is refused. */
export async function startFakeAgent(options: {
  name?: string;
  pid?: number;
  operators: string[];
  handlers: Handlers;
  dir?: string;
}): Promise<FakeAgent> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'keyhole-fake-'));
  const { name = 'rooms', pid = process.pid } = options;
  const runtime = join(dir, 'keyhole');
  mkdirSync(runtime, { recursive: true, mode: 0o700 });
  const socketPath = join(runtime, `${name}.${pid}.sock`);
  const announcement = join(runtime, `${name}.${pid}.json`);
  const host = new FakeHost();
  const requests: FakeAgent['requests'] = [];
  const headers: FakeAgent['headers'] = [];
  const sockets = new Set<WebSocket>();
  const server = createServer();
  const websockets = new WebSocketServer({ server, handleProtocols: (offered) => (offered.has('keyhole.1') ? 'keyhole.1' : false) });
  websockets.on('connection', (socket, request) => {
    headers.push(request.headers);
    sockets.add(socket);
    serve(socket);
  });

  function serve(socket: WebSocket): void {
    const send = (frame: object): void => socket.send(encodeFrame(frame));
    let transcript: Transcript | null = null;
    let authenticated = false;
    socket.on('message', (data: Buffer) => {
      const frame = decodeFrame(data, limits.maxFrameBytes) as ClientFrame;
      if (frame.t === 'hello') {
        const answered = host.answer(frame, name, `unix:${realpathSync(socketPath)}`);
        ({ transcript } = answered);
        send(answered.hello);
      } else if (frame.t === 'auth' && transcript !== null) {
        const message = authMessage(transcript, frame);
        authenticated = options.operators.includes(frame.publicKey) && verifies(frame, message);
        if (!authenticated) {
          send({ t: 'error', error: { code: 'NOT_ALLOWED', message: 'the key is not one of the operators' } });
          socket.close();
          return;
        }
        const operator = { name: 'alice', fingerprint: 'SHA256:x', capabilities: ['view', 'eval', 'patch'] };
        send({ t: 'welcome', session: 's1', operator, service: name, pid, node: process.version });
      } else if (frame.t === 'req' && authenticated) {
        requests.push({ op: frame.op, params: frame.params });
        void answer(frame.op as OperationName, frame.params, frame.id).then(send);
      }
    });
  }

  async function answer(op: OperationName, params: Record<string, unknown>, id: number): Promise<object> {
    try {
      const handler = options.handlers[op] as ((params: unknown, request: { id: number }) => unknown) | undefined;
      if (handler === undefined) throw new KeyholeError('BAD_REQUEST', `the fake has no ${op}`);
      return { t: 'res', id, ok: true, result: await handler(params, { id }) };
    } catch (error) {
      return { t: 'res', id, ok: false, error: KeyholeError.from(error).toWire() };
    }
  }

  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  writeFileSync(
    announcement,
    JSON.stringify({
      name,
      pid,
      address: `unix:${socketPath}`,
      hostKey: host.publicKey,
      node: process.version,
      startedAt: '2026-01-01T00:00:00.000Z',
      commit: null,
      instrumented: true,
      patches: 0,
    }),
    { mode: 0o600 },
  );
  const cut = (): void => {
    for (const socket of sockets) socket.terminate();
  };
  return {
    dir,
    socketPath,
    label: `${name}#${pid}`,
    env: { PATH: process.env['PATH'], HOME: dir, XDG_RUNTIME_DIR: dir, XDG_STATE_HOME: join(dir, 'state'), TERM: 'xterm' },
    requests,
    headers,
    cut,
    close: async () => {
      cut();
      websockets.close();
      await new Promise((resolve) => server.close(resolve));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** OpenSSH is the judge: what it accepts is a signature, however we made it. */
function verifies(auth: Auth, message: string): boolean {
  const dir = mkdtempSync(join(tmpdir(), 'keyhole-verify-'));
  try {
    writeFileSync(join(dir, 'allowed'), `alice ${auth.publicKey}\n`);
    writeFileSync(join(dir, 'signature'), auth.signature);
    const words = ['-Y', 'verify', '-f', join(dir, 'allowed'), '-I', 'alice', '-n', authNamespace, '-s', join(dir, 'signature')];
    execFileSync('ssh-keygen', words, { input: message, stdio: ['pipe', 'ignore', 'ignore'] });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
