/** Second part of the demo: look into the running service, change one function of it, and see that nobody noticed but by the right figures. */

export const address = 'src/pricing.ts:makeLadder.nextMinimum';
export const reason = 'Minimum bid follows the price, not the opening bid';
const vault = "house.room('vault').snapshot()";

export async function lookAround({ transcript, keyhole, keyholeJson, expect }, { service, base }) {
  transcript.step('Attach and look', 'Which agents run on this machine, and which actors does this one have?');
  await keyhole('ps');
  const agents = await keyholeJson('ps');
  expect(
    agents.length === 1 && agents[0].name === 'rooms' && agents[0].pid === service.pid,
    `the agent of process ${service.pid} is announced`,
    agents,
  );
  expect(agents[0].commit === base, `it runs commit ${base.slice(0, 12)}`, agents[0].commit);

  await keyhole('actors', 'rooms');
  const actors = await keyholeJson('actors', 'rooms', 'Room');
  const ids = actors.map((actor) => actor.id).sort();
  expect(ids.join() === 'room/attic,room/cellar,room/gallery,room/lobby,room/vault', 'all five rooms are registered', ids);

  await keyhole('inspect', 'rooms', 'room/vault');
  const { properties } = await keyholeJson('inspect', 'rooms', 'room/vault');
  expect(
    properties.some(({ name }) => name === '#ladder'),
    'a room is open to view, private fields included',
    properties,
  );
}

export async function seeTheBug({ transcript, keyhole, keyholeJson, expect }) {
  transcript.step('See the bug from inside', 'An expression, evaluated in the scope of the module `src/server.ts`.');
  await keyhole('eval', 'rooms', vault, '--in', 'src/server.ts');
  const before = (await keyholeJson('eval', 'rooms', vault, '--in', 'src/server.ts')).value;
  expect(before?.price === 1_200 && before.minimum === 1_205, 'the minimum is 1205 at a price of 1200', before);

  transcript.say('The function that says so lives in a closure: one for each lot that is up.');
  await keyhole('fn', 'rooms', address);
  const fn = await keyholeJson('fn', 'rooms', address);
  expect(fn.source.includes('stepAt(opening)'), 'it takes the step of the opening price', fn.source);
  expect(
    ['bids', 'highest', 'opening'].every((name) => fn.reachable.includes(name)),
    'a patch can use what it captured: bids, highest, opening',
    fn.reachable,
  );
  expect(
    fn.strategies.some(({ name, possible }) => name === 'slots' && possible),
    'it can be replaced without a pause',
    fn.strategies,
  );
  return before;
}

export async function patchIt({ transcript, workshop, run, keyhole, keyholeJson, expect }, { before }) {
  transcript.step('Change the source, push the function', 'The edit happens where it always does, in the working tree.');
  workshop.edit('src/pricing.ts', 'stepAt(opening)', 'stepAt(highest)');
  await run('git', ['diff', '--unified=1']);
  await keyhole('push', 'rooms', 'src/pricing.ts', '--reason', reason);
  const fn = await keyholeJson('fn', 'rooms', address);
  expect(fn.patches.length === 1 && fn.source.includes('stepAt(highest)'), 'one patch is live', fn);

  await keyhole('eval', 'rooms', vault, '--in', 'src/server.ts');
  const after = (await keyholeJson('eval', 'rooms', vault, '--in', 'src/server.ts')).value;
  expect(after?.minimum === 1_250, 'the minimum is 1250 at a price of 1200', after);
  const { minimum: _wrong, ...kept } = before;
  const { minimum: _right, ...now } = after;
  expect(JSON.stringify(now) === JSON.stringify(kept), 'nothing else of the room has changed: same lot, same bids, same leader', {
    kept,
    now,
  });
  return fn.patches[0];
}

/** What the clients and the rooms say: `before` are the rooms' states from before the patch. */
export async function seeNobodyNoticed({ transcript, keyholeJson, expect }, { service, load, before }) {
  transcript.step('Nobody noticed', 'The same connections, the same rooms; and this is what the load generator counted in a second since.');
  const now = await load.wholeSecond();
  transcript.output(JSON.stringify(now));
  expect(now.minimums > 0 && now.wrongMinimums === 0, `of ${now.minimums} minimum bids not one is wrong`, now);
  expect(now.connections === 50 && now.dropped === 0, 'the same 50 clients are connected, not one was dropped', now);
  expectNoLoss(expect, now);

  const { body: rooms } = await service.request('GET', '/rooms');
  for (const old of before) {
    const room = rooms.find(({ name }) => name === old.name);
    const grew = ['bids', 'sold', 'turnover'].every((counter) => room[counter] >= old[counter]) && room.lot.number >= old.lot.number;
    expect(grew && room.members === old.members, `${room.name} went on: ${old.bids} bids then, ${room.bids} now`, { old, room });
  }
  const [agent] = await keyholeJson('ps');
  expect(agent.pid === service.pid, `it is still process ${service.pid}`, agent);
}

export function expectNoLoss(expect, line) {
  const { gaps, duplicates, backward, unreadable } = line;
  expect(gaps + duplicates + backward + unreadable === 0, 'no message was lost, doubled or unreadable, and no room went backward', line);
}

export async function readTheJournal({ transcript, keyhole, keyholeJson, expect }, { patch }) {
  transcript.step('What is live, and who did it', 'The difference to what was deployed, and the journal, newest first.');
  await keyhole('diff', 'rooms');
  const { diff } = await keyholeJson('diff', 'rooms');
  expect(/^-.*stepAt\(opening\)/m.test(diff) && /^\+.*stepAt\(highest\)/m.test(diff), 'the difference is that one line', diff);
  await keyhole('log', 'rooms');
  const entries = await keyholeJson('log', 'rooms');
  const intent = entries.find(({ kind, phase, request }) => kind === 'patch' && phase === 'intent' && request.reason === reason);
  const outcome = entries.find(({ phase, intent: seq }) => phase === 'outcome' && seq === intent?.seq);
  expect(intent?.operator === 'alice' && outcome?.status === 'done', `patch ${patch}: alice's intent is in the journal, and its outcome`, {
    intent,
    outcome,
  });
  return intent;
}
