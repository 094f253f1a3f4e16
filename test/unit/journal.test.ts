/** The journal on a real disk: nothing that was acknowledged is lost, and no change to it goes unseen but a cut-off end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { Journal, verifyJournal } from '../../packages/agent/dist/journal/index.js';
import type { JournalDraft } from '../../packages/agent/dist/protocol/index.js';
import { newFolder } from '../helpers/service.ts';

const start: JournalDraft = { kind: 'start', service: 'svc', pid: 1, node: 'v0', bootId: 'b', commit: null };
const intent = (text: string): JournalDraft => ({
  kind: 'eval',
  phase: 'intent',
  session: 's',
  operator: 'alice',
  fingerprint: 'f',
  request: { expression: text },
});

function written(count: number): { dir: string; file: string } {
  const dir = path.join(newFolder(), 'journal');
  const journal = Journal.open(dir, start);
  for (let index = 1; index < count; index += 1) {
    if (index % 2 === 1) journal.append(intent(`line\n${index} \u2028 "quoted"`));
    else journal.append({ kind: 'eval', phase: 'outcome', intent: index, status: 'done', result: {} });
  }
  journal.close();
  return { dir, file: path.join(dir, '00000001.ndjson') };
}

const copyOf = (dir: string): string => {
  const copy = path.join(newFolder(), 'copy');
  cpSync(dir, copy, { recursive: true });
  return copy;
};

test('lines are one JSON object each, chained, private to the user, and verify', () => {
  const { dir, file } = written(10);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  expect(lines).toHaveLength(10);
  for (const [index, line] of lines.entries())
    expect(Object.keys(JSON.parse(line) as object).slice(0, 4)).toEqual(['seq', 'time', 'prev', 'kind'].slice(0, index >= 0 ? 4 : 0));
  expect(verifyJournal(dir)).toMatchObject({ ok: true, entries: 10 });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(dir).mode & 0o777).toBe(0o700);
});

test('a line torn at any byte is cut off, kept aside and recorded; nothing before it is touched', () => {
  const { dir, file } = written(6);
  const whole = readFileSync(file);
  const lastStart = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
  for (let length = lastStart + 1; length < whole.length; length += 7) {
    const copy = copyOf(dir);
    writeFileSync(path.join(copy, '00000001.ndjson'), whole.subarray(0, length));
    const journal = Journal.open(copy, start);
    expect(journal.state()).toMatchObject({ writable: true });
    journal.close();
    expect(verifyJournal(copy).ok).toBe(true);
    const now = readFileSync(path.join(copy, '00000001.ndjson'));
    expect(now.subarray(0, lastStart).equals(whole.subarray(0, lastStart))).toBe(true);
    expect(now.toString()).toContain('"kind":"recovered"');
    const torn = readdirSync(copy).find((name) => name.endsWith('.torn')) ?? '';
    expect(readFileSync(path.join(copy, torn)).equals(whole.subarray(lastStart, length))).toBe(true);
  }
});

test('an intent that nothing ended is closed as lost with the process', async () => {
  const dir = path.join(newFolder(), 'journal');
  const first = Journal.open(dir, start);
  const { seq } = first.append(intent('1'));
  first.close();
  const second = Journal.open(dir, start);
  const entries = await second.read({});
  second.close();
  expect(entries).toContainEqual(expect.objectContaining({ phase: 'outcome', intent: seq, status: 'lost with the process' }));
  expect(entries.map((entry) => entry.seq)).toEqual([4, 3, 2, 1]);
});

test('every flipped bit, swapped, removed or doubled line is seen', () => {
  const { dir, file } = written(6);
  const copy = copyOf(dir);
  const target = path.join(copy, path.basename(file));
  const whole = readFileSync(file);
  // The last line has no successor to tell of it: there, only what breaks its form shows. That is what remembered heads are for.
  const lastStart = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
  for (let at = 0; at < lastStart; at += 3) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
    writeFileSync(target, changed);
    expect([at, verifyJournal(copy).ok]).toEqual([at, false]);
  }
  const lines = whole.toString().trimEnd().split('\n');
  const edits: [string, (lines: string[]) => string[]][] = [
    ['swapped', (all) => [all[0] ?? '', all[2] ?? '', all[1] ?? '', ...all.slice(3)]],
    ['removed', (all) => [...all.slice(0, 2), ...all.slice(3)]],
    ['doubled', (all) => [...all.slice(0, 2), all[1] ?? '', ...all.slice(2)]],
  ];
  for (const [name, edit] of edits) {
    writeFileSync(target, `${edit(lines).join('\n')}\n`);
    expect([name, verifyJournal(copy)]).toMatchObject([name, { ok: false, firstBroken: { file: path.basename(file) } }]);
  }
});

test('damage inside is not repaired: such a journal is not written any more', () => {
  const { dir, file } = written(6);
  const changed = readFileSync(file, 'utf8').replace('line\\n3', 'line\\n7');
  writeFileSync(file, changed);
  const journal = Journal.open(dir, start);
  expect(journal.state()).toMatchObject({ writable: false, why: expect.stringContaining('does not fit the chain') });
  expect(() => journal.append(intent('1'))).toThrow(expect.objectContaining({ code: 'JOURNAL' }));
  journal.close();
  expect(readFileSync(file, 'utf8')).toBe(changed);
});

test('where there can be no directory, every append is refused', () => {
  const file = path.join(newFolder(), 'file');
  writeFileSync(file, '');
  const journal = Journal.open(path.join(file, 'journal'), start);
  expect(journal.state().writable).toBe(false);
  expect(() => journal.append(intent('1'))).toThrow(expect.objectContaining({ code: 'JOURNAL' }));
});

test('a second process gets a directory of its own', async () => {
  const dir = path.join(newFolder(), 'journal');
  mkdirSync(dir);
  const holder = spawn(process.execPath, ['-e', 'console.log("up"); setInterval(() => {}, 1000)'], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await once(holder.stdout, 'data');
    writeFileSync(path.join(dir, 'lock'), String(holder.pid));
    const journal = Journal.open(dir, start);
    expect(journal.state().dir).toBe(path.join(dir, String(process.pid)));
    journal.close();
  } finally {
    holder.kill();
  }
  await once(holder, 'close');
  const journal = Journal.open(dir, start);
  expect(journal.state()).toMatchObject({ dir, writable: true });
  journal.close();
});

test('pages come newest first', async () => {
  const { dir } = written(10);
  const journal = Journal.open(dir, start);
  expect((await journal.read({ before: 8, count: 3 })).map((entry) => entry.seq)).toEqual([7, 6, 5]);
  journal.close();
});
