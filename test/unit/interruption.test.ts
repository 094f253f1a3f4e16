/** What the door is told at an interrupt, and what the operator is told then. */
import { expect, test, vi } from 'vitest';
import { type EvaluateAnswer, Inspector } from '../../packages/agent/src/host/inspector.ts';
import { Interruption } from '../../packages/agent/src/host/interruption.ts';

const answer: EvaluateAnswer = { result: { type: 'undefined' } };
const terminated = (): never => {
  throw new Error('Execution was terminated.');
};
const interruption = new Interruption(new Inspector());

test('a termination is asked for once, and only while the code runs', () => {
  expect(interruption.interrupt(8)).toBe('let go');
  const said: string[] = [];
  const run = (): unknown =>
    interruption.run(7, null, () => {
      said.push(interruption.interrupt(8), interruption.interrupt(7), interruption.interrupt(7));
      return terminated();
    });
  expect(run).toThrow('the evaluation was interrupted');
  expect(said).toEqual(['let go', 'running', 'let go']);
  expect(interruption.interrupt(7)).toBe('let go');
});

test('what was interrupted before it began never begins', () => {
  interruption.interrupt(9);
  const work = vi.fn(() => answer);
  expect(() => interruption.run(9, null, work)).toThrow('the evaluation was interrupted before it began');
  expect(work).not.toHaveBeenCalled();
});

test('what nobody interrupted was not interrupted', async () => {
  expect(() => interruption.run(10, 0, terminated)).toThrow('the evaluation was ended after 0 ms');
  expect(interruption.run(11, null, () => answer)).toBe(answer);
  await expect(interruption.awaited(11, 60_000, Promise.resolve(answer))).resolves.toBe(answer);
});

test('an interrupt that came when the code was over lets its answer go first, and ends what it awaits', async () => {
  interruption.interrupt(12);
  await expect(interruption.awaited(12, 60_000, Promise.resolve(answer))).resolves.toBe(answer);
  interruption.interrupt(13);
  await expect(interruption.awaited(13, 60_000, new Promise(() => undefined))).rejects.toThrow('what it awaited goes on in the service');
});
