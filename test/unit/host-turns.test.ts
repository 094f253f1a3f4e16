/** The host's end of the bridge over a real port: calls that come together are answered one in each turn of the event loop, so that the service has its turns between them. */
import { setImmediate as turn } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import type { ToDoor, ToHost } from '../../packages/agent/dist/host/bridge.js';
import { CallMeter } from '../../packages/agent/dist/host/call-meter.js';
import type { CallStream } from '../../packages/agent/dist/host/call-stream.js';
import { serveHost, type HostOptions } from '../../packages/agent/dist/host/host.js';
import { Outbox } from '../../packages/agent/dist/host/outbox.js';

/** A host whose only operation is what the test says, and which keeps the order of what it was told. */
async function withHost(
  info: (stream: CallStream) => unknown,
  use: (send: (...messages: ToHost[]) => void, log: string[]) => Promise<void>,
): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const log: string[] = [];
  const host = {
    handlers: {
      info: (_: unknown, { call, stream }: { call: number; stream: CallStream }) => {
        log.push(`call ${call}`);
        return info(stream);
      },
    },
    forget: (session: string) => log.push(`forget ${session}`),
  };
  const coming = { here: host, come: () => Promise.resolve(host), whenHere: (work: (there: typeof host) => void) => work(host) };
  const failed = (thrown: unknown): number => log.push(`failed: ${String(thrown)}`);
  serveHost({ port: port1, host: coming, outbox: new Outbox(() => 0), failed } as unknown as HostOptions);
  port2.on('message', (message: ToDoor) => log.push(message.t === 'answer' ? `answer ${message.id}` : message.t));
  try {
    await use((...messages) => messages.forEach((message) => port2.postMessage(message)), log);
  } finally {
    port2.close();
  }
}

const call = (id: number, session = 'a'): ToHost => ({ t: 'call', id, op: 'info', params: {}, context: { session } });

/** Lets turns pass until it holds. */
async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns += 1) {
    if (turns > 10_000) expect.fail('it did not come to that');
    await turn();
  }
}

test('no two calls in one turn, however many come at once', async () => {
  let turns = 0;
  const answeredIn: number[] = [];
  await withHost(
    () => answeredIn.push(turns),
    async (send) => {
      send(...Array.from({ length: 20 }, (_, id) => call(id)));
      await until(() => {
        turns += 1;
        return answeredIn.length === 20;
      });
    },
  );
  // The first one's turn may end where the first of ours does.
  const after = answeredIn.slice(1);
  expect(new Set(after).size).toBe(after.length);
});

test('in the order in which they came, and a session is forgotten after what it asked', async () => {
  await withHost(
    () => null,
    async (send, log) => {
      send(call(1), call(2), { t: 'forget', session: 'a' }, call(3, 'b'));
      await until(() => log.includes('answer 3'));
      expect(log.filter((each) => !each.startsWith('answer'))).toEqual(['call 1', 'call 2', 'forget a', 'call 3']);
    },
  );
});

test('one that is ended before its turn hears of it when it begins', async () => {
  const ends: string[] = [];
  await withHost(
    (stream) => stream.onEnd((why) => ends.push(why)),
    async (send, log) => {
      send(call(1), call(2), { t: 'stop', id: 2, why: 'stopped' });
      await until(() => log.includes('answer 2'));
    },
  );
  expect(ends).toEqual(['stopped']);
});

test('a call that fails leaves the next one its turn', async () => {
  let calls = 0;
  await withHost(
    () => {
      calls += 1;
      if (calls === 1) throw new Error('not this one');
    },
    async (send, log) => {
      send(call(1), call(2));
      await until(() => log.includes('answer 2'));
      expect(log.filter((each) => each.startsWith('answer'))).toEqual(['answer 1', 'answer 2']);
    },
  );
});

describe('how long a call had the thread', () => {
  /** Keeps the thread. */
  const keep = (ms: number): void => {
    for (const untilMs = performance.now() + ms; performance.now() < untilMs;);
  };
  const begun = async (): Promise<CallMeter> => {
    await turn();
    const meter = new CallMeter();
    meter.begin();
    return meter;
  };
  test('counts what stands behind an await, and not what the service does afterwards', async () => {
    const meter = await begun();
    keep(5);
    await Promise.resolve();
    keep(5);
    expect(meter.tookMs).toBeGreaterThanOrEqual(10);
    await turn();
    const tookMs = meter.tookMs;
    keep(5);
    expect(meter.tookMs).toBe(tookMs);
  });
  test('counts each turn that it takes', async () => {
    const fromMs = performance.now();
    const meter = await begun();
    keep(5);
    let serviceMs = 0;
    setImmediate(() => {
      const itsMs = performance.now();
      keep(20);
      serviceMs = performance.now() - itsMs;
    });
    await meter.turn();
    keep(5);
    await turn();
    expect(meter.tookMs).toBeGreaterThanOrEqual(10);
    expect(meter.tookMs).toBeLessThanOrEqual(performance.now() - fromMs - serviceMs);
  });
});
