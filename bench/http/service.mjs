/** The service of the bench: `service.mjs plain|DIST` prints its port, then at each line of stdin the CPU time it has used, and ends when its stdin does. */
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist] = process.argv.slice(2);
if (dist !== 'plain') {
  const { installInstrumentation } = await import(pathToFileURL(path.join(dist, 'loader/hooks.js')).href);
  installInstrumentation({ root: path.join(import.meta.dirname, 'application'), include: [], exclude: [] });
}
const { startShop } = await import('./application/server.mjs');
const server = await startShop();
console.log(server.address().port);
process.stdin.on('data', () => {
  const { user, system } = process.cpuUsage();
  console.log((user + system) / 1_000);
});
process.stdin.on('end', () => process.exit(0));
