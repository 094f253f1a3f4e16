import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Room } from '../dist/room.js';

/** A room whose lot (opening: 80) stays up for as long as a test takes. */
function quietRoom(t) {
  const room = new Room({ name: 'test', lotMs: 600_000, restMs: 1 });
  t.after(() => room.close());
  return room;
}

test('the minimum follows the price into higher brackets', async (t) => {
  const room = quietRoom(t);
  const seen = [];
  for (const amount of [80, 120, 600, 1_200, 6_000]) {
    const answer = await room.bid('ann', amount);
    seen.push([answer.price, answer.minimum]);
  }
  assert.deepEqual(seen, [
    [80, 85],
    [120, 130],
    [600, 625],
    [1_200, 1_250],
    [6_000, 6_250],
  ]);
});

test('a bid below the step of its bracket is refused, and the refusal names the minimum', async (t) => {
  const room = quietRoom(t);
  await room.bid('ann', 1_200);
  assert.deepEqual(await room.bid('bob', 1_205), { accepted: false, reason: 'too low', price: 1_200, minimum: 1_250 });
  assert.equal(room.snapshot().leader, 'ann');
});
