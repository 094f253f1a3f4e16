/**
 * The operations that change an actor: its state, whether it is suspended, and what is in its mailbox; and that undo what can be undone. What was there and what is there now go to the operator and
 * into the journal: as JSON where they are, else in V8's words.
 */
import { nodeClock } from '../../platform/clock.ts';
import { parse, stringify } from '../../platform/originals.ts';
import { KeyholeError, limits } from '../../protocol/index.ts';
import type { StateValue } from '../../protocol/index.ts';
import { redacted } from '../../source/secrets.ts';
import type { HostContext, HostHandlers } from '../bridge.ts';
import type { Inspector } from '../inspector.ts';
import { jsonOf } from '../json.ts';
import { hide, isSecret } from '../secrets.ts';
import { ActorControls } from './controls.ts';
import type { ActorDirectory } from './directory.ts';
import { ActorState } from './state.ts';

const group = 'keyhole:set';

export type ChangingHandlers = Pick<HostHandlers, 'actor.set' | 'actor.restore' | 'actor.suspend' | 'actor.resume' | 'actor.send'>;

export function createChanging(inspector: Inspector, actors: ActorDirectory): ChangingHandlers {
  const state = new ActorState();
  const controls = new ActorControls(nodeClock);
  const shown = (value: unknown, path: string): StateValue => {
    if (path.split('.').some(isSecret)) return { text: redacted };
    const json = jsonOf(value);
    const remote = inspector.show(value, group);
    const text = json === undefined ? (remote.description ?? remote.unserializableValue ?? remote.type) : stringify(json);
    if (hide(text) !== text) return { text: hide(text).slice(0, limits.maxStringLength) };
    return text.length > limits.maxStringLength
      ? { text: `${text.slice(0, limits.maxStringLength)}...` }
      : { text, ...(json !== undefined && { json }) };
  };
  return {
    'actor.set': ({ actor, path, value, dryRun }, context) => {
      const { id, entry } = changeOf(context, dryRun);
      const { actor: object } = actors.find(actor);
      const asked = { actor, object, path, value };
      try {
        const seen = context.intent?.before;
        const now = seen === undefined ? undefined : shown(state.judge(asked).before, path);
        if (now?.text !== seen?.text) {
          const why = `${path} of ${actor} has changed since it was approved: it was ${briefly(seen)}, and is ${briefly(now)}`;
          throw new KeyholeError('NOT_PATCHABLE', why, 'Nothing was changed. Ask again: whoever approves it sees what is there now.');
        }
        const { before, after } = dryRun === true ? state.judge(asked) : state.set(id, asked);
        return { ok: true, id, actor, path, before: shown(before, path), after: shown(after, path), entry };
      } finally {
        inspector.releaseGroup(group);
      }
    },
    'actor.restore': async ({ id }) => {
      const actor = await controls.undo(id);
      return actor === null ? { ok: true, id, ...state.restore(id) } : { ok: true, id, actor, resumed: true };
    },
    'actor.suspend': async ({ actor, forMs = limits.defaultSuspendMs, dryRun }, context) => {
      const { id, entry } = changeOf(context, dryRun);
      const found = actors.find(actor);
      if (dryRun === true) controls.judge(found, 'suspend');
      else await controls.suspend(id, found, forMs);
      return { ok: true, id, actor, forMs, mailbox: actors.waitingFor(found), entry };
    },
    'actor.resume': async ({ actor, dryRun }, context) => {
      const { id, entry } = changeOf(context, dryRun);
      const found = actors.find(actor);
      const mailbox = actors.waitingFor(found);
      if (dryRun === true) controls.judge(found, 'resume');
      else await controls.resume(id, found);
      return { ok: true, id, actor, mailbox, entry };
    },
    'actor.send': async ({ actor, message, dryRun }, context) => {
      const { id, entry } = changeOf(context, dryRun);
      const found = actors.find(actor);
      const given = messageOf(message);
      if (dryRun === true) controls.judge(found, 'send');
      else await controls.send(id, found, given);
      return { ok: true, id, actor, mailbox: actors.waitingFor(found), suspended: found.isSuspended?.() === true, entry };
    },
  };
}

const briefly = (value: StateValue | undefined): string => (value?.text ?? '').slice(0, 100);

/** The id that a change is undone by. @throws {KeyholeError} INTERNAL where it is not journaled. */
function changeOf({ intent }: HostContext, dryRun = false): { id: string; entry: number } {
  if (dryRun) return { id: 'dry-run', entry: 0 };
  if (intent === undefined) throw new KeyholeError('INTERNAL', 'a change of an actor was not journaled');
  return { id: `s${intent.entry}`, entry: intent.entry };
}

function messageOf(text: string): unknown {
  try {
    return parse(text);
  } catch {
    throw new KeyholeError('BAD_REQUEST', `the message is not JSON: ${text.slice(0, 100)}`, 'A shell needs quotes around it: \'{"type":"next"}\'.');
  }
}
