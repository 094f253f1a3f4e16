/** What the agent puts on the global object of a service: this list, and nothing that can be enumerated. */
import { expect, test } from 'vitest';
import { answering, startService } from '../helpers/service.ts';

const main = `
import './other.js';
const name = (key) => typeof key === 'symbol' ? 'Symbol(' + key.description + ')' : key;
const before = new Set(JSON.parse(process.env.PLAIN));
const answer = () => ({
  own: Reflect.ownKeys(globalThis).map(name).filter((key) => !before.has(key)).map((key) => (key === '$keyhole' ? key : key.replace(/^\\$k[0-9a-z]+$/, 'a file'))).sort(),
  enumerable: Object.keys(globalThis).filter((key) => !before.has(key)),
  patched: ['process', 'Promise', 'Array', 'Map', 'JSON', 'setTimeout'].filter((key) => /keyhole/.test(String(globalThis[key]))),
});
${answering}`;
const plain = JSON.stringify(Reflect.ownKeys(globalThis).map((key) => (typeof key === 'symbol' ? `Symbol(${key.description ?? ''})` : key)));

test('one place of its own, what instrumented files register with, and a name for each of these; an attached console adds nothing', async () => {
  const service = await startService({
    files: { 'main.js': main, 'other.js': 'export const other = () => 1;' },
    main: 'main.js',
    environment: { PLAIN: plain },
  });
  const look = async (): Promise<unknown> => JSON.parse(await service.ask('look'));
  const expected = {
    own: ['$keyhole', 'a file', 'a file', 'keyhole.agent'],
    enumerable: [],
    patched: [],
  };
  expect(await look()).toEqual(expected);
  await service.keyhole('eval', 'svc', '1 + 1', '--in', 'main.js');
  await service.keyhole('inspect', 'svc', 'process');
  expect(await look()).toEqual(expected);
});
