/** The service of the bench: `service.mjs plain|DIST` serves the shop, prints its port, then at each line of stdin CPU time (ms) and resident memory (bytes), and ends when its stdin does. */
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist] = process.argv.slice(2);
if (dist !== 'plain') {
  const { startAgent } = await import(pathToFileURL(path.join(dist, 'index.js')).href);
  // A round trip is measured, not the share of the main thread that looking may have.
  const limits = { maxLookMsPerSecond: 1_000 };
  await startAgent({ service: 'shop', operators: process.env.KEYHOLE_OPERATORS, journal: { dir: process.env.KEYHOLE_JOURNAL_DIR }, limits });
}
const { startShop } = await import('../http/application/server.mjs');
const server = await startShop();
console.log(server.address().port);
process.stdin.on('data', () => {
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ cpuMs: (user + system) / 1_000, rssBytes: process.memoryUsage.rss() }));
});
process.stdin.on('end', () => process.exit(0));
