/** Bounds of the door as options: the least, the most, and one beyond each. */
import { describe, expect, test } from 'vitest';
import { doorBounds, resolveLimits, type DoorLimits } from '../../packages/agent/dist/server/door-limits.js';

describe.each(Object.entries(doorBounds))('%s', (name, { default: usual, least, most }) => {
  const resolved = (value: unknown): number => resolveLimits({ [name]: value })[name as keyof DoorLimits];

  test('the usual, the least and the most', () => {
    expect(resolveLimits()[name as keyof DoorLimits]).toBe(usual);
    expect(resolved(undefined)).toBe(usual);
    expect(resolved(least)).toBe(least);
    expect(resolved(most)).toBe(most);
  });
  test.each([least - 1, most + 1, least + 0.5, NaN, '5', {}])('%s is refused by name', (value) => {
    expect(() => resolved(value)).toThrow(`limits.${name} must be a whole number from ${least} to ${most}`);
  });
});

test('an option that nobody knows', () => expect(() => resolveLimits({ maxTea: 1 } as never)).toThrow('there is no option limits.maxTea'));
