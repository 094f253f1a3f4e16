/** What is said to a console that does not read: so much and no more, and what is left out is counted. */
import { expect, test } from 'vitest';
import { CallStream } from '../../packages/agent/src/host/call-stream.ts';
import { Meter } from '../../packages/agent/src/host/watch/meter.ts';
import { Speaker } from '../../packages/agent/src/host/watch/speaker.ts';
import { limits } from '../../packages/agent/src/protocol/index.ts';

function speaking(): { speaker: Speaker; stream: CallStream; pieces: unknown[][]; turn: () => void } {
  const pieces: unknown[][] = [];
  const stream = new CallStream((text) => pieces.push(JSON.parse(text) as unknown[]));
  let work: (() => void)[] = [];
  const clock = {
    now: () => 0,
    soon: () => () => undefined,
    after: (_: number, later: () => void) => {
      work.push(later);
      return () => (work = work.filter((each) => each !== later));
    },
  };
  const turn = (): void => {
    for (const each of work.splice(0)) each();
  };
  return { speaker: new Speaker(stream, clock, new Meter({ percent: 1, rate: 1 }, 0)), stream, pieces, turn };
}

test('the last that waits, the first that is left out', () => {
  const { speaker, stream, pieces, turn } = speaking();
  for (let at = 0; at < limits.maxUnreadCalls; at += 1) {
    expect(speaker.say(JSON.stringify({ at }))).toBe(true);
    if (at % 100 === 0) turn();
  }
  expect(speaker.say(JSON.stringify({ at: 'one more' }))).toBe(false);
  turn();
  expect(pieces.flat()).toHaveLength(limits.maxUnreadCalls);
  expect(Math.max(...pieces.map((piece) => piece.length))).toBe(10);
  expect(speaker.say(JSON.stringify({ at: 'one more' }))).toBe(false);
  expect(speaker.unread).toBe(2);
  // The oldest piece has left.
  stream.heard();
  expect(speaker.say(JSON.stringify({ at: 'again' }))).toBe(true);
});

test('whoever ends it hears the rest; nobody else is told anything then; whoever asks late hears why', () => {
  const stopped = speaking();
  stopped.speaker.say('1');
  stopped.stream.end('stopped');
  stopped.speaker.flush();
  expect(stopped.pieces).toEqual([[1]]);
  const { speaker, stream, pieces, turn } = speaking();
  const heard: string[] = [];
  stream.onEnd((why) => heard.push(why));
  stream.end('gone');
  stream.end('stopped');
  stream.onEnd((why) => heard.push(`late ${why}`));
  speaker.say(JSON.stringify({ at: 1 }));
  turn();
  expect(heard).toEqual(['gone', 'late gone']);
  expect(pieces).toEqual([]);
});
