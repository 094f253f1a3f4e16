/** Holds a service's journal against what this console saw of it before: the only way to notice that its end was cut off, or that it was replaced. */
import { createHash } from 'node:crypto';
import { KeyholeError, type JournalHead, type Result, type Welcome } from '@keyhole/agent/protocol';
import type { HeadMemory, KnownHead } from './known-heads.ts';

/** The service whose journal is in question. */
interface Service {
  welcome: Welcome;
  label: string;
  call(op: 'journal.line', params: { seq: number }): Promise<Result<'journal.line'>>;
}

/** What is wrong, or null. It costs one question where the journal has grown. */
export async function doubtOf(service: Service, memory: HeadMemory): Promise<KeyholeError | null> {
  const { known } = memory;
  const head = service.welcome.journal?.head ?? null;
  if (known === null) return null;
  if (head?.seq === known.seq && head.hash === known.hash) return null;
  // The welcome may be older than what another console of this user has seen meanwhile: what counts is the answer to this.
  let answer: Result<'journal.line'>;
  try {
    answer = await service.call('journal.line', { seq: known.seq });
  } catch (error) {
    // A journal that can not be read now says nothing; what was remembered stays.
    if (error instanceof KeyholeError && error.code === 'JOURNAL') return null;
    throw error;
  }
  const { line, removed } = answer;
  // Retention removes old segments; a checkpoint says so, which `journal verify` checks.
  if (line === null && removed) return null;
  const hash = line === null ? null : createHash('sha256').update(line, 'utf8').digest('hex');
  return hash === known.hash
    ? null
    : doubt(
        service,
        known,
        hash === null
          ? `it is not there${head === null || head.seq >= known.seq ? '' : `, and the journal ends with entry ${head.seq}`}`
          : `there is another one in its place (${hash})`,
      );
}

function doubt(service: Service, known: KnownHead, found: string): KeyholeError {
  return new KeyholeError(
    'JOURNAL',
    `THE JOURNAL of ${service.label} WAS CUT, ROLLED BACK OR REPLACED: this console saw entry ${known.seq} (${known.hash}) on ${known.at}; now ${found}`,
    'Compare it with its copies and with what other operators remember. Reverting patches goes on; other changes wait until keyhole journal trust says that it is explained',
    { known: place(known), head: service.welcome.journal?.head ?? null },
  );
}

function place({ seq, hash }: JournalHead): JournalHead {
  return { seq, hash };
}
