/** What an operator may type for an address, and what not: a target is handed to ssh, and through it to shells. */
import { describe, expect, test } from 'vitest';
import { announcedEndpoint, parseEndpoint } from '../../packages/console/dist/client/endpoint.js';

const usage = expect.objectContaining({ code: 'USAGE' }) as unknown;
const codeOf = (text: string): unknown => {
  try {
    return parseEndpoint(text);
  } catch (error) {
    return error;
  }
};

describe('wss:// and ws://', () => {
  test.each<[string, object]>([
    ['wss://db1:4444', { kind: 'tcp', host: 'db1', port: 4444, authority: 'db1:4444', isTls: true }],
    ['wss://DB1.Example.org:443/', { host: 'db1.example.org', authority: 'db1.example.org:443' }],
    ['wss://[2001:DB8:0::1]:1', { host: '2001:db8::1', authority: '[2001:db8::1]:1' }],
    ['wss://10.0.0.1:65535', { host: '10.0.0.1', port: 65_535 }],
    ['ws://127.0.0.1:4444', { host: '127.0.0.1', isTls: false }],
    ['ws://127.9.9.9:4444', { host: '127.9.9.9' }],
    ['ws://[::1]:4444', { host: '::1', authority: '[::1]:4444' }],
    ['ws://localhost:4444', { host: 'localhost' }],
  ])('%s', (text, endpoint) => expect(parseEndpoint(text)).toMatchObject(endpoint));

  test.each([
    'wss://example.org',
    'wss://example.org:',
    'wss://example.org:0',
    'wss://example.org:65536',
    'wss://u@example.org:1',
    'wss://u:p@example.org:1',
    'wss://example.org:1/x',
    'wss://example.org:1?token=x',
    'wss://example.org:1#x',
    'wss://:1',
    'wss://exa mple.org:1',
    'wss://[::1:1',
    'wss://[x]:1',
    'ws://example.org:1',
    'ws://10.0.0.1:1',
    'ws://0.0.0.0:1',
    'ws://128.0.0.1:1',
    'ws://[::2]:1',
    'ws://[::ffff:127.0.0.1]:1',
    'ws://localhost.example.org:1',
    'ws://127.0.0.1.example.org:1',
  ])('%s is refused', (text) => expect(codeOf(text)).toEqual(usage));
});

describe('ssh://', () => {
  test.each<[string, object]>([
    ['ssh://db1/rooms', { kind: 'ssh', user: null, host: 'db1', port: null, name: 'rooms' }],
    ['ssh://alice@db1.example.org:2222/rooms#17', { user: 'alice', host: 'db1.example.org', port: '2222', name: 'rooms#17' }],
    ['ssh://alice@[fe80::1]/17', { user: 'alice', host: 'fe80::1', name: '17' }],
    ['ssh://my_alias/rooms', { host: 'my_alias' }],
    ['ssh://db1/--help', { name: '--help' }],
  ])('%s', (text, endpoint) => expect(parseEndpoint(text)).toMatchObject(endpoint));

  test.each([
    'ssh://-oProxyCommand=touch${IFS}/tmp/x/svc',
    'ssh://-oProxyCommand=x@db1/svc',
    'ssh://alice@-oProxyCommand=x/svc',
    'ssh://-l@db1/svc',
    'ssh://a;b@db1/svc',
    'ssh://$(id)@db1/svc',
    'ssh://db1;id/svc',
    'ssh://db1`id`/svc',
    'ssh://db1 -oX/svc',
    'ssh://db1\n-oX/svc',
    'ssh://db1:22x/svc',
    'ssh://db1:-1/svc',
    "ssh://db1/svc';id;'",
    'ssh://db1/svc$(id)',
    'ssh://db1/a b',
    'ssh://db1/svc#x',
    'ssh://db1/svc/more',
    'ssh://db1/',
    'ssh://db1',
    'ssh:///svc',
    'ssh://[::1/svc',
    'ssh://[zz]/svc',
    'ssh://a@b@db1/svc',
    'ssh://%h/svc',
  ])('%j is refused', (text) => expect(codeOf(text)).toEqual(usage));
});

test('a name, a number and a path are no addresses', () => {
  for (const text of ['rooms', 'rooms#17', '17', '/run/x.sock', './wss', 'wss', 'http://x:1', '']) expect(parseEndpoint(text)).toBeNull();
});

test('what agents announce', () => {
  expect(announcedEndpoint('unix:/run/x.sock')).toEqual({ kind: 'socket', path: '/run/x.sock' });
  expect(announcedEndpoint('wss://0.0.0.0:4444')).toMatchObject({ host: '127.0.0.1', authority: '127.0.0.1:4444' });
  expect(announcedEndpoint('wss://[::]:4444')).toMatchObject({ host: '::1', authority: '[::1]:4444' });
  expect(announcedEndpoint('ws://127.0.0.1:4444')).toMatchObject({ isTls: false });
  expect(announcedEndpoint('unix:relative')).toBeNull();
  expect(announcedEndpoint('pipe:x')).toBeNull();
});
