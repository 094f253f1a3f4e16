/**
 * What an operator who may evaluate can do to the journal from inside. It can't be kept from him: he owns the process. But either it does nothing, since the journal is written by another
 * thread from its own copies of the language, or it is seen by whoever remembers a head.
 */
import { readFileSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { startService, type Service } from '../helpers/service.ts';

/** Lends itself to snippets: `fs`, `path`, `journal` (its folder), `file` (the segment), `undo`. What they leave broken is taken back from outside. */
const main = `
import * as fs from 'node:fs';
import fsDefault from 'node:fs';
import * as path from 'node:path';
import crypto from 'node:crypto';
import os from 'node:os';
import events from 'node:events';
import workers from 'node:worker_threads';
const { defineProperty, getOwnPropertyDescriptor } = Object;
globalThis.host = { fs: fsDefault, path, crypto, os, events, workers, undo: () => {} };
host.journal = process.env.KEYHOLE_JOURNAL_DIR;
host.file = () => path.join(host.journal, fs.readdirSync(host.journal).filter((name) => name.endsWith('.ndjson')).sort().at(-1));
host.lines = () => fs.readFileSync(host.file(), 'utf8').trimEnd().split('\\n');
host.put = (lines) => fs.writeFileSync(host.file(), lines.join('\\n') + '\\n');
host.fd = () => fs.readdirSync('/proc/self/fd').find((fd) => { try { return fs.readlinkSync('/proc/self/fd/' + fd) === fs.realpathSync(host.file()); } catch { return false; } });
host.swap = (object, name, value) => { const before = getOwnPropertyDescriptor(object, name); defineProperty(object, name, { value, configurable: true, writable: true }); host.undo = () => { if (before) defineProperty(object, name, before); else delete object[name]; }; };
process.stdin.on('data', () => { host.undo(); host.undo = () => {}; process.stdout.write('"undone"\\n'); });
console.log('ready');
`;
const start = (): Promise<Service> => startService({ files: { 'main.js': main }, main: 'main.js' });

interface Verified {
  ok: boolean;
  entries: number;
  head: string | null;
  firstBroken?: { seq: number; why: string };
}
const verify = async (service: Service, ...words: string[]): Promise<{ code: number | null; said: Verified }> => {
  const { code, json } = await service.keyhole('journal', 'verify', service.journal, '--json', ...words);
  return { code, said: json() as Verified };
};
const evaluate = (service: Service, expression: string): ReturnType<Service['keyhole']> =>
  service.keyhole('eval', 'svc', expression, '--json', '--timeout', '2s');
/** Expressions in the journal as it stands on the disk, whatever state it is in. */
const journaled = (service: Service): string =>
  readdirSync(service.journal)
    .filter((name) => name.endsWith('.ndjson'))
    .map((name) => readFileSync(path.join(service.journal, name), 'utf8'))
    .join('');

describe('what the language and Node are replaced by in the main thread, the journal does not notice', () => {
  let service: Service;
  let remembered: string[] = [];
  beforeAll(async () => {
    service = await start();
  });
  const nothing = '() => undefined';
  const zero = '() => 0';
  test.each([
    ['host.fs', 'writeSync', zero],
    ['host.fs', 'write', nothing],
    ['host.fs', 'fsyncSync', nothing],
    ['host.fs', 'fdatasyncSync', nothing],
    ['host.fs', 'openSync', '() => 1'],
    ['host.fs', 'closeSync', nothing],
    ['host.fs', 'appendFileSync', nothing],
    ['host.fs', 'renameSync', nothing],
    ['host.fs.promises', 'appendFile', 'async () => undefined'],
    ['JSON', 'stringify', "() => '{}'"],
    ['JSON', 'parse', '() => ({})'],
    ['Buffer', 'from', '() => Buffer.alloc(0)'],
    ['Buffer', 'concat', '() => Buffer.alloc(0)'],
    ['host.crypto', 'createHash', "() => ({ update() { return this; }, digest: () => 'ab' })"],
    ['host.crypto', 'sign', '() => Buffer.alloc(64)'],
    ['host.crypto', 'verify', '() => true'],
    ['host.crypto', 'randomBytes', '(n) => Buffer.alloc(n)'],
    ['host.crypto', 'timingSafeEqual', '() => true'],
    ['Date', 'now', zero],
    ['Date.prototype', 'toISOString', "() => '1970-01-01T00:00:00.000Z'"],
    ['performance', 'now', zero],
    ['globalThis', 'Date', 'class {}'],
    ['globalThis', 'setTimeout', zero],
    ['globalThis', 'setInterval', zero],
    ['globalThis', 'setImmediate', zero],
    ['globalThis', 'structuredClone', nothing],
    ['globalThis', 'TextEncoder', 'class { encode() { return new Uint8Array(0); } }'],
    ['process', 'hrtime', '() => [0, 0]'],
    ['process', 'kill', nothing],
    ['process', 'cwd', "() => '/'"],
    ['process', 'pid', '1'],
    ['process.env', 'KEYHOLE_JOURNAL_DIR', "'/nowhere'"],
    ['host.os', 'hostname', "() => 'other'"],
    ['host.workers.Worker.prototype', 'postMessage', nothing],
    ['Promise.prototype', 'finally', nothing],
    ['Error', 'prepareStackTrace', "() => 'no stack'"],
  ])('%s.%s', async (object, name, value) => {
    const words = `host.swap(${object}, ${JSON.stringify(name)}, ${value}); 'swapped'`;
    const swapped = `swapped ${object}.${name}`;
    await evaluate(service, `/* ${swapped} */ ${words}`);
    await evaluate(service, `'after ${swapped}'`);
    const text = journaled(service);
    expect(text).toContain(swapped);
    expect(text).toContain(`after ${swapped}`);
    expect(await service.ask('undo')).toBe('"undone"');
    const { code, said } = await verify(service, ...remembered);
    remembered = ['--against', `${said.entries}:${said.head}`];
    expect({ code, ok: said.ok }).toEqual({ code: 0, ok: true });
  });
});

describe.concurrent('what is done to its files is made good, or seen by whoever remembers a head', () => {
  test.each<['seen' | 'made good', string, string]>([
    ['seen', 'cut in half by its number', 'host.fs.ftruncateSync(Number(host.fd()), 400)'],
    ['seen', 'cut in half by its path', 'host.fs.truncateSync(host.file(), 400)'],
    ['seen', 'emptied', "host.fs.writeFileSync(host.file(), '')"],
    ['seen', 'the last entries taken off', 'host.put(host.lines().slice(0, -3))'],
    ['seen', 'an entry taken out', 'host.put(host.lines().toSpliced(2, 1))'],
    ['seen', 'two entries swapped', 'const all = host.lines(); [all[1], all[2]] = [all[2], all[1]]; host.put(all)'],
    ['seen', 'an entry twice', 'const all = host.lines(); host.put(all.toSpliced(2, 0, all[2]))'],
    ['seen', 'a word changed', "host.put(host.lines().map((line) => line.replace('the first', 'another')))"],
    ['made good', 'an entry written to its end', 'host.fs.appendFileSync(host.file(), host.lines().at(-1) + "\\n")'],
    ['made good', 'garbage written by its number', "host.fs.writeSync(Number(host.fd()), 'garbage')"],
    ['made good', 'removed', 'host.fs.unlinkSync(host.file())'],
    [
      'made good',
      'moved away, an empty one in its place',
      "const file = host.file(); host.fs.renameSync(file, file + '.old'); host.fs.writeFileSync(file, '')",
    ],
    [
      'made good',
      'its folder moved away, an empty one in its place',
      "host.fs.renameSync(host.journal, host.journal + '.old'); host.fs.mkdirSync(host.journal)",
    ],
    [
      'made good',
      'its number closed and taken by another file',
      "const fd = Number(host.fd()); host.fs.closeSync(fd); host.fs.openSync(host.journal + '.other', 'w')",
    ],
    [
      'made good',
      'an older copy in its place',
      "const file = host.file(); host.fs.writeFileSync(file + '.old', host.lines().slice(0, 4).join('\\n') + '\\n'); host.fs.renameSync(file + '.old', file)",
    ],
  ])('%s: %s', async (outcome, _name, expression) => {
    const service = await start();
    await evaluate(service, "'the first'");
    await evaluate(service, "'the second'");
    const { said } = await verify(service);
    const head = `${said.entries}:${said.head}`;
    expect(await verify(service, '--against', head)).toMatchObject({ code: 0, said: { ok: true } });
    expect((await evaluate(service, `${expression}; 'done'`)).stdout).toMatch(/done|JOURNAL/);
    await evaluate(service, "'the last'");
    const { code, said: after } = await verify(service, '--against', head);
    expect({ ok: after.ok, failed: code !== 0 }).toEqual({ ok: outcome === 'made good', failed: outcome === 'seen' });
    // Made good is: nothing is missing, what did it included.
    const text = journaled(service);
    if (outcome === 'made good') for (const each of ['the first', 'the second', expression.slice(0, 20), 'the last']) expect(text).toContain(each);
    service.kill();
  });
});
