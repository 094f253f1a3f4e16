/** Runs every row with one strategy, each as a test. What the strategy's list says it can not do is asserted as well. */
import { afterAll, describe, expect, test } from 'vitest';
import type { Row, Step } from './row.ts';
import { rows } from './rows/index.ts';
import { Stage, type Outcome, type Scene } from './stage.ts';
import { limitOf, nodes, type Asserted, type Conformance, type NodeMajor } from './strategy.ts';

/** For all steps of a row; a process that hangs is ended, and named, before. */
const rowTimeoutMs = 120_000;

export function conformance(conformant: Conformance): void {
  const { strategy, absent, limits } = conformant;
  const major = Number(process.versions.node.split('.')[0]) as NodeMajor;
  const part = partOf(conformant, major);
  describe(part.of === 1 ? strategy : `${strategy}, one row of ${part.of}`, () => {
    const stage = new Stage(conformant);
    afterAll(() => stage.end());

    const unknown = Object.keys(limits).filter((name) => !(name in rows));
    test('every limit names a row', () => expect(unknown).toEqual([]));

    if (absent?.on.includes(major) === true) {
      const name = 'function declaration';
      test(`is not there on Node ${major}: ${absent.why}`, () => play(stage, conformant, name, rows[name], absent));
      return;
    }
    for (const [index, [name, row]] of Object.entries(rows).entries()) {
      if (index % part.of !== part.number) continue;
      const limit = limitOf(conformant, name, major);
      if (limit === undefined) test(name, { timeout: rowTimeoutMs }, () => play(stage, conformant, name, row, null));
      else if ('skip' in limit) test.skip(`${name} (${limit.skip})`, () => undefined);
      else
        test(`${name} (${limit.refused === undefined ? 'differs' : 'refused'}: ${limit.why})`, { timeout: rowTimeoutMs }, () =>
          play(stage, conformant, name, row, limit),
        );
    }
  });
}

/** Which rows are played here; all of them with `KEYHOLE_ALL_ROWS=1` (`npm run test:rows`). */
function partOf({ everywhere, absent }: Conformance, major: NodeMajor): { number: number; of: number } {
  const others: NodeMajor[] = nodes.slice(1).filter((each) => absent?.on.includes(each) !== true);
  if (everywhere || process.env.KEYHOLE_ALL_ROWS === '1' || !others.includes(major)) return { number: 0, of: 1 };
  return { number: others.indexOf(major), of: others.length };
}

async function play(stage: Stage, conformant: Conformance, name: string, row: Row, limit: Asserted | null): Promise<void> {
  const scene = await stage.open(name, row);
  let left: Map<string, string>;
  try {
    await new Course(scene, conformant, limit).run(row.steps);
    left = await scene.close();
  } catch (thrown) {
    await scene.abandon();
    throw thrown;
  }
  if (row.leaves === undefined) return;
  expect([...left.keys()]).not.toEqual([]);
  expect([...left.values()].join('\n')).toMatch(row.leaves.holds);
}

/** The steps of one row, held against what the row says, or what the strategy's list says instead. */
class Course {
  readonly #scene: Scene;
  readonly #conformant: Conformance;
  readonly #limit: Asserted | null;
  /** Ids of patches by the name of their step. */
  readonly #ids = new Map<string, string[]>();
  readonly #seen: unknown[] = [];

  constructor(scene: Scene, conformant: Conformance, limit: Asserted | null) {
    this.#scene = scene;
    this.#conformant = conformant;
    this.#limit = limit;
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      const outcome = await this.#take(step);
      if (outcome === null || outcome.ok) continue;
      if (this.#limit?.refused === undefined) expect.fail(why(outcome));
      expect(why(outcome)).toMatch(this.#limit.refused);
      // Nothing has changed.
      expect(await this.#scene.see()).toEqual(this.#seen.at(-1));
      return;
    }
    if (this.#limit?.refused !== undefined) expect.fail('the row was to be refused, and nothing of it was');
  }

  /** What a change became, where the step is one that has to work. */
  async #take(step: Step): Promise<Outcome | null> {
    if ('sees' in step) {
      await this.#look(step.sees);
      return null;
    }
    if ('run' in step) {
      await this.#scene.run(step.run);
      return null;
    }
    if ('rounds' in step) return this.#scene.rounds(step.rounds, step.patch);
    if ('again' in step) return this.#again(step);
    if ('revert' in step) return this.#scene.revert(step.revert.flatMap((each) => this.#ids.get(each) ?? []));
    const outcome = await this.#scene.apply(step.patch);
    if (step.refused !== undefined) {
      expect(outcome.ok).toBe(false);
      expect(why(outcome)).toMatch(step.refused);
      return null;
    }
    for (const patch of outcome.patches) expect(patch).toMatchObject({ strategy: this.#conformant.strategy, verified: true });
    const ids = outcome.patches.map((patch) => patch.id);
    this.#ids.set(step.apply, ids);
    return outcome;
  }

  /** Patched and taken back again and again, it still does the same. */
  async #again({ again, patch }: Extract<Step, { again: unknown }>): Promise<Outcome | null> {
    const { rounds } = this.#conformant;
    if (rounds === 0) return null;
    const outcome = await this.#scene.rounds(rounds, patch);
    if (!outcome.ok) return outcome;
    const last = await this.#scene.apply(patch);
    if (last.ok) await this.#look(again);
    return last;
  }

  async #look(expected: unknown): Promise<void> {
    const value = await this.#scene.see();
    expect(value).toEqual(this.#limit?.sees === undefined ? expected : this.#limit.sees[this.#seen.length]);
    this.#seen.push(value);
  }
}

function why({ refused }: Outcome): string {
  return refused.map((each) => each.why).join('; ');
}
