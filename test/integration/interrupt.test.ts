/** Ctrl-C on an evaluation's way into the service: what is not sent yet is never sent, and what has begun is ended. */
import { beforeAll, expect, test, vi } from 'vitest';
import { withConnection } from '../helpers/operator.ts';
import { answering, startService, type Service } from '../helpers/service.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let service: Service;
beforeAll(async () => {
  const main = `const answer = () => globalThis.begun ?? 0;\n${answering}`;
  service = await startService({ files: { 'main.js': main }, main: 'main.js' });
});

const expression = 'globalThis.begun = (globalThis.begun ?? 0) + 1; await new Promise(() => {})';

test('while it is being signed, and while it is awaited', async () => {
  await withConnection(service, async (connection) => {
    for (let round = 1; round <= 5; round += 1) {
      const early = new AbortController();
      const unsent = connection.call('evaluate', { expression }, { signal: early.signal });
      early.abort();
      await expect(unsent).rejects.toThrow('evaluate was not sent');
      const late = new AbortController();
      const begun = connection.call('evaluate', { expression }, { signal: late.signal });
      const ended = expect(begun).rejects.toMatchObject({ code: 'INTERRUPTED' });
      await vi.waitFor(async () => expect(await service.ask('begun')).toBe(String(round)), { timeout: 10_000 });
      late.abort();
      await ended;
    }
  });
});
