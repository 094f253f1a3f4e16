/** The journal on a real disk: nothing that was acknowledged is lost, and no change to it goes unseen. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Journal, verifyJournal } from '../../packages/agent/dist/journal/index.js';
import { kindOf } from '../../packages/agent/dist/journal/chain.js';
import { realDisk } from '../../packages/agent/dist/journal/disk.js';
import { configFor, copyOf, edit, failingDisk, memoryFolder, outcomeOf, SigningOperator, startEntry, writtenJournal } from '../helpers/journal.ts';
import { newFolder } from '../helpers/service.ts';

const firstSegment = '00000001.ndjson';
const linesOf = (file: string): string[] => readFileSync(file, 'utf8').trimEnd().split('\n');
const segmentsOf = (dir: string): string[] =>
  readdirSync(dir)
    .filter((name) => name.endsWith('.ndjson'))
    .sort();
const open = (dir: string, more: Parameters<typeof configFor>[1] = {}): Journal => Journal.open(configFor(dir, more), startEntry);
const alice = new SigningOperator('alice');

describe('writing', () => {
  test('lines are one JSON object each, chained, private to the user, and verify', async () => {
    const { dir } = await writtenJournal(10);
    const file = path.join(dir, firstSegment);
    for (const line of linesOf(file)) {
      const keys = Object.keys(JSON.parse(line) as object);
      expect([keys.slice(0, 4), keys.at(-1)]).toEqual([['seq', 'time', 'prev', 'kind'], 'crc']);
    }
    expect(await verifyJournal(dir)).toMatchObject({ ok: true, entries: linesOf(file).length, first: 1, signatures: { unsigned: 0 } });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });

  test('what comes in one turn is one write and one fsync, in order', async () => {
    let fsyncs = 0;
    const counting = { ...realDisk, datasync: (fd: number) => ((fsyncs += 1), realDisk.datasync(fd)) };
    const journal = Journal.open(configFor(path.join(newFolder(), 'j')), startEntry, { disk: counting });
    const before = fsyncs;
    const all = await Promise.all(Array.from({ length: 100 }, (_, index) => journal.append(outcomeOf(index + 1))));
    expect(fsyncs - before).toBe(1);
    expect(all.map((each) => each.seq)).toEqual(Array.from({ length: 100 }, (_, index) => index + 2));
    journal.close();
    await expect(journal.append(outcomeOf(1))).rejects.toMatchObject({ code: 'JOURNAL' });
  });

  test('a full segment is closed and followed by a new one; each holds the keys of its signatures', async () => {
    const { dir } = await writtenJournal(60, { maxSegmentBytes: 4_096 });
    const segments = segmentsOf(dir);
    expect(segments.length).toBeGreaterThan(3);
    for (const [index, name] of segments.entries()) {
      const lines = linesOf(path.join(dir, name)).map((line) => JSON.parse(line) as { seq: number; kind: string; next?: string });
      expect(lines[0]?.seq).toBe(Number.parseInt(name, 10));
      expect(lines[0]?.kind).toBe(index === 0 ? 'start' : 'segment');
      if (index < segments.length - 1) expect(lines.at(-1)).toMatchObject({ kind: 'rotated', next: segments[index + 1] });
    }
    expect(await verifyJournal(dir)).toMatchObject({ ok: true });
    const journal = open(dir, { maxSegmentBytes: 4_096 });
    await journal.append(outcomeOf(1));
    journal.close();
    expect(await verifyJournal(dir)).toMatchObject({ ok: true });
  });

  test('an intent that nothing ended is closed as lost with the process, also from an earlier segment', async () => {
    const dir = path.join(newFolder(), 'journal');
    const first = open(dir, { maxSegmentBytes: 4_096 });
    const { seq } = await first.append(alice.asks('eval', { expression: '1' }));
    for (let index = 0; index < 40; index += 1) await first.append({ kind: 'refusal', why: 'x'.repeat(200) });
    first.close();
    expect(segmentsOf(dir).length).toBeGreaterThan(1);
    const second = open(dir);
    const { entries } = await second.read({});
    second.close();
    const closing = entries.filter((entry) => 'phase' in entry && entry.phase === 'outcome');
    expect(closing).toMatchObject([{ intent: seq, status: 'lost with the process' }]);
    const third = open(dir);
    expect((await third.read({ kind: 'eval' })).entries).toHaveLength(2);
    third.close();
  });
});

describe('two agents on one directory', () => {
  test('the second one gets a directory of its own, which it finds again', async () => {
    const dir = path.join(newFolder(), 'journal');
    mkdirSync(dir);
    const holder = spawn(process.execPath, ['-e', 'console.log("up"); setInterval(() => {}, 1000)'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      await once(holder.stdout, 'data');
      writeFileSync(path.join(dir, 'lock'), String(holder.pid));
      const journal = open(dir);
      expect(journal.state()).toMatchObject({ dir: path.join(dir, 'agent-2'), writable: true });
      journal.close();
      const again = open(dir);
      expect(again.state()).toMatchObject({ dir: path.join(dir, 'agent-2'), entries: 2 });
      again.close();
    } finally {
      holder.kill();
    }
    await once(holder, 'close');
    const journal = open(dir);
    expect(journal.state()).toMatchObject({ dir, writable: true });
    journal.close();
  });

  test('a lock of a process number that was given again is no lock', () => {
    const dir = path.join(newFolder(), 'journal');
    mkdirSync(dir);
    // The parent lives, but it did not start then.
    writeFileSync(path.join(dir, 'lock'), `${process.ppid} 1`);
    const journal = open(dir);
    expect(journal.state().dir).toBe(process.platform === 'linux' ? dir : path.join(dir, 'agent-2'));
    journal.close();
    expect(readdirSync(dir)).toEqual([firstSegment]);
  });
});

describe('after a crash', () => {
  test('cut at every byte of the last three records: whole lines stay, the rest is kept aside', async () => {
    const { dir } = await writtenJournal(8);
    const quick = memoryFolder();
    const file = path.join(dir, firstSegment);
    const whole = readFileSync(file);
    const ends = [...whole.entries()].filter(([, byte]) => byte === 0x0a).map(([at]) => at + 1);
    const from = ends.at(-4) ?? 0;
    for (let length = from; length < whole.length; length += 1) {
      const copy = path.join(quick, String(length));
      mkdirSync(copy);
      const target = path.join(copy, firstSegment);
      writeFileSync(target, whole.subarray(0, length));
      const kept = ends.findLast((end) => end <= length) ?? 0;
      const journal = open(copy);
      expect([length, journal.state().writable]).toEqual([length, true]);
      journal.close();
      expect(await verifyJournal(copy, { signatures: false })).toMatchObject({ ok: true });
      const now = readFileSync(target);
      expect(now.subarray(0, kept).equals(whole.subarray(0, kept))).toBe(true);
      const torn = readdirSync(copy).filter((name) => name.endsWith('.torn'));
      expect(torn).toHaveLength(length === kept ? 0 : 1);
      if (length !== kept) {
        expect(readFileSync(path.join(copy, torn[0] ?? '')).equals(whole.subarray(kept, length))).toBe(true);
        expect(now.toString()).toContain(`"kind":"recovered","bytes":${length - kept}`);
      }
      rmSync(copy, { recursive: true });
    }
  }, 120_000);

  test('pages of zeros behind the last line are the power that went, not somebody', async () => {
    const { dir } = await writtenJournal(6);
    const file = path.join(dir, firstSegment);
    writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.alloc(512), Buffer.from('\n')]));
    const journal = open(dir);
    expect(journal.state().writable).toBe(true);
    journal.close();
    expect(await verifyJournal(dir)).toMatchObject({ ok: true });
  });

  test('a segment that was begun and holds nothing whole is put aside, and the one before goes on', async () => {
    for (const content of ['', '{"seq":']) {
      const { dir } = await writtenJournal(40, { maxSegmentBytes: 4_096 });
      const last = segmentsOf(dir).at(-1) ?? '';
      writeFileSync(path.join(dir, last), content);
      const journal = open(dir, { maxSegmentBytes: 4_096 });
      await journal.append(outcomeOf(1));
      expect(journal.state()).toMatchObject({ writable: true });
      journal.close();
      expect(await verifyJournal(dir)).toMatchObject({ ok: true });
      expect(readdirSync(dir).some((name) => name.startsWith(last) && name.endsWith('.torn'))).toBe(true);
    }
  });

  test('damage inside is not repaired: such a journal is not written any more', async () => {
    const { dir } = await writtenJournal(8);
    const file = path.join(dir, firstSegment);
    edit(file, (text) => text.replace('line\\n', 'line\\t'));
    const changed = readFileSync(file);
    const journal = open(dir);
    expect(journal.state()).toMatchObject({ writable: false, why: expect.stringContaining('does not fit the chain') });
    await expect(journal.append(outcomeOf(1))).rejects.toMatchObject({ code: 'JOURNAL', hint: expect.stringContaining('who changed it') });
    journal.close();
    expect(readFileSync(file).equals(changed)).toBe(true);
  });
});

describe('what was changed is seen', () => {
  test('every byte of the last three records, flipped', async () => {
    const { dir: written } = await writtenJournal(8);
    const dir = memoryFolder();
    const file = path.join(dir, firstSegment);
    const whole = readFileSync(path.join(written, firstSegment));
    const ends = [...whole.entries()].filter(([, byte]) => byte === 0x0a).map(([at]) => at + 1);
    for (let at = ends.at(-4) ?? 0; at < whole.length; at += 1) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(file, changed);
      expect([at, (await verifyJournal(dir, { signatures: false })).ok]).toEqual([at, false]);
    }
  }, 120_000);

  test('a last line that is no JSON, though its place and its crc fit', async () => {
    const { dir } = await writtenJournal(8);
    edit(path.join(dir, firstSegment), (text) => {
      const lines = text.trimEnd().split('\n');
      const body = `${(lines.at(-1) ?? '').split(',"phase"')[0] ?? ''},"phase":`;
      const crc = crc32(body).toString(16).padStart(8, '0');
      return `${[...lines.slice(0, -1), `${body},"crc":"${crc}"}`].join('\n')}\n`;
    });
    expect(await verifyJournal(dir)).toMatchObject({ ok: false, firstBroken: { why: 'it is not an entry' } });
    const journal = open(dir);
    expect(journal.state()).toMatchObject({ writable: false, why: expect.stringContaining('does not fit the chain') });
    journal.close();
  });

  const edits: [string, (lines: string[]) => string[]][] = [
    ['swapped', (all) => [...all.slice(0, 2), all[3] ?? '', all[2] ?? '', ...all.slice(4)]],
    ['removed', (all) => [...all.slice(0, 2), ...all.slice(3)]],
    ['doubled', (all) => [...all.slice(0, 2), all[1] ?? '', ...all.slice(2)]],
    ['last doubled', (all) => [...all, all.at(-1) ?? '']],
    ['without its end', (all) => [...all.slice(0, -1), (all.at(-1) ?? '').slice(0, -1)]],
  ];
  for (const [name, change] of edits) {
    test(`lines ${name}`, async () => {
      const { dir } = await writtenJournal(8);
      edit(path.join(dir, firstSegment), (text) => `${change(text.trimEnd().split('\n')).join('\n')}\n`);
      expect(await verifyJournal(dir)).toMatchObject({ ok: false, firstBroken: { file: firstSegment } });
    });
  }

  test('a segment replaced, exchanged or removed', async () => {
    const limits = { maxSegmentBytes: 4_096 };
    const { dir } = await writtenJournal(60, limits);
    const { dir: other } = await writtenJournal(60, limits);
    const [first = '', second = '', third = ''] = segmentsOf(dir);
    const last = segmentsOf(dir).at(-1) ?? '';
    const cases: [string, (copy: string) => void][] = [
      ['replaced', (copy) => writeFileSync(path.join(copy, second), readFileSync(path.join(other, segmentsOf(other)[1] ?? '')))],
      [
        'exchanged',
        (copy) => {
          renameSync(path.join(copy, second), path.join(copy, 'x'));
          renameSync(path.join(copy, third), path.join(copy, second));
          renameSync(path.join(copy, 'x'), path.join(copy, third));
        },
      ],
      ['the first removed', (copy) => rmSync(path.join(copy, first))],
      ['one removed', (copy) => rmSync(path.join(copy, second))],
      ['the last removed', (copy) => rmSync(path.join(copy, last))],
    ];
    for (const [name, change] of cases) {
      const copy = copyOf(dir);
      change(copy);
      expect([name, await verifyJournal(copy)]).toMatchObject([name, { ok: false }]);
    }
    expect(await verifyJournal(dir)).toMatchObject({ ok: true });
  });

  test('the end cut off at a line: only who remembers the head can tell', async () => {
    const { dir } = await writtenJournal(10);
    const { head, entries } = await verifyJournal(dir);
    const against = { seq: entries, hash: head ?? '' };
    expect(await verifyJournal(dir, { against })).toMatchObject({ ok: true });
    expect(await verifyJournal(dir, { against: { hash: head ?? '' } })).toMatchObject({ ok: true });
    edit(path.join(dir, firstSegment), (text) => `${text.trimEnd().split('\n').slice(0, -2).join('\n')}\n`);
    expect(await verifyJournal(dir)).toMatchObject({ ok: true, entries: entries - 2 });
    expect(await verifyJournal(dir, { against })).toMatchObject({
      ok: false,
      firstBroken: { why: expect.stringContaining('cut, rolled back or replaced') },
    });
    expect(await verifyJournal(dir, { against: { hash: head ?? '' } })).toMatchObject({ ok: false });
  });

  test('a request whose operator had seen an entry that is not here convicts the journal', async () => {
    const { dir } = await writtenJournal(10);
    const known = { seq: 9, hash: (await verifyJournal(dir)).head ?? '' };
    edit(path.join(dir, firstSegment), (text) => `${text.trimEnd().split('\n').slice(0, 5).join('\n')}\n`);
    const journal = open(dir);
    expect([journal.contradicts(known), journal.contradicts({ ...known, seq: 2 })]).toEqual([null, expect.stringMatching(/^[0-9a-f]{64}$/)]);
    const bob = new SigningOperator('bob');
    await journal.appendAll([bob.login(), bob.asks('eval', { expression: '1' }, known)]);
    journal.close();
    expect(await verifyJournal(dir)).toMatchObject({ ok: false, firstBroken: { why: expect.stringContaining('bob had seen entry 9') } });
  });
});

describe('signatures', () => {
  const appended = async (...drafts: Parameters<Journal['append']>[0][]): Promise<string> => {
    const dir = path.join(newFolder(), 'journal');
    const journal = open(dir);
    await journal.appendAll(drafts);
    journal.close();
    return dir;
  };

  test('a request that nobody signed, or somebody else, or that is another one, or stands twice', async () => {
    const mallory = new SigningOperator('mallory');
    const good = alice.asks('eval', { expression: 'good' });
    const patch = alice.asks('patch', { patches: [], reason: 'r' });
    const { login: proof } = alice.login();
    if (proof === undefined) throw new Error('a login without its proof');
    const forged: [string, Parameters<Journal['append']>[0][]][] = [
      ['did not sign', [alice.login(), { ...good, signed: undefined }]],
      ['did not sign this', [alice.login(), { ...good, request: { expression: 'evil' } }]],
      ['did not sign this', [alice.login(), { ...good, op: 'patch.apply' }]],
      ['login of its session', [good]],
      ['that of somebody else', [alice.login(), { ...good, operator: 'bob' }]],
      ["not alice's", [alice.login(), { ...good, signed: mallory.asks('eval', { expression: 'good' }).signed }]],
      // The session's key may not sign a patch: the operator's own has to.
      ["not alice's", [alice.login(), { ...patch, signed: good.signed }]],
      ['stands here twice', [alice.login(), good, good]],
      ['did not sign this login', [{ ...alice.login(), login: { ...proof, message: 'another' } }]],
      ['not the one with its fingerprint', [{ ...alice.login(), login: mallory.login().login ?? proof }]],
    ];
    for (const [why, drafts] of forged) {
      const report = await verifyJournal(await appended(...drafts));
      expect([why, report]).toMatchObject([why, { ok: false, firstBroken: { why: expect.stringContaining(why) } }]);
    }
    expect(await verifyJournal(await appended(alice.login(), good, patch))).toMatchObject({
      ok: true,
      signatures: { checked: 2, redacted: 0, operators: [{ operator: 'alice' }] },
    });
  });
});

describe('failures', () => {
  const faults: [string, 'write' | 'datasync', string][] = [
    ['ENOSPC', 'write', 'ENOSPC'],
    ['a short write', 'write', 'SHORT'],
    ['EIO', 'write', 'EIO'],
    ['a failed fsync', 'datasync', 'EIO'],
    ['EROFS', 'write', 'EROFS'],
  ];
  for (const [name, call, code] of faults) {
    test(`${name}: refused, nothing of it stays, and it goes on in a new segment`, async () => {
      const { disk, failing } = failingDisk();
      const dir = path.join(newFolder(), 'journal');
      const journal = Journal.open(configFor(dir), startEntry, { disk });
      const { seq } = await journal.append(outcomeOf(1));
      failing.set(call, code);
      await expect(journal.append(outcomeOf(77))).rejects.toMatchObject({ code: 'JOURNAL' });
      expect(journal.state().writable).toBe(false);
      expect((await journal.read({})).entries[0]?.seq).toBe(seq);
      journal.owe(outcomeOf(88));
      failing.clear();
      await expect.poll(() => journal.state().writable, { timeout: 5_000 }).toBe(true);
      expect((await journal.append(outcomeOf(99))).seq).toBe(seq + 3);
      journal.close();
      expect(await verifyJournal(dir)).toMatchObject({ ok: true, entries: seq + 3 });
      const all = segmentsOf(dir).flatMap((segment) => linesOf(path.join(dir, segment)));
      expect(all.join('\n')).not.toContain('"intent":77');
      expect(all.at(-2)).toContain('"intent":88');
      expect(JSON.parse(all.at(-3) ?? '')).toMatchObject({ kind: 'segment', gap: { file: firstSegment } });
      const again = open(dir);
      expect(again.state().writable).toBe(true);
      again.close();
    });
  }

  test('bytes that can not even be cut off do not count', async () => {
    const { disk, failing } = failingDisk();
    const dir = path.join(newFolder(), 'journal');
    const journal = Journal.open(configFor(dir), startEntry, { disk });
    failing.set('datasync', 'EIO').set('truncate', 'EIO');
    await expect(journal.append(outcomeOf(77))).rejects.toMatchObject({ code: 'JOURNAL' });
    expect(readFileSync(path.join(dir, firstSegment), 'utf8')).toContain('"intent":77');
    failing.delete('datasync');
    await expect.poll(() => journal.state().writable, { timeout: 5_000 }).toBe(true);
    journal.close();
    expect(await verifyJournal(dir)).toMatchObject({ ok: true, entries: 2 });
  });

  test('no new segment can be opened (EMFILE): refused until one can', async () => {
    const { disk, failing } = failingDisk();
    const dir = path.join(newFolder(), 'journal');
    const journal = Journal.open(configFor(dir, { maxSegmentBytes: 4_096 }), startEntry, { disk });
    for (let index = 0; journal.state().writable && index < 200; index += 1) {
      if (index === 5) failing.set('open', 'EMFILE');
      await journal.append({ kind: 'refusal', why: 'x'.repeat(200) }).catch(() => undefined);
    }
    expect(journal.state()).toMatchObject({ writable: false, why: expect.stringContaining('EMFILE') });
    failing.clear();
    await expect.poll(() => journal.state().writable, { timeout: 5_000 }).toBe(true);
    journal.close();
    expect(await verifyJournal(dir)).toMatchObject({ ok: true });
  });

  test('a directory that was removed comes back with what the open segment held', async () => {
    const dir = path.join(newFolder(), 'journal');
    const journal = open(dir);
    const { seq } = await journal.append(outcomeOf(1));
    rmSync(dir, { recursive: true });
    await expect(journal.append(outcomeOf(77))).rejects.toMatchObject({ code: 'JOURNAL', message: expect.stringContaining('removed') });
    await expect.poll(() => journal.state().writable, { timeout: 5_000 }).toBe(true);
    await journal.append(outcomeOf(2));
    journal.close();
    expect(await verifyJournal(dir)).toMatchObject({ ok: true, entries: seq + 2 });
  });

  test('a file that was closed under us, whose number is now a file of the service', async () => {
    const dir = path.join(newFolder(), 'journal');
    let journalFd = -1;
    const watching = { ...realDisk, datasync: (fd: number) => ((journalFd = fd), realDisk.datasync(fd)) };
    const journal = Journal.open(configFor(dir), startEntry, { disk: watching });
    const { seq } = await journal.append(outcomeOf(1));
    closeSync(journalFd);
    const theirs = path.join(newFolder(), 'theirs');
    writeFileSync(theirs, 'theirs');
    const fd = openSync(theirs, 'a+');
    expect(fd).toBe(journalFd);
    await expect(journal.append(outcomeOf(77))).rejects.toMatchObject({ message: expect.stringContaining('closed by somebody else') });
    await expect.poll(() => journal.state().writable, { timeout: 5_000 }).toBe(true);
    journal.close();
    expect(readFileSync(theirs, 'utf8')).toBe('theirs');
    closeSync(fd);
    expect(await verifyJournal(dir)).toMatchObject({ ok: true, entries: seq + 1 });
  });

  test('somebody else who writes into the segment is noticed, and his bytes are kept aside', async () => {
    const dir = path.join(newFolder(), 'journal');
    const journal = open(dir);
    edit(path.join(dir, firstSegment), (text) => `${text}{"seq":2}\n`);
    await expect(journal.append(outcomeOf(77))).rejects.toMatchObject({ message: expect.stringContaining('somebody else changed it') });
    await expect.poll(() => journal.state().writable, { timeout: 5_000 }).toBe(true);
    journal.close();
    expect(await verifyJournal(dir)).toMatchObject({ ok: true });
    const torn = readdirSync(dir).find((name) => name.endsWith('.torn')) ?? '';
    expect(readFileSync(path.join(dir, torn), 'utf8')).toBe('{"seq":2}\n');
  });

  test('where there can be no directory, every append is refused, until there can', async () => {
    const file = path.join(newFolder(), 'file');
    writeFileSync(file, '');
    const journal = open(path.join(file, 'journal'));
    expect(journal.state().writable).toBe(false);
    await expect(journal.append(outcomeOf(1))).rejects.toMatchObject({ code: 'JOURNAL' });
    rmSync(file);
    await expect.poll(() => journal.state().writable, { timeout: 5_000 }).toBe(true);
    journal.close();
    expect(await verifyJournal(path.join(file, 'journal'))).toMatchObject({ ok: true });
  });
});

describe('reading', () => {
  test('pages come newest first and filters look through all segments', async () => {
    const { dir } = await writtenJournal(60, { maxSegmentBytes: 4_096 });
    const journal = open(dir);
    expect((await journal.read({ before: 8, count: 3 })).entries.map((entry) => entry.seq)).toEqual([7, 6, 5]);
    const address = 'src/cart.ts:Cart.add';
    const patch = { ...alice.asks('patch', { patches: [{ address }], reason: 'r' }), operator: 'bob' };
    const { seq, time } = await journal.append(patch);
    await journal.append({ ...outcomeOf(seq, 'patch'), result: { patches: [{ id: `p${seq}`, address }] } });
    const found = async (query: Parameters<Journal['read']>[0]): Promise<number[]> => (await journal.read(query)).entries.map((entry) => entry.seq);
    expect(await found({ operator: 'bob' })).toEqual([seq]);
    expect(await found({ address: 'src/cart.ts' })).toEqual([seq + 1, seq]);
    expect(await found({ address: 'src/cart.ts:Cart.remove' })).toEqual([]);
    expect(await found({ kind: 'start' })).toHaveLength(2);
    expect(await found({ since: time, kind: 'patch' })).toEqual([seq + 1, seq]);
    expect(await found({ until: '2020-01-01T00:00:00Z' })).toEqual([]);
    const pages: number[] = [];
    for (let before: number | null | undefined = undefined; before !== null;) {
      const page: Awaited<ReturnType<Journal['read']>> = await journal.read({ count: 7, ...(before !== undefined && { before }) });
      pages.push(...page.entries.map((entry) => entry.seq));
      before = page.next;
    }
    expect(pages).toEqual(Array.from({ length: seq + 1 }, (_, index) => seq + 1 - index));
    journal.close();
  });
});

describe('retention', () => {
  const fill = async (journal: Journal, entries: number): Promise<void> => {
    for (let index = 0; index < entries; index += 1) await journal.append({ kind: 'refusal', why: 'x'.repeat(200) });
  };
  const limits = { maxSegmentBytes: 4_096, retention: { maxBytes: 12_288, maxAgeDays: null } };

  test('old segments go, a checkpoint says so, and only what it says may be missing', async () => {
    const dir = path.join(newFolder(), 'journal');
    const journal = open(dir, limits);
    await fill(journal, 100);
    await expect.poll(() => existsSync(path.join(dir, firstSegment)), { timeout: 5_000 }).toBe(false);
    await fill(journal, 1);
    const { entries } = await journal.read({ kind: 'checkpoint' });
    expect(entries[0]).toMatchObject({ removed: [{ bytes: expect.any(Number), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }] });
    const first = journal.first;
    expect(journal.contradicts({ seq: 1, hash: '0'.repeat(64) })).toBe(undefined);
    journal.close();
    const report = await verifyJournal(dir);
    expect(report).toMatchObject({ ok: true, first });
    const removed = entries.flatMap((entry) => (entry.kind === 'checkpoint' ? entry.removed : []));
    const remembered = removed.find((each) => each.last.seq === first - 1)?.last;
    expect(await verifyJournal(dir, { against: remembered ?? { hash: '' } })).toMatchObject({ ok: true });
    rmSync(path.join(dir, segmentsOf(dir)[0] ?? ''));
    expect(await verifyJournal(dir)).toMatchObject({ ok: false, firstBroken: { why: expect.stringContaining('no checkpoint') } });
  });

  test('a patch that went nowhere keeps its segment; exporting it lets it go', async () => {
    const dir = path.join(newFolder(), 'journal');
    const journal = open(dir, limits);
    const [, { seq } = { seq: 0 }] = await journal.appendAll([alice.login(), alice.asks('patch', { patches: [{ address: 'a.js:f' }], reason: 'r' })]);
    await journal.append(outcomeOf(seq, 'patch', { patches: [{ id: `p${seq}`, address: 'a.js:f' }] }));
    await fill(journal, 100);
    journal.close();
    // A start looks at retention again, and finds the same.
    const second = open(dir, limits);
    await fill(second, 30);
    expect(existsSync(path.join(dir, firstSegment))).toBe(true);
    await second.append({ kind: 'export', phase: 'outcome', intent: 0, status: 'done', result: { patches: [`p${seq}`] } });
    await fill(second, 60);
    await expect.poll(() => existsSync(path.join(dir, firstSegment)), { timeout: 5_000 }).toBe(false);
    second.close();
    expect(await verifyJournal(dir)).toMatchObject({ ok: true });
  });

  test.each(['undone', 'taken back'])('a patch that is live again, since the one behind it was %s, keeps its segment', async (how) => {
    const dir = path.join(newFolder(), 'journal');
    const journal = open(dir, limits);
    const push = async (): Promise<{ id: string; address: string }> => {
      const [, { seq } = { seq: 0 }] = await journal.appendAll([
        alice.login('continued'),
        alice.asks('patch', { patches: [{ address: 'a.js:f' }], reason: 'r' }),
      ]);
      const patch = { id: `p${seq}`, address: 'a.js:f' };
      await journal.append(outcomeOf(seq, 'patch', { patches: [patch] }));
      return patch;
    };
    const first = await push();
    const second = { ...(await push()), now: first.id };
    if (how === 'undone')
      await journal.append({
        kind: 'revert',
        phase: 'undone',
        by: 'agent',
        entry: 1,
        cause: 'errors',
        lateMs: 0,
        patches: [second],
        number: 1,
        at: '',
      });
    else await journal.append(outcomeOf(1, 'revert', { patches: [second] }));
    await fill(journal, 130);
    expect(existsSync(path.join(dir, firstSegment))).toBe(true);
    await journal.append(outcomeOf(1, 'revert', { patches: [first] }));
    await fill(journal, 60);
    await expect.poll(() => existsSync(path.join(dir, firstSegment)), { timeout: 5_000 }).toBe(false);
    journal.close();
  });

  test('where patches are replayed, exporting is not enough: it has to land', async () => {
    const dir = path.join(newFolder(), 'journal');
    const journal = Journal.open(configFor(dir, limits), startEntry, { replays: true });
    const [, { seq } = { seq: 0 }] = await journal.appendAll([alice.login(), alice.asks('patch', { patches: [{ address: 'a.js:f' }], reason: 'r' })]);
    await journal.append(outcomeOf(seq, 'patch', { patches: [{ id: `p${seq}`, address: 'a.js:f' }] }));
    await journal.append({ kind: 'export', phase: 'outcome', intent: 0, status: 'done', result: { patches: [`p${seq}`] } });
    await fill(journal, 100);
    expect(existsSync(path.join(dir, firstSegment))).toBe(true);
    await journal.append({
      kind: 'replay',
      phase: 'outcome',
      intent: 0,
      status: 'done',
      result: { became: 'landed', id: `p${seq}`, address: 'a.js:f' },
    });
    await fill(journal, 60);
    await expect.poll(() => existsSync(path.join(dir, firstSegment)), { timeout: 5_000 }).toBe(false);
    journal.close();
  });
});

test.each([
  ['its kind under another name', ['"kind":', '"kinx":']],
  ['something between', ['"kind":', '"x":1,"kind":']],
])('a line with %s, and with a crc that fits, is no entry', (_name, [from = '', to = '']) => {
  const body = `{"seq":1,"time":"2026-01-01T00:00:00.000Z","prev":"${'0'.repeat(64)}","kind":"session","event":"open"`;
  const sealed = (text: string): Buffer => Buffer.from(`${text},"crc":"${crc32(text).toString(16).padStart(8, '0')}"}`);
  expect(kindOf(sealed(body), 1, '0'.repeat(64))).toEqual({ kind: 'session' });
  expect(kindOf(sealed(body.replace(from, to)), 1, '0'.repeat(64))).toEqual({ why: 'it names no kind' });
});
