/** Applies transactions and proves them, in one go: what can not be proven is undone, and what can not be undone is said to be live. */
import { nodeClock, rounded } from '../../platform/clock.ts';
import { KeyholeError } from '../../protocol/index.ts';
import type { Unreached } from '../../protocol/index.ts';
import type { Transaction } from './strategy.ts';

export interface Proven {
  /** How long it took: the process did nothing else meanwhile. */
  pauseMs: number;
  /** Who goes on with the old code, by address; looked for in this turn, known later. */
  unreached: Promise<Map<string, Unreached[]>>;
}

/** @throws {KeyholeError} PATCH_FAILED or UNPROVEN, saying whether the change was undone. */
export function applyProven(transactions: readonly Transaction[]): Proven {
  const started = nodeClock.now();
  const applied: Transaction[] = [];
  /** What became of it, for the message: a change that stays is never called undone. */
  const undoAll = (): string => {
    const stuck: string[] = [];
    for (const transaction of applied.toReversed()) {
      try {
        transaction.undo();
      } catch (thrown) {
        stuck.push(messageOf(thrown));
      }
    }
    return stuck.length === 0
      ? 'the change was undone'
      : `the change COULD NOT BE UNDONE and may be live (${stuck.join('; ')}); only a restart brings the loaded code back for sure`;
  };
  try {
    for (const transaction of transactions) {
      applied.push(transaction);
      transaction.apply();
    }
  } catch (thrown) {
    throw new KeyholeError('PATCH_FAILED', `applying failed: ${messageOf(thrown)}; ${undoAll()}`);
  }
  const doubts = applied.flatMap((transaction) => transaction.verify().doubts);
  if (doubts.length > 0) {
    const list = doubts.map(({ address, why }) => `${address}: ${why}`).join('; ');
    throw new KeyholeError('UNPROVEN', `the effect could not be proven (${list}); ${undoAll()}`);
  }
  const unreached = survey(applied);
  return { pauseMs: rounded(nodeClock.now() - started), unreached };
}

/** A survey that fails makes no patch fail: it says that nothing is known. */
async function survey(applied: readonly Transaction[]): Promise<Map<string, Unreached[]>> {
  const surveys = applied.map((transaction) => transaction.survey?.());
  const all = new Map<string, Unreached[]>();
  for (const each of surveys) for (const [address, unreached] of (await each) ?? []) all.set(address, unreached);
  return all;
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
