/** One commit there: the parent is built and started, the commit is pushed into it, and what runs then is held against a process started from the child's build. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import * as path from 'node:path';
import { compareCalls, noCalls } from './compare-calls.mjs';
import { compareFile } from './compare.mjs';
import { checkOut, cloneFor } from './git.mjs';
import { startRunning } from './running.mjs';

const buildTimeoutMs = 300_000;

/**
 * @typedef {{ commit: string, subject: string, result: 'whole' | 'refused' | 'wrong' | 'not built', why: string[], functions: number, called: import('./compare-calls.mjs').Counts, how: string }} Trip
 *
 * @param {object} project
 * @param {string} project.repo
 * @param {string[]} project.checkout paths that a build needs, from the top.
 * @param {string} project.build a shell command, run in the checkout.
 * @param {string[]} project.load
 * @param {string | null} project.modules a `node_modules` with what the build and the package need.
 * @param {string} folder where the checkouts go.
 */
export function createTrips({ repo, checkout, build, load, modules }, folder) {
  const sides = ['parent', 'child'].map((name) => path.join(folder, name));
  mkdirSync(folder, { recursive: true });
  for (const side of sides) if (!existsSync(side)) cloneFor(repo, side, checkout);
  const built = new Map();

  const makeBuild = (side, commit) => {
    if (built.get(side) === commit) return null;
    built.delete(side);
    checkOut(side, commit, ['node_modules']);
    const here = path.join(side, 'node_modules');
    if (modules !== null && !existsSync(here)) symlinkSync(path.resolve(modules), here);
    const { status, stdout, stderr } = spawnSync('sh', ['-c', build], { cwd: side, encoding: 'utf8', timeout: buildTimeoutMs });
    if (status !== 0) return `${stdout}${stderr}`.trim().split('\n').slice(-5).join(' | ');
    built.set(side, commit);
    return null;
  };

  /** @returns {Promise<Trip>} */
  return async ({ id, parent, subject, files }) => {
    const trip = { commit: id, subject, result: 'not built', why: [], functions: 0, called: noCalls, how: '' };
    const [from, to] = sides;
    for (const [side, commit] of [
      [from, parent],
      [to, id],
    ]) {
      const failed = makeBuild(side, commit);
      if (failed !== null) return { ...trip, why: [failed] };
    }
    const running = await startRunning(from, load);
    try {
      const answer = await running.push('--commit', id, '--with-imports');
      if (answer.error !== undefined) return { ...trip, result: 'refused', why: [answer.error.message] };
      if (!answer.ok) {
        const { patches } = await running.connection.call('patch.list', {});
        const left = patches.map(({ address }) => `refused, and ${address} is patched all the same`);
        return {
          ...trip,
          result: left.length === 0 ? 'refused' : 'wrong',
          why: [...left, ...answer.refused.map((each) => `${each.address}: ${each.why}`)],
        };
      }
      const loaded = files.filter((file) => !answer.apart.some((each) => each.file === file));
      const compared = await startRunning(to, load);
      try {
        const differs = [];
        const how = new Set();
        for (const file of loaded) {
          const result = await compareFile(running.connection, compared.connection, file);
          how.add(result.how);
          differs.push(...result.differs);
        }
        const addresses = answer.patches.map(({ address }) => address);
        const calls = await compareCalls(running, compared, () => startRunning(to, load), addresses);
        const why = [
          ...differs.map(({ address, patched, built: other }) => `${address} runs as\n${patched}\nand was built as\n${other}`),
          ...calls.differs.map(({ address, patched, built: other }) => `${address} gives\n${patched}\nand as it was built\n${other}`),
        ];
        return {
          ...trip,
          result: why.length > 0 ? 'wrong' : 'whole',
          why,
          functions: addresses.length,
          called: calls.counts,
          how: loaded.length === 0 ? 'not loaded' : [...how].join(', '),
        };
      } finally {
        await compared.stop();
      }
    } finally {
      await running.stop();
    }
  };
}
