/** What an operator types: finished or not, an object or a block, a dot command and its words. */
import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { armoredSignature, keyLine, publicKeyLine, publicLineOfOpenSshKey } from '../../packages/console/dist/client/ssh-wire.js';
import { commandLoaders, loadAllCommands } from '../../packages/console/dist/commands/all.js';
import { durationFlag, durationMs, type CommandContext } from '../../packages/console/dist/commands/command.js';
import { asEvaluated, isUnfinished } from '../../packages/console/dist/commands/expression.js';
import { limits } from '../../packages/agent/dist/protocol/index.js';
import { shadowFlags } from '../../packages/console/dist/commands/shadow.js';
import { duration } from '../../packages/console/dist/render/duration.js';
import { parseDotLine, shellWords } from '../../packages/console/dist/repl/dot-line.js';

test.each([
  ['1 +', true],
  ['function f() {', true],
  ['await f(', true],
  ['`a', true],
  ['/* a', true],
  ['"a\\\n', true],
  ['{ a: [1,', true],
  ['if (x)', true],
  ['1', false],
  ['await x', false],
  ['{ a: 1, b: 2 }', false],
  ['let 1', false],
  ['"a', false],
  ['a b', false],
  [')', false],
])('%j unfinished: %s', (code, unfinished) => {
  expect(isUnfinished(`${code}\n`)).toBe(unfinished);
});

test('braces that can be an object are one', () => {
  expect([asEvaluated('{ a: 1 }'), asEvaluated('{ let a = 1 }'), asEvaluated('{ a: 1 };'), asEvaluated('[1]')]).toEqual([
    '({ a: 1 })',
    '{ let a = 1 }',
    '{ a: 1 };',
    '[1]',
  ]);
});

const definitions = await loadAllCommands();

describe('dot lines', () => {
  test.each([
    ['a  b', ['a', 'b']],
    ['"a b" c', ['a b', 'c']],
    ["'a\\' b", ['a\\', 'b']],
    ['a\\ b ""', ['a b', '']],
    ['', []],
  ])('%j', (text, words) => {
    expect(shellWords(text)).toEqual(words);
  });

  test('any words survive quoting', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (words) => {
        const line = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
        expect(shellWords(line)).toEqual(words);
      }),
    );
  });

  test('each command is loaded under its own name', () => {
    expect(definitions.map(({ name }) => name)).toEqual(Object.keys(commandLoaders));
  });

  test('an expression stays as it was typed, options around it stay options', () => {
    const argv = (line: string): string[] => parseDotLine(definitions, line).argv;
    expect(argv('.inspect rooms.get("a  b")')).toEqual(['--', 'rooms.get("a  b")']);
    expect(argv('.inspect --depth 2 a - b --in src/a.js')).toEqual(['--depth', '2', '--in', 'src/a.js', '--', 'a - b']);
    expect(argv('.eval --safe x')).toEqual(['--safe', '--', 'x']);
    expect(argv('.eval --a')).toEqual(['--', '--a']);
    expect(argv('.journal verify "a b"')).toEqual(['a b']);
    expect(() => argv('.nope')).toThrow('there is no command .nope');
    expect(() => argv('.push "a')).toThrow('not closed');
  });
});

test.each([
  ['5', 5_000],
  ['500ms', 500],
  ['1.5s', 1_500],
  ['90s', 90_000],
  ['5m', 300_000],
  ['2h', 7_200_000],
])('%s is %i ms', (text, ms) => {
  expect(durationMs('--timeout', text, 1_000)).toBe(ms);
});
test.each(['', '-1', 'x', '5d', '2 h', '1e3'])('%j is no time', (text) => {
  expect(() => durationMs('--timeout', text, 1_000)).toThrow('--timeout');
});

test.each([
  ['--confirm', 'confirm', limits.minConfirmMs, limits.maxConfirmMs, '1s', '24h'],
  ['--shadow-for', 'shadowFor', limits.minShadowMs, limits.maxShadowMs, '1s', '10m'],
])('%s takes a time within its bounds', (option, name, least, most, from, to) => {
  const read = (value: string) => durationFlag({ [name]: value }, name, option, least, most);
  expect([read(from), read(to), read('90')]).toEqual([least, most, 90_000]);
  for (const value of [`${least - 1}ms`, `${most + 1}ms`, 'soon']) expect(() => read(value)).toThrow(`${option} takes a time`);
});

test('the options of a shadow run: bounds, and never without a word of consent', () => {
  const flags = (given: Record<string, unknown>, interactive = false) => shadowFlags({ interactive } as CommandContext, given);
  expect(flags({})).toBeNull();
  expect(flags({ shadow: '1', yes: true })).toEqual({ calls: 1, timeoutMs: limits.defaultShadowMs, yes: true });
  expect(flags({ shadow: '1000' }, true)).toMatchObject({ calls: 1_000, yes: false });
  for (const shadow of ['0', '1001', 'x']) expect(() => flags({ shadow, yes: true })).toThrow('--shadow takes a whole number from 1 to 1000');
  expect(() => flags({ shadow: '1' })).toThrow('There is nobody to ask');
  expect(() => flags({ yes: true })).toThrow('go with --shadow');
  expect(() => flags({ shadowFor: '5s' })).toThrow('go with --shadow');
  expect(() => flags({ shadow: '1', yes: true, dryRun: true })).toThrow('either --shadow or --dry-run');
});

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1_000, '1s'],
  [59_001, '1m'],
  [299_000, '4m59s'],
  [7_205_000, '2h5s'],
])('%i ms are shown as %s', (ms, text) => expect(duration(ms)).toBe(text));

describe('keys', () => {
  test('a public line is what OpenSSH writes', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const line = publicKeyLine(publicKey);
    expect(publicKeyLine(privateKey)).toBe(line);
    expect(keyLine(`${line} alice@host`)).toBe(line);
    expect(keyLine(line.slice(0, -8))).toBeNull();
    expect(keyLine('ssh-rsa AAAA')).toBeNull();
    expect(armoredSignature(privateKey, 'n', 'm')).toMatch(/^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=]{1,70}\n)+-----END SSH SIGNATURE-----\n$/);
  });

  test('no bytes crash the reader of private key files', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const body = Buffer.concat([Buffer.from('openssh-key-v1\0'), bytes]).toString('base64');
        expect(publicLineOfOpenSshKey(`-----BEGIN OPENSSH PRIVATE KEY-----\n${body}\n-----END OPENSSH PRIVATE KEY-----`)).toBeNull();
      }),
    );
  });
});
