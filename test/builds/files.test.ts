import { expect, test } from 'vitest';
import { buildNames, builds, isBundle, type Build } from './builds.ts';
import { typeErrors } from './compilers.ts';
import { suite } from './suite.ts';
import { changedSources, make } from './workshop.ts';

test('the service is well typed, with all its changes', async () => {
  const build: Build = builds.tsx;
  expect(typeErrors(await make(build, changedSources(build)))).toBe('');
});

suite(buildNames.filter((name) => !isBundle(name)));
