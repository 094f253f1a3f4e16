/** Runs one row inside the process that is patched. The program is loaded by an import or a require after the strategy is in place. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { readFileSync, realpathSync } from 'node:fs';
import * as path from 'node:path';

const [strategyName, folder, dist] = process.argv.slice(2);
const row = JSON.parse(readFileSync(path.join(folder, 'row.json'), 'utf8'));
const part = (file) => import(pathToFileURL(path.join(dist, file)).href);
const { installInstrumentation } = await part('loader/index.js');
const { createPatching } = await part('host/patch/index.js');
const { Inspector } = await part('host/inspector.js');

const root = realpathSync(folder);
const table = strategyName === 'slots' ? installInstrumentation({ root, include: [], exclude: [] }) : null;
const file = row.format === 'module' ? 'program.mjs' : 'program.cjs';
const m =
  row.format === 'module' ? await import(pathToFileURL(path.join(root, file)).href) : createRequire(path.join(root, 'x.js'))(path.join(root, file));
const { handlers } = createPatching({ inspector: new Inspector(), service: 'row', root, commit: null, table });
// oxlint-disable-next-line typescript/no-implied-eval -- the row is a text, so that it can cross into this process
const observe = new Function('m', row.observe.startsWith('{') ? row.observe : `return ${row.observe}`);
const look = async () => JSON.parse(JSON.stringify((await observe(m)) ?? null));

let entry = 0;
const apply = () => {
  const patches = Object.entries(row.patches).map(([name, code]) => {
    const { address, code: baseCode } = handlers['fn.get']({ address: `${file}:${name}` });
    return { address, code, baseCode, source: code, baseSource: baseCode };
  });
  entry += 1;
  const intent = { entry, entryHash: '', at: '', operator: 'a', email: 'a@b', fingerprint: '' };
  return handlers['patch.apply']({ patches, reason: 'row', maxPauseMs: 60_000 }, { session: 's', call: entry, intent });
};
const says = { before: await look() };
const result = apply();
says.ok = result.ok;
says.refused = result.refused;
says.strategies = result.patches.map((patch) => patch.strategy);
says.verified = result.patches.every((patch) => patch.verified);
says.after = await look();
if (result.ok) {
  handlers['patch.revert']({ ids: [], all: true, reason: 'row' });
  says.reverted = await look();
  // Patched and taken back again and again, it still does the same.
  for (let round = 0; round < 3; round += 1) {
    apply();
    handlers['patch.revert']({ ids: [], all: true, reason: 'row' });
  }
  apply();
  says.again = typeof (await look());
}
console.log(JSON.stringify(says));
