/** What a service keeps secret, through the door: by every way to look, and what an evaluation gives that names it. */
import { beforeAll, describe, expect, test } from 'vitest';
import { withConnection } from '../helpers/operator.ts';
import { agentUrl, answering, journalOf, startService, type Service } from '../helpers/service.ts';
import { openWatch } from '../helpers/watching.ts';

const canary = 'hunter2-canary';
const files = {
  'keyhole.config.json': JSON.stringify({ journal: { redact: { names: ['pin'], patterns: ['K-\\d{6}'] } } }),
  'src/login.js': `
export function login(user, password, { pin } = {}) { return { user, token: password, at: 1 }; }
export const settings = { password: '${canary}', user: 'ann', note: 'K-123456' };
`,
  'src/main.js': `
import { Worker, isMainThread } from 'node:worker_threads';
import { startAgent } from '${agentUrl}';
import { login, settings } from './login.js';
globalThis.config = { db: { password: '${canary}', host: 'db', pin: 1234, note: 'K-123456' }, list: [login('ann', '${canary}')] };
const account = { name: 'ann', password: '${canary}', price: 1 };
class Vault {
  #password = '${canary}';
  opens = (text) => text === this.#password;
}
globalThis.inner = {
  named: new Map([['password', '${canary}'], ['user', 'ann']]),
  vault: new Vault(),
  proxy: new Proxy({ password: '${canary}' }, {}),
  heir: Object.create({ password: '${canary}' }),
  scoped: ((password) => () => password)('${canary}'),
  waiting: Promise.resolve({ password: '${canary}' }),
};
if (isMainThread) {
  (await startAgent()).actors.register('account/ann', account);
  const worker = new Worker(new URL('./pool.js', import.meta.url));
  await new Promise((resolve) => worker.once('message', resolve));
}
const answer = () => { login('ann', '${canary}', { pin: 1234 }); return settings.user; };
${answering}`,
  'src/pool.js': `
import { parentPort } from 'node:worker_threads';
import { settings } from './login.js';
globalThis.settings = settings;
parentPort.on('message', () => {});
parentPort.postMessage('ready');
`,
};
let service: Service;
const keyhole = async (...words: string[]): Promise<string> => {
  const { stdout, stderr } = await service.keyhole(...words);
  return `${stdout}${stderr}`;
};
const shown = ['hunter2', '1234', 'K-123456'];
const leaks = (text: string): string[] => shown.filter((each) => text.includes(each));

beforeAll(async () => {
  service = await startService({ files, main: 'src/main.js' });
});

describe.each([
  ['inspect', ['inspect', 'svc', 'config', '--depth', '4']],
  ['inspect, as JSON', ['inspect', 'svc', 'config', '--depth', '4', '--json']],
  ['in a module', ['inspect', 'svc', 'settings', '--in', 'src/login.js', '--json']],
  ['actors', ['actors', 'svc', '--json']],
  ['an actor', ['inspect', 'svc', 'account/ann', '--json']],
  ['an evaluation of what is around it', ['eval', 'svc', 'config.db', '--json']],
  ['an evaluation of what is around it, for people', ['eval', 'svc', 'config', '--depth', '3']],
])('%s', (_name, words) => {
  test('shows what is beside it, and that something is hidden', async () => {
    const text = await keyhole(...words);
    expect(text).toMatch(/ann|db/);
    expect(text).toContain('redacted');
    expect(leaks(text)).toEqual([]);
  });
});

test('in another thread of the service too', async () => {
  const threads = (await service.keyhole('threads', 'svc', '--json')).json() as { id: number }[];
  const text = await keyhole('eval', 'svc', 'settings', '--thread', String(threads.at(-1)?.id), '--json');
  expect(text).toContain('ann');
  expect(leaks(text)).toEqual([]);
});

test.each([
  ['its name', ['inspect', 'svc', 'config.db.password']],
  ['a name of the configuration', ['inspect', 'svc', 'config.db.pin']],
  ['a name that is put together', ['inspect', 'svc', 'config.db["pass" + "word"]']],
  ['a question about it', ['inspect', 'svc', `config.db.password === "${canary}"`]],
  ['a condition about actors', ['actors', 'svc', '--where', `s => s.password === "${canary}"`]],
])('who looks can not ask by %s', async (_name, words) => {
  const { code, stderr } = await service.keyhole(...words);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/hidden|puts a name together/);
});

// Where the steps into what the language has no expression for lead: refused, or shown without it.
test.each([
  'inner.named.[[Entries]]',
  'inner.named.[[Entries]][0]',
  'inner.named.[[Entries]][0].value',
  'inner.vault.#password',
  'inner.vault.opens.[[Scopes]]',
  'inner.proxy.[[Target]].password',
  'inner.heir.[[Prototype]].password',
  'inner.scoped.[[Scopes]][0].password',
  'inner.scoped.[[Scopes]][0]',
  'inner.waiting.[[PromiseResult]].password',
  'inner.waiting.[[PromiseResult]]',
  'inner.vault.[[Prototype]].#password',
])('nor is it reached by steps into %s', async (expression) => {
  for (const words of [[], ['--json'], ['--depth', '4', '--json']]) expect(leaks(await keyhole('inspect', 'svc', expression, ...words))).toEqual([]);
});

test('an entry of a Map beside it is shown', async () => {
  expect(await keyhole('inspect', 'svc', 'inner.named.[[Entries]][1].value')).toContain('ann');
});

test('an evaluation that names it gives it, and stands in the journal', async () => {
  expect(await keyhole('eval', 'svc', 'config.db.password')).toContain(canary);
  expect(journalOf(service).some(({ request }) => (request as { expression?: string } | undefined)?.expression === 'config.db.password')).toBe(true);
});

test('what the service throws', async () => {
  expect(leaks(await keyhole('eval', 'svc', `throw new Error('no login with password=${canary.replace('-', '" + "-')}')`))).toEqual([]);
});

test('a watched call: arguments by the names of parameters, properties, what it gives', async () => {
  await withConnection(service, async (connection) => {
    const watch = await openWatch(connection, { addresses: ['src/login.js:login'], record: true, limit: 1 });
    await service.ask('login');
    const calls = JSON.stringify(await watch.until(1));
    await watch.ended;
    const opened = JSON.stringify(await connection.call('recording.open', { number: 1, depth: 3 }));
    for (const text of [calls, opened]) {
      expect(text).toContain('ann');
      expect(leaks(text)).toEqual([]);
    }
  });
});

test('what is set under such a name: neither before nor after is said', async () => {
  const text = await keyhole('set', 'svc', 'account/ann', 'password', '"hunter2-other"', '--reason', 'rotated', '--json');
  expect(text).toContain('"ok":true');
  expect(leaks(text)).toEqual([]);
  expect(JSON.stringify(journalOf(service).filter(({ kind }) => kind === 'set'))).not.toContain('hunter2');
});
