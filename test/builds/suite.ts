/**
 * Plays every change in a build: what the service answers after the push has to be what a service built from the changed sources answers. What a build can not do
 * stands in the lists of limits and is asserted too, so that it fails when it is no longer so.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Bench, type Answers, type Outcome } from './bench.ts';
import { builds, missing, type Build, type BuildName } from './builds.ts';
import { changeNames, changes } from './changes.ts';
import { limits, type Verdict } from './limits.ts';
import { trapLimits } from './trap-limits.ts';
import { trapNames, traps, type TrapName } from './traps.ts';
import { wrongMaps } from './wrong-maps.ts';

/** Generous: a crowded machine is no reason to fail. */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

type Tried = Outcome & { answers: Answers; asRebuilt: ReadonlySet<string> };

export function suite(names: readonly BuildName[]): void {
  for (const name of names) {
    const build: Build = builds[name];
    const why = missing(build) ?? beyondTheGate(name);
    if (why !== null) test.skip(`${name} (${why})`, () => undefined);
    else describe(name, () => play(name, build));
  }
}

/** Kinds of builds that others stand for, left out where time counts: `npm run test:builds` plays them all. */
const forAllOnly: ReadonlySet<BuildName> = new Set<BuildName>([
  'tsc, target ES2021',
  'esbuild, bundle, names kept, path aliases',
  'swc, target ES5',
  'webpack, sources named from the map',
  'rollup, then Terser',
]);

function beyondTheGate(name: BuildName): string | null {
  return forAllOnly.has(name) && process.env['KEYHOLE_ALL_BUILDS'] !== '1' ? 'npm run test:builds plays it' : null;
}

function play(name: BuildName, build: Build): void {
  let bench: Bench | undefined;
  let tried: Tried | undefined;
  const open = (): Bench => {
    if (bench === undefined) throw new Error('the service did not start');
    return bench;
  };
  beforeAll(async () => {
    bench = await Bench.open(build);
    // All in one push: each file is read, compiled and compared once, which takes longer than everything else here.
    tried = await tryOut(bench, () => open().push([...changeNames, ...trapNames], { partial: true }));
  });
  afterAll(() => bench?.close());

  for (const change of [...changeNames, ...trapNames]) {
    const limit = { ...limits[name], ...trapLimits[name] }[change];
    test(`${change}${limit === undefined ? '' : ` (${limit.verdict}: ${limit.why})`}`, () => {
      if (tried === undefined) throw new Error('nothing was pushed');
      const { base, rebuilt } = open();
      // Else it would not show.
      expect(rebuilt[change]).not.toBe(base[change]);
      const said = tried.refused.filter(({ of }) => of.includes(change));
      const why = said.map((each) => `${each.address} ${each.why}`).join('\n');
      const verdict = verdictOf(change, open(), tried, said.length > 0);
      expect(`${verdict}${verdict === 'refused' && limit?.verdict !== 'refused' ? `: ${why}` : ''}`).toBe(limit?.verdict ?? 'right');
      if (limit?.verdict === 'refused') expect(why).toMatch(limit.refused);
    });
  }

  test('nothing else is patched or changed', () => {
    expect(tried?.answers['others']).toBe(open().base['others']);
    const known: Record<string, true> = Object.fromEntries(Object.values({ ...changes, ...traps }).map(({ address }) => [address, true]));
    expect(tried?.patches.filter(({ address, strategy, verified }) => known[address] !== true || strategy !== 'slots' || !verified)).toEqual([]);
  });

  const possible = changeNames.filter((change) => limits[name]?.[change] === undefined);
  if (possible.length > 0) {
    test(`${possible.length} changes go in whole`, async () => {
      const { base, rebuilt } = open();
      const { answers, patches, refused } = await tryOut(open(), () => open().push(possible));
      expect(refused).toEqual([]);
      expect(patches).toHaveLength(possible.length);
      expect(answers).toEqual({ ...base, ...Object.fromEntries(possible.map((change) => [change, rebuilt[change]])) });
    });
  }

  const { map } = build.form;
  if (map === 'inline' || map === 'file') wrongMaps(build, open);
  else test.skip(`maps that do not belong to it (its map: ${map})`, () => undefined);
}

/** Pushes, looks, and takes it back, whatever it became. */
async function tryOut(bench: Bench, push: () => Promise<Outcome>): Promise<Tried> {
  const state = await bench.state();
  const outcome = await push();
  try {
    return { ...outcome, answers: await bench.answers(), asRebuilt: await bench.runAsRebuilt() };
  } finally {
    await bench.revertAll();
    expect(await bench.answers()).toEqual(bench.base);
    expect(await bench.state()).toEqual(state);
  }
}

/** @param isRefused also where it could be patched: a push that is not partial, as that of a change has to be, is refused all the same. */
function verdictOf(name: keyof typeof changes | TrapName, { base, rebuilt }: Bench, tried: Tried, isRefused: boolean): Verdict {
  const { address } = { ...changes, ...traps }[name];
  const isPatched = tried.patches.some((patch) => patch.address === address);
  if (tried.answers[name] !== (isPatched ? rebuilt : base)[name]) return 'wrong';
  if (!isPatched || (isRefused && name in changes)) return 'refused';
  // A trap's own variables are called as it pleases whoever translates: what it does is what counts.
  return name in traps || tried.asRebuilt.has(address) ? 'right' : 'in other words';
}
