/** `keyhole doctor`: what a process allows and what is wrong, one line a check. The agent's two threads look at theirs; the clock is compared here. */
import { examine, type Check, type Result } from '@keyhole/agent/protocol';
import { table } from '../render/table.ts';
import { span } from '../render/text.ts';
import type { CommandDefinition } from './command.ts';

interface ConsoleFacts {
  /** The service's clock, and ours before the question and after the answer. */
  time: string;
  askedAtMs: number;
  answeredAtMs: number;
}

/** A journal whose times are further off can not be held against other logs. */
const maxClockDifferenceMs = 2_000;

export const consoleChecks: readonly Check<ConsoleFacts>[] = [
  {
    check: 'clock',
    look: ({ time, askedAtMs, answeredAtMs }) => {
      const theirsMs = Date.parse(time);
      if (Number.isNaN(theirsMs)) return { ok: false, detail: `the service's clock reads ${time}` };
      // The answer was made in between: only what lies outside is a difference for certain.
      const differenceMs = Math.max(theirsMs - answeredAtMs, askedAtMs - theirsMs, 0);
      if (differenceMs === 0) return { ok: true, detail: 'the service and this console agree' };
      const detail = `the service is ${differenceMs} ms ${theirsMs > answeredAtMs ? 'ahead of' : 'behind'} this console`;
      return { ok: differenceMs <= maxClockDifferenceMs, detail };
    },
  },
];

export const doctor: CommandDefinition = {
  name: 'doctor',
  summary: 'what this process allows, and what is wrong',
  target: 'agent',
  words: [],
  required: () => 0,
  options: [],
  async run(context) {
    const connection = await context.connect();
    const askedAtMs = Date.now();
    const { time, checks }: Result<'doctor'> = await connection.call('doctor', {}, context);
    const all = [...checks, ...examine(consoleChecks, { time, askedAtMs, answeredAtMs: Date.now() })];
    const rows = all.map(({ check, ok, detail }) => [ok ? span('good', 'ok') : span('bad', '!!'), span('name', check), detail]);
    return {
      json: all.map(({ check, ok, detail }) => ({ check, ok, detail })),
      text: table(['', 'CHECK', ''], rows, 'the agent made no check'),
      exitCode: all.every(({ ok }) => ok) ? 0 : 1,
    };
  },
};
