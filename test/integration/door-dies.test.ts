/** The door dies, each way a worker can: the service does not notice, what was patched stays, and the door opens again. The one thing that runs there and is not ours is a redaction. */
import { expect, test } from 'vitest';
import { ask, pushEdits } from '../helpers/operator.ts';
import { answering, startService, type Service } from '../helpers/service.ts';

const main = `const price = (n) => n + 1;\nconst answer = (line) => price(Number(line));${answering}`;
const redact = `
const ways = {
  uncaught: () => setImmediate(() => { throw new Error('a bug in the door') }),
  rejected: () => void Promise.reject(new Error('a bug in the door')),
  exit: () => process.exit(1),
  memory: () => setImmediate(() => { const all = []; for (;;) all.push(new Array(100_000).fill(0.5)) }),
};
export default (value) => { ways[String(value).replace('die: ', '')]?.(); return value };
`;
const config = JSON.stringify({ journal: { redact: { module: 'redact.mjs' } } });

const comesIn = async (service: Service): Promise<boolean> => {
  try {
    await ask(service, 'info', {});
    return true;
  } catch {
    return false;
  }
};

test.each(['uncaught', 'rejected', 'exit', 'memory'])('%s', async (way) => {
  const files = { 'main.js': main, 'redact.mjs': redact, 'keyhole.config.json': config };
  const service = await startService({ files, main: 'main.js' });
  await pushEdits(service, 'main.js', [['n + 1', 'n + 2']]);
  expect(await service.ask('1')).toBe('3');

  // It is dead before it can answer; who asked hears that the line was lost.
  await expect(ask(service, 'patch.revert', { ids: ['none'], reason: `die: ${way}` })).rejects.toMatchObject({ code: 'UNREACHABLE' });
  expect(await service.ask('2')).toBe('4');
  while (!(await comesIn(service))) expect(await service.ask('3')).toBe('5');

  const { patches } = await ask(service, 'patch.list', {});
  expect(patches).toMatchObject([{ address: 'main.js:price' }]);
  await ask(service, 'patch.revert', { ids: [], all: true, reason: 'R' });
  expect(await service.ask('1')).toBe('2');
  if (way === 'uncaught' || way === 'rejected')
    expect(service.stderr()).toContain('keyhole: a bug in the door\n  It is started again; the service is not touched.');
  if (way === 'memory') expect(service.stderr()).toContain('Worker terminated due to reaching memory limit');
});
