/** What a policy narrows, and what it never does. */
import { chmodSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { catalogue } from '../../packages/agent/dist/protocol/index.js';
import { Policy, PolicyFile } from '../../packages/agent/dist/server/policy.js';
import { newFolder } from '../helpers/service.ts';

const policyOf = (...rules: object[]): Policy => new Policy(JSON.stringify({ rules }));
const patch = (reason: string, ...addresses: string[]): Record<string, unknown> => ({ reason, patches: addresses.map((address) => ({ address })) });
/** A Monday. */
const monday = new Date('2026-06-15T12:00:00Z');

describe('addresses', () => {
  const policy = policyOf({ operators: ['bob', 'team-*'], addresses: ['src/pricing/**', 'src/cart.ts:Cart.*', 'src/a*.ts:f'] });
  test.each([
    ['src/pricing/a.ts:f', true],
    ['src/pricing/deep/er/a.ts:Price.of', true],
    ['src/pricing.ts:f', false],
    ['src/cart.ts:Cart.add', true],
    ['src/cart.ts:Cart', false],
    ['src/cart.ts:total', false],
    ['src/ab.ts:f', true],
    ['src/ab.ts:g', false],
    ['other/src/pricing/a.ts:f', false],
    ['src/pricing/../cart.ts:total', false],
  ])('%s: %s', (address, allowed) => {
    expect(policy.refusal('bob', 'patch.apply', patch('r', address), monday) === null).toBe(allowed);
    expect(policy.refusal('team-1', 'patch.shadow', patch('r', 'src/pricing/a.ts:f', address), monday) === null).toBe(allowed);
    expect(policy.refusal('alice', 'patch.apply', patch('r', address), monday)).toBeNull();
  });
  test('undoing and confirming are never narrowed, nor is looking', () => {
    for (const op of ['patch.revert', 'patch.confirm', 'inspect', 'fn.get', 'evaluate'] as const)
      expect(policy.refusal('bob', op, { patches: [{ address: 'x' }] }, monday)).toBeNull();
  });
});

describe('actors', () => {
  const policy = policyOf({ operators: ['bob'], actors: ['room/*', 'xstate/**'] }, { operators: ['carol'], addresses: ['src/**'] });
  const all = ['actor.set', 'actor.suspend', 'actor.resume', 'actor.send'] as const;
  test.each([
    ['bob', 'room/lobby', true],
    ['bob', 'room/a/b', false],
    ['bob', 'xstate/counter#1', true],
    ['bob', 'ws/1/1', false],
    ['carol', 'room/lobby', false],
    ['alice', 'ws/1/1', true],
  ])('%s, %s: %s', (operator, actor, allowed) => {
    for (const op of all) expect([op, policy.refusal(operator, op, { actor, reason: 'r' }, monday) === null]).toEqual([op, allowed]);
  });
  test('a rule of actors alone allows no function; undoing a change of an actor is never narrowed', () => {
    expect(policy.refusal('bob', 'patch.apply', patch('r', 'src/a.ts:f'), monday)).toContain('not among the functions that may be patched');
    expect(policy.refusal('carol', 'patch.apply', patch('r', 'src/a.ts:f'), monday)).toBeNull();
    expect(policy.refusal('bob', 'actor.restore', { id: 's1', reason: 'r' }, monday)).toBeNull();
    for (const op of all)
      expect(policyOf({ for: ['patch'], reason: '^OPS-' }).refusal('a', op, { actor: 'x', reason: 'because' }, monday)).toContain('the reason');
  });
});

test('what changes the service or runs code can be narrowed, all but what undoes, confirms or rescues', () => {
  const strong = Object.entries(catalogue).filter(
    ([, { capability, journal }]) => journal !== null && ['eval', 'patch', 'admin'].includes(capability),
  );
  const free = strong.filter(([, { policy }]) => policy === undefined).map(([name]) => name);
  expect(free.sort()).toEqual(['actor.restore', 'patch.confirm', 'patch.revert', 'rescue.end']);
  const withoutApproval = strong.filter(([, { policy }]) => policy === 'patch').filter(([, { approval }]) => approval !== true);
  expect(withoutApproval.map(([name]) => name)).toEqual([]);
  for (const [name, { parameters, approval }] of Object.entries(catalogue))
    expect([name, 'dryRun' in parameters, 'breakGlass' in parameters]).toEqual([name, approval === true, approval === true]);
});

test('reason', () => {
  const policy = policyOf({ addresses: ['**'] }, { for: ['patch'], reason: '^OPS-\\d+' });
  expect(policy.refusal('a', 'patch.apply', patch('OPS-12 round up', 'a.ts:f'), monday)).toBeNull();
  expect(policy.refusal('a', 'patch.apply', patch('see OPS-12', 'a.ts:f'), monday)).toBe('rule 2 of the policy: the reason does not match ^OPS-\\d+');
  expect(policy.refusal('a', 'evaluate', { expression: '1' }, monday)).toBeNull();
});

describe('hours', () => {
  const policy = policyOf({ hours: { days: ['mon', 'fri'], from: '08:30', to: '16:00', timeZone: 'Europe/Berlin' } });
  test.each([
    ['2026-06-15T06:29:59Z', false],
    ['2026-06-15T06:30:00Z', true],
    ['2026-06-15T13:59:59Z', true],
    ['2026-06-15T14:00:00Z', false],
    // Winter time.
    ['2026-01-05T07:29:59Z', false],
    ['2026-01-05T07:30:00Z', true],
    ['2026-06-16T10:00:00Z', false],
    ['2026-06-19T10:00:00Z', true],
  ])('%s: %s', (at, allowed) => {
    expect(policy.refusal('a', 'evaluate', {}, new Date(at)) === null).toBe(allowed);
    expect(policy.refusal('a', 'patch.apply', patch('r', 'a.ts:f'), new Date(at)) === null).toBe(allowed);
  });
  test('are the whole day in UTC where nothing is said', () => {
    const days = policyOf({ hours: { days: ['mon'] } });
    expect(days.refusal('a', 'evaluate', {}, new Date('2026-06-15T23:59:59Z'))).toBeNull();
    expect(days.refusal('a', 'evaluate', {}, new Date('2026-06-16T00:00:00Z'))).toContain('only mon from 00:00 to 24:00 UTC');
  });
});

describe('not understood', () => {
  test.each<[object, string]>([
    [{}, 'narrows nothing'],
    [{ for: ['patch'] }, 'narrows nothing'],
    [{ address: ['x'] }, 'no "address"'],
    [{ for: ['view'], reason: 'x' }, 'for knows'],
    [{ for: ['eval'], reason: 'x' }, 'are for patches'],
    [{ for: ['eval'], addresses: ['x'] }, 'are for patches'],
    [{ addresses: [] }, 'not empty'],
    [{ addresses: [''] }, 'not empty'],
    [{ addresses: 'x' }, 'must be a list'],
    [{ reason: '(' }, 'Invalid regular expression'],
    [{ hours: { from: '8:00' } }, 'hours.from'],
    [{ hours: { from: '08:60' } }, 'hours.from'],
    [{ hours: { to: '24:01' } }, 'hours.to'],
    [{ hours: { from: '16:00', to: '08:00' } }, 'before hours.to'],
    [{ hours: { days: ['monday'] } }, 'hours.days'],
    [{ hours: { timeZone: 'Mars/Olympus' } }, 'Mars/Olympus'],
    [{ hours: { day: ['mon'] } }, 'no "day"'],
  ])('%j', (rule, why) => {
    expect(() => policyOf({ addresses: ['**'] }, rule)).toThrow(/^rule 2: /);
    expect(() => policyOf({ addresses: ['**'] }, rule)).toThrow(why);
  });
  test('the rest of the file', () => {
    expect(() => new Policy('{"rules":[],"more":1}')).toThrow('no "more"');
    expect(() => new Policy('[]')).toThrow('must be an object');
    expect(() => new Policy('{')).toThrow(SyntaxError);
  });
});

test('the file is read when it changes; one that is not understood allows nothing that it could narrow', () => {
  const file = path.join(newFolder(), 'policy.json');
  const policy = new PolicyFile(file);
  const may = (): unknown => policy.check('a', 'evaluate', {});
  expect(may).toThrow('the policy can not be used');
  writeFileSync(file, '{"rules":[]}', { mode: 0o600 });
  expect(may).not.toThrow();
  writeFileSync(file, '{"rules":[{}]}');
  expect(may).toThrow('rule 1: it narrows nothing');
  expect(policy.problem()).toContain('rule 1');
  expect(() => policy.check('a', 'patch.revert', {})).not.toThrow();
  writeFileSync(file, '{"rules":[]}');
  chmodSync(file, 0o622);
  expect(may).toThrow('others may write');
  expect(() => new PolicyFile(null).check('a', 'evaluate', {})).not.toThrow();
});

test('what else runs code of an operator is held to the hours of evaluations', () => {
  const never = { hours: { days: ['mon'], from: '00:00', to: '00:01' } };
  expect(policyOf(never).refusal('a', 'recording.replay', {}, monday)).toContain('not at this time');
  const file = path.join(newFolder(), 'policy.json');
  const write = (rules: object[]): void => {
    writeFileSync(file, JSON.stringify({ rules }));
    chmodSync(file, 0o600);
  };
  write([{ for: ['eval'], operators: ['a'], hours: { from: '00:00', to: '24:00', days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] } }]);
  expect(new PolicyFile(file).permitsEval('a')).toBe(true);
  // A day that is not today, anywhere.
  const others = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'][(new Date().getUTCDay() + 2) % 7];
  write([{ for: ['eval'], operators: ['a'], hours: { days: [others] } }]);
  const policy = new PolicyFile(file);
  expect([policy.permitsEval('a'), policy.permitsEval('b')]).toEqual([false, true]);
});
