/** What an agent that nobody attaches to makes Node load: what the service did not ask for costs its start and its memory. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { agentUrl } from '../helpers/service.ts';

test('no undici, no http, no child processes', () => {
  const program = `import(${JSON.stringify(agentUrl)}).then(() => process.stdout.write(process.moduleLoadList.join('\\n')));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
  expect(stderr).toBe('');
  const loaded = stdout.split('\n').map((name) => name.replace(/^NativeModule /, ''));
  expect(loaded).toContain('worker_threads');
  const dear = [
    'internal/deps/undici/undici',
    'http',
    'http2',
    'tls',
    'child_process',
    'cluster',
    'perf_hooks',
    'timers/promises',
    'internal/webstreams/readablestream',
  ];
  expect(loaded.filter((name) => dear.includes(name))).toEqual([]);
});
