/** Ctrl-C at any moment of an evaluation's way into the service: it is not sent, or it is ended. */
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, test, vi } from 'vitest';
import { withConnection } from '../helpers/operator.ts';
import { answering, startService, type Service } from '../helpers/service.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let service: Service;
beforeAll(async () => {
  const main = `const answer = () => globalThis.begun ?? 0;\n${answering}`;
  service = await startService({ files: { 'main.js': main }, main: 'main.js' });
});

test('before it is signed, while it is written down, and while it runs', async () => {
  await withConnection(service, async (connection) => {
    for (const afterMs of [0, 0, 1, 2, 4, 6, 8, 10, 15, 20, 30, 50]) {
      const abort = new AbortController();
      const call = connection.call(
        'evaluate',
        { expression: 'begun = (globalThis.begun ?? 0) + 1; await new Promise(() => {})' },
        { signal: abort.signal },
      );
      const ended = expect(call).rejects.toMatchObject({ code: 'INTERRUPTED' });
      if (afterMs > 0) await delay(afterMs);
      abort.abort();
      await ended;
    }
    const abort = new AbortController();
    const before = await service.ask('begun');
    const call = connection.call('evaluate', { expression: 'begun += 100' }, { signal: abort.signal });
    abort.abort();
    await expect(call).rejects.toThrow('evaluate was not sent');
    expect(await service.ask('begun')).toBe(before);
  });
});
