/** Who may come in: the lines of the operators file, and whom they let in, from where, and when. */
import { chmodSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { capabilities } from '../../packages/agent/dist/protocol/index.js';
import { From } from '../../packages/agent/dist/server/from.js';
import { Operators, OperatorsFile, type Claim, type Operator } from '../../packages/agent/dist/server/operators.js';
import { certify, keyFile, softwareToken } from '../helpers/keys.ts';
import { newFolder } from '../helpers/service.ts';

const folder = newFolder();
const { publicKey: key } = keyFile(folder, 'key', 'ed25519');
const { publicKey: p256 } = keyFile(folder, 'p256', 'ecdsa');
const token = softwareToken('ed25519').publicKey;
const now = Date.UTC(2026, 5, 15, 12);

const find = (text: string, claim: Partial<Claim> = {}, at = now): Operator | null =>
  new Operators(text).find({ publicKey: key, certificate: null, address: 'local', ...claim }, at);

describe('a line', () => {
  test.each<[string, Partial<Operator>]>([
    [
      `name="alice",roles="patch",email="a@b.c" ${key} alice@laptop`,
      { name: 'alice', email: 'a@b.c', capabilities: ['view', 'inspect', 'trace', 'eval', 'patch'] },
    ],
    [`roles="view" ${key} bob@example.com`, { name: 'bob', email: 'bob@example.com', capabilities: ['view'] }],
    [`roles="inspect,approve" ${key}`, { capabilities: ['view', 'inspect', 'approve'] }],
    [`${key} carol`, { name: 'carol', email: 'carol@keyhole.invalid', capabilities: [] }],
    [`restrict,name="Zoë Müller",roles="admin" ${key}`, { name: 'Zoë Müller', email: 'Zo--M-ller@keyhole.invalid' }],
  ])('%s', (line, operator) => expect(find(`# comment\n\n${line}\n`)).toMatchObject(operator));

  test('of every kind of key', () => {
    for (const each of [key, p256, token, softwareToken('p256').publicKey]) expect(find(`name="a" ${each}`, { publicKey: each })?.name).toBe('a');
    expect(find(`name="a",verify-required ${token}`, { publicKey: token })?.verifyRequired).toBe(true);
  });

  test.each([
    [`environment="A=1" ${key}`, 'environment'],
    [`command="ls" ${key}`, 'command'],
    [`no-pty ${key}`, 'no-pty'],
    [`from ${key}`, 'from'],
    [`restrict="yes" ${key}`, 'restrict'],
    [`from="example.com" ${key}`, 'is no address'],
    [`from="10.0.0.0/33" ${key}`, 'is no address'],
    [`from="10.0.0.0/8/8" ${key}`, 'is no address'],
    [`from="" ${key}`, 'is no address'],
    [`expiry-time="20261231" ${key}`, 'UTC'],
    [`expiry-time="20260231Z" ${key}`, 'UTC'],
    [`expiry-time="2026123124Z" ${key}`, 'UTC'],
    [`expiry-time="202612312460Z" ${key}`, 'UTC'],
    [`principals="a" ${key}`, 'cert-authority'],
    [`cert-authority,name="a" ${key}`, 'takes no name'],
    [`verify-required ${key}`, 'hardware tokens'],
    [`name="a",name="b" ${key}`, 'twice'],
    [`name="a ${key}`, 'a value in quotes'],
    [`name="a"${key}`, 'not understood'],
    [`roles="root" ${key}`, 'no role root'],
    [`name="<x>" ${key}`, 'the name'],
    [`email="nobody" ${key}`, 'the email'],
    ['ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB', 'not supported'],
    ['ssh-ed25519-cert-v01@openssh.com AAAA', 'authority'],
    ['ssh-ed25519 AAAA', 'damaged'],
    ['ssh-ed25519', 'no key'],
    [key.slice(0, -4), 'damaged'],
  ])('refused, and the whole file with it: %s', (line, why) => {
    expect(() => new Operators(`${key} ok\n${line}\n`)).toThrow(/^line 2: /);
    expect(() => new Operators(`${key} ok\n${line}\n`)).toThrow(why);
  });

  test('nobody gets a role that is not in the text, whatever the text is', () => {
    const piece = fc.constantFrom(
      'name="a"',
      'roles="view"',
      'roles="patch"',
      'roles="',
      ',',
      ' ',
      key,
      p256,
      '"',
      '\\',
      'from="local"',
      'admin',
      '#',
      '\n',
      'x',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        let operator: Operator | null;
        try {
          operator = find(text);
        } catch {
          return;
        }
        const ladder = ['view', 'inspect', 'trace', 'eval', 'patch', 'admin'];
        const highest = Math.max(-1, ...ladder.map((role, rung) => (new RegExp(`roles="[^"]*${role}`).test(text) ? rung : -1)));
        for (const each of operator?.capabilities ?? []) expect(ladder.indexOf(each)).toBeLessThanOrEqual(highest);
        if (operator !== null) expect(text).toContain(key);
        expect(capabilities).toEqual(expect.arrayContaining(operator?.capabilities ?? []));
      }),
      { numRuns: 2_000 },
    );
  });

  test('the first that names a key counts', () => {
    expect(find(`name="first",roles="view" ${key}\nname="second",roles="admin" ${key}`)?.name).toBe('first');
    expect(find(`name="first",expiry-time="20260101Z" ${key}\nname="second" ${key}`)).toBeNull();
  });
});

describe('expiry-time', () => {
  test.each([
    ['20260615Z', Date.UTC(2026, 5, 15)],
    ['202606151200Z', Date.UTC(2026, 5, 15, 12)],
    ['20260615120030Z', Date.UTC(2026, 5, 15, 12, 0, 30)],
  ])('%s: last accepted, first refused', (text, end) => {
    expect(find(`expiry-time="${text}" ${key}`, {}, end - 1)).not.toBeNull();
    expect(find(`expiry-time="${text}" ${key}`, {}, end)).toBeNull();
  });
});

describe('from', () => {
  test.each<[string, string, boolean]>([
    ['local', 'local', true],
    ['local', '127.0.0.1', false],
    ['10.0.0.0/8', 'local', false],
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.0.0.0/8', '9.255.255.255', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8,!10.9.0.0/16', '10.9.1.1', false],
    ['!10.9.0.0/16,10.0.0.0/8', '10.9.1.1', false],
    ['!10.9.0.0/16', '10.8.0.1', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['local,!local', 'local', false],
    ['0.0.0.0/0', '', false],
    ['0.0.0.0/0', '0177.0.0.1', false],
    ['127.0.0.1', '127.1', false],
  ])('%s: %s %s', (patterns, address, allowed) => expect(new From(patterns).allows(address)).toBe(allowed));

  test('holds for a key', () => {
    expect(find(`from="10.0.0.0/8" ${key}`)).toBeNull();
    expect(find(`from="10.0.0.0/8" ${key}`, { address: '10.0.0.1' })).not.toBeNull();
  });
});

describe('a certificate', () => {
  const authority = keyFile(newFolder(), 'ca', 'ed25519');
  const stranger = keyFile(newFolder(), 'ca', 'ed25519');
  const user = (by: string, ...words: string[]): Pick<Claim, 'publicKey' | 'certificate'> => {
    const { file, publicKey } = keyFile(newFolder(), 'user', 'ed25519');
    return { publicKey, certificate: certify(by, file, ...words).line };
  };
  const year = ['-V', '20260101000000Z:20270101000000Z'];
  const line = `cert-authority,roles="patch" ${authority.publicKey}`;
  const alice = user(authority.file, '-n', 'alice,bob@example.com', ...year);

  test('lets in whoever it names, with the roles of the line', () => {
    expect(find(line, alice)).toMatchObject({ name: 'alice', email: 'alice@keyhole.invalid', publicKey: alice.publicKey });
    expect(find(line, alice)?.capabilities).toContain('patch');
    expect(find(`cert-authority,principals="bob@example.com,carol" ${authority.publicKey}`, alice)).toMatchObject({
      name: 'bob@example.com',
      email: 'bob@example.com',
    });
  });

  test('while it is valid', () => {
    const from = Date.UTC(2026, 0, 1);
    const until = Date.UTC(2027, 0, 1);
    expect([from - 1, from, until - 1, until].map((at) => find(line, alice, at) !== null)).toEqual([false, true, true, false]);
    expect(find(`cert-authority,expiry-time="20260601Z" ${authority.publicKey}`, alice)).toBeNull();
  });

  test('not where something does not fit', () => {
    const other = user(authority.file, '-n', 'alice', ...year);
    expect(find(line, { publicKey: other.publicKey, certificate: alice.certificate })).toBeNull();
    expect(find(line, user(stranger.file, '-n', 'alice', ...year))).toBeNull();
    expect(find(line, user(authority.file, ...year))).toBeNull();
    expect(find(`cert-authority,principals="carol" ${authority.publicKey}`, alice)).toBeNull();
    expect(find(`roles="patch" ${authority.publicKey}`, alice)).toBeNull();
    expect(find(line, user(authority.file, '-n', 'alice', ...year, '-O', 'force-command=ls'))).toBeNull();
    expect(find(line, { ...alice, certificate: null })).toBeNull();
    expect(find(line, { publicKey: authority.publicKey, certificate: null })).toBeNull();
  });

  test('from where line and certificate both allow', () => {
    const near = user(authority.file, '-n', 'alice', ...year, '-O', 'source-address=10.0.0.0/8');
    expect(find(line, near)).toBeNull();
    expect(find(line, { ...near, address: '10.1.1.1' })).not.toBeNull();
    expect(find(`from="10.2.0.0/16",${line}`, { ...near, address: '10.1.1.1' })).toBeNull();
    // ssh-keygen checks what it is given as source-address; what another authority writes there and nobody understands lets nobody in.
    const odd = user(authority.file, '-n', 'alice', ...year, '-O', 'critical:source-address=somewhere');
    for (const address of ['local', '10.1.1.1']) expect(find(line, { ...odd, address })).toBeNull();
  });

  test('says that a PIN is due', () => {
    const careful = user(authority.file, '-n', 'alice', ...year, '-O', 'verify-required');
    expect(find(line, careful)?.verifyRequired).toBe(true);
    expect(find(line, alice)?.verifyRequired).toBe(false);
  });

  test('of a name that no header may hold gives none', () => expect(find(line, user(authority.file, '-n', '<x>', ...year))).toBeNull());
});

describe('the file', () => {
  const file = path.join(folder, 'operators');
  const read = new OperatorsFile({ file });

  test('that others may write to is refused', () => {
    writeFileSync(file, `${key}\n`);
    chmodSync(file, 0o620);
    expect(() => read.read()).toThrow(/others may write/);
    chmodSync(file, 0o600);
    expect(read.read().count).toBe(1);
  });

  test('is read anew when it changed, and not when it did not', () => {
    const before = read.read();
    expect(read.read()).toBe(before);
    writeFileSync(file, `${key}\n${p256}\n`);
    expect(read.read().count).toBe(2);
    const again = read.read();
    utimesSync(file, 1, 1);
    expect(read.read()).not.toBe(again);
    writeFileSync(file, 'nonsense\n');
    expect(() => read.read()).toThrow('line 1');
    expect(() => read.read()).toThrow('line 1');
    rmSync(file);
    expect(() => read.read()).toThrow('ENOENT');
  });

  test('has a bound', () => {
    const line = `# ${'x'.repeat(1_048_573)}\n`;
    writeFileSync(file, line, { mode: 0o600 });
    expect(read.read().count).toBe(0);
    writeFileSync(file, `${line}\n`);
    expect(() => read.read()).toThrow('more than 1048576 bytes');
  });
});
