/** The listeners of the door, on real sockets: where they listen, what they refuse before anything is understood, and the bounds on strangers. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import * as path from 'node:path';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { limits, subprotocol } from '../../packages/agent/dist/protocol/index.js';
import { resolveLimits } from '../../packages/agent/dist/server/door-limits.js';
import { resolveListen, type ListenOptions } from '../../packages/agent/dist/server/listen-options.js';
import { listen, type Arrival, type Listener } from '../../packages/agent/dist/server/listener.js';
import { Authority } from '../helpers/certificates.ts';
import { newFolder } from '../helpers/service.ts';

const opened: Listener[] = [];
afterEach(() => {
  for (const listener of opened.splice(0)) listener.close();
});

interface Door {
  listener: Listener;
  arrivals: Arrival[];
  /** What every websocket has received. */
  received: { bytes: number }[];
  broken: string[];
}

/** Like the door, but for what is said there. */
async function open(options: ListenOptions | string): Promise<Door> {
  const told = typeof options === 'string' ? ({ kind: 'socket', path: options } as const) : resolveListen(options);
  if (told.kind === 'socket' && told.path === null) throw new Error('the test has to say where');
  const door: Omit<Door, 'listener'> = { arrivals: [], received: [], broken: [] };
  const listener = await listen(
    told as Parameters<typeof listen>[0],
    (arrival) => {
      door.arrivals.push(arrival);
      arrival.socket.on('error', () => arrival.socket.terminate());
      arrival.socket.on('message', (data: Buffer) => door.received.push({ bytes: data.length }));
    },
    (message) => door.broken.push(message),
    resolveLimits(),
  );
  opened.push(listener);
  return { listener, ...door };
}

const portOf = ({ listener }: Door): number => Number(/:(\d+)$/.exec(listener.address)?.[1]);
const socketIn = (folder: string): string => path.join(folder, 'a.sock');

/** The headers of a request that is ours but for its Host. */
const ours = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
  `Sec-WebSocket-Protocol: ${subprotocol}`,
];

/** The first line of the answer to these lines; '' where there is none. */
async function ask(socket: Socket, lines: string[], first = 'GET / HTTP/1.1'): Promise<string> {
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  socket.write([first, ...lines, '', ''].join('\r\n'));
  while (!answer.includes('\r\n')) {
    const ended = await Promise.race([once(socket, 'data').then(() => false), closed.then(() => true)]);
    if (ended) break;
  }
  socket.destroy();
  return answer.split('\r\n')[0] ?? '';
}

const status = async (socket: Socket, lines: string[], first?: string): Promise<number> => Number((await ask(socket, lines, first)).split(' ')[1]);

async function websocket(door: Door, options: { socket?: Socket; host?: string } = {}): Promise<WebSocket> {
  const { address } = door.listener;
  const isSocket = address.startsWith('unix:');
  const stream = options.socket ?? (isSocket ? connect(address.slice(5)) : connect(portOf(door), '127.0.0.1'));
  const host = options.host ?? (isSocket ? 'keyhole' : `127.0.0.1:${portOf(door)}`);
  const socket = new WebSocket('ws://agent/', subprotocol, { createConnection: () => stream, headers: { Host: host } });
  socket.on('error', () => undefined);
  await once(socket, 'open');
  return socket;
}

describe('a Unix socket', () => {
  test('has mode 0600, also in a folder of others, and nothing else is left beside it', async () => {
    const folder = newFolder();
    chmodSync(folder, 0o755);
    const door = await open(socketIn(folder));
    expect(lstatSync(socketIn(folder)).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['a.sock']);
    expect(door.listener.address).toBe(`unix:${socketIn(folder)}`);
    await websocket(door);
    expect(door.arrivals[0]).toMatchObject({ peer: 'local', binding: `unix:${socketIn(folder)}`, exporter: null });
    door.listener.close();
    expect(existsSync(socketIn(folder))).toBe(false);
  });

  test('nobody else could connect at any moment of its making', async () => {
    const folder = newFolder();
    chmodSync(folder, 0o755);
    // Every state of the folder while it is made, by strace if it were there; here by the calls themselves.
    const seen: number[] = [];
    const watch = setInterval(() => {
      const stat = lstatSync(socketIn(folder), { throwIfNoEntry: false });
      if (stat !== undefined) seen.push(stat.mode & 0o777);
    }, 0);
    const before = process.umask(0);
    try {
      for (let round = 0; round < 20; round += 1) (await open(socketIn(folder))).listener.close();
      const door = await open(socketIn(folder));
      await websocket(door);
    } finally {
      process.umask(before);
      clearInterval(watch);
    }
    expect(new Set([...seen, lstatSync(socketIn(folder)).mode & 0o777])).toEqual(new Set([0o600]));
  });

  test('another user is refused by the operating system', async (context) => {
    if (process.getuid?.() !== 0) context.skip('only root can become another user');
    const folder = newFolder();
    chmodSync(folder, 0o755);
    await open(socketIn(folder));
    const code = `require('net').connect(${JSON.stringify(socketIn(folder))}).on('error', (e) => console.log(e.code)).on('connect', () => console.log('in'))`;
    const child = spawn(process.execPath, ['-e', code], { uid: 65_534, gid: 65_534, stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    child.kill();
    expect(said.toString().trim()).toBe('EACCES');
  });

  test('one that a dead process left is replaced', async () => {
    const file = socketIn(newFolder());
    const child = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    await once(child, 'exit');
    expect(lstatSync(file).isSocket()).toBe(true);
    const door = await open(file);
    await websocket(door);
  });

  test('one that somebody listens on stays his', async () => {
    const file = socketIn(newFolder());
    const theirs = createServer((socket) => socket.on('error', () => undefined).end('theirs'));
    theirs.listen(file);
    await once(theirs, 'listening');
    await expect(open(file)).rejects.toThrow('somebody listens on it already');
    const [said] = (await once(
      connect(file).on('error', () => undefined),
      'data',
    )) as [Buffer];
    expect(said.toString()).toBe('theirs');
    theirs.close();
  });

  test.each(['nothing there', 'a dead socket there'])('of several that come at one moment one gets it, with %s', async (what) => {
    const place = socketIn(newFolder());
    if (what === 'a dead socket there') {
      const dead = createServer().listen(place);
      await once(dead, 'listening');
      renameSync(place, `${place}.kept`);
      dead.close();
      await once(dead, 'close');
      renameSync(`${place}.kept`, place);
    }
    const came = await Promise.allSettled(Array.from({ length: 4 }, () => open(place)));
    const refused = came.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []));
    expect(refused).toHaveLength(3);
    for (const why of refused) expect(why).toContain('somebody listens on it already');
    const asking = connect(place);
    await once(asking, 'connect');
    asking.destroy();
  });

  test('what is no socket, a symbolic link, or belongs to somebody else stays where it is', async () => {
    const folder = newFolder();
    const file = socketIn(folder);
    writeFileSync(file, 'precious');
    await expect(open(file)).rejects.toThrow('not a socket');
    expect(readFileSync(file, 'utf8')).toBe('precious');
    const link = path.join(folder, 'link.sock');
    symlinkSync(file, link);
    await expect(open(link)).rejects.toThrow('symbolic link');
    const dangling = path.join(folder, 'dangling.sock');
    symlinkSync(path.join(folder, 'nothing'), dangling);
    await expect(open(dangling)).rejects.toThrow('symbolic link');
    expect(existsSync(path.join(folder, 'nothing'))).toBe(false);
  });

  test('a socket of another user is not replaced', async (context) => {
    if (process.getuid?.() !== 0) context.skip('only root can become another user');
    const folder = newFolder();
    chmodSync(folder, 0o1777);
    const file = socketIn(folder);
    const code = `require('net').createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await once(spawn(process.execPath, ['-e', code], { uid: 65_534, gid: 65_534 }), 'exit');
    await expect(open(file)).rejects.toThrow('another user');
    expect(lstatSync(file).uid).toBe(65_534);
  });

  test('a folder that others may write to is refused, unless it is sticky', async () => {
    for (const [mode, refused] of [
      [0o777, true],
      [0o775, true],
      [0o1777, false],
      [0o755, false],
      [0o700, false],
    ] as const) {
      const folder = newFolder();
      chmodSync(folder, mode);
      if (refused) await expect(open(socketIn(folder)), mode.toString(8)).rejects.toThrow('others may write to');
      else await open(socketIn(folder));
      expect(existsSync(socketIn(folder))).toBe(!refused);
    }
    await expect(open('/nowhere/at/all.sock')).rejects.toThrow('is not a folder');
  });

  test('the longest path, and one byte more', async () => {
    const folder = newFolder();
    const pathOf = (bytes: number): string => path.join(folder, 'x'.repeat(bytes - folder.length - 1));
    await open(pathOf(103));
    await expect(open(pathOf(104))).rejects.toThrow('has more than 103 bytes');
  });

  test('closing leaves a socket alone that somebody put there since', async () => {
    const file = socketIn(newFolder());
    const first = await open(file);
    renameSync(file, `${file}.moved`);
    await open(file);
    first.listener.close();
    expect(existsSync(file)).toBe(true);
  });
});

describe('TCP', () => {
  test.each(['127.0.0.1', '127.8.9.10', 'localhost'])('%s without TLS', async (host) => {
    const door = await open({ host, port: 0 });
    expect(door.listener.address).toMatch(new RegExp(`^ws://${host.replaceAll('.', '\\.')}:[1-9]\\d*$`));
    const at = host === 'localhost' ? 'localhost' : host;
    const authority = `${host}:${portOf(door)}`;
    await websocket(door, { socket: connect(portOf(door), at), host: authority });
    expect(door.arrivals[0]).toMatchObject({ binding: `ws:${authority}`, exporter: null });
    expect(door.arrivals[0]?.peer).toMatch(/^(?:127\.|::1$)/);
  });

  test('::1 without TLS', async (context) => {
    const door = await open({ host: '::1', port: 0 }).catch((error: unknown) => context.skip(`this machine has no IPv6: ${String(error)}`));
    expect(door.listener.address).toBe(`ws://[::1]:${portOf(door)}`);
    await websocket(door, { socket: connect(portOf(door), '::1'), host: `[::1]:${portOf(door)}` });
    expect(door.arrivals[0]).toMatchObject({ peer: '::1' });
  });

  test.each(['0.0.0.0', '::', '10.0.0.1', '192.168.1.1', '128.0.0.1', '126.255.255.255', '::ffff:127.0.0.1', '::2', 'fe80::1'])(
    '%s without TLS is refused, and nothing listens',
    async (host) => {
      const probe = createServer().listen(0, '127.0.0.1');
      await once(probe, 'listening');
      const { port } = probe.address() as { port: number };
      probe.close();
      await once(probe, 'close');
      await expect(open({ host, port })).rejects.toThrow('without TLS the agent listens on loopback only');
      const [error] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
      expect(error.code).toBe('ECONNREFUSED');
    },
  );

  test('a name that resolves to another address, or to none', async () => {
    const { hostname } = await import('node:os');
    const { lookup } = await import('node:dns/promises');
    const own = await lookup(hostname(), { all: true }).catch(() => []);
    await expect(open({ host: 'no-such-host.invalid', port: 0 })).rejects.toThrow();
    if (own.some(({ address }) => !address.startsWith('127.') && address !== '::1'))
      await expect(open({ host: hostname(), port: 0 })).rejects.toThrow(/not on .*, which is /);
  });

  test('a port that is taken', async () => {
    const door = await open({ host: '127.0.0.1', port: 0 });
    await expect(open({ host: '127.0.0.1', port: portOf(door) })).rejects.toThrow('EADDRINUSE');
  });
});

describe('requests', () => {
  const hosts = (port: number): string[] => [
    'keyhole',
    '',
    'localhost',
    `localhost:${port}`,
    `LOCALHOST:${port}`,
    `localhost.:${port}`,
    `localhost6:${port}`,
    `localhost.localdomain:${port}`,
    `localhost.evil.example:${port}`,
    `evil.example:${port}`,
    `evil.example`,
    `127.0.0.1.evil.example:${port}`,
    `127.0.0.1.nip.io:${port}`,
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:80',
    `127.0.0.1:${port + 1}`,
    `127.0.0.1:0${port}`,
    `127.0.0.1:${port}0`,
    `127.0.0.1:${port}.`,
    `127.0.0.1:+${port}`,
    `127.0.0.1:0x${port.toString(16)}`,
    `127.0.0.1.:${port}`,
    `127.0.0.1..:${port}`,
    `.127.0.0.1:${port}`,
    `127.1:${port}`,
    `127.0.1:${port}`,
    `127.00.00.01:${port}`,
    `127.000.000.001:${port}`,
    `0177.0.0.1:${port}`,
    `0177.0.0.01:${port}`,
    `00177.0.0.1:${port}`,
    `0x7f.0.0.1:${port}`,
    `0x7f.1:${port}`,
    `0x7f000001:${port}`,
    `2130706433:${port}`,
    `017700000001:${port}`,
    `127.0.0.2:${port}`,
    `127.255.255.254:${port}`,
    `0.0.0.0:${port}`,
    `0:${port}`,
    `[::1]:${port}`,
    `[0:0:0:0:0:0:0:1]:${port}`,
    `[::ffff:127.0.0.1]:${port}`,
    `[::ffff:7f00:1]:${port}`,
    `[::127.0.0.1]:${port}`,
    `[::]:${port}`,
    `[::1%lo]:${port}`,
    `::1:${port}`,
    `user@127.0.0.1:${port}`,
    `127.0.0.1:${port}@evil.example`,
    `evil.example@127.0.0.1:${port}`,
    `127.0.0.1:${port}/`,
    `127.0.0.1:${port}#`,
    `127.0.0.1:${port}?`,
    `127.0.0.1:${port},evil.example`,
    `evil.example,127.0.0.1:${port}`,
    `http://127.0.0.1:${port}`,
    `ws://127.0.0.1:${port}`,
    `//127.0.0.1:${port}`,
    `127.0.0.1%3a${port}`,
    `127%2e0.0.1:${port}`,
    `①②⑦.0.0.1:${port}`,
    `127。0。0。1:${port}`,
    `"127.0.0.1:${port}"`,
    `127.0.0.1: ${port}`,
    `127.0.0.1\t:${port}`,
    `169.254.169.254:${port}`,
  ];

  test('of a page whose name was bound again to our address (more than 60 of them) get nothing', async () => {
    const door = await open({ host: '127.0.0.1', port: 0 });
    const port = portOf(door);
    const table = hosts(port);
    expect(new Set(table).size).toBeGreaterThanOrEqual(60);
    expect(await status(connect(port, '127.0.0.1'), [`Host: 127.0.0.1:${port}`, ...ours])).toBe(101);
    const before = door.arrivals.length;
    for (const host of table) expect([400, 403], host).toContain(await status(connect(port, '127.0.0.1'), [`Host: ${host}`, ...ours]));
    expect([400, 403]).toContain(await status(connect(port, '127.0.0.1'), ours));
    expect([400, 403]).toContain(await status(connect(port, '127.0.0.1'), [`Host: 127.0.0.1:${port}`, 'Host: evil.example', ...ours]));
    expect(await status(connect(port, '127.0.0.1'), ours, `GET http://127.0.0.1:${port}/ HTTP/1.1`)).not.toBe(101);
    expect(door.arrivals).toHaveLength(before);
  });

  test('authorities: names that were told, and no others', async () => {
    const door = await open({ host: '127.0.0.1', port: 0, authorities: ['db1.example.org:14444'] });
    const port = portOf(door);
    expect(await status(connect(port, '127.0.0.1'), ['Host: db1.example.org:14444', ...ours])).toBe(101);
    expect(door.arrivals[0]).toMatchObject({ binding: 'ws:db1.example.org:14444' });
    expect(await status(connect(port, '127.0.0.1'), [`Host: db1.example.org:${port}`, ...ours])).toBe(403);
  });

  const without = (name: string): string[] => ours.filter((line) => !line.startsWith(name));
  const variants: [string, number | 'refused', string[], string?][] = [
    ['ours', 101, ours],
    ['Origin: null', 403, [...ours, 'Origin: null']],
    ['Origin of another page', 403, [...ours, 'Origin: https://evil.example']],
    ['Origin of localhost', 403, [...ours, 'Origin: http://localhost']],
    ['Origin of ourselves', 403, [...ours, 'Origin: http://keyhole']],
    ['Origin, empty', 403, [...ours, 'Origin:']],
    ['ORIGIN in capitals', 403, [...ours, 'ORIGIN: https://evil.example']],
    ['Origin twice', 403, [...ours, 'Origin: a', 'Origin: b']],
    ['Origin of a file', 403, [...ours, 'Origin: file://']],
    ['Origin of an extension', 403, [...ours, 'Origin: chrome-extension://abc']],
    ['Origin before all', 403, ['Origin: https://evil.example', ...ours]],
    ['Sec-Fetch-Site: same-origin', 403, [...ours, 'Sec-Fetch-Site: same-origin']],
    ['Sec-Fetch-Site: none', 403, [...ours, 'Sec-Fetch-Site: none']],
    ['Sec-Fetch-Mode', 403, [...ours, 'Sec-Fetch-Mode: websocket']],
    ['Sec-Fetch-Dest', 403, [...ours, 'Sec-Fetch-Dest: websocket']],
    ['Sec-Fetch-User', 403, [...ours, 'Sec-Fetch-User: ?1']],
    ['SEC-FETCH-SITE', 403, [...ours, 'SEC-FETCH-SITE: cross-site']],
    ['no subprotocol', 400, without('Sec-WebSocket-Protocol')],
    ['another subprotocol', 400, [...without('Sec-WebSocket-Protocol'), 'Sec-WebSocket-Protocol: chat']],
    ['a later subprotocol', 400, [...without('Sec-WebSocket-Protocol'), 'Sec-WebSocket-Protocol: keyhole.2']],
    ['our subprotocol and another', 400, [...without('Sec-WebSocket-Protocol'), `Sec-WebSocket-Protocol: ${subprotocol}, chat`]],
    ['our subprotocol twice', 400, [...ours, `Sec-WebSocket-Protocol: ${subprotocol}`]],
    ['our subprotocol in capitals', 400, [...without('Sec-WebSocket-Protocol'), 'Sec-WebSocket-Protocol: KEYHOLE.1']],
    ['another path', 404, ours, 'GET /x HTTP/1.1'],
    ['two slashes', 404, ours, 'GET // HTTP/1.1'],
    ['a query', 404, ours, 'GET /?token=1 HTTP/1.1'],
    ['an absolute address', 404, ours, 'GET http://keyhole/ HTTP/1.1'],
    ['a star', 'refused', ours, 'OPTIONS * HTTP/1.1'],
    ['POST', 404, ours, 'POST / HTTP/1.1'],
    ['HEAD', 404, ours, 'HEAD / HTTP/1.1'],
    ['CONNECT', 'refused', ours, 'CONNECT keyhole:80 HTTP/1.1'],
    ['no upgrade', 400, []],
    ['an upgrade to h2c', 'refused', [...without('Upgrade'), 'Upgrade: h2c']],
    ['no key', 400, without('Sec-WebSocket-Key')],
    ['an old version of websockets', 'refused', [...without('Sec-WebSocket-Version'), 'Sec-WebSocket-Version: 7']],
    ['HTTP/1.0', 'refused', ours, 'GET / HTTP/1.0'],
    ['no HTTP', 400, ours, 'hello there'],
    ['a length with it that lies', 'refused', [...ours, 'Content-Length: 5', 'Transfer-Encoding: chunked']],
  ];
  test.each(variants)('%s: %s', async (_, wanted, lines, first) => {
    const door = await open(socketIn(newFolder()));
    const got = await status(connect(door.listener.address.slice(5)), ['Host: keyhole', ...lines], first);
    if (wanted === 'refused') expect(got).not.toBe(101);
    else expect(got).toBe(wanted);
    expect(door.arrivals).toHaveLength(wanted === 101 ? 1 : 0);
  });

  test('headers: the longest that are read, and the first that are not', async () => {
    const door = await open(socketIn(newFolder()));
    const knock = (bytes: number): Promise<number> => {
      const lines = ['Host: keyhole', ...ours];
      // As Node counts: names and values.
      const others = lines.reduce((sum, line) => sum + line.replace(': ', '').length, 0);
      return status(connect(door.listener.address.slice(5)), [...lines, `X: ${'x'.repeat(bytes - others - 2)}`]);
    };
    let largest = 0;
    for (const bytes of [limits.maxHeaderBytes - 600, limits.maxHeaderBytes + 1]) if ((await knock(bytes)) === 101) largest = bytes;
    expect(largest).toBe(limits.maxHeaderBytes - 600);
    expect(await knock(limits.maxHeaderBytes + 1)).toBe(431);
  });
});

describe('bounds on strangers', () => {
  const close = async (socket: WebSocket): Promise<number> => ((await once(socket, 'close')) as [number])[0];

  test('all they may send, and one byte more', async () => {
    const door = await open(socketIn(newFolder()));
    const socket = await websocket(door);
    // A frame of ours has 8 bytes before its text of up to 65535.
    const half = limits.maxUnauthenticatedBytes / 2 - 8;
    for (let index = 0; index < 2; index += 1) socket.send(randomBytes(half));
    await expect.poll(() => door.received.length).toBe(2);
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.send(Buffer.alloc(0));
    expect(await close(socket)).toBe(1006);
  });

  test('a proven key lifts that; then the largest message, and one byte more', async () => {
    const door = await open(socketIn(newFolder()));
    const socket = await websocket(door);
    door.arrivals[0]?.visit.proven();
    socket.send(Buffer.alloc(limits.maxFrameBytes));
    await expect.poll(() => door.received.at(-1)?.bytes, { timeout: 10_000 }).toBe(limits.maxFrameBytes);
    socket.send(Buffer.alloc(limits.maxFrameBytes + 1));
    expect(await close(socket)).toBe(1009);
  });

  test('a message in as many pieces as may be, and in one more', async () => {
    const door = await open(socketIn(newFolder()));
    const socket = await websocket(door);
    const send = (pieces: number): void => {
      for (let index = 1; index <= pieces; index += 1) socket.send(Buffer.from([index]), { fin: index === pieces });
    };
    send(limits.maxFragments);
    await expect.poll(() => door.received.at(-1)?.bytes).toBe(limits.maxFragments);
    send(limits.maxFragments + 1);
    expect(await close(socket)).toBe(1008);
  });

  test('compression is not spoken, whatever is offered', async () => {
    const door = await open(socketIn(newFolder()));
    const socket = connect(door.listener.address.slice(5));
    socket.write(['GET / HTTP/1.1', 'Host: keyhole', ...ours, 'Sec-WebSocket-Extensions: permessage-deflate', '', ''].join('\r\n'));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 101/);
    expect(answer.toString()).not.toMatch(/permessage-deflate/i);
    socket.destroy();
  });

  test('a request that does not come is not waited for', async () => {
    const door = await open(socketIn(newFolder()));
    const started = performance.now();
    const slow = connect(door.listener.address.slice(5));
    slow.on('error', () => undefined);
    slow.write('GET / HTTP/1.1\r\nHost: key');
    await once(slow, 'close');
    const waitedMs = performance.now() - started;
    expect(waitedMs).toBeGreaterThan(limits.requestTimeoutMs - 500);
    expect(waitedMs).toBeLessThan(limits.requestTimeoutMs + 5_000);
    expect(door.arrivals).toHaveLength(0);
  });

  test('silent ones make room for one who comes; those who may not even wait are told so', async () => {
    const door = await open(socketIn(newFolder()));
    const at = (): Socket => connect(door.listener.address.slice(5)).on('error', () => undefined);
    const crowd = Array.from({ length: limits.maxUnauthenticatedConnections + limits.maxWaitingOfOneSource }, at);
    await Promise.all(crowd.map((socket) => once(socket, 'connect')));
    expect(await status(at(), ['Host: keyhole', ...ours])).toBe(503);
    const gone = Promise.all(crowd.map((socket) => once(socket, 'close')));
    // The first to go makes room.
    await Promise.race(crowd.map((socket) => once(socket, 'close')));
    await expect.poll(() => status(at(), ['Host: keyhole', ...ours]), { timeout: 5_000, interval: 50 }).toBe(101);
    await gone;
  });

  test('a thousand half-open connections, and one that is ours', async () => {
    const door = await open({ host: '127.0.0.1', port: 0 });
    const flood = Array.from({ length: 1_000 }, () => connect(portOf(door), '127.0.0.1').on('error', () => undefined));
    await Promise.all(flood.filter(({ destroyed }) => !destroyed).map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')])));
    const from = connect({ port: portOf(door), host: '127.0.0.1', localAddress: '127.0.0.9' }).on('error', () => undefined);
    expect(await status(from, [`Host: 127.0.0.1:${portOf(door)}`, ...ours])).toBe(101);
    for (const socket of flood) socket.destroy();
  });
});

describe('TLS', () => {
  const folder = newFolder();
  const authority = new Authority(folder, 'authority');
  const { cert, key } = authority.issue('server', 'IP:127.0.0.1,DNS:localhost');
  const server = { cert, key };

  async function tls(door: Door, more: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = connectTls({ port: portOf(door), host: '127.0.0.1', ca: readFileSync(authority.ca), ...more });
    await once(socket, 'secureConnect');
    return socket;
  }
  /** How an attempt ends: '' where it comes as far as a websocket. */
  async function attempt(door: Door, more: ConnectionOptions = {}): Promise<string> {
    try {
      const socket = await tls(door, more);
      // A server that refuses our certificate says so after the handshake, in TLS 1.3.
      const refused = once(socket, 'error').then(([error]) => (error as NodeJS.ErrnoException).code ?? 'error');
      const opened = websocket(door, { socket }).then(() => '');
      return await Promise.race([refused, opened]);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    }
  }

  test('1.3, and nothing below; both ends export the same, which is another one each time', async () => {
    const door = await open({ host: '0.0.0.0', port: 0, tls: server });
    const exported: string[] = [];
    for (let index = 0; index < 2; index += 1) {
      const socket = await tls(door);
      expect(socket.getProtocol()).toBe('TLSv1.3');
      await websocket(door, { socket });
      const mine = socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0)).toString('hex');
      expect(Buffer.from(door.arrivals[index]?.exporter ?? []).toString('hex')).toBe(mine);
      exported.push(mine);
    }
    expect(new Set(exported).size).toBe(2);
    expect(door.arrivals[0]).toMatchObject({ peer: '127.0.0.1', binding: `wss:127.0.0.1:${portOf(door)}` });
    expect(await attempt(door, { maxVersion: 'TLSv1.2' })).toMatch(/PROTOCOL_VERSION/);
    expect(await status(connect(portOf(door), '127.0.0.1'), [`Host: 127.0.0.1:${portOf(door)}`, ...ours])).toBeNaN();
  });

  test('on every address: the one that was dialed is the Host, and no other', async () => {
    const door = await open({ host: '0.0.0.0', port: 0, tls: server });
    const ask = async (host: string): Promise<number> => status(await tls(door), [`Host: ${host}:${portOf(door)}`, ...ours]);
    expect(await ask('127.0.0.1')).toBe(101);
    for (const host of ['0.0.0.0', 'localhost', '127.0.0.2', 'evil.example']) expect(await ask(host), host).toBe(403);
  });

  test('client certificates: of the authority, of another, none, and one that is no client of ours', async () => {
    const clients = new Authority(folder, 'clients');
    const others = new Authority(folder, 'others');
    const door = await open({ host: '127.0.0.1', port: 0, tls: { ...server, clientCa: clients.ca } });
    const shown = (authority: Authority, name: string): ConnectionOptions => {
      const { cert, key } = authority.issue(name, 'DNS:client');
      return { cert: readFileSync(cert), key: readFileSync(key) };
    };
    expect(await attempt(door, shown(clients, 'good'))).toBe('');
    expect(await attempt(door, shown(others, 'bad'))).not.toBe('');
    expect(await attempt(door)).toMatch(/CERTIFICATE_REQUIRED|ECONNRESET|EPIPE/);
    expect(door.arrivals).toHaveLength(1);
  });

  test('a certificate that is exchanged is used for the next connection; the one before goes on; one that does not fit is reported and not used', async () => {
    const place = path.join(folder, 'reload');
    mkdirSync(place);
    const files = { cert: path.join(place, 'cert.pem'), key: path.join(place, 'key.pem') };
    const put = ({ cert, key }: { cert: string; key: string }): void => {
      copyFileSync(cert, files.cert);
      copyFileSync(key, files.key);
    };
    put(server);
    const door = await open({ host: '127.0.0.1', port: 0, tls: files });
    const shownName = async (): Promise<unknown> => {
      const socket = await tls(door);
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return subject.CN;
    };
    const old = await websocket(door, { socket: await tls(door) });
    expect(await shownName()).toBe('server');
    put(authority.issue('next', 'IP:127.0.0.1'));
    await expect.poll(shownName, { timeout: 10_000, interval: 100 }).toBe('next');
    expect(door.broken).toEqual([]);
    old.send('still here');
    await expect.poll(() => door.received.length).toBe(1);

    writeFileSync(files.cert, 'no certificate');
    await expect.poll(() => door.broken.length, { timeout: 10_000, interval: 100 }).toBe(1);
    expect(door.broken[0]).toContain(files.cert);
    expect(await shownName()).toBe('next');
    // Certificate and key of different pairs.
    copyFileSync(server.cert, files.cert);
    await expect.poll(() => door.broken.length, { timeout: 10_000, interval: 100 }).toBe(2);
    expect(await shownName()).toBe('next');
    put(server);
    await expect.poll(shownName, { timeout: 10_000, interval: 100 }).toBe('server');
    expect(old.readyState).toBe(WebSocket.OPEN);
  });

  test.each<[string, { cert: string; key: string; clientCa?: string }, RegExp]>([
    ['no such file', { cert: '/nowhere.pem', key: server.key }, /nowhere\.pem can not be read/],
    ['no certificate in it', { cert: server.key, key: server.key }, /can not use/],
    ['the key of another certificate', { cert: server.cert, key: path.join(folder, 'authority.key') }, /can not use/],
    ['no authority in it', { ...server, clientCa: '/nowhere-ca.pem' }, /nowhere-ca\.pem can not be read/],
  ])('%s: nothing listens', async (_, files, message) => {
    await expect(
      open({
        host: '127.0.0.1',
        port: 0,
        tls: { cert: files.cert, key: files.key, ...(files.clientCa !== undefined && { clientCa: files.clientCa }) },
      }),
    ).rejects.toThrow(message);
  });
});

describe('every place with every kind of TLS: it listens there, or says why and nothing does', () => {
  const folder = newFolder();
  const authority = new Authority(folder, 'authority');
  const { cert, key } = authority.issue('server', 'IP:127.0.0.1');
  const kinds: [string, 'none' | 'good' | 'broken', object][] = [
    ['no TLS', 'none', {}],
    ['TLS', 'good', { tls: { cert, key } }],
    ['TLS with client certificates', 'good', { tls: { cert, key, clientCa: authority.ca } }],
    ['a key that is none', 'broken', { tls: { cert, key: cert } }],
    ['a file that is not there', 'broken', { tls: { cert: path.join(folder, 'none.pem'), key } }],
  ];
  /** Whether it is loopback, another address of this machine, or of no machine here. */
  const places: [string, 'loopback' | 'all' | 'elsewhere'][] = [
    ['127.0.0.1', 'loopback'],
    ['127.0.0.2', 'loopback'],
    ['localhost', 'loopback'],
    ['0.0.0.0', 'all'],
    ['192.0.2.1', 'elsewhere'],
    ['198.51.100.7', 'elsewhere'],
    ['203.0.113.9', 'elsewhere'],
    ['198.18.0.1', 'elsewhere'],
    ['2001:db8::1', 'elsewhere'],
    ['::ffff:192.0.2.1', 'elsewhere'],
    ['no-such-host.invalid', 'elsewhere'],
  ];
  const cases = places.flatMap(([host, place]) => kinds.map(([name, tls, more]) => ({ host, place, name, tls, more })));

  test('at least 48 of them', () => expect(cases.length).toBeGreaterThanOrEqual(48));
  test.each(cases)('$host, $name', async ({ host, place, tls, more }) => {
    const listens = tls !== 'broken' && (place === 'loopback' || (place === 'all' && tls === 'good'));
    const outcome = await open({ host, port: 0, ...more }).then(
      ({ listener }) => listener.address,
      (error: Error) => error,
    );
    if (listens) expect(outcome).toMatch(/^wss?:/);
    else expect(outcome).toBeInstanceOf(Error);
    if (!listens && tls === 'none' && host !== 'no-such-host.invalid')
      expect(String(outcome)).toContain('without TLS the agent listens on loopback only');
  });
});
