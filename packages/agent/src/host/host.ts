/**
 * The host's end of the bridge: one request at a time, at a turn boundary, on the main thread; the next one in the next turn. It catches everything; nothing of ours reaches the service.
 */
import type { MessagePort } from 'node:worker_threads';
import { KeyholeError } from '../protocol/errors.ts';
import type { PatchRecord, WireError } from '../protocol/index.ts';
import type { Coming } from './arrival.ts';
import { nextTurn, nodeClock } from '../platform/clock.ts';
import { CallMeter } from './call-meter.ts';
import { CallStream } from './call-stream.ts';
import type { MainHost } from './assembly.ts';
import type { HostContext, ToDoor, ToHost } from './bridge.ts';
import type { Outbox } from './outbox.ts';

export interface HostOptions {
  port: MessagePort;
  host: Coming<MainHost>;
  outbox: Outbox;
  /** Hears of what went wrong where no operator waits for an answer. */
  failed: (thrown: unknown) => void;
}

type Call = Extract<ToHost, { t: 'call' }>;
type Replied = { ok: true; result: unknown } | { ok: false; error: WireError };

export function serveHost({ port, host, outbox, failed }: HostOptions): void {
  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (thrown) {
      try {
        failed(thrown);
      } catch {
        // Who has broken so much of the language that this can not be said, has it so.
      }
    }
  };
  /** Of calls that have not been answered. */
  const streams = new Map<number, { session: string; stream: CallStream }>();
  const answer = async (message: Call, stream: CallStream): Promise<void> => {
    const { id } = message;
    const meter = new CallMeter();
    const replied = (how: Replied): ToDoor => ({ t: 'answer', id, tookMs: meter.tookMs, ...how });
    let reply: ToDoor;
    try {
      const { handlers } = host.here ?? (await host.come());
      const handler = handlers[message.op] as ((params: unknown, context: HostContext) => unknown) | undefined;
      if (handler === undefined) throw new KeyholeError('BAD_REQUEST', `the host knows no ${message.op}`);
      meter.begin();
      reply = replied({ ok: true, result: await handler(message.params, { ...message.context, call: id, stream, turn: () => meter.turn() }) });
    } catch (thrown) {
      reply = replied({ ok: false, error: KeyholeError.from(thrown).toWire() });
    }
    streams.delete(id);
    try {
      port.postMessage(reply);
    } catch (thrown) {
      // Only what cannot be cloned gets here, and our results are plain data: a bug, which the operator should see.
      guarded(() => port.postMessage(replied({ ok: false, error: KeyholeError.from(thrown).toWire() })));
    }
  };
  /** A rejection that nobody hears would end the service: what belongs to the language may be broken in a way that answering meets too. */
  const unheard = async (work: Promise<void>): Promise<void> => {
    try {
      await work;
    } catch (thrown) {
      guarded(() => {
        throw thrown;
      });
    }
  };
  /** Resolves in the turn of the event loop that the next call may have. Were all that wait answered in one, the service's requests would wait for all. */
  let free = Promise.resolve();
  const turnAfter = async (turn: Promise<void>): Promise<void> => {
    await turn;
    await nextTurn(nodeClock);
  };
  const inATurn = async (work: () => Promise<void> | void): Promise<void> => {
    const turn = free;
    free = turnAfter(turn);
    await turn;
    await work();
  };
  const called = (message: Call): void => {
    const { id, context } = message;
    const stream = new CallStream((text) => port.postMessage({ t: 'said', id, text } satisfies ToDoor));
    // At once: it may be ended before it has begun. Where that can't be kept it is answered all the same.
    guarded(() => streams.set(id, { session: context.session, stream }));
    void unheard(inATurn(() => answer(message, stream)));
  };
  const arm = async (records: readonly PatchRecord[]): Promise<void> => {
    try {
      (host.here ?? (await host.come())).replay(records);
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      for (const { replayed, id, address } of records) outbox.addReplayed({ entry: replayed?.entry ?? 0, id, address, became: 'failed', why });
    }
    guarded(() => port.postMessage({ t: 'armed' } satisfies ToDoor));
  };
  port.on('message', (message: ToHost) =>
    guarded(() => {
      if (message.t === 'forget') {
        for (const { session, stream } of streams.values()) if (session === message.session) stream.end('gone');
        // After what it has asked: nothing that does is to be left behind.
        void unheard(inATurn(() => host.whenHere(({ forget }) => guarded(() => forget(message.session)))));
      }
      if (message.t === 'written') outbox.written(message.number);
      else if (message.t === 'replay') void unheard(arm(message.records));
      else if (message.t === 'heard') streams.get(message.id)?.stream.heard();
      else if (message.t === 'stop') streams.get(message.id)?.stream.end(message.why);
      else if (message.t === 'call') called(message);
    }),
  );
  // The door is gone, and with it whoever listened.
  port.on('close', () => guarded(() => [...streams.values()].forEach(({ stream }) => stream.end('gone'))));
  port.unref();
  // To a port whose door is gone nothing is said; the next door hears it all.
  outbox.attach((news) => port.postMessage(news satisfies ToDoor));
}
