/** Two profiles held against each other: shares are right, and chance is not taken for a difference. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCpuProfile, type CpuProfile } from '../../packages/console/dist/commands/cpu-profile.js';
import { compareProfiles, differs, type FunctionDifference } from '../../packages/console/dist/commands/profile-diff.js';

/** A profile in which each sample is a stack, outermost function first. */
function profileOf(stacks: readonly (readonly string[])[], us = 1_000): CpuProfile {
  const nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number }; children: number[] }[] = [];
  const node = (functionName: string): number => {
    nodes.push({
      id: nodes.length + 1,
      callFrame: { functionName, url: functionName.startsWith('(') ? '' : 'src/a.ts', lineNumber: 3 },
      children: [],
    });
    return nodes.length;
  };
  const root = node('(root)');
  const samples = stacks.map((stack) => {
    let at = root;
    for (const name of stack) {
      const children = nodes[at - 1]?.children ?? [];
      let child = children.find((id) => nodes[id - 1]?.callFrame.functionName === name);
      if (child === undefined) children.push((child = node(name)));
      at = child;
    }
    return at;
  });
  return parseCpuProfile(JSON.stringify({ nodes, samples, timeDeltas: samples.map(() => us) }), 'it');
}

const times = (count: number, stack: readonly string[]): (readonly string[])[] => Array.from({ length: count }, () => stack);
/** Spread evenly, as a steady load is. */
const mixed = (...parts: [number, readonly string[]][]): (readonly string[])[] => {
  const all = parts.flatMap(([count, stack]) => times(count, stack).map((each, index) => ({ each, at: (index + 0.5) / count })));
  return all.sort((a, b) => a.at - b.at).map(({ each }) => each);
};
const named = (functions: readonly FunctionDifference[], name: string): FunctionDifference | undefined =>
  functions.find((each) => each.function === name);

test('shares are of all time, idle time included; a function that calls itself counts once', () => {
  const before = profileOf(mixed([500, ['(idle)']], [300, ['busy', 'total']], [200, ['busy', 'busy', 'total']]));
  const after = profileOf(mixed([900, ['(idle)']], [100, ['busy', 'total']]));
  const { functions, ...sides } = compareProfiles(before, after);
  expect(sides).toEqual({
    before: { samples: 1_000, ms: 1_000, busy: 0.5 },
    after: { samples: 1_000, ms: 1_000, busy: expect.closeTo(0.1) as number },
  });
  expect(named(functions, 'busy')).toMatchObject({ samples: { before: 0, after: 0 }, self: { before: 0, after: 0, change: 0, withinNoise: true } });
  expect(named(functions, 'busy')?.total).toMatchObject({ before: 0.5, change: expect.closeTo(-0.4) as number, withinNoise: false });
  expect(named(functions, 'total')?.self).toMatchObject({ before: 0.5, withinNoise: false });
  expect(functions.map((each) => each.function).sort()).toEqual(['busy', 'total']);
});

test('what chance makes of one and the same program is within the noise', () => {
  let wrong = 0;
  let looked = 0;
  const rolled = fc.array(fc.nat(99), { minLength: 600, maxLength: 600 });
  const stackOf = (roll: number): string[] => (roll < 60 ? ['(idle)'] : roll < 85 ? ['busy', 'total'] : roll < 97 ? ['busy', 'tax'] : ['rare']);
  fc.assert(
    fc.property(rolled, rolled, (a, b) => {
      for (const each of compareProfiles(profileOf(a.map(stackOf)), profileOf(b.map(stackOf))).functions) {
        looked += 1;
        if (differs(each)) wrong += 1;
      }
    }),
    // Without shrinking towards a case that is no chance any more.
    { numRuns: 100, endOnFailure: true, seed: 7 },
  );
  expect(looked).toBeGreaterThan(300);
  expect(wrong / looked).toBeLessThan(0.02);
});

test('a program that works in bursts needs more than its samples to show a difference', () => {
  // The same number of samples of total: spread evenly, or in one piece.
  const steady = compareProfiles(profileOf(mixed([900, ['(idle)']], [100, ['total']])), profileOf(mixed([850, ['(idle)']], [150, ['total']])));
  const burst = (count: number): CpuProfile => profileOf([...times(600 - count, ['(idle)']), ...times(count, ['total']), ...times(400, ['(idle)'])]);
  const bursts = compareProfiles(burst(100), burst(150));
  expect(named(steady.functions, 'total')?.self.change).toBeCloseTo(0.05);
  expect(named(steady.functions, 'total')?.self.withinNoise).toBe(false);
  expect(named(bursts.functions, 'total')?.self.change).toBeCloseTo(0.05);
  expect(named(bursts.functions, 'total')?.self.withinNoise).toBe(true);
});

test('few samples prove little, and none prove nothing', () => {
  const few = compareProfiles(profileOf(times(5, ['(idle)'])), profileOf(mixed([3, ['(idle)']], [2, ['total']])));
  expect(few.functions.every((each) => !differs(each))).toBe(true);
  const none = compareProfiles(profileOf([]), profileOf(times(500, ['total'])));
  expect(none.functions.every((each) => !differs(each))).toBe(true);
});

test('a function is the same one on another line, unless it has no name', () => {
  const [before, after] = [profileOf(mixed([100, ['total']], [100, ['']])), profileOf(mixed([100, ['total']], [100, ['']]))];
  for (const { callFrame } of after.nodes) callFrame.lineNumber += 10;
  const { functions } = compareProfiles(before, after);
  expect(functions.filter((each) => each.function === 'total')).toMatchObject([{ line: 14, samples: { before: 100, after: 100 } }]);
  expect(functions.filter((each) => each.function === '').map(({ samples }) => samples)).toEqual(
    expect.arrayContaining([
      { before: 100, after: 0 },
      { before: 0, after: 100 },
    ]),
  );
});

test('what is no CPU profile is said to be none', () => {
  for (const text of [
    '',
    '[]',
    'null',
    '{"head":{}}',
    '{"nodes":[{"id":1}],"samples":[],"timeDeltas":[]}',
    '{"nodes":[],"samples":[1],"timeDeltas":[]}',
  ])
    expect(() => parseCpuProfile(text, 'x')).toThrow(/^x is no CPU profile/);
});
