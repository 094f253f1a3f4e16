/** The process that is patched: it plays rows, one command of the stage at a time, each in its own turn of the event loop. It judges nothing. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { setImmediate } from 'node:timers/promises';
import * as path from 'node:path';

const [strategy, dist, root] = process.argv.slice(2);
const part = (file) => import(pathToFileURL(path.join(dist, file)).href);
const { installInstrumentation } = await part('loader/hooks.js');
const { createPatching } = await part('host/patch/index.js');
const { Inspector } = await part('host/inspector.js');

const table = strategy === 'slots' ? installInstrumentation({ root, include: [], exclude: [] }) : null;
const AsyncFunction = (async () => undefined).constructor;

// Too little for rebind to walk the heap: the rows do not ask who holds what.
const limits = strategy === 'rebind' ? { maxPauseMs: 1_000, waitMs: 1_500 } : { maxPauseMs: 60_000 };

/** The engine with one strategy alone: another one would step in where it can not. */
async function withoutSlots(folder) {
  const { PatchEngine } = await part('host/patch/engine.js');
  const { ModuleIndex, loadedCode } = await part('host/patch/modules.js');
  const { LiveEditStrategy } = await part('host/patch/live-edit.js');
  const { RebindStrategy } = await part('host/patch/rebind.js');
  const { Scripts } = await part('host/patch/scripts.js');
  const { PatchImports } = await part('host/patch/imports.js');
  const { WaitingRoom } = await part('host/patch/waiting.js');
  const { nodeClock } = await part('platform/clock.js');
  const { createSelection } = await part('loader/index.js');
  const inspector = new Inspector();
  const scripts = new Scripts(inspector, createSelection({ root: folder, include: [], exclude: [] }));
  const modules = new ModuleIndex(folder, scripts);
  const alone = strategy === 'rebind' ? new RebindStrategy() : new LiveEditStrategy(inspector, scripts);
  const engine = new PatchEngine(modules, [alone], new PatchImports(modules, () => [], nodeClock), new WaitingRoom());
  const get = async ({ address }) => {
    await modules.read(address);
    const [target] = modules.at(address);
    return { address: target.address, code: engine.liveAt(target.address)?.code ?? loadedCode(target) };
  };
  const apply = (params, context) => engine.apply(params, context);
  return { handlers: { 'fn.get': get, 'patch.apply': apply, 'patch.revert': (params) => engine.revert(params) } };
}

let scene = null;
let entry = 0;

/** A patch may wait for the function's next call: until it is there, the row is looked at again and again. */
const settled = async (answer) => {
  if (!(answer instanceof Promise)) return answer;
  const waiting = new Set([answer]);
  const done = answer.finally(() => waiting.delete(answer));
  done.catch(() => undefined);
  await setImmediate();
  while (waiting.size > 0) {
    await scene.observe().catch(() => undefined);
    await setImmediate();
  }
  return done;
};

const apply = async (patch) => {
  const { handlers, file } = scene;
  const patches = [];
  for (const [name, code] of Object.entries(patch)) {
    const address = name.includes(':') ? name : `${file}:${name}`;
    const { code: baseCode } = await handlers['fn.get']({ address });
    patches.push({ address, code, baseCode, source: code, baseSource: baseCode });
  }
  entry += 1;
  const intent = { entry, entryHash: '', at: '', operator: 'a', email: 'a@b', fingerprint: '' };
  return settled(handlers['patch.apply']({ patches, reason: 'row', ...limits }, { session: 's', call: entry, intent }));
};
const revert = (ids) => settled(scene.handlers['patch.revert']({ ids, all: ids.length === 0, reason: 'row' }));

const commands = {
  async open({ folder, entry: file, observe, arrange }) {
    const require = createRequire(path.join(folder, 'x.js'));
    const dependencies = { inspector: new Inspector(), service: 'row', root: folder, commit: null, table };
    const { handlers } = strategy === 'slots' ? createPatching(dependencies) : await withoutSlots(folder);
    const m = file.endsWith('.mjs') ? await import(pathToFileURL(path.join(folder, file)).href) : require(path.join(folder, file));
    const keep = { folder };
    const compile = (code) => {
      // oxlint-disable-next-line typescript/no-implied-eval -- rows are texts, so that they can cross into this process
      const run = new AsyncFunction('m', 'keep', 'require', code.startsWith('{') ? code : `return ${code}`);
      return () => run(m, keep, require);
    };
    scene = { file, handlers, compile, observe: compile(observe) };
    if (arrange !== '') await compile(`{${arrange}}`)();
  },
  see: async () => JSON.parse(JSON.stringify((await scene.observe()) ?? null)),
  run: async ({ code }) => {
    await scene.compile(`{${code}}`)();
  },
  apply: ({ patch }) => apply(patch),
  revert: ({ ids }) => revert(ids),
  async rounds({ times, patch }) {
    for (let round = 0; round < times; round += 1) {
      const { ok, refused } = await apply(patch);
      if (!ok) return { ok, refused };
      await revert([]);
    }
    return { ok: true, refused: [] };
  },
};

async function answer({ command, ...given }) {
  try {
    process.send({ value: (await commands[command](given)) ?? null });
  } catch (thrown) {
    process.send({
      error: thrown instanceof Error ? `${thrown.code ?? thrown.name}: ${thrown.message} ${thrown.hint ?? ''}\n${thrown.stack}` : String(thrown),
    });
  }
}

process.on('message', (message) => void answer(message));
process.send({ value: 'ready' });
