/** The worker of the gap measurement: writes entries at a rate, as the door does. */
import { parentPort, workerData } from 'node:worker_threads';
import { Journal } from '../../packages/agent/dist/journal/index.js';

const { config, start, intent, perSecond } = workerData;
const journal = Journal.open(config, start);
const everyMs = 10;
let written = 0;
const timer = setInterval(() => {
  for (let index = 0; index < (perSecond * everyMs) / 1_000; index += 1) {
    void journal.append(intent).then(() => {
      written += 1;
    });
  }
}, everyMs);
parentPort.once('message', () => {
  clearInterval(timer);
  setImmediate(() => {
    parentPort.postMessage(written);
    journal.close();
  });
});
parentPort.postMessage('ready');
