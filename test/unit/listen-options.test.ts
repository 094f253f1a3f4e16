/** What may be told about where to listen: every form, and what of it is a mistake that names its option. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readEnvironment, resolveConfig, type AgentOptions } from '../../packages/agent/dist/config.js';

const folder = mkdtempSync(path.join(tmpdir(), 'kh-listen-'));
writeFileSync(path.join(folder, 'package.json'), '{"name":"svc"}');
const entry = path.join(folder, 'main.js');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const listening = (listen: unknown) => resolveConfig({ listen } as AgentOptions, entry).listen;

describe('options', () => {
  test.each<[unknown, unknown]>([
    [undefined, { kind: 'socket', path: null }],
    [{}, { kind: 'socket', path: null }],
    [{ socket: true }, { kind: 'socket', path: null }],
    [{ socket: '/run/x/y.sock' }, { kind: 'socket', path: '/run/x/y.sock' }],
    [
      { host: '127.0.0.1', port: 0 },
      { kind: 'tcp', host: '127.0.0.1', port: 0, tls: null, authorities: [] },
    ],
    [
      { host: '::1', port: 65_535 },
      { host: '::1', port: 65_535 },
    ],
    [{ host: '0:0::0:1', port: 1 }, { host: '::1' }],
    [{ host: '::FFFF:127.0.0.1', port: 1 }, { host: '::ffff:7f00:1' }],
    [{ host: 'DB1.Example.org', port: 1 }, { host: 'db1.example.org' }],
    [{ host: 'localhost', port: 1 }, { host: 'localhost' }],
    [
      { host: '0.0.0.0', port: 1, tls: { cert: '/c', key: '/k' } },
      { host: '0.0.0.0', tls: { cert: '/c', key: '/k', clientCa: null } },
    ],
    [{ host: '::', port: 1, tls: { cert: '/c', key: '/k', clientCa: '/a' } }, { tls: { clientCa: '/a' } }],
    [{ host: '127.0.0.1', port: 1, authorities: ['Db1:4444', '[::1]:1', '10.0.0.1:2'] }, { authorities: ['db1:4444', '[::1]:1', '10.0.0.1:2'] }],
  ])('%j', (given, resolved) => expect(listening(given)).toMatchObject(resolved as object));

  test.each<[unknown, RegExp]>([
    [null, /listen must be an object/],
    ['socket', /listen must be an object/],
    [[], /listen must be an object/],
    [{ socket: false }, /listen\.socket/],
    [{ socket: '' }, /listen\.socket/],
    [{ sockets: true }, /no option listen\.sockets/],
    [{ port: 4444 }, /listen\.port needs listen\.host/],
    [{ tls: {} }, /listen\.tls needs listen\.host/],
    [{ host: '127.0.0.1' }, /listen\.port/],
    [{ host: '127.0.0.1', port: '4444' }, /listen\.port/],
    [{ host: '127.0.0.1', port: -1 }, /listen\.port/],
    [{ host: '127.0.0.1', port: 65_536 }, /listen\.port/],
    [{ host: '127.0.0.1', port: 1.5 }, /listen\.port/],
    [{ host: '127.0.0.1', port: 1, socket: true }, /no option listen\.socket/],
    [{ host: '', port: 1 }, /listen\.host/],
    [{ host: 7, port: 1 }, /listen\.host/],
    [{ host: '*', port: 1 }, /listen\.host/],
    [{ host: 'a b', port: 1 }, /listen\.host/],
    [{ host: 'http://127.0.0.1', port: 1 }, /listen\.host/],
    [{ host: '[::1]', port: 1 }, /listen\.host/],
    [{ host: 'fe80::1%eth0', port: 1 }, /listen\.host/],
    [{ host: '127.1', port: 1 }, /listen\.host/],
    [{ host: '0177.0.0.1', port: 1 }, /listen\.host/],
    [{ host: '2130706433', port: 1 }, /listen\.host/],
    [{ host: '0x7f000001', port: 1 }, /listen\.host/],
    [{ host: '127.0.0.0x1', port: 1 }, /listen\.host/],
    [{ host: 'localhost.', port: 1 }, /listen\.host/],
    [{ host: `${'a'.repeat(64)}.example`, port: 1 }, /listen\.host/],
    [{ host: 'h', port: 1, tls: null }, /listen\.tls must be an object/],
    [{ host: 'h', port: 1, tls: {} }, /listen\.tls\.cert/],
    [{ host: 'h', port: 1, tls: { cert: '/c' } }, /listen\.tls\.key/],
    [{ host: 'h', port: 1, tls: { cert: '/c', key: '/k', clientCa: 5 } }, /listen\.tls\.clientCa/],
    [{ host: 'h', port: 1, tls: { cert: '/c', key: '/k', ca: '/a' } }, /no option listen\.tls\.ca/],
    [{ host: 'h', port: 1, authorities: 'h:1' }, /listen\.authorities/],
    [{ host: 'h', port: 1, authorities: ['h'] }, /listen\.authorities\[0\]/],
    [{ host: 'h', port: 1, authorities: ['h:1', 'h:65536'] }, /listen\.authorities\[1\]/],
    [{ host: 'h', port: 1, authorities: Array.from({ length: 33 }, () => 'h:1') }, /listen\.authorities/],
  ])('%j is a mistake', (given, message) => expect(() => listening(given)).toThrow(message));
});

describe('KEYHOLE_LISTEN', () => {
  const from = (value: string, file?: object) => {
    writeFileSync(path.join(folder, 'keyhole.config.json'), JSON.stringify(file === undefined ? {} : { listen: file }));
    return resolveConfig(readEnvironment(entry, { KEYHOLE_LISTEN: value }).options, entry).listen;
  };
  const tls = { cert: '/c', key: '/k' };

  test.each<[string, object | undefined, unknown]>([
    ['socket', undefined, { kind: 'socket', path: null }],
    ['socket', { host: '127.0.0.1', port: 1 }, { kind: 'socket', path: null }],
    ['/run/x.sock', undefined, { kind: 'socket', path: '/run/x.sock' }],
    ['./x:80', undefined, { kind: 'socket', path: path.resolve('x:80') }],
    ['127.0.0.1:4444', undefined, { kind: 'tcp', host: '127.0.0.1', port: 4444, tls: null }],
    ['localhost:0', undefined, { kind: 'tcp', host: 'localhost', port: 0 }],
    ['[::1]:4444', undefined, { kind: 'tcp', host: '::1', port: 4444 }],
    // TLS by the file, the place by the variable.
    ['0.0.0.0:4444', { host: '127.0.0.1', port: 1, tls }, { host: '0.0.0.0', port: 4444, tls: { ...tls, clientCa: null } }],
    ['0.0.0.0:4444', { socket: true }, { host: '0.0.0.0', port: 4444, tls: null }],
  ])('%s over %j', (value, file, resolved) => expect(from(value, file)).toMatchObject(resolved as object));

  test.each([
    '',
    'on',
    '4444',
    ':4444',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:x',
    '127.0.0.1:65536',
    '::1:4444',
    '[::1]',
    '[::1]:',
    '[x]:1',
    'a:1:2',
    '127.1:4444',
  ])('%j is a mistake', (value) => expect(() => from(value)).toThrow(TypeError));
});

test('the host key lies beside the journal, unless it is told where', () => {
  const at = (options: AgentOptions) => resolveConfig(options, entry).hostKey;
  expect(at({ journal: { dir: '/var/lib/svc/journal' } })).toBe('/var/lib/svc/journal.host_key');
  expect(at({ hostKey: '/etc/keyhole/key' })).toBe('/etc/keyhole/key');
  expect(readEnvironment(entry, { KEYHOLE_HOST_KEY: '/k' }).options.hostKey).toBe('/k');
  expect(() => at({ hostKey: '' })).toThrow(/hostKey/);
});
