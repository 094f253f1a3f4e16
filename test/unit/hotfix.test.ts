/** The hotfix file: what is read, what is refused and in which words, and that whoever carries it can change nothing an operator signed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pushMisfit } from '../../packages/agent/dist/journal/index.js';
import { KeyholeError, changesOf, hotfixFormat, limits, parseHotfix } from '../../packages/agent/dist/protocol/index.js';
import type { Hotfix, SignedPush } from '../../packages/agent/dist/protocol/index.js';
import { SigningOperator } from '../helpers/journal.ts';

const alice = new SigningOperator('alice');

function pushed(entry: number, patches: [address: string, code: string, baseCode: string][], by = alice): SignedPush {
  const request = {
    patches: patches.map(([address, code, baseCode]) => ({ address, code, baseCode, source: `${code}: T`, baseSource: `${baseCode}: T` })),
    reason: 'ünïcode',
  };
  const { signed, operator, fingerprint, session } = by.asks('patch', request);
  const { login } = by.login();
  if (signed?.nonce === undefined || login === undefined) throw new Error('it is not signed');
  const { request: number, head, nonce, signature } = signed;
  return {
    entry,
    entryHash: 'ab'.repeat(32),
    at: '2026-01-01T00:00:00.000Z',
    operator,
    fingerprint,
    session,
    request,
    signed: { request: number, head, nonce, signature },
    login,
  };
}

const f = 'src/a.ts:f';
const g = 'src/b.ts:g';
const sound = (): Hotfix => ({
  format: hotfixFormat,
  version: 1,
  service: 'svc',
  patches: [
    { id: 'p9', address: f, commit: 'c0ffee', pushes: [0, 1] },
    { id: 'h0123abcd', address: g, commit: null, pushes: [1] },
  ],
  pushes: [
    pushed(3, [[f, 'one', 'old']]),
    pushed(9, [
      [f, 'two', 'one'],
      [g, 'new', 'base'],
    ]),
  ],
});
const read = (hotfix: unknown): Hotfix => parseHotfix(JSON.stringify(hotfix));

describe('reading', () => {
  test('each patch is the way from what was loaded to what shall run', () => {
    const hotfix = read(sound());
    expect(changesOf(hotfix)).toMatchObject([
      { id: 'p9', address: f, code: 'two', baseCode: 'old', source: 'two: T', baseSource: 'old: T', commit: 'c0ffee', push: { entry: 9 } },
      { id: 'h0123abcd', address: g, code: 'new', baseCode: 'base', commit: null },
    ]);
    expect(hotfix.pushes.map(pushMisfit)).toEqual([null, null]);
    expect(read(hotfix)).toEqual(hotfix);
    expect(read({ ...hotfix, patches: [], pushes: [] }).patches).toEqual([]);
  });

  const many = (count: number): Hotfix['patches'] =>
    Array.from({ length: count }, (_, index) => ({ id: `p${index}`, address: f, commit: null, pushes: [0] }));
  test.each<[string, (hotfix: Hotfix) => unknown, string]>([
    ['no object', () => [], 'the file must be an object'],
    ['another format', (each) => ({ ...each, format: 'x' }), 'format must be "keyhole hotfix"'],
    ['another version', (each) => ({ ...each, version: 2 }), 'version must be 1, not 2'],
    ['an unknown field', (each) => ({ ...each, more: 1 }), 'the file must be without a field "more"'],
    ['a missing field', ({ pushes: _, ...each }) => each, 'the file must be with a field pushes'],
    ['too many patches', (each) => ({ ...each, patches: many(limits.maxHotfixPatches + 1) }), 'patches must be a list of at most 200'],
    ['an id that is none', (each) => ({ ...each, patches: [{ ...each.patches[0], id: '../x' }] }), 'patches[0].id must be the id of a patch'],
    [
      'a function twice',
      (each) => ({ ...each, patches: [each.patches[0], { ...each.patches[0], id: 'p10' }] }),
      'patches[1] must be of a function and with an id',
    ],
    [
      'an id twice',
      (each) => ({ ...each, patches: [each.patches[0], { ...each.patches[1], id: 'p9' }] }),
      'patches[1] must be of a function and with an id',
    ],
    ['no push', (each) => ({ ...each, patches: [{ ...each.patches[0], pushes: [] }] }), 'patches[0].pushes must be a list that is not empty'],
    [
      'a push that is not there',
      (each) => ({ ...each, patches: [{ ...each.patches[0], pushes: [2] }] }),
      'patches[0].pushes[0] must be the place of a push of src/a.ts:f',
    ],
    [
      'a push of something else',
      (each) => ({ ...each, patches: [{ ...each.patches[1], pushes: [0] }] }),
      'patches[0].pushes[0] must be the place of a push of src/b.ts:g',
    ],
    [
      'pushes that do not follow each other',
      (each) => ({ ...each, patches: [{ ...each.patches[0], pushes: [1, 0] }] }),
      'patches[0].pushes[1] must be a push that began with',
    ],
    ['a push twice', (each) => ({ ...each, pushes: [each.pushes[0], each.pushes[0]] }), 'pushes[1] must be another one'],
    ['a login of another service', (each) => ({ ...each, service: 'other' }), 'pushes[0].login.service must be that of the file, other'],
    [
      'a request of another shape',
      (each) => ({ ...each, pushes: [{ ...each.pushes[0], request: { patches: [], reason: 1 } }] }),
      'pushes[0].request must be one of patch.apply',
    ],
    [
      'no nonce',
      (each) => ({ ...each, pushes: [{ ...each.pushes[0], signed: { ...each.pushes[0]?.signed, nonce: 'x' } }] }),
      'pushes[0].signed.nonce must be 32 hex digits',
    ],
    ['no time', (each) => ({ ...each, pushes: [{ ...each.pushes[0], at: 'today' }] }), 'pushes[0].at must be a time'],
  ])('%s is refused', (_, change, message) => {
    expect(() => read(change(sound()))).toThrow(message);
  });

  test('more than the bound, or no JSON', () => {
    expect(() => parseHotfix(' '.repeat(limits.maxHotfixBytes + 1))).toThrow('the file must be at most');
    expect(() => parseHotfix('{')).toThrow('the file must be JSON');
    expect(() => parseHotfix('['.repeat(1_000_000))).toThrow('the file must be JSON');
  });

  test('whatever it is given, it answers with a hotfix or says HOTFIX', () => {
    const base = sound();
    const pieces = fc.oneof(fc.jsonValue(), fc.constantFrom<unknown>(base.patches, base.pushes, 'svc', 1, hotfixFormat));
    const record = fc.record({ format: pieces, version: pieces, service: pieces, patches: pieces, pushes: pieces }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.oneof(record, fc.jsonValue()), (value) => {
        try {
          expect(parseHotfix(JSON.stringify(value)).format).toBe(hotfixFormat);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(KeyholeError);
          expect((thrown as KeyholeError).code).toBe('HOTFIX');
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('what an operator signed', () => {
  test('a changed character is refused, or changes nothing that was signed', () => {
    const given = sound();
    const text = JSON.stringify(given);
    let refused = 0;
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom('0', '1', 'a', 'Z', '"', '}', ',', ' ', '\\', 'ü'), (at, with_) => {
        let hotfix: Hotfix;
        try {
          hotfix = parseHotfix(text.slice(0, at) + with_ + text.slice(at + 1));
        } catch (thrown) {
          expect((thrown as KeyholeError).code).toBe('HOTFIX');
          refused += 1;
          return;
        }
        const misfits = hotfix.pushes.map(pushMisfit).filter((each) => each !== null);
        if (misfits.length > 0) refused += 1;
        else
          expect(changesOf(hotfix).map(({ code, baseCode, address }) => [code, baseCode, address])).toEqual([
            ['two', 'old', f],
            ['new', 'base', g],
          ]);
      }),
      { numRuns: 1_000 },
    );
    expect(refused).toBeGreaterThan(500);
  });

  test('a push of somebody else under a known name', () => {
    const mallory = new SigningOperator('alice');
    const push = pushed(3, [[f, 'evil', 'old']], mallory);
    expect(pushMisfit(push)).toBeNull();
    expect(pushMisfit({ ...push, fingerprint: alice.who.fingerprint })).toBe('the key of alice is not the one with its fingerprint');
    const own = pushed(3, [[f, 'good', 'old']]);
    expect(pushMisfit({ ...push, fingerprint: own.fingerprint, login: own.login })).toBe("it is signed by a key that is not alice's");
    expect(pushMisfit({ ...own, request: push.request })).toBe('alice did not sign this');
  });
});
