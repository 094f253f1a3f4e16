/** A program of one file in this process, instrumented, and watches of it by the agent's own code, without a door: its console reads at once. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';

/** @param work gets the program's exports, its file, and `watching(params)`, which gives what ends a watch. */
export async function onStage(dist, source, work) {
  const part = (file) => import(pathToFileURL(path.join(dist, file)).href);
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'kh-bench-')));
  // What the agent waits for keeps no process alive.
  const alive = setInterval(() => undefined, 1_000);
  try {
    const file = path.join(root, 'program.mjs');
    writeFileSync(file, source);
    const { installInstrumentation } = await part('loader/hooks.js');
    const table = installInstrumentation({ root, include: [], exclude: [] });
    const program = await import(pathToFileURL(file).href);
    const { createPatching } = await part('host/patch/index.js');
    const { Inspector } = await part('host/inspector.js');
    const { CallStream } = await part('host/call-stream.js');
    const { nodeClock } = await part('platform/clock.js');
    const { watch } = await part('host/watch/watch.js');
    const { slots, modules } = createPatching({ inspector: new Inspector(), service: 'bench', root, commit: null, table });
    const parts = { slots, modules, clock: nodeClock, root, loadedElsewhere: async () => [] };
    const watching = async (params) => {
      let begin;
      const begun = new Promise((resolve) => (begin = resolve));
      const stream = new CallStream(() => {
        begin();
        stream.heard();
      });
      const ended = watch(parts, { limit: 100_000, rate: 1_000, budgetPercent: 50, ...params }, { session: 's', call: 1, stream });
      ended.then(begin, begin);
      await begun;
      return async () => {
        stream.end('stopped');
        return ended;
      };
    };
    await work({
      program,
      file,
      watching,
      slotsOf: () => table.list().map((module) => Array.from({ length: module.functions }, (_, index) => module.inSlot(index))),
    });
  } finally {
    clearInterval(alive);
    rmSync(root, { recursive: true, force: true });
  }
}
