/** From a real service to the repository: pushes, a process that is killed, and what the journal says of it. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { parseHotfix } from '../../packages/agent/dist/protocol/index.js';
import { me } from '../helpers/export.ts';
import { answering, editFile, newFolder, registerUrl, run, startService, type Service } from '../helpers/service.ts';

const files = {
  'src/shop.ts': `interface Net { value: number }
export function price(net: Net): number {
  return net.value * 2;
}
export function tax(net: Net): number {
  return net.value / 10;
}
`,
  'src/main.js': `
import { price, tax } from './shop.ts';
const answer = (line) => ({ price: () => price({ value: 100 }), tax: () => tax({ value: 100 }) })[line]();
${answering}`,
};

const start = (environment: Record<string, string> = {}): Promise<Service> =>
  startService({
    files,
    main: 'src/main.js',
    git: true,
    environment,
    nodeArguments: ['--import', import.meta.resolve('tsx'), '--import', registerUrl],
  });

async function push(service: Service, from: string, to: string, reason: string): Promise<string> {
  editFile(service, 'src/shop.ts', from, to);
  const done = await service.keyhole('push', 'svc', 'src/shop.ts', '--reason', reason, '--json');
  const { ok, patches } = done.json() as { ok: boolean; patches: { id: string }[] };
  expect([ok, patches.length]).toEqual([true, 1]);
  return patches[0]?.id ?? '';
}

interface Exported {
  files: string[];
  commits: string[];
  patches: string[];
  mails?: string[];
}

test('pushes come home as commits, signed and squashed as asked for, also after their process', { timeout: 240_000 }, async () => {
  const service = await start();
  const base = run(service.folder, 'git', 'rev-parse', 'HEAD');
  const first = await push(service, 'value * 2', 'value * 3', 'three\n\ndiff --git a/evil b/evil');
  const second = await push(service, 'value * 3', 'value * 4 satisfies number', 'four');
  const third = await push(service, 'value / 10', 'value / 5', 'double tax');
  expect([await service.ask('price'), await service.ask('tax')]).toEqual(['400', '20']);
  const dirty = run(service.folder, 'git', 'status', '--porcelain');

  const mail = path.join(newFolder(), 'hotfix.patch');
  expect((await service.keyhole('export', 'svc', '-o', mail, '--json')).json()).toEqual({
    files: [mail],
    commits: [],
    patches: [first, second, third],
  });
  const clone = path.join(newFolder(), 'clone');
  run(service.folder, 'git', 'clone', '-q', service.folder, clone);
  run(clone, 'git', ...me, 'am', '-3', '-q', mail);
  expect(run(clone, 'git', 'log', '--reverse', '--format=%s|%an <%ae>', `${base}..`).split('\n')).toEqual(
    ['three', 'four', 'double tax'].map((subject) => `${subject}|alice <alice@example.com>`),
  );
  expect(readFileSync(path.join(clone, 'src/shop.ts'), 'utf8')).toBe(readFileSync(path.join(service.folder, 'src/shop.ts'), 'utf8'));

  const signed = (await service.keyhole('export', 'svc', '--branch', 'fix', '--sign', '--squash', '--json')).json() as Exported;
  expect([signed.commits.length, signed.patches]).toEqual([2, [first, second, third]]);
  const signers = path.join(newFolder(), 'signers');
  const publicKey = readFileSync(`${service.env['KEYHOLE_IDENTITY']}.pub`, 'utf8');
  writeFileSync(signers, `alice@example.com ${publicKey}`);
  for (const commit of signed.commits) run(service.folder, 'git', '-c', `gpg.ssh.allowedSignersFile=${signers}`, 'verify-commit', commit);
  expect(run(service.folder, 'git', 'diff', '--stat', 'fix')).toBe('');
  expect(run(service.folder, 'git', 'status', '--porcelain')).toBe(dirty);
  expect(run(service.folder, 'git', 'rev-parse', 'HEAD')).toBe(base);

  const hotfix = await service.keyhole('export', 'svc', second, '--format', 'keyhole');
  const read = parseHotfix(hotfix.stdout);
  expect([read.patches.map(({ id }) => id), read.pushes.length]).toEqual([[second], 2]);
  expect((await service.keyhole('export', 'svc', '--format', 'keyhole', '--squash')).code).toBe(2);
  expect((await service.keyhole('export', 'svc', '--sign')).code).toBe(2);

  const log = (await service.keyhole('log', 'svc', '-p', '--kind', 'patch')).stdout;
  expect(log).toMatch(
    /^patch \d+ \(done\)\nOperator: alice <SHA256:\S+>\nDate: {5}20\S+\nFunction: src\/shop.ts:tax\n\n {4}double tax\n\n--- a\/src/,
  );
  expect(log).toContain('-  return net.value / 10;\n+  return net.value / 5;\n');
  expect(log).toContain('    three\n\n    diff --git a/evil b/evil\n');
  // An outcome names no operator and no address; it is told all the same.
  for (const filter of [
    ['--operator', 'alice'],
    ['--address', 'src/shop.ts:tax'],
    ['--before', '1000000', '--kind', 'patch'],
  ]) {
    const filtered = (await service.keyhole('log', 'svc', ...filter)).stdout;
    expect(filtered).toMatch(/^patch \d+ \(done\)$/m);
    expect(filtered).not.toContain('no outcome yet');
  }
  expect((await service.keyhole('log', 'svc', '--oneline', '--kind', 'patch')).stdout).toMatch(/^SEQ +TIME/);
  expect((await service.keyhole('log', 'svc', '--oneline', '-p')).code).toBe(2);

  service.kill();
  await service.ended;
  run(service.folder, 'git', 'checkout', '-q', '--', '.');
  const next = await start({ KEYHOLE_JOURNAL_DIR: service.journal, GIT_COMMIT: base });
  expect(await next.ask('price')).toBe('200');
  const nothing = await next.keyhole('export', 'svc', '--json');
  expect([nothing.json(), nothing.stderr]).toEqual([{ files: [], commits: [], patches: [], mails: [] }, 'there is nothing to export\n']);
  const lost = await next.keyhole('export', 'svc', second, '--repo', service.folder, '--json');
  expect(lost.stderr).toMatch(new RegExp(`^${second} is not live: lost since `));
  const { patches, mails } = lost.json() as Exported;
  expect(patches).toEqual([first, second]);
  const again = path.join(newFolder(), 'clone');
  run(service.folder, 'git', 'clone', '-q', service.folder, again);
  writeFileSync(mail, mails?.join('') ?? '');
  run(again, 'git', ...me, 'am', '-3', '-q', mail);
  expect(readFileSync(path.join(again, 'src/shop.ts'), 'utf8')).toContain('value * 4 satisfies number');
  expect((await next.keyhole('export', 'svc', 'p9999')).stderr).toContain('NOT_FOUND');
  // The journal of the earlier process is read like that of this one.
  expect((await next.keyhole('log', 'svc', '-p', '--kind', 'patch')).stdout).toContain('+  return net.value * 3;\n');
});
