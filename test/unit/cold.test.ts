/** What is known about a process before anything is sent to it: its options, its sockets, its symbols, and what is decided from them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { findSymbols } from '../../packages/console/src/client/cold/elf.ts';
import { inspectorPlace, judgeProcess, judgeSignal, judgeStatus, nodeOptions } from '../../packages/console/src/client/cold/judge.ts';
import { isLoopback, listeningSockets } from '../../packages/console/src/client/cold/listening.ts';
import type { ProcessFacts } from '../../packages/console/src/client/cold/process-facts.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'kh-cold-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const good: ProcessFacts = {
  pid: 10,
  threadGroup: 10,
  uid: 1000,
  state: 'S',
  startedAt: '1',
  exe: '/usr/bin/node',
  isNode: true,
  args: ['node', 'main.js'],
  environment: {},
  elsewhere: false,
  sigusr1: { caught: true, ignored: false, blocked: false },
  handlesSigusr1: false,
};
const place = { host: '127.0.0.1', port: 9229 };

test('options: those before the program, and NODE_OPTIONS before them', () => {
  const options = (args: string[], NODE_OPTIONS = ''): string[] => nodeOptions({ args: ['node', ...args], environment: { NODE_OPTIONS } });
  expect(options(['--a', 'main.js', '--b'])).toEqual(['--a']);
  expect(options(['-r', './x.js', '--import', 'y', '--a', 'main.js', '--permission'])).toEqual(['-r=./x.js', '--import=y', '--a']);
  expect(options(['main.js'], ' --a  --b=1 ')).toEqual(['--a', '--b=1']);
});

test('where the inspector would open', () => {
  const cases: [string[], string, number][] = [
    [[], '127.0.0.1', 9229],
    [['--inspect'], '127.0.0.1', 9229],
    [['--inspect-port=1234'], '127.0.0.1', 1234],
    [['--inspect=0'], '127.0.0.1', 0],
    [['--inspect-brk=0.0.0.0'], '0.0.0.0', 9229],
    [['--debug-port=0.0.0.0:1'], '0.0.0.0', 1],
    [['--inspect-port=[::1]:5'], '::1', 5],
    [['--inspect-port=[::]'], '::', 9229],
    [['--inspect-port=localhost:7'], 'localhost', 7],
    [['--inspect-port=example.org'], 'example.org', 9229],
    [['--inspect-port=1', '--inspect-port=0.0.0.0', '--inspect-port=2'], '0.0.0.0', 2],
    [['--inspect-publish-uid=http'], '127.0.0.1', 9229],
  ];
  for (const [options, host, port] of cases) expect([options, inspectorPlace(options)]).toEqual([options, { host, port }]);
});

test('addresses that only this machine reaches', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1']) expect([host, isLoopback(host)]).toEqual([host, true]);
  for (const host of ['0.0.0.0', '::', '10.127.0.1', '128.0.0.1', '::ffff:10.0.0.1', 'fe80::1'])
    expect([host, isLoopback(host)]).toEqual([host, false]);
});

test("the kernel's table of sockets: those that listen, in its notation", () => {
  const file = path.join(folder, 'tcp');
  const row = (local: string, state: string, inode: number): string =>
    `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0 0 10 0\n`;
  const rows = [
    row('0100007F:240D', '0A', 1),
    row('00000000:0050', '0A', 2),
    row('00000000000000000000000001000000:0001', '0A', 3),
    row('0000000000000000FFFF00000100007F:0002', '0A', 4),
    row('00000000000000000000000000000000:0003', '0A', 5),
    row('B80D0120000000000000000001000000:0004', '0A', 6),
    row('0100007F:0005', '01', 7),
  ];
  writeFileSync(file, `  sl  local_address\n${rows.join('')}`);
  expect(listeningSockets([file, path.join(folder, 'none')])).toEqual([
    { inode: '1', host: '127.0.0.1', port: 9229 },
    { inode: '2', host: '0.0.0.0', port: 80 },
    { inode: '3', host: '::1', port: 1 },
    { inode: '4', host: '::ffff:127.0.0.1', port: 2 },
    { inode: '5', host: '::', port: 3 },
    { inode: '6', host: '2001:db8:0:0:0:0:0:1', port: 4 },
  ]);
});

describe('symbols', () => {
  test('of this Node', () => {
    expect(findSymbols(process.execPath, 'dynamic', '_ZN4node5StartEiPPc')?.values).toHaveLength(1);
    expect(findSymbols(process.execPath, 'dynamic', '_ZN4node5StartEiPP')?.values).toEqual([]);
  });

  test('of what is no such file', () => {
    const file = path.join(folder, 'text');
    for (const text of ['', '#!/bin/sh\n', '\x7fELF', `\x7fELF\x02\x01${'\xff'.repeat(100)}`]) {
      writeFileSync(file, text, 'latin1');
      expect(findSymbols(file, 'local', 'x')).toBeNull();
    }
  });
});

describe('judgement', () => {
  const status = (more: Partial<ProcessFacts>) => () => judgeStatus({ ...good, ...more }, 1000);
  const whole = (more: Partial<ProcessFacts>) => () => judgeProcess({ ...good, ...more });
  const signal =
    (more: Partial<ProcessFacts>, where = place, sockets: { inode: string; host: string; port: number }[] = [], assured = false) =>
    () =>
      judgeSignal({ ...good, ...more }, where, sockets, assured);

  test('a plain Node process of our own', () => {
    expect(status({})).not.toThrow();
    expect(whole({})).not.toThrow();
    expect(signal({})).not.toThrow();
  });

  test('whether it handles the signal is not known: only the operator can say', () => {
    expect(signal({ handlesSigusr1: null })).toThrow(/can not be seen/);
    expect(signal({ handlesSigusr1: null }, place, [], true)).not.toThrow();
    expect(signal({ handlesSigusr1: true }, place, [], true)).toThrow(/handles SIGUSR1 itself/);
    expect(signal({ sigusr1: { caught: false, ignored: false, blocked: false } }, place, [], true)).toThrow(/would end/);
    expect(signal({ sigusr1: { caught: false, ignored: true, blocked: false } })).toThrow(/does not take SIGUSR1/);
  });

  test('the port: taken by somebody else, on an address that matters', () => {
    const at = (host: string, port = 9229) => signal({}, place, [{ inode: '1', host, port }]);
    for (const host of ['127.0.0.1', '0.0.0.0', '::', '::1']) expect(at(host)).toThrow(/another process holds/);
    expect(at('10.0.0.1')).not.toThrow();
    expect(at('127.0.0.1', 9230)).not.toThrow();
    expect(signal({}, { host: '127.0.0.1', port: 0 }, [{ inode: '1', host: '127.0.0.1', port: 0 }])).not.toThrow();
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.org']) expect(signal({}, { host, port: 1 })).toThrow(/can reach it without a key/);
    expect(signal({}, { host: 'localhost', port: 1 })).not.toThrow();
  });

  test('what can not answer, or is not ours', () => {
    expect(status({ threadGroup: 9 })).toThrow(/thread of process 9/);
    expect(status({ state: 'Z' })).toThrow(/has ended/);
    expect(status({ state: 't' })).toThrow(/is stopped/);
    expect(status({ uid: 0 })).toThrow(/belongs to user 0/);
    expect(whole({ elsewhere: true })).toThrow(/another container/);
    expect(whole({ isNode: false })).toThrow(/is not Node/);
    expect(whole({ args: ['node', '--permission', 'main.js'] })).toThrow(/permission model/);
    expect(whole({ args: ['node', 'main.js', '--permission'] })).not.toThrow();
    expect(whole({ environment: { KEYHOLE_DISABLE: '1' } })).toThrow(/KEYHOLE_DISABLE/);
  });
});
