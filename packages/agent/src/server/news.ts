/** What the host did by itself goes into the journal, to every attached operator where it takes something away, and to stderr. It is done already: nothing here can hold it up. */
import type { HostNews, Replayed } from '../host/bridge.ts';
import type { Journal } from '../journal/index.ts';
import { KeyholeError } from '../protocol/index.ts';
import type { JournalDraft, OutcomeEntry, ReplayResult, Undone } from '../protocol/index.ts';
import type { BridgeClient } from './bridge-client.ts';
import type { OperatorSession } from './session.ts';

export interface NewsParts {
  journal: Journal;
  bridge: BridgeClient;
  sessions: ReadonlySet<OperatorSession>;
  patchesChanged: (count: number) => void;
  report: (what: string, message: string, hint: string) => void;
}

export function recordNews(news: HostNews, { journal, bridge, sessions, patchesChanged, report }: NewsParts): void {
  const [draft, said]: [JournalDraft, string] =
    'undone' in news
      ? [{ kind: 'revert', phase: 'undone', by: 'agent', ...news.undone }, sentence(news.undone)]
      : [outcomeOf(news.replayed), replaySentence(news.replayed)];
  journal
    .append(draft)
    .then(() => bridge.written(news.number))
    .catch((thrown: unknown) => {
      // The host keeps it for the next door.
      report(
        'journal',
        `${said}; that could not be recorded: ${KeyholeError.from(thrown).message}`,
        'Make room or repair the directory of the journal.',
      );
    });
  patchesChanged(news.live);
  if ('undone' in news) {
    if (news.undone.failed !== undefined) report('undo', said, 'It is tried again; only a restart brings the loaded code back for sure.');
    for (const session of sessions) session.tell('undone', news.undone);
  } else if (news.replayed.became === 'superseded')
    report('replay', said, 'Look whether what it was for is still needed: keyhole status, keyhole export.');
  else if (news.replayed.became === 'failed') report('replay', said, 'The service runs without it: push it again, or bring it into the build.');
}

function outcomeOf({ entry, id, address, became, strategy, why }: Replayed): OutcomeEntry {
  const outcome = { kind: 'replay', phase: 'outcome', intent: entry } as const;
  if (became === 'failed') {
    const error = new KeyholeError('PATCH_FAILED', `${id} ${address}: ${why ?? 'it could not be put into effect'}`);
    return { ...outcome, status: 'failed', error: error.toWire() };
  }
  const result: ReplayResult = { became, id, address, ...(strategy !== undefined && { strategy }), ...(why !== undefined && { why }) };
  return { ...outcome, status: became === 'superseded' ? 'refused' : 'done', result: { ...result } };
}

function replaySentence({ id, address, became, why = '' }: Replayed): string {
  if (became === 'live') return `${id} of ${address} is live again`;
  if (became === 'landed') return `${id} of ${address} has landed: what was loaded holds it`;
  return `${id} of ${address} is not live again${why === '' ? '' : `: ${why}`}`;
}

function sentence({ patches, cause, failed }: Undone): string {
  const ids = patches.map(({ id }) => id).join(', ');
  return failed === undefined ? `${ids} was taken back (${cause})` : `${ids} could NOT be taken back (${cause}): ${failed}`;
}
