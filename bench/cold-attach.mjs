/**
 * `node bench/cold-attach.mjs [RUNS] [NODE...]`: for how long `keyhole attach PID` opens the inspector of a process, and how long the process's event loop stands still meanwhile. Each run is a
 * fresh process and a fresh console; the gap is compared with the longest one of the same process in the same time before. Nothing here fails: it measures.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [runs = '15', ...named] = process.argv.slice(2);
const nodes = named.length > 0 ? named : [process.execPath];
const keyhole = fileURLToPath(new URL('../packages/console/bin/keyhole.js', import.meta.url));
const program = `
let longest = 0, last = performance.now();
setInterval(() => { const now = performance.now(); longest = Math.max(longest, now - last); last = now; }, 1);
process.stdin.on('data', () => { console.log(longest.toFixed(1)); longest = 0; });
console.log('ready');
`;
const folder = mkdtempSync(join(tmpdir(), 'keyhole-bench-'));
const key = join(folder, 'key.pem');
const env = { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder, KEYHOLE_IDENTITY: key };
spawnSync(process.execPath, [keyhole, 'keygen', key, '--name', 'bench'], { env });
writeFileSync(join(folder, 'main.cjs'), program);

async function measure(node, index) {
  const cwd = join(folder, String(index));
  mkdirSync(cwd);
  const child = spawn(node, ['--inspect-port=127.0.0.1:0', join(folder, 'main.cjs')], { cwd, env, stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const gap = async () => {
    child.stdin.write('\n');
    return Number((await lines.next()).value);
  };
  await lines.next();
  await gap();
  // As long as an attach takes.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = await gap();
  const attaching = spawn(process.execPath, [keyhole, 'attach', String(child.pid)], { env, stdio: ['pipe', 'ignore', 'pipe'] });
  attaching.stdin.end();
  let said = '';
  attaching.stderr.on('data', (piece) => (said += piece));
  await once(attaching, 'close');
  const during = await gap();
  child.kill('SIGKILL');
  const [, openMs] = / for (\d+) ms, and closed it again/.exec(said) ?? [];
  if (openMs === undefined) throw new Error(said);
  return { openMs: Number(openMs), before, during };
}

const spread = (numbers) => {
  const sorted = numbers.toSorted((a, b) => a - b);
  return `${sorted[Math.floor(sorted.length / 2)]} (${sorted[0]} to ${sorted.at(-1)})`;
};
let index = 0;
const found = new Map(nodes.map((node) => [node, []]));
for (let run = 0; run < Number(runs); run += 1) for (const node of nodes) found.get(node).push(await measure(node, (index += 1)));
console.log(`${runs} runs each, interleaved: median (least to most), in ms`);
for (const [node, all] of found) {
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  console.log(
    `${version.padEnd(10)} open ${spread(all.map(({ openMs }) => openMs))}   longest gap before ${spread(all.map(({ before }) => before))}, during ${spread(all.map(({ during }) => during))}`,
  );
}
rmSync(folder, { recursive: true, force: true });
