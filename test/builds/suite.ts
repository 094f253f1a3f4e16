/**
 * Plays every change in a build: what the service answers after the push has to be what a service built from the changed sources answers. What a build can not do
 * stands in the lists of limits and is asserted too, so that it fails when it is no longer so.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Bench, type Answers, type Outcome } from './bench.ts';
import { builds, missing, type Build, type BuildName } from './builds.ts';
import { changeNames, changes, type Change } from './changes.ts';
import { limits, type Limit, type Verdict } from './limits.ts';
import { trapLimits } from './trap-limits.ts';
import { trapNames, traps } from './traps.ts';
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
    const limit = limits[name]?.[change];
    test(`${change}${limit === undefined ? '' : ` (${limit.verdict}: ${limit.why})`}`, async () => {
      const state = await open().state();
      const { answers, ...outcome } = await tried(open(), () => open().push([change]));
      expectVerdict(change, changes[change], open(), { answers, ...outcome }, limit);
      expectOnly(open(), answers, [change]);
      if (limit === undefined) {
        expect(outcome.refused).toEqual([]);
        expect(outcome.patches).toMatchObject([{ address: changes[change].address, strategy: 'slots', verified: true }]);
      }
      expect(await open().state()).toEqual(state);
    });
  }

  const possible = changeNames.filter((change) => limits[name]?.[change] === undefined);
  if (possible.length > 0) {
    test(`${possible.length} changes at once`, async () => {
      const { answers, patches, refused } = await tried(open(), () => open().push(possible));
      expect(refused).toEqual([]);
      expect(patches).toHaveLength(possible.length);
      for (const change of possible) expect(answers[change]).toBe(open().rebuilt[change]);
      expectOnly(open(), answers, possible);
    });
  }

  test(`${trapNames.length} traps`, async () => {
    const outcome = await tried(open(), () => open().push(trapNames, { partial: true }));
    // Their own variables are called as it pleases whoever translates: what they do is what counts.
    const anyWords = { ...outcome, asRebuilt: new Set(outcome.patches.map(({ address }) => address)) };
    for (const trap of trapNames) expectVerdict(trap, traps[trap], open(), anyWords, trapLimits[name]?.[trap]);
    expectOnly(open(), outcome.answers, trapNames);
  });

  const { map } = build.form;
  if (map === 'inline' || map === 'file') wrongMaps(build, open);
  else test.skip(`maps that do not belong to it (its map: ${map})`, () => undefined);
}

/** Pushes, looks, and takes it back, whatever it became. */
async function tried(bench: Bench, push: () => Promise<Outcome>): Promise<Outcome & { answers: Answers; asRebuilt: ReadonlySet<string> }> {
  expect(await bench.answers()).toEqual(bench.base);
  const outcome = await push();
  try {
    return { ...outcome, answers: await bench.answers(), asRebuilt: await bench.runAsRebuilt() };
  } finally {
    await bench.revertAll();
    expect(await bench.answers()).toEqual(bench.base);
  }
}

function expectVerdict(name: string, { address }: Change, bench: Bench, outcome: Awaited<ReturnType<typeof tried>>, limit: Limit | undefined): void {
  const { base, rebuilt } = bench;
  const { patches, refused, answers, asRebuilt } = outcome;
  // Else it would not show.
  expect(rebuilt[name]).not.toBe(base[name]);
  const said = refused.filter((each) => each.address === '' || each.address === address || /:\d+$/.test(each.address));
  const why = said.map((each) => `${each.address} ${each.why}`).join('\n');
  const verdict = ((): Verdict => {
    if (!patches.some((patch) => patch.address === address)) return answers[name] === base[name] ? 'refused' : 'wrong';
    if (answers[name] !== rebuilt[name]) return 'wrong';
    return asRebuilt.has(address) ? 'right' : 'in other words';
  })();
  expect(`${name}: ${verdict}${verdict === 'refused' && limit?.verdict !== 'refused' ? ` (${why})` : ''}`).toBe(
    `${name}: ${limit?.verdict ?? 'right'}`,
  );
  if (limit?.verdict === 'refused') expect(why).toMatch(limit.refused);
}

/** Nothing else answers otherwise than before. */
function expectOnly({ base }: Bench, answers: Answers, changed: readonly string[]): void {
  const others = (all: Answers): Answers => Object.fromEntries(Object.entries(all).filter(([name]) => !changed.includes(name)));
  expect(others(answers)).toEqual(others(base));
}
