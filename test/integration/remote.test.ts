/** Agents that are reached by an address: who the agent is, and what somebody in between can do. Real services, the real console, real proxies. */
import { once } from 'node:events';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, createServer, type Server } from 'node:net';
import * as path from 'node:path';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { decodeFrame, encodeFrame, limits, subprotocol } from '../../packages/agent/dist/protocol/index.js';
import type { ClientHello, ServerHello } from '../../packages/agent/dist/protocol/index.js';
import { connect, type DialOptions } from '../../packages/console/dist/index.js';
import { Authority } from '../helpers/certificates.ts';
import { answering, journalOf, newFolder, newKey, startService, type Service } from '../helpers/service.ts';

const servers: { close(): unknown }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const files = { 'main.js': `globalThis.answerOfAll = 42; const answer = () => 'here';${answering}` };
/** A service that listens as keyhole.config.json says. */
const listening = (listen: object, more: object = {}): Promise<Service> =>
  startService({ files: { ...files, 'keyhole.config.json': JSON.stringify({ listen, ...more }) }, main: 'main.js', roles: 'eval' });

interface Announced {
  address: string;
  hostKey: string;
}
const announcementOf = (service: Service): Announced =>
  JSON.parse(readFileSync(path.join(String(service.env['XDG_RUNTIME_DIR']), 'keyhole', `svc.${service.pid}.json`), 'utf8')) as Announced;
const portOf = (service: Service): number => Number(announcementOf(service).address.split(':').at(-1));
const knownHosts = (service: Service): string => path.join(String(service.env['HOME']), '.local/state/keyhole/known_hosts');

/** Dials as the service's operator does, and says how that ended: the value of an expression, or the code of the error. */
async function dial(service: Service, options: DialOptions): Promise<string> {
  const identity = String(service.env['KEYHOLE_IDENTITY']);
  // Announcements are those of the process's own user and environment.
  process.env['XDG_RUNTIME_DIR'] = service.env['XDG_RUNTIME_DIR'];
  try {
    const connection = await connect({ identity, env: service.env, ...options });
    const evaluated = await connection.call('evaluate', { expression: 'answerOfAll' });
    connection.close();
    return evaluated.ok ? String(evaluated.value.description) : 'it threw';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

async function listenAnywhere(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return (server.address() as { port: number }).port;
}

/** A port that nobody has now. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listenAnywhere(server);
  servers.pop();
  server.close();
  await once(server, 'close');
  return port;
}

describe('TCP on loopback', () => {
  test('by name, by address, and with a host key that is new, known and changed', async () => {
    const service = await startService({ files, main: 'main.js', roles: 'eval', environment: { KEYHOLE_LISTEN: '127.0.0.1:0' } });
    const { address } = announcementOf(service);
    expect(address).toMatch(/^ws:\/\/127\.0\.0\.1:[1-9]\d*$/);
    const listed = await service.keyhole('ps', '--json');
    expect(listed.json()).toMatchObject([{ name: 'svc', address, hostKey: expect.stringMatching(/^SHA256:/) as unknown }]);

    const byName = await service.keyhole('eval', 'svc', 'answerOfAll', '--json');
    expect(byName.json()).toMatchObject({ ok: true, value: 42 });

    const unknown = await service.keyhole('eval', address, 'answerOfAll', '--json');
    expect(unknown.code).toBe(3);
    expect(unknown.json()).toMatchObject({ error: { code: 'HOST_KEY', message: expect.stringContaining('SHA256:') as unknown } });
    expect(journalOf(service).filter(({ kind }) => kind === 'refusal')).toEqual([]);

    const accepted = await service.keyhole('eval', address, 'answerOfAll', '--json', '--accept-new-host-key');
    expect(accepted.json()).toMatchObject({ ok: true, value: 42 });
    const known = await service.keyhole('eval', address, 'answerOfAll', '--json');
    expect(known.json()).toMatchObject({ ok: true, value: 42 });

    const text = readFileSync(knownHosts(service), 'utf8');
    expect(text).toBe(`${address} ${announcementOf(service).hostKey}\n`);
    writeFileSync(knownHosts(service), `# mine\n${text.replace(/AAAA\S+/, newKey(newFolder(), 'other').publicKey.split(' ')[1] ?? '')}`);
    // Not even who accepts new ones accepts a changed one.
    const changed = await service.keyhole('eval', address, 'answerOfAll', '--accept-new-host-key');
    expect(changed.code).toBe(3);
    expect(changed.stderr).toMatch(/HOST_KEY: THE HOST KEY of .* HAS CHANGED: it is SHA256:\S+ and was SHA256:|HOST KEY .* HAS CHANGED/);
    expect(changed.stderr).toContain('take line 2 out of');
  });

  test('the host key stays the same over a restart, and a name tells which it is', async () => {
    const first = await listening({ host: '127.0.0.1', port: 0 });
    const { hostKey } = announcementOf(first);
    const pem = readFileSync(`${first.journal}.host_key`, 'utf8');
    const second = await startService({
      files,
      main: 'main.js',
      environment: { KEYHOLE_LISTEN: 'localhost:0', KEYHOLE_HOST_KEY: `${first.journal}.host_key` },
    });
    expect(announcementOf(second).hostKey).toBe(hostKey);
    expect(readFileSync(`${first.journal}.host_key`, 'utf8')).toBe(pem);
    // What stands in the runtime directory is trusted: an agent with another key is not the one that was announced.
    const file = path.join(String(second.env['XDG_RUNTIME_DIR']), 'keyhole', `svc.${second.pid}.json`);
    const announced = readFileSync(file, 'utf8');
    writeFileSync(file, announced.replace(hostKey, newKey(newFolder(), 'other').publicKey));
    expect(await dial(second, { target: 'svc' })).toBe('HOST_KEY');
    writeFileSync(file, announced.replace('"name":"svc"', '"name":"other"'));
    expect(await dial(second, { target: 'other' })).toBe('HOST_KEY');
  });

  test('a host key that can not be kept, or that others may read, is not used; the service runs and says so', async () => {
    const folder = newFolder();
    writeFileSync(path.join(folder, 'open'), 'x', { mode: 0o644 });
    writeFileSync(path.join(folder, 'damaged'), 'x', { mode: 0o600 });
    for (const [file, why] of [
      ['open', 'others may read it'],
      ['damaged', ''],
      ['no/such/folder', 'ENOENT'],
    ] as const) {
      const service = await startService({ files, main: 'main.js', roles: 'eval', environment: { KEYHOLE_HOST_KEY: path.join(folder, file) } });
      expect(service.stderr()).toContain("the agent's own key can not be kept");
      expect(service.stderr()).toContain(why);
      expect(await dial(service, { target: 'svc' })).toBe('42');
    }
  });

  test.each(['0.0.0.0:0', '[::]:0', '10.9.8.7:0'])('%s without TLS: the service runs, says why, and nobody can attach', async (KEYHOLE_LISTEN) => {
    const service = await startService({ files, main: 'main.js', environment: { KEYHOLE_LISTEN }, announces: false });
    await expect.poll(() => service.stderr(), { timeout: 10_000 }).toContain('without TLS the agent listens on loopback only');
    expect(await service.ask('x')).toBe('"here"');
    expect((await service.keyhole('ps', '--json')).json()).toEqual([]);
  });

  test('from= is held against the address of the connection; local is the Unix socket alone', async () => {
    const service = await listening({ host: '127.0.0.1', port: 0 });
    const operators = path.join(path.dirname(service.folder), 'operators');
    const line = readFileSync(operators, 'utf8');
    for (const [from, outcome] of [
      ['local', 'NOT_ALLOWED'],
      ['10.0.0.0/8', 'NOT_ALLOWED'],
      ['127.0.0.9', 'NOT_ALLOWED'],
      ['127.0.0.0/8,!127.0.0.1', 'NOT_ALLOWED'],
      ['127.0.0.1', '42'],
      ['127.0.0.0/8', '42'],
    ] as const) {
      writeFileSync(operators, line.replace('name=', `from="${from}",name=`));
      expect(await dial(service, { target: 'svc' }), from).toBe(outcome);
    }
  });

  test('a port that is taken: the service runs and says so, and listens when it is free', async () => {
    const theirs = createServer();
    const port = await listenAnywhere(theirs);
    servers.pop();
    const service = await startService({
      files,
      main: 'main.js',
      roles: 'eval',
      environment: { KEYHOLE_LISTEN: `127.0.0.1:${port}` },
      announces: false,
    });
    await expect.poll(() => service.stderr(), { timeout: 10_000 }).toMatch(/nobody can attach: .*EADDRINUSE[\s\S]*tried again every 5 s/);
    expect(await service.ask('x')).toBe('"here"');
    theirs.close();
    await expect.poll(() => dial(service, { target: 'svc' }), { timeout: 20_000, interval: 500 }).toBe('42');
    expect(announcementOf(service).address).toBe(`ws://127.0.0.1:${port}`);
    expect(service.stderr().match(/EADDRINUSE/g)).toHaveLength(1);
  });

  test('workers of a cluster that are told one port listen each on their own', async () => {
    const port = await freePort();
    const main = `import cluster from 'node:cluster'; if (cluster.isPrimary) cluster.fork(); globalThis.answerOfAll = 42; const answer = () => 'here';${answering}`;
    const service = await startService({
      files: { 'main.js': main },
      main: 'main.js',
      roles: 'eval',
      environment: { KEYHOLE_LISTEN: `127.0.0.1:${port}` },
    });
    const listed = async (): Promise<{ address: string; pid: number }[]> =>
      (await service.keyhole('ps', '--json')).json() as { address: string; pid: number }[];
    await expect.poll(async () => (await listed()).length, { timeout: 20_000, interval: 500 }).toBe(2);
    const ports = (await listed()).map(({ address }) => Number(address.split(':').at(-1)));
    expect(ports).toContain(port);
    expect(new Set(ports).size).toBe(2);
    for (const { pid } of await listed()) expect(await dial(service, { target: String(pid) })).toBe('42');
  });

  test('a console of another version is told so', async () => {
    const service = await listening({ host: '127.0.0.1', port: 0 });
    const port = portOf(service);
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, subprotocol, { headers: { Host: `127.0.0.1:${port}` } });
    await once(socket, 'open');
    socket.send(encodeFrame({ t: 'hello', versions: [1], clientNonce: new Uint8Array(32) }));
    const [answer] = (await once(socket, 'message')) as [Buffer];
    expect(decodeFrame(answer, limits.maxFrameBytes)).toMatchObject({
      t: 'error',
      error: { hint: 'Use a console of the same version as the agent.' },
    });
    socket.terminate();
  });
});

describe('TLS', () => {
  const folder = newFolder();
  const authority = new Authority(folder, 'authority');
  const { cert, key } = authority.issue('server', 'IP:127.0.0.1');

  test('by a certificate of an authority that is given; without one by the host key; the certificate of nobody is refused', async () => {
    const service = await listening({ host: '127.0.0.1', port: 0, tls: { cert, key } });
    const target = announcementOf(service).address;
    expect(target).toBe(`wss://127.0.0.1:${portOf(service)}`);
    expect((await service.keyhole('eval', target, 'answerOfAll', '--json')).json()).toMatchObject({ error: { code: 'HOST_KEY' } });
    expect((await service.keyhole('eval', target, 'answerOfAll', '--json', '--ca', authority.ca)).json()).toMatchObject({ value: 42 });
    // What a certificate has vouched for is known from then on.
    expect(readFileSync(knownHosts(service), 'utf8')).toBe(`${target} ${announcementOf(service).hostKey}\n`);
    expect(await dial(service, { target })).toBe('42');
    const others = new Authority(folder, 'others');
    const refused = await service.keyhole('eval', target, 'answerOfAll', '--ca', others.ca);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain('does not come from');
    rmSync(knownHosts(service));
    expect(await dial(service, { target, env: { ...service.env, KEYHOLE_CA: authority.ca } })).toBe('42');
    expect(await dial(service, { target: 'svc' })).toBe('42');
  });

  test('on every address, found by name; a client certificate where one is wanted', async () => {
    const clients = new Authority(folder, 'clients');
    const service = await listening({ host: '0.0.0.0', port: 0, tls: { cert, key, clientCa: clients.ca } });
    const { both } = clients.issue('operator', 'DNS:operator');
    expect(announcementOf(service).address).toBe(`wss://0.0.0.0:${portOf(service)}`);
    expect(await dial(service, { target: 'svc', clientCert: both })).toBe('42');
    expect(await dial(service, { target: 'svc', env: { ...service.env, KEYHOLE_CLIENT_CERT: both } })).toBe('42');
    expect(await dial(service, { target: 'svc' })).toBe('UNREACHABLE');
    expect(await dial(service, { target: 'svc', clientCert: authority.issue('nobody', 'DNS:nobody').both })).toBe('UNREACHABLE');
  });

  test('a certificate that is exchanged while the service runs, and one that does not fit', async () => {
    const own = newFolder();
    const files = { cert: path.join(own, 'cert.pem'), key: path.join(own, 'key.pem') };
    writeFileSync(files.cert, readFileSync(cert));
    writeFileSync(files.key, readFileSync(key));
    const service = await listening({ host: '127.0.0.1', port: 0, tls: files });
    const target = announcementOf(service).address;
    const session = await connect({ target, ca: authority.ca, identity: String(service.env['KEYHOLE_IDENTITY']), env: service.env });
    const next = new Authority(folder, 'next');
    const issued = next.issue('server-next', 'IP:127.0.0.1');
    writeFileSync(`${files.cert}.new`, 'nothing');
    renameSync(`${files.cert}.new`, files.cert);
    await expect.poll(() => service.stderr(), { timeout: 15_000 }).toContain('the new certificate can not be used, the old one goes on');
    expect(await dial(service, { target, ca: authority.ca })).toBe('42');
    writeFileSync(files.cert, readFileSync(issued.cert));
    writeFileSync(files.key, readFileSync(issued.key));
    await expect.poll(() => dial(service, { target, ca: next.ca }), { timeout: 15_000, interval: 200 }).toBe('42');
    expect(await session.call('info', {})).toMatchObject({ service: 'svc' });
    session.close();
  });

  test('a relay with TLS of its own on both sides, forwarding every byte, is seen before anything of the operator is sent', async () => {
    const port = await freePort();
    const service = await listening({ host: '127.0.0.1', port: 0, tls: { cert, key }, authorities: [`127.0.0.1:${port}`] });
    const seen: Buffer[] = [];
    const relay = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, (near) => {
      const far = connectTls({ port: portOf(service), host: '127.0.0.1', rejectUnauthorized: false });
      near.on('data', (chunk: Buffer) => seen.push(chunk));
      for (const socket of [near, far]) socket.on('error', () => undefined);
      near.pipe(far).pipe(near);
    });
    relay.listen(port, '127.0.0.1');
    await once(relay, 'listening');
    servers.push(relay);
    // It even has a certificate that is believed, and what it forwards names an authority of the service.
    const target = `wss://127.0.0.1:${port}`;
    expect(await dial(service, { target, ca: authority.ca })).toBe('HOST_KEY');
    expect(await dial(service, { target, acceptNewHostKey: true })).toBe('HOST_KEY');
    expect(seen.length).toBeGreaterThan(0);
    const { publicKey } = newKeyOf(service);
    expect(Buffer.concat(seen).includes(publicKey)).toBe(false);
    relay.close();

    // The same without TLS of its own: bytes that it can't read get through, and that is the service itself.
    const forward = createServer((near) => {
      const far = connectTcp(portOf(service), '127.0.0.1');
      for (const socket of [near, far]) socket.on('error', () => undefined);
      near.pipe(far).pipe(near);
    });
    forward.listen(port, '127.0.0.1');
    await once(forward, 'listening');
    servers.push(forward);
    expect(await dial(service, { target, ca: authority.ca })).toBe('42');
  });
});

const newKeyOf = (service: Service): { publicKey: string } => {
  const [type, blob] = readFileSync(`${String(service.env['KEYHOLE_IDENTITY'])}.pub`, 'utf8').split(' ');
  return { publicKey: `${type} ${blob}` };
};

describe('somebody in between who changes what is said', () => {
  type Change = { hello?: (frame: ClientHello) => object; answer?: (frame: ServerHello) => object; host?: string };

  /** A relay of websockets under a name that the service goes by. */
  async function relayed(change: Change): Promise<string> {
    const port = await freePort();
    const service = await listening({ host: '127.0.0.1', port: 0, authorities: [`127.0.0.1:${port}`] });
    const server = new WebSocketServer({ port, host: '127.0.0.1', handleProtocols: () => subprotocol });
    await once(server, 'listening');
    servers.push(server);
    server.on('connection', (near) => {
      const far = new WebSocket(`ws://127.0.0.1:${portOf(service)}/`, subprotocol, { headers: { Host: change.host ?? `127.0.0.1:${port}` } });
      const waiting: Buffer[] = [];
      far.on('open', () => waiting.splice(0).forEach((data) => far.send(data)));
      for (const socket of [near, far]) socket.on('error', () => undefined);
      near.on('close', () => far.terminate());
      far.on('close', () => near.terminate());
      near.on('message', (data: Buffer) => {
        const frame = decodeFrame(data, limits.maxFrameBytes) as { t: string };
        const sent = frame.t === 'hello' && change.hello !== undefined ? Buffer.from(encodeFrame(change.hello(frame as ClientHello))) : data;
        if (far.readyState === WebSocket.OPEN) far.send(sent);
        else waiting.push(sent);
      });
      far.on('message', (data: Buffer) => {
        const frame = decodeFrame(data, limits.maxFrameBytes) as { t: string };
        near.send(frame.t === 'hello' && change.answer !== undefined ? encodeFrame(change.answer(frame as ServerHello)) : data);
      });
    });
    return dial(service, { target: `ws://127.0.0.1:${port}`, acceptNewHostKey: true });
  }

  test('nothing changed, and under a name of the service: that is a port forwarding', async () => expect(await relayed({})).toBe('42'));

  const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, index) => (index === 0 ? byte ^ 1 : byte));
  test.each<[string, Change]>([
    ['a version less to choose from is a version more signed', { hello: (frame) => ({ ...frame, versions: [1, ...frame.versions] }) }],
    ['the nonce of the console', { hello: (frame) => ({ ...frame, clientNonce: flipped(frame.clientNonce) }) }],
    ['the nonce of the agent', { answer: (frame) => ({ ...frame, serverNonce: flipped(frame.serverNonce) }) }],
    ['the service', { answer: (frame) => ({ ...frame, service: 'other' }) }],
    ['the run of the agent', { answer: (frame) => ({ ...frame, bootId: 'other' }) }],
    ['the host key', { answer: (frame) => ({ ...frame, hostKey: newKey(newFolder(), 'other').publicKey }) }],
    [
      'a host key of small order, for which anybody can sign',
      { answer: (frame) => ({ ...frame, hostKey: smallOrder, hostSignature: new Uint8Array(64).fill(1, 0, 1) }) },
    ],
    ['the signature', { answer: (frame) => ({ ...frame, hostSignature: flipped(frame.hostSignature) }) }],
  ])('%s', async (_, change) => expect(await relayed(change)).toBe('HOST_KEY'));

  test('the version: a console takes none that it did not offer', async () =>
    expect(await relayed({ answer: (frame) => ({ ...frame, version: 1 }) })).toBe('BAD_FRAME'));

  test('a relay that asks under the name of the service itself', async () => {
    const service = await listening({ host: '127.0.0.1', port: 0 });
    const relay = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => subprotocol });
    await once(relay, 'listening');
    servers.push(relay);
    relay.on('connection', (near) => {
      const far = new WebSocket(`ws://127.0.0.1:${portOf(service)}/`, subprotocol, { headers: { Host: `127.0.0.1:${portOf(service)}` } });
      const opened = once(far, 'open');
      near.on('message', (data: Buffer) => void opened.then(() => far.send(data)));
      far.on('message', (data: Buffer) => near.send(data));
      near.on('close', () => far.terminate());
    });
    const { port } = relay.address() as { port: number };
    expect(await dial(service, { target: `ws://127.0.0.1:${port}`, acceptNewHostKey: true })).toBe('HOST_KEY');
  });

  test('another socket that leads to the service: the path is signed', async () => {
    const service = await startService({ files, main: 'main.js', roles: 'eval' });
    const target = path.join(newFolder(), 'relay.sock');
    const relay = createServer((near) => {
      const far = connectTcp(announcementOf(service).address.slice('unix:'.length));
      for (const socket of [near, far]) socket.on('error', () => undefined);
      near.pipe(far).pipe(near);
    });
    relay.listen(target);
    await once(relay, 'listening');
    servers.push(relay);
    expect(await dial(service, { target })).toBe('HOST_KEY');
    expect(await dial(service, { target: announcementOf(service).address.slice('unix:'.length) })).toBe('42');
  });
});

/** The neutral element, as OpenSSH writes keys. */
const smallOrder = `ssh-ed25519 ${Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.from([0, 0, 0, 32, 1]), Buffer.alloc(31)]).toString('base64')}`;

describe('a socket whose folder others may enter', () => {
  test('has a host key that is remembered, and a changed one is refused', async () => {
    const folder = newFolder();
    const socket = path.join(folder, 'svc.sock');
    const { chmodSync } = await import('node:fs');
    chmodSync(folder, 0o755);
    const service = await startService({ files, main: 'main.js', roles: 'eval', environment: { KEYHOLE_LISTEN: socket } });
    expect(await dial(service, { target: socket })).toBe('HOST_KEY');
    expect(await dial(service, { target: socket, ask: async () => 'no' })).toBe('HOST_KEY');
    const asked: string[] = [];
    const ask = async (question: string): Promise<string> => {
      asked.push(question);
      return 'yes';
    };
    expect(await dial(service, { target: socket, ask })).toBe('42');
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatch(/its host key is SHA256:/);
    expect(await dial(service, { target: socket })).toBe('42');
    expect(readFileSync(knownHosts(service), 'utf8')).toBe(`unix:${socket} ${announcementOf(service).hostKey}\n`);
    writeFileSync(knownHosts(service), `unix:${socket} ${newKey(folder, 'other').publicKey}\n`);
    expect(await dial(service, { target: socket, ask })).toBe('HOST_KEY');
    // In a folder that nobody else can enter there is nobody to pose as it.
    chmodSync(folder, 0o700);
    expect(await dial(service, { target: socket })).toBe('42');
  });
});
