/** Which commit a process says it runs, and who said so. */
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { findCommit } from '../../packages/agent/dist/commit.js';
import { commitAll, newFolder } from '../helpers/service.ts';

test('from the variable, from package.json, from the repository around it, in this order; else it is not known', () => {
  const folder = newFolder();
  const inside = path.join(folder, 'services/svc');
  mkdirSync(inside, { recursive: true });
  expect(findCommit(inside, {})).toBeNull();
  expect(findCommit(inside, { GIT_COMMIT: ' ' })).toBeNull();
  writeFileSync(path.join(inside, 'package.json'), '{}');
  const commit = commitAll(folder, 'first');
  expect(findCommit(inside, {})).toEqual({ commit, from: 'the repository, as it was when the process started' });
  writeFileSync(path.join(inside, 'package.json'), '{"gitHead":"c0ffee"}');
  expect(findCommit(inside, {})).toEqual({ commit: 'c0ffee', from: 'gitHead in package.json' });
  expect(findCommit(inside, { GIT_COMMIT: 'beef' })).toEqual({ commit: 'beef', from: 'GIT_COMMIT' });
});
