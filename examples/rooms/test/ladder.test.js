import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeLadder, stepAt } from '../dist/pricing.js';

test('a step belongs to the bracket its price is in', () => {
  for (const [price, step] of [
    [0, 5],
    [99, 5],
    [100, 10],
    [499, 10],
    [500, 25],
    [1_000, 50],
    [4_999, 50],
    [5_000, 250],
  ]) {
    assert.equal(stepAt(price), step, `at ${price}`);
  }
});

test('the first bid is at least the opening price', () => {
  const ladder = makeLadder(80);
  assert.equal(ladder.price(), null);
  assert.equal(ladder.nextMinimum(), 80);
});

test('within the opening bracket the price rises by its step', () => {
  const ladder = makeLadder(20);
  ladder.raise(20);
  ladder.raise(30);
  assert.equal(ladder.price(), 30);
  assert.equal(ladder.nextMinimum(), 35);
});
