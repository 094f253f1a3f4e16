/** Runs the rows with one strategy, each in a process of its own. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { rows, type Row } from './rows.ts';

interface Says {
  before: unknown;
  ok: boolean;
  refused: { address: string; why: string }[];
  strategies: string[];
  verified: boolean;
  after: unknown;
  reverted?: unknown;
  again?: unknown;
}

const run = promisify(execFile);
const dist = path.resolve(import.meta.dirname, '../../packages/agent/dist');

/** @param skips the reason for each row that the strategy can not do, or one for all of them. */
export function conformance(strategy: 'slots' | 'live-edit', skips: Record<string, string> | string): void {
  describe(strategy, () => {
    for (const row of rows) {
      const reason = typeof skips === 'string' ? skips : skips[row.name];
      if (reason === undefined) test(row.name, () => check(strategy, row));
      else test.skip(`${row.name} (${reason})`, () => undefined);
    }
  });
}

async function check(strategy: string, row: Row): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kh-row-'));
  try {
    await writeFile(path.join(folder, row.format === 'module' ? 'program.mjs' : 'program.cjs'), row.program);
    await writeFile(path.join(folder, 'row.json'), JSON.stringify(row));
    const { stdout } = await run(process.execPath, [path.join(import.meta.dirname, 'driver.mjs'), strategy, folder, dist]);
    const says = JSON.parse(stdout) as Says;
    expect(says.before).toEqual(row.before);
    if (row.refused !== undefined) {
      expect(says.ok).toBe(false);
      expect(says.refused.map((each) => each.why).join()).toMatch(row.refused);
      expect(says.after).toEqual(row.before);
      return;
    }
    expect(says.refused).toEqual([]);
    expect(says.after).toEqual(row.after);
    expect(says.verified).toBe(true);
    expect([...new Set(says.strategies)]).toEqual([strategy]);
    expect(says.reverted).toEqual(row.reverted ?? row.before);
    expect(says.again).toBe(typeof row.after);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
