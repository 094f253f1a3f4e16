/**
 * The demo: `npm run demo` at the root of a fresh clone. It installs, builds, starts the auction house under load, patches it live through
 * the `keyhole` command as a user has it, and takes the change home. Anything unexpected ends it with exit code 1. On a terminal it then hands over.
 *
 *   node examples/rooms/demo.mjs [--record FILE]     also writes what was seen as Markdown; then it never hands over
 */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { prepareCheckout } from './demo/checkout.mjs';
import { Deviation } from './demo/deviation.mjs';
import { lookAround, patchIt, readTheJournal, seeNobodyNoticed, seeTheBug } from './demo/live.mjs';
import { Programs } from './demo/programs.mjs';
import { Stage } from './demo/stage.mjs';
import { bidInQuietRoom, makeOperator, makeRepository, startUnderLoad } from './demo/start.mjs';
import { applyElsewhere, closeDown, exportPatch, handOver, verifyJournal } from './demo/take-home.mjs';
import { Transcript } from './demo/transcript.mjs';
import { Workshop } from './demo/workshop.mjs';

const rooms = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(rooms));
const scriptedSeconds = 300;
const attachedSeconds = 14_400;

const { values: options } = parseArgs({ options: { record: { type: 'string' } } });
const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true && options.record === undefined;

async function main(programs, transcript) {
  transcript.hide(root, '/src/keyhole');
  await prepareCheckout(root, programs, transcript);

  const workshop = new Workshop(root, rooms);
  transcript.hide(workshop.dir, '/tmp/demo');
  let service;
  try {
    const stage = new Stage({ workshop, programs, transcript });
    const base = await makeRepository(stage);
    await makeOperator(stage);
    const running = await startUnderLoad(stage, { maxSeconds: interactive ? attachedSeconds : scriptedSeconds });
    service = running.service;
    await bidInQuietRoom(stage, service);
    await lookAround(stage, { service, base });
    const before = await seeTheBug(stage);
    const { body: states } = await service.request('GET', '/rooms');
    const patch = await patchIt(stage, { before });
    await seeNobodyNoticed(stage, { ...running, before: states });
    const intent = await readTheJournal(stage, { patch });
    await exportPatch(stage);
    await applyElsewhere(stage, { base, patch, intent });
    await verifyJournal(stage);
    if (interactive) await handOver(stage);
    await closeDown(stage, { ...running, judged: !interactive });
  } catch (error) {
    if (service !== undefined && service.stderr !== '') transcript.say(`The service's stderr:\n${service.stderr}`);
    throw error;
  } finally {
    await programs.stopAll();
    workshop.remove();
  }
}

const programs = new Programs();
const transcript = new Transcript();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // Ctrl-C in the console is the console's: it interrupts an evaluation there, not the demo.
    if (signal === 'SIGINT' && programs.onTerminal) return;
    console.error(`\ndemo: ended by ${signal}`);
    process.exit(1);
  });
}
try {
  await main(programs, transcript);
  if (options.record !== undefined) {
    transcript.save(
      resolve(options.record),
      `# The demo, as it was seen\n\nWritten by \`npm run demo:record\` on Node ${process.version}, ${process.platform}; temporary paths are shown as \`/tmp/demo\`, the rest is as it came.\n`,
    );
  }
  console.log('\nThe demo went as it should.');
} catch (error) {
  console.error(`\ndemo: ${error instanceof Deviation ? error.message : error.stack}`);
  process.exitCode = 1;
}
