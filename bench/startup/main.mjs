/** Start-up time and memory of an application of 500 files. Goals, with a warm cache: at most 1.10 and at most 1.05 of plain. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { dists, header, heading, interleave, measure, median, pairs, ratioOf, row } from '../pairs.mjs';
import { makeApplication } from './application.mjs';

const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'kh-bench-')));
try {
  const entry = makeApplication(path.join(folder, 'application'));
  // Everything that the agent or Node's compile cache might keep stays in this folder.
  const env = {
    ...process.env,
    HOME: folder,
    XDG_CACHE_HOME: path.join(folder, 'cache'),
    XDG_RUNTIME_DIR: folder,
    KEYHOLE_OPERATORS: path.join(folder, 'operators'),
    KEYHOLE_LISTEN: path.join(folder, 'door.sock'),
    KEYHOLE_JOURNAL_DIR: path.join(folder, 'journal'),
  };
  writeFileSync(env.KEYHOLE_OPERATORS, '');
  const hooks = path.join(folder, 'loader.mjs');
  // No more than the loader needs: `import 'node:fs'` alone brings 60 modules of Node's.
  writeFileSync(
    hooks,
    `const { KEYHOLE_TEST_DIST: dist, KEYHOLE_TEST_ROOT: root, KEYHOLE_TEST_CACHE: cache } = process.env;
const { installInstrumentation } = await import(dist + '/loader/hooks.js');
installInstrumentation({ root, include: [], exclude: [] }, cache);
`,
  );
  const without = [
    { title: 'plain', execArgv: [], env },
    ...dists.flatMap(({ name, dist }) => [
      {
        title: `${name}: the loader alone`,
        execArgv: ['--import', pathToFileURL(hooks).href],
        env: { ...env, KEYHOLE_TEST_DIST: dist, KEYHOLE_TEST_ROOT: path.dirname(entry), KEYHOLE_TEST_CACHE: path.join(folder, 'cache') },
      },
      {
        title: `${name}: the whole agent`,
        execArgv: ['--import', pathToFileURL(path.join(dist, 'register.js')).href],
        env: { ...env, BENCH_AWAIT: env.KEYHOLE_LISTEN },
      },
    ]),
  ];
  // Node's own cache of compiled code, which an operator can turn on (nothing of ours does): Node 20 has none.
  const compiled = without.map(({ title, execArgv, env: own }, form) => ({
    title: `${title}, with NODE_COMPILE_CACHE`,
    execArgv,
    env: { ...own, NODE_COMPILE_CACHE: path.join(folder, `compiled-${form}`) },
  }));
  const forms = [...without, ...compiled];
  const once = ({ execArgv, env: own }) => {
    rmSync(env.KEYHOLE_LISTEN, { force: true });
    return measure(entry, [], { execArgv: ['--expose-gc', ...execArgv], env: own });
  };
  forms.forEach(once);

  heading(
    'Start-up and memory',
    `An application of 500 files, half CommonJS, half ES modules, 10 functions each; time from the start of the process to the end of the last module's evaluation, memory after a full ` +
      `collection, of the agent with its door open. Every form ran once before (warm caches), then ${pairs} turns of fresh processes; median of the ratios, in brackets the middle half.`,
  );
  header('form', 'start-up, ms', 'start-up against plain', 'against plain with the same cache', 'resident memory', 'heap');
  const measured = await interleave(forms, once);
  const of = (form, what) => measured.get(form).map((each) => each[what]);
  for (const form of forms) {
    const against = (what, plain) => ratioOf(of(form, what), of(plain, what)).text;
    const peer = compiled.includes(form) ? compiled[0] : without[0];
    row(
      form.title,
      median(of(form, 'startMs')).toFixed(0),
      against('startMs', without[0]),
      against('startMs', peer),
      against('rss', without[0]),
      against('heap', without[0]),
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
