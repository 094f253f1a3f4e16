/** The table of attacks is what the tests are: each row names one that is there. */
import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';

const folder = path.resolve(import.meta.dirname, '..');
const rows = readFileSync(path.join(folder, '../docs/attacks.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| attack') && !line.startsWith('| ---'))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '').trim()));

test('there are at least 60, each once, each with a test of its own', () => {
  expect(rows.length).toBeGreaterThanOrEqual(60);
  expect(new Set(rows.map(([attack]) => attack)).size).toBe(rows.length);
  expect(new Set(rows.map(([, , name, file]) => `${file} ${name}`)).size).toBe(rows.length);
});

test.each(rows)('%s', (_, imitates, name = '', file = '') => {
  const text = path.join(folder, file.slice(1, -1));
  expect(imitates).not.toBe('');
  expect(existsSync(text)).toBe(true);
  expect(readFileSync(text, 'utf8')).toContain(name.slice(1, -1));
});
