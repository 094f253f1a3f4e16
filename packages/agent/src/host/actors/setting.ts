/** The operations that change an actor's state, and undo that. What was there and what is there now go to the operator and into the journal: as JSON where they are, else in V8's words. */
import { stringify } from '../../platform/originals.ts';
import { KeyholeError, limits } from '../../protocol/index.ts';
import type { StateValue } from '../../protocol/index.ts';
import type { HostHandlers } from '../bridge.ts';
import type { Inspector } from '../inspector.ts';
import { jsonOf } from '../json.ts';
import type { ActorDirectory } from './directory.ts';
import { ActorState } from './state.ts';

const group = 'keyhole:set';

export function createSetting(inspector: Inspector, actors: ActorDirectory): Pick<HostHandlers, 'actor.set' | 'actor.restore'> {
  const state = new ActorState();
  const shown = (value: unknown): StateValue => {
    const json = jsonOf(value);
    const remote = inspector.show(value, group);
    const text = json === undefined ? (remote.description ?? remote.unserializableValue ?? remote.type) : stringify(json);
    return text.length > limits.maxStringLength
      ? { text: `${text.slice(0, limits.maxStringLength)}...` }
      : { text, ...(json !== undefined && { json }) };
  };
  return {
    'actor.set': ({ actor, path, value }, { intent }) => {
      if (intent === undefined) throw new KeyholeError('INTERNAL', 'actor.set was not journaled');
      const id = `s${intent.entry}`;
      try {
        const { actor: object } = actors.find(actor, group);
        const { before, after } = state.set(id, { actor, object, path, value });
        return { ok: true, id, actor, path, before: shown(before), after: shown(after), entry: intent.entry };
      } finally {
        inspector.releaseGroup(group);
      }
    },
    'actor.restore': ({ id }) => ({ ok: true, id, ...state.restore(id) }),
  };
}
