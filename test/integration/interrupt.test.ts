/** Ctrl-C on an evaluation's way into the service: what is not sent yet is never sent, and what has begun is ended. */
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, test, vi } from 'vitest';
import { withConnection } from '../helpers/operator.ts';
import { answering, startService, type Service } from '../helpers/service.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let service: Service;
beforeAll(async () => {
  // Work of the service's that is always under way: a part of it that was ended would not come to its end.
  const work = `const work = { begun: 0, done: 0 };
setInterval(() => { work.begun += 1; const until = performance.now() + 2; while (performance.now() < until) Math.sqrt(until); work.done += 1; }, 4);`;
  const main = `${work}\nconst answer = (line) => (line === 'ended' ? work.begun - work.done : globalThis.begun ?? 0);\n${answering}`;
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

/** Read for about as long as a person blinks. */
const long = `${'x => x + 1;'.repeat(6_000)} globalThis.read = (globalThis.read ?? 0) + 1`;

test('while it is being read it is called off, and answered', async () => {
  await withConnection(service, async (connection) => {
    // The moment is sought: earlier after one that came too late, later after one that came before it was sent.
    let afterMs = 32;
    let calledOff = 0;
    for (let tries = 0; tries < 40 && calledOff < 3; tries += 1) {
      const before = await connection.call('evaluate', { expression: 'globalThis.read ?? 0' });
      const abort = new AbortController();
      const call = connection.call('evaluate', { expression: long }, { signal: abort.signal });
      const ended = call.then(
        () => 'done',
        (error: unknown) => String(error),
      );
      await delay(afterMs);
      abort.abort();
      const how = await ended;
      expect(how).not.toContain('did not end');
      const after = await connection.call('evaluate', { expression: 'globalThis.read ?? 0' });
      // It says that it did not begin where nothing was done, and only there.
      if (how.includes('before it began') || how.includes('was not sent')) expect(after).toEqual(before);
      if (how === 'done') expect(after).not.toEqual(before);
      if (how.includes('before it began')) calledOff += 1;
      else afterMs *= how.includes('was not sent') ? 1.3 : 0.8;
    }
    expect(calledOff).toBe(3);
  });
});

test('at forty moments: it is always answered, and the service goes on', async () => {
  await withConnection(service, async (connection) => {
    for (let moment = 0; moment < 40; moment += 1) {
      const abort = new AbortController();
      const call = connection.call('evaluate', { expression: `${'x => x;'.repeat(200)} await new Promise(() => {})` }, { signal: abort.signal });
      const ended = expect(call).rejects.toMatchObject({ code: 'INTERRUPTED' });
      // What is tried here is the moment itself.
      await delay(moment / 4);
      abort.abort();
      await ended;
    }
    // Nothing of an interrupted one is left: what is lent is this evaluation's own.
    const lent = 'Object.keys(globalThis["keyhole.agent"].lent).length';
    await expect(connection.call('evaluate', { expression: lent })).resolves.toMatchObject({ ok: true, value: { value: 1 } });
  });
  expect(await service.ask('ended')).toBe('0');
});
