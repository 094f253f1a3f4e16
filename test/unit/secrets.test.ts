/** Secrets in the shapes in which services keep them: nothing of them goes out when somebody looks. */
import { runInThisContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Evaluator } from '../../packages/agent/dist/host/evaluate.js';
import { Inspector } from '../../packages/agent/dist/host/inspector.js';
import { jsonOf } from '../../packages/agent/dist/host/json.js';
import { SessionObjects } from '../../packages/agent/dist/host/objects.js';
import { Glimpse, defaultGlimpse } from '../../packages/agent/dist/host/watch/glimpse.js';
import { Secrets, secretReached } from '../../packages/agent/dist/source/index.js';

const canary = 'hunter2-canary';
const jwt = `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI${'a'.repeat(60)}.c2lnbmF0dXJlLWNhbmFyeQ`;
const pem = `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n${'Q0FOQVJZ'.repeat(40)}\n-----END RSA PRIVATE KEY-----`;
/** Pieces of the above that must never be seen, those that a preview cuts out included. */
const pieces = [canary, 'canary', 'c2lnbmF0dXJl', 'aaaaaaaaaa', 'Q0FOQVJZQ0FO', 'AKIAABCDEFGHIJKLMNOP', 'AKIAABCDEF'];

/** Made where the names of this file are not in their scope. */
const elsewhere = (text: string): unknown => (runInThisContext(`(password) => ${text}`) as (password: () => string) => unknown)(() => canary);
const Account = elsewhere(`(class Account {
  #password = password();
  static apiKey = password();
  name = 'ann';
  matches(text) { return text === this.#password; }
})`) as new () => object;
const named = new Map<unknown, unknown>([
  ['password', canary],
  ['user', 'ann'],
  ['session', { token: canary, at: 1 }],
]);
const closure = elsewhere('((password) => () => password.length)(password())') as object;

const shapes: [string, object][] = [
  ['a property', { password: canary }],
  ['in capitals', { DB_PASSWORD: canary }],
  ['in camel case', { clientSecret: canary }],
  ['with a dash', { 'x-api-key': canary }],
  ['a number', { cvv: 1, passwordDigits: 90210 }],
  ['a list of them', { tokens: [canary, canary] }],
  ['an object of them', { credentials: { user: 'ann', value: canary } }],
  ['a Map of them', { secrets: new Map([['a', canary]]) }],
  ['bytes', { privateKey: Buffer.from(canary) }],
  ['a hidden property', Object.defineProperty({}, 'password', { value: canary })],
  ['under a symbol', { [Symbol('token')]: canary }],
  ['a registered symbol', { [Symbol.for('app.secret')]: canary }],
  ['a private field', new Account()],
  ['a static field', Account],
  ['a property of a function', Object.assign(elsewhere('(() => 1)') as object, { token: canary })],
  ['a captured variable', closure],
  ['a Map with the name as its key', named],
  ['deep in a Map', new Map([['ann', new Map([['password', canary]])]])],
  ['an entry that is an object', new Map([['ann', { password: canary }]])],
  ['objects in a Set', new Set([{ password: canary }])],
  ['objects in a list', [{ password: canary }, { password: canary }]],
  ['five levels down', { a: { b: { c: { d: { password: canary } } } } }],
  ['no prototype', Object.assign(Object.create(null), { password: canary })],
  ['an inherited one', Object.create({ password: canary })],
  ['raw headers', ['host', 'x', 'authorization', canary, 'cookie', canary]],
  ['raw headers with long names around', ['Accept', 'y', 'X-Auth-Token', canary]],
  ['pairs', [['password', canary]]],
  ['headers', { headers: { authorization: canary, 'set-cookie': [canary] } }],
  ['a bearer token in a text', { header: `Bearer ${canary}-0123456789` }],
  ['the password of a URL', { url: `postgres://ann:${canary}@db:5432/x` }],
  ['a URL object', { at: new URL(`https://ann:${canary}@db/x`) }],
  ['a query', { url: `/login?user=ann&token=${canary}` }],
  ['a connection string', { dsn: `Server=db;User=ann;Password=${canary};` }],
  ['the message of an error', new Error(`no login with password=${canary}`)],
  ['a cause of an error', new Error('outer', { cause: new Error(`https://ann:${canary}@db/`) })],
  ['a property of an error', Object.assign(new Error('no'), { config: { token: canary } })],
  ['a JSON web token', { id: jwt }],
  ['one in a list', [jwt, `x ${jwt} y`]],
  ['one behind a long text', { text: `${'x'.repeat(60)} ${jwt} ${'y'.repeat(200)}` }],
  ['one that a preview cuts', { text: `${'x'.repeat(20)} ${jwt}${jwt}` }],
  ['one as the key of a Map', new Map([[jwt, 1]])],
  ['one in an entry that a preview cuts', new Map([['a', { text: `${'x'.repeat(20)} ${jwt}${jwt}` }]])],
  ['a private key', { text: pem }],
  ['a private key in a Set', new Set([pem])],
  ['a private key across a page of a long text', { text: `${'x'.repeat(9_900)}${pem}${'y'.repeat(9_000)}` }],
  ['a cloud’s key', { id: 'AKIAABCDEFGHIJKLMNOP' }],
  ['a cloud’s key where a text is cut', { text: `${'x '.repeat(20)}AKIAABCDEFGHIJKLMNOP${' y'.repeat(60)}` }],
  ['a promise of one', { waiting: Promise.resolve({ password: canary }) }],
  ['a Proxy', { proxy: new Proxy({ password: canary }, {}) }],
  [
    'arguments',
    (function (..._all: unknown[]) {
      return arguments;
    })({ password: canary }),
  ],
  ['a WeakRef', new WeakRef(named)],
  [
    'more than V8 is asked about',
    Object.assign(Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`k${index}`, index])), { password: canary }),
  ],
];

const inspector = new Inspector();

/** Everything that a session gets to see from a value: pages, what their handles open, and pages of texts. */
function seen(value: object): string {
  const objects = new SessionObjects(inspector, 'test');
  const pages: unknown[] = [];
  const opened = new Set<string>();
  const crawl = (page: unknown, levels: number): void => {
    pages.push(page);
    for (const handle of JSON.stringify(page).match(/(?<="handle":")h\d+/g) ?? []) {
      if (opened.has(handle) || levels === 0) continue;
      opened.add(handle);
      for (const open of [() => crawl(objects.page(objects.shown(handle), 0, 100, 1), levels - 1), () => textOf(handle)]) {
        try {
          open();
        } catch (thrown) {
          if (!/no (?:object|string) behind/.test(String(thrown))) throw thrown;
        }
      }
    }
  };
  const textOf = (handle: string): void => {
    for (let start = 0; start < 20_000; start += 7)
      pages.push(start % 700 === 0 ? objects.text(handle, start, 10_000).text : objects.text(handle, 9_890 + start, 100).text);
  };
  crawl(objects.page(inspector.show(value, objects.group), 0, 100, 5), 3);
  objects.release();
  return JSON.stringify(pages);
}

describe.each(shapes)('%s', (_name, value) => {
  test('looked at, with all that its handles open', () => {
    const text = seen(value);
    expect(pieces.filter((piece) => text.includes(piece))).toEqual([]);
  });

  test('in a watched call, and as JSON', () => {
    const text = `${new Glimpse({ ...defaultGlimpse, depth: 5 }).of(value)} ${JSON.stringify(jsonOf(value))}`;
    expect(pieces.filter((piece) => text.includes(piece))).toEqual([]);
  });
});

test('the argument of that name in a watched call', () => {
  expect(new Glimpse(defaultGlimpse).of(canary, 'password')).toBe('{"type":"redacted"}');
  expect(new Glimpse(defaultGlimpse).of(canary, 'user')).toContain(canary);
});

test('what is hidden is said to be, and has no handle; what is beside it is shown', () => {
  const objects = new SessionObjects(inspector, 'said');
  const { value, properties } = objects.page(inspector.show({ user: 'ann', credentials: { password: canary } }, objects.group), 0, 100, 5);
  expect(value.preview?.properties).toEqual([
    { name: 'user', type: 'string', value: 'ann' },
    { name: 'credentials', type: 'redacted' },
  ]);
  expect(properties.slice(0, 2)).toMatchObject([
    { name: 'user', value: { value: 'ann' } },
    { name: 'credentials', value: { type: 'redacted' } },
  ]);
  expect(properties[1]?.value).toEqual({ type: 'redacted' });
  expect(properties[1]?.properties).toBeUndefined();
});

describe('who may only look can not name one', () => {
  const secrets = new Secrets();
  const reached = (expression: string): string | null => secretReached(expression, (name) => secrets.names(name));
  test.each([
    'config.password',
    'config["password"]',
    'config[`password`]',
    'config["pass" + "word"]',
    'config[`pass${"word"}`]',
    'config[key]',
    'config[o.key]',
    'config?.["x" || "y"]',
    'password',
    'config.password.length',
    'config.password === "a"',
    '!config.password',
    'typeof token',
    'config[0].apiKey',
    'this.secret',
    'config["\\x70assword"]',
    'config.p\\u0061ssword',
    'config[typeof x]',
    'config[a ? "password" : 1]',
    'config[1 + x]',
    'a[b[c]]',
    'config?.password?.[0]',
  ])('%s', (expression) => {
    expect(reached(expression)).not.toBeNull();
  });
  test.each([
    'config.user',
    'config["user"]',
    'list[0]',
    'list[list.length - 1]',
    'list[+i]',
    'list[-1]',
    '"password" in config',
    'list[i * 2 % 3]',
    'config.user === "password"',
  ])('%s is looking', (expression) => {
    expect(reached(expression)).toBeNull();
  });

  test('and is told so', () => {
    const objects = new SessionObjects(inspector, 'peek');
    const evaluator = new Evaluator(inspector, { portal: () => null } as never);
    expect(() => evaluator.peek('globalThis.password', undefined, objects, 1_000)).toThrow(/what is called password is hidden/);
  });
});

describe('texts', () => {
  const secrets = new Secrets({ names: ['pin'], patterns: ['K-\\d{6}'] });
  test.each([
    ['Bearer abcdefgh12345678', 'Bearer [redacted]******'],
    ['https://ann:s3cret@host/', 'https://ann:[redac@host/'],
    ['a K-123456 b', 'a [redacte b'],
    ['token=abcd&x=1', 'token=[red&x=1'],
  ])('%s', (text, hidden) => {
    expect(secrets.hide(text)).toBe(hidden);
  });
  test.each([
    'Unexpected token = in JSON',
    'token: }',
    'a tokenizer of tokens',
    'https://host:8080/a@b',
    'x=1',
    'basic information about it',
    'const token = next();',
    'eyJ is how they begin',
    'import a from "https://deno.land/x@1"',
  ])('%s stays', (text) => {
    expect(secrets.hide(text)).toBe(text);
  });
  test('names of the configuration count beside the usual ones', () => {
    expect(['PIN', 'userPin', 'password', 'name'].map((name) => secrets.names(name))).toEqual([true, true, true, false]);
  });
  test('places in a text stay where they are', () => {
    const parts = fc.constantFrom(jwt, pem, 'Bearer ', 'token=', '://a:', '@', '-----BEGIN PRIVATE KEY-----', 'AKIAABCDEFGHIJKLMNOP', ' ', 'x', '…');
    fc.assert(
      fc.property(fc.array(fc.oneof(parts, fc.string()), { maxLength: 20 }), (texts) => {
        const text = texts.join('');
        const hidden = secrets.hide(text);
        expect(hidden).toHaveLength(text.length);
      }),
    );
  });
});
