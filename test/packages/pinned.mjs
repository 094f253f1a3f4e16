/** Installs pinned packages into a folder of the cache that git ignores; a set of versions that is there already is left alone. Runs no install script of theirs. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const cache = fileURLToPath(new URL('../../.cache/packages/', import.meta.url));

/**
 * @param {string[]} packages each `name@version`.
 * @returns {string} the folder, with `node_modules`, and with `entry.mjs`, which imports for those who stand elsewhere.
 */
export function installPinned(packages) {
  const sorted = packages.toSorted();
  const folder = path.join(cache, createHash('sha256').update(sorted.join()).digest('hex').slice(0, 12));
  const done = path.join(folder, 'installed');
  if (!existsSync(done)) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const dependencies = Object.fromEntries(sorted.map((each) => [each.slice(0, each.lastIndexOf('@')), each.slice(each.lastIndexOf('@') + 1)]));
    writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
    writeFileSync(path.join(folder, 'entry.mjs'), 'export const load = (name) => import(name);\n');
    const { status, stderr } = spawnSync(
      'npm',
      ['install', '--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund', '--no-package-lock'],
      {
        cwd: folder,
        encoding: 'utf8',
      },
    );
    if (status !== 0) throw new Error(`npm install in ${folder}: ${stderr}`);
    writeFileSync(done, '');
  }
  return realpathSync(folder);
}
