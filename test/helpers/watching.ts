/** A watch over a connection of its own, in the test's process: what it says is collected, and can be waited for. */
import type { Params, WatchItem, WatchResult, WatchStarted, WatchedCall } from '../../packages/agent/dist/protocol/index.js';
import type { Connection } from '../../packages/console/dist/index.js';

export interface Watch {
  started: WatchStarted;
  calls: WatchedCall[];
  /** Resolves when so many calls have come in all. */
  until(count: number): Promise<WatchedCall[]>;
  /** As Ctrl-C does. */
  stop(): Promise<WatchResult>;
  ended: Promise<WatchResult>;
}

export async function openWatch(connection: Connection, params: Params<'watch'>): Promise<Watch> {
  const calls: WatchedCall[] = [];
  const abort = new AbortController();
  let wake = (): void => undefined;
  let begin: (started: WatchStarted) => void = () => undefined;
  const begun = new Promise<WatchStarted>((resolve) => {
    begin = resolve;
  });
  // Where every processor is busy, the default would end it.
  const ended = connection.call(
    'watch',
    { budgetPercent: 50, ...params },
    {
      timeoutMs: 60_000,
      signal: abort.signal,
      onEvent: (_, items) => {
        for (const item of items as WatchItem[]) {
          if (item.t === 'started') begin(item);
          else calls.push(item);
        }
        wake();
      },
    },
  );
  ended.then(
    () => wake(),
    () => wake(),
  );
  const started = await Promise.race([begun, ended.then(() => begun)]);
  return {
    started,
    calls,
    ended,
    async until(count) {
      const over = ended.then(() => true);
      while (calls.length < count) {
        const more = new Promise<boolean>((resolve) => {
          wake = () => resolve(false);
        });
        if ((await Promise.race([more, over])) && calls.length < count)
          throw new Error(`it ended after ${calls.length} calls: ${JSON.stringify(await ended)}`);
      }
      return calls;
    },
    stop() {
      abort.abort();
      return ended;
    },
  };
}
