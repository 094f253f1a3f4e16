/**
 * Plays every change in a build: what the service answers after the push has to be what a service built from the changed sources answers. What a build can not do
 * stands in the list of limits and is asserted too, so that it fails when it is no longer so.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Bench } from './bench.ts';
import { builds, missing, type Build, type BuildName } from './builds.ts';
import { changeNames, changes, type ChangeName } from './changes.ts';
import { limits } from './limits.ts';
import { wrongMaps } from './wrong-maps.ts';

/** Generous: a crowded machine is no reason to fail. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

export function suite(names: readonly BuildName[]): void {
  for (const name of names) {
    const build: Build = builds[name];
    const why = missing(build);
    if (why !== null) test.skip(`${name} (${why})`, () => undefined);
    else describe(name, () => play(name, build));
  }
}

function play(name: BuildName, build: Build): void {
  const cells = limits[name] ?? {};
  let bench: Bench | undefined;
  const open = (): Bench => {
    if (bench === undefined) throw new Error('the service did not start');
    return bench;
  };
  beforeAll(async () => {
    bench = await Bench.open(build);
  });
  afterAll(() => bench?.close());

  for (const change of changeNames) {
    const limit = cells[change];
    test(`${change}${limit === undefined ? '' : ` (${limit.refused === null ? 'in other words' : 'refused'}: ${limit.why})`}`, async () => {
      const { base, rebuilt } = open();
      const state = await open().state();
      expect(await open().answers()).toEqual(base);
      expect(rebuilt[change]).not.toBe(base[change]);
      const { patches, refused } = await open().push([change]);
      if (limit !== undefined && limit.refused !== null) {
        expect(patches).toEqual([]);
        expect(refused.map(({ address, why }) => `${address} ${why}`).join('\n')).toMatch(limit.refused);
        expect(await open().answers()).toEqual(base);
        return;
      }
      try {
        expect(refused).toEqual([]);
        expect(patches).toMatchObject([{ address: changes[change].address, strategy: 'slots', verified: true }]);
        expect(await open().answers()).toEqual({ ...base, [change]: rebuilt[change] });
        if (build.renames !== true) expect(await open().runsAsRebuilt(change)).toBe(limit === undefined);
      } finally {
        await open().revertAll();
      }
      expect(await open().answers()).toEqual(base);
      expect(await open().state()).toEqual(state);
    });
  }

  const possible = changeNames.filter((change) => (cells[change]?.refused ?? null) === null);
  if (possible.length > 0) {
    test(`${possible.length} changes at once`, async () => {
      const { base, rebuilt } = open();
      const { patches, refused } = await open().push(possible);
      try {
        expect(refused).toEqual([]);
        expect(patches).toHaveLength(possible.length);
        expect(await open().answers()).toEqual({ ...base, ...only(rebuilt, possible) });
      } finally {
        await open().revertAll();
      }
      expect(await open().answers()).toEqual(base);
    });
  }

  const { map } = build.form;
  if (map === 'inline' || map === 'file') wrongMaps(build, open);
  else test.skip(`maps that do not belong to it (its map: ${map})`, () => undefined);
}

export function only<T>(all: Record<string, T>, names: readonly ChangeName[]): Record<string, T> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => (names as readonly string[]).includes(name)));
}
