import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Room } from '../dist/room.js';

/** Somebody in the room who remembers what was said, and waits for what will be. */
function makeMember() {
  const events = [];
  let wake = () => {};
  return {
    deliver(event) {
      events.push(event);
      wake();
    },
    async until(type) {
      for (;;) {
        const event = events.find((each) => each.type === type);
        if (event !== undefined) return event;
        await new Promise((resolve) => (wake = resolve));
      }
    },
  };
}

test('who joins hears the state, then every bid', async (t) => {
  const room = new Room({ name: 'test', lotMs: 600_000, restMs: 1 });
  t.after(() => room.close());
  const member = makeMember();
  room.join(member);
  await room.bid('ann', 85);
  assert.equal((await member.until('room')).room.minimum, 80);
  assert.deepEqual(await member.until('bid'), { type: 'bid', lot: 1, bidder: 'ann', price: 85, minimum: 90, bids: 1 });
});

test('messages wait in the mailbox and are taken one at a time, in order', async (t) => {
  const room = new Room({ name: 'test', lotMs: 600_000, restMs: 1 });
  t.after(() => room.close());
  const answers = [room.bid('ann', 80), room.bid('bob', 80), room.bid('cid', 90)];
  assert.equal(room.queueLength, 3);
  assert.equal(room.snapshot().bids, 0);
  assert.deepEqual(
    (await Promise.all(answers)).map((answer) => answer.accepted),
    [true, false, true],
  );
  assert.equal(room.queueLength, 0);
});

test('the hammer sells the lot, and the next one opens', async (t) => {
  const room = new Room({ name: 'test', lotMs: 20, restMs: 1 });
  t.after(() => room.close());
  const member = makeMember();
  room.join(member);
  await room.bid('ann', 95);
  assert.deepEqual(await member.until('hammer'), { type: 'hammer', lot: 1, price: 95, buyer: 'ann', sold: 1, turnover: 95 });
  assert.equal((await member.until('lot')).number, 2);
  assert.equal(room.snapshot().bids, 1);
});
