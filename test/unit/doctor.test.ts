/** Each check of `doctor` says yes and no. What needs a living process stands in integration/doctor.test.ts. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { hostChecks, type HostFacts } from '../../packages/agent/src/host/doctor.ts';
import { configFor, startEntry } from '../helpers/journal.ts';
import { Journal } from '../../packages/agent/src/journal/index.ts';
import { SlotTable } from '../../packages/agent/src/loader/slot-table.ts';
import { examine, type Check, type DoctorCheck } from '../../packages/agent/src/protocol/index.ts';
import { doorChecks, type DoorFacts } from '../../packages/agent/src/server/doctor.ts';
import { openHostKey } from '../../packages/agent/src/server/host-key.ts';
import { Operators } from '../../packages/agent/src/server/operators.ts';
import { consoleChecks } from '../../packages/console/src/commands/doctor.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'kh-doctor-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPgqCKkjQ0OzFCzUeItJ1nLzWQQGKMnkVtRhlnIZ6nJ0';

function only<Facts>(checks: readonly Check<Facts>[], name: string, facts: Facts): DoctorCheck {
  const found = examine(checks, facts).filter(({ check }) => check === name);
  expect(found).toHaveLength(1);
  return found[0] as DoctorCheck;
}

test('a check that fails to look is not ok and hides no other', () => {
  const checks: Check<null>[] = [
    {
      check: 'broken',
      look: () => {
        throw new Error('no such thing');
      },
    },
    { check: 'whole', look: () => ({ ok: true, detail: 'fine' }) },
  ];
  expect(examine(checks, null)).toEqual([
    { check: 'broken', ok: false, detail: 'could not be looked at: no such thing' },
    { check: 'whole', ok: true, detail: 'fine' },
  ]);
});

describe('host', () => {
  const facts = (more: Partial<HostFacts>): HostFacts => ({
    table: new SlotTable(),
    cold: false,
    strategies: [],
    threads: [],
    problems: [],
    journalDir: folder,
    build: { commit: null, from: null, sources: null },
    waiting: [],
    ...more,
  });
  const record = (url: string, running: string, map: string | null): SlotTable => {
    const table = new SlotTable();
    const text = map === null ? running : `${running}\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(map).toString('base64')}`;
    table.record({
      id: '$kh1',
      url,
      format: 'module',
      text,
      edits: { numbers: new Int32Array(), removed: '' },
      types: null,
      functions: 0,
      without: [],
      loadedAtMs: 0,
    });
    table.define('$kh1', -1, () => ({}), null);
    return table;
  };

  test('slots', () => {
    expect(only(hostChecks, 'slots', facts({ table: null }))).toMatchObject({ ok: false, detail: expect.stringContaining('--import') as unknown });
    expect(only(hostChecks, 'slots', facts({ table: record('file:///a.js', '', null) }))).toMatchObject({
      ok: true,
      detail: expect.stringMatching(/^1 instrumented/) as unknown,
    });
  });

  test('untouched: the first five are named', () => {
    const table = new SlotTable();
    expect(only(hostChecks, 'untouched', facts({ table })).ok).toBe(true);
    for (let index = 1; index <= 5; index += 1) table.leftUntouched(`file:///${index}.js`, 'why');
    expect(only(hostChecks, 'untouched', facts({ table })).detail).toMatch(/file:\/\/\/5\.js \(why\)$/);
    table.leftUntouched('file:///6.js', 'why');
    expect(only(hostChecks, 'untouched', facts({ table }))).toMatchObject({
      ok: false,
      detail: expect.stringMatching(/5\.js \(why\) and 1 more$/) as unknown,
    });
  });

  test('rebind and live edit matter only where nothing is instrumented', () => {
    for (const name of ['rebind', 'live edit']) expect(only(hostChecks, name, facts({})).ok).toBe(true);
    expect(only(hostChecks, 'live edit', facts({ table: null, strategies: ['slots'] })).ok).toBe(false);
    expect(only(hostChecks, 'rebind', facts({ table: null, strategies: ['rebind'] })).ok).toBe(true);
    const table = new SlotTable();
    for (const file of ['app/legacy.js', 'app/legacy.js', 'app/node_modules/a/1.js', 'app/node_modules/a/2.js']) table.passedBy(`file:///${file}`);
    table.passedBy('node:fs');
    expect(only(hostChecks, 'rebind', facts({ table, strategies: ['rebind'] })).detail).toContain('(1 file of the application, 2 of packages)');
  });

  test('threads: those without instrumentation are named', () => {
    expect(only(hostChecks, 'threads', facts({})).ok).toBe(true);
    expect(only(hostChecks, 'threads', facts({ threads: [{ id: 1, instrumented: true }] })).ok).toBe(true);
    const mixed = [1, 2, 3].map((id) => ({ id, instrumented: id === 2 }));
    expect(only(hostChecks, 'threads', facts({ threads: mixed }))).toMatchObject({
      ok: false,
      detail: expect.stringContaining('thread 1, thread 3;') as unknown,
    });
  });

  test('source maps', () => {
    const named = 'x;\n//# sourceMappingURL=a.js.map';
    expect(only(hostChecks, 'source maps', facts({ table: record('file:///a.js', 'x;', null) })).ok).toBe(true);
    expect(only(hostChecks, 'source maps', facts({ table: record('file:///a.js', named, '{}') })).ok).toBe(true);
    expect(only(hostChecks, 'source maps', facts({ table: record('file:///a.js', named, null) }))).toMatchObject({
      ok: false,
      detail: expect.stringContaining('file:///a.js') as unknown,
    });
  });

  test('problems since the start', () => {
    const problems = [{ what: 'door', message: 'it ended' }];
    expect(only(hostChecks, 'since the start', facts({ problems }))).toMatchObject({ ok: false, detail: 'door: it ended' });
  });
});

describe('door', () => {
  const operator = new Operators(`name="alice",roles="inspect" ${key}`).find({ publicKey: key, certificate: null, address: 'local' }, 0);
  if (operator === null) throw new Error('no operator');
  const file = path.join(folder, 'operators');
  const facts = (dir: string): DoorFacts => ({
    operator,
    operators: { file },
    hostKey: openHostKey(path.join(folder, 'host_key')),
    journal: Journal.open(configFor(dir), startEntry),
  });
  const good = facts(path.join(folder, 'journal'));
  afterAll(() => good.journal.close());

  test('keys: readable, counted, without a role, missing, writable by others', () => {
    expect(only(doorChecks, 'keys', good)).toMatchObject({ ok: false, detail: expect.stringContaining('ENOENT') as unknown });
    writeFileSync(file, `name="alice",roles="view" ${key}\n`, { mode: 0o640 });
    expect(only(doorChecks, 'keys', good)).toMatchObject({ ok: true, detail: `${file}, mode 0640: 1 key` });
    writeFileSync(file, `name="alice" ${key}\n`);
    expect(only(doorChecks, 'keys', good)).toMatchObject({ ok: false, detail: expect.stringContaining('1 of them without a role') as unknown });
    chmodSync(file, 0o660);
    expect(only(doorChecks, 'keys', good)).toMatchObject({ ok: false, detail: expect.stringContaining('others may write') as unknown });
  });

  test('you', () => {
    expect(only(doorChecks, 'you', good).detail).toMatch(/^alice, SHA256:\S+: view, inspect$/);
  });

  test('host key: kept, and not', () => {
    expect(only(doorChecks, 'host key', good)).toMatchObject({ ok: true, detail: expect.stringMatching(/^SHA256:\S+, kept in /) as unknown });
    const nowhere = openHostKey(path.join(folder, 'no/such/folder/key'));
    expect(only(doorChecks, 'host key', { ...good, hostKey: nowhere })).toMatchObject({
      ok: false,
      detail: expect.stringContaining('until the process ends') as unknown,
    });
  });

  test('sinks: how far each lags and why', async () => {
    const sinks = [{ type: 'file', path: folder }] as const;
    const journal = Journal.open(configFor(path.join(folder, 'sunk'), { sinks: [...sinks] }), startEntry);
    expect(only(doorChecks, 'sinks', good)).toMatchObject({ ok: true, detail: 'the journal goes nowhere else' });
    await expect
      .poll(() => only(doorChecks, 'sinks', { ...good, journal }))
      .toMatchObject({ ok: false, detail: expect.stringMatching(/1 entries behind \(.*EISDIR/) as unknown });
    journal.close();
  });

  test('journal and disk', () => {
    expect(only(doorChecks, 'journal', good).ok).toBe(true);
    expect(only(doorChecks, 'disk', good).detail).toMatch(/^\d+ MB are free/);
    const blocked = path.join(folder, 'blocked');
    writeFileSync(blocked, '');
    expect(only(doorChecks, 'journal', facts(blocked))).toMatchObject({
      ok: false,
      detail: expect.stringContaining('can not be written') as unknown,
    });
  });
});

test('clock: what a slow answer explains is no difference', () => {
  const at = Date.parse('2026-01-01T00:00:00.000Z');
  const clock = (askedAtMs: number, answeredAtMs: number, time = new Date(at).toISOString()): DoctorCheck =>
    only(consoleChecks, 'clock', { time, askedAtMs, answeredAtMs });
  expect(clock(at - 9_000, at + 9_000)).toMatchObject({ ok: true, detail: 'the service and this console agree' });
  expect(clock(at + 2_000, at + 3_000)).toMatchObject({ ok: true, detail: 'the service is 2000 ms behind this console' });
  expect(clock(at + 2_001, at + 3_000).ok).toBe(false);
  expect(clock(at - 3_000, at - 2_000).ok).toBe(true);
  expect(clock(at - 3_000, at - 2_001)).toMatchObject({ ok: false, detail: 'the service is 2001 ms ahead of this console' });
  expect(clock(at, at, 'noon').ok).toBe(false);
});
