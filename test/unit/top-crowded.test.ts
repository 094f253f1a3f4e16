/** `top --json` where others look too: a look that finds no time left is said, and followed by the next one. */
import { expect, test } from 'vitest';
import { KeyholeError } from '../../packages/agent/dist/protocol/index.js';
import type { CommandContext } from '../../packages/console/dist/commands/command.js';
import { top } from '../../packages/console/dist/commands/top.js';

const vitals = {
  at: '2026-11-27T00:00:00.000Z',
  uptimeMs: 1,
  sinceMs: 1,
  eventLoop: { utilization: 0, delayMs: { mean: 0, p50: 0, p99: 0, max: 0 } },
  cpu: 0,
  memory: { rss: 1, heapUsed: 1, heapLimit: 1, nearlyFull: false, external: 0, arrayBuffers: 0, spaces: [] },
  gc: { count: 0, major: 0, ms: 0 },
  resources: {},
  actors: { count: 0, top: [] },
};

/** What is written until the third look, where the second one ends so. */
async function looks(second: () => Promise<unknown>): Promise<string[]> {
  const enough = new AbortController();
  const written: string[] = [];
  // The first is the one that begins the counting.
  const answers = [() => vitals, () => vitals, second, () => vitals];
  let looked = 0;
  const connection = {
    welcome: { service: 'svc', pid: 1, node: 'v20' },
    onNews: () => undefined,
    call: async (op: string) => {
      if (op === 'patch.list') return { patches: [] };
      if (op === 'profile') return { hottest: [] };
      looked += 1;
      return await (answers[looked - 1] ?? (() => vitals))();
    },
  };
  const context = {
    connect: () => Promise.resolve(connection),
    signal: enough.signal,
    timeoutMs: undefined,
    terminal: {
      jsonLine: () => {
        written.push('figures');
        if (looked >= answers.length) enough.abort();
      },
      message: (text: string) => written.push(text),
    },
  };
  await top.run(context as unknown as CommandContext, { words: [], flags: { json: true, every: '100ms' } } as never);
  return written;
}

test.each(['BUSY', 'TIMEOUT'] as const)('%s', async (code) => {
  const written = await looks(() => Promise.reject(new KeyholeError(code, 'others')));
  expect(written).toEqual(['figures', expect.stringContaining('there was no look'), 'figures']);
});

test('what is none of these ends it', async () => {
  await expect(looks(() => Promise.reject(new KeyholeError('NOT_ALLOWED', 'the role has changed')))).rejects.toThrow('the role has changed');
});
