/** Runs every row with one strategy, each as a test. What the strategy's list says it can not do is asserted as well. */
import { afterAll, describe, expect, test } from 'vitest';
import type { Row, Step } from './row.ts';
import { rows } from './rows/index.ts';
import { RowError, Stage, type Outcome, type Scene } from './stage.ts';
import { limitOf, type Conformance, type Limit, type NodeMajor } from './strategy.ts';

export function conformance(conformant: Conformance): void {
  const { strategy, absent, limits } = conformant;
  const major = Number(process.versions.node.split('.')[0]) as NodeMajor;
  describe(strategy, () => {
    const stage = new Stage(strategy);
    afterAll(() => stage.end());

    const unknown = Object.keys(limits).filter((name) => !(name in rows));
    test('every limit names a row', () => expect(unknown).toEqual([]));

    if (absent?.on.includes(major) === true) {
      const name = 'function declaration';
      test(`is not there on Node ${major}: ${absent.why}`, () => play(stage, conformant, name, rows[name], absent));
      return;
    }
    for (const [name, row] of Object.entries(rows)) {
      const limit = limitOf(conformant, name, major);
      if (limit === undefined) test(name, () => play(stage, conformant, name, row, null));
      else if ('skip' in limit) test.skip(`${name} (${limit.skip})`, () => undefined);
      else test(`${name} (${'refused' in limit ? 'refused' : 'differs'}: ${limit.why})`, () => play(stage, conformant, name, row, limit));
    }
  });
}

type Asserted = Exclude<Limit, { skip: string }>;

async function play(stage: Stage, { strategy, rounds }: Conformance, name: string, row: Row, limit: Asserted | null): Promise<void> {
  const scene = await stage.open(name, row);
  const ids = new Map<string, string[]>();
  const seen: unknown[] = [];
  const look = async (expected: unknown): Promise<void> => {
    const value = await scene.see();
    expect(value).toEqual(limit !== null && 'sees' in limit ? limit.sees[seen.length] : expected);
    seen.push(value);
  };
  for (const step of row.steps) {
    if ('sees' in step) {
      await look(step.sees);
    } else if ('run' in step) {
      await scene.run(step.run);
    } else if ('rounds' in step) {
      expectDone(await scene.rounds(step.rounds, step.patch));
    } else if ('again' in step) {
      if (rounds === 0) continue;
      expectDone(await scene.rounds(rounds, step.patch));
      expectDone(await scene.apply(step.patch));
      await look(step.again);
    } else if ('revert' in step) {
      expectDone(await scene.revert(step.revert.flatMap((each) => ids.get(each) ?? [])));
    } else {
      const outcome = await applied(scene, step);
      if (step.refused !== undefined) {
        expectRefused(outcome, step.refused);
      } else if (limit !== null && 'refused' in limit) {
        expectRefused(outcome, limit.refused);
        // Nothing has changed.
        expect(await scene.see()).toEqual(seen.at(-1));
        await scene.close();
        return;
      } else {
        expectDone(outcome);
        for (const patch of outcome.patches) expect(patch).toMatchObject({ strategy, verified: true });
        ids.set(
          step.apply,
          outcome.patches.map((patch) => patch.id),
        );
      }
    }
  }
  if (limit !== null && 'refused' in limit) expect.fail('the row was to be refused, and nothing of it was');
  const left = await scene.close();
  if (row.leaves === undefined) return;
  const { file, holds } = row.leaves;
  const found = [...left].filter(([each]) => file.test(each));
  expect(found.map(([each]) => each)).not.toEqual([]);
  expect(found.map(([, text]) => text).join('\n')).toMatch(holds);
}

function expectDone({ ok, refused }: Outcome): void {
  expect(refused).toEqual([]);
  expect(ok).toBe(true);
}

function expectRefused(outcome: Outcome, why: RegExp): void {
  expect(outcome.ok).toBe(false);
  expect(outcome.refused.map((each) => each.why).join()).toMatch(why);
}

/** A refusal may be an answer or an error: to the operator both say why. */
async function applied(scene: Scene, step: Extract<Step, { apply: string }>): Promise<Outcome> {
  try {
    return await scene.apply(step.patch);
  } catch (thrown) {
    if (!(thrown instanceof RowError)) throw thrown;
    return { ok: false, patches: [], refused: [{ address: '', why: thrown.message }] };
  }
}
