/** What the agent took back by itself goes into the journal, to every attached operator, and to stderr. It is done already: nothing here can hold it up. */
import type { UndoneNews } from '../host/bridge.ts';
import type { Journal } from '../journal/index.ts';
import { KeyholeError } from '../protocol/index.ts';
import type { Undone } from '../protocol/index.ts';
import type { BridgeClient } from './bridge-client.ts';
import type { OperatorSession } from './session.ts';

export interface UndoneParts {
  journal: Journal;
  bridge: BridgeClient;
  sessions: ReadonlySet<OperatorSession>;
  patchesChanged: (count: number) => void;
  report: (what: string, message: string, hint: string) => void;
}

export function recordUndone({ undone, live }: UndoneNews, { journal, bridge, sessions, patchesChanged, report }: UndoneParts): void {
  journal
    .append({ kind: 'revert', phase: 'undone', by: 'agent', ...undone })
    .then(() => bridge.written(undone.number))
    .catch((thrown: unknown) => {
      // The host keeps it for the next door.
      report(
        'journal',
        `${sentence(undone)}; that could not be recorded: ${KeyholeError.from(thrown).message}`,
        'Make room or repair the directory of the journal.',
      );
    });
  if (undone.failed !== undefined) report('undo', sentence(undone), 'It is tried again; only a restart brings the loaded code back for sure.');
  patchesChanged(live);
  for (const session of sessions) session.tell('undone', undone);
}

function sentence({ patches, cause, failed }: Undone): string {
  const ids = patches.map(({ id }) => id).join(', ');
  return failed === undefined ? `${ids} was taken back (${cause})` : `${ids} could NOT be taken back (${cause}): ${failed}`;
}
