/** `keyhole doctor` on real services: one where all is well, one where much is not. */
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { agentUrl, answering, newFolder, startService } from '../helpers/service.ts';

interface Line {
  check: string;
  ok: boolean;
  detail: string;
}

const main = { 'main.js': `const answer = () => 'here';${answering}` };

test('a healthy service: every check is ok, and so is the exit code', async () => {
  const service = await startService({ files: main, main: 'main.js', roles: 'view' });
  const done = await service.keyhole('doctor', 'svc', '--json');
  const lines = done.json() as Line[];
  expect(lines.filter(({ ok }) => !ok)).toEqual([]);
  expect(done.code).toBe(0);
  for (const line of lines) expect(Object.keys(line)).toEqual(['check', 'ok', 'detail']);
  const details = Object.fromEntries(lines.map(({ check, detail }) => [check, detail]));
  expect(details).toMatchObject({
    node: expect.stringContaining(process.version) as unknown,
    slots: expect.stringContaining('1 instrumented') as unknown,
    inspector: 'its port is closed',
    keys: expect.stringContaining('mode 0600: 1 key') as unknown,
    you: expect.stringMatching(/^alice, SHA256:\S+: view$/) as unknown,
    journal: expect.stringContaining(service.journal) as unknown,
    'host key': expect.stringMatching(/^SHA256:\S+, kept in .*journal\.host_key$/) as unknown,
  });
  expect(Object.keys(details)).toEqual(expect.arrayContaining(['disk', 'clock', 'permissions', 'source maps', 'untouched', 'live edit', 'rebind']));
  const text = await service.keyhole('doctor');
  expect(text.stdout).toMatch(/^ok {2}slots +1 instrumented/m);
});

test('an open inspector, a file that is no JavaScript to us, a journal that can not be written', async () => {
  const blocked = path.join(newFolder(), 'file');
  writeFileSync(blocked, '');
  const service = await startService({
    files: {
      'main.cjs': `try { require('./odd.cjs'); } catch {}\n${answering.replace(/import (.*) from (.*);/, 'const $1 = require($2);')}`,
      'odd.cjs': 'let let = 1;',
    },
    main: 'main.cjs',
    environment: { KEYHOLE_JOURNAL_DIR: blocked, NODE_OPTIONS: '--inspect=127.0.0.1:0' },
  });
  const done = await service.keyhole('doctor', 'svc', '--json');
  expect(done.code).toBe(1);
  const wrong = (done.json() as Line[]).filter(({ ok }) => !ok);
  expect(Object.fromEntries(wrong.map(({ check, detail }) => [check, detail]))).toMatchObject({
    inspector: expect.stringContaining('ws://127.0.0.1:') as unknown,
    untouched: expect.stringContaining('odd.cjs') as unknown,
    journal: expect.stringContaining(`${blocked} can not be written`) as unknown,
  });
  expect((await service.keyhole('doctor')).stdout).toMatch(/^!! {2}journal/m);
});

test('code that was not instrumented', async () => {
  const start = `
import { startAgent } from ${JSON.stringify(agentUrl)};
await startAgent({ operators: process.env.KEYHOLE_OPERATORS, journal: { dir: process.env.KEYHOLE_JOURNAL_DIR } });
`;
  const service = await startService({ files: { 'main.js': start + main['main.js'] }, main: 'main.js', nodeArguments: [] });
  const done = await service.keyhole('doctor', 'svc', '--json');
  expect(done.code).toBe(1);
  const wrong = (done.json() as Line[]).filter(({ ok }) => !ok).map(({ check }) => check);
  const canLiveEdit = Number(process.versions.node.split('.')[0]) < 26;
  expect(wrong).toEqual(canLiveEdit ? ['slots'] : expect.arrayContaining(['slots', 'live edit']));
});
