/** Holds open sessions against the operators file while it changes: who was taken out goes, who may do less does less from then on. */
import { KeyholeError } from '../protocol/index.ts';
import type { Operator, Operators, OperatorsFile } from './operators.ts';
import type { OperatorSession } from './session.ts';

/** A key that was taken out ends its sessions within a second. */
const everyMs = 400;

/** Looks until the worker ends. */
export function reviewSessions(file: OperatorsFile, sessions: ReadonlySet<OperatorSession>): void {
  setInterval(() => {
    if (sessions.size === 0) return;
    const operators = readAgain(file);
    if (operators === null) return;
    for (const session of sessions) review(session, operators === 'gone' ? null : operators.find(session.claim, Date.now()));
  }, everyMs);
}

/** A file that is not understood tells nothing of who was taken out: whoever is in stays until it is mended, and nobody comes in. A file that is gone has nobody in it. */
function readAgain(file: OperatorsFile): Operators | 'gone' | null {
  try {
    return file.read();
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'ENOENT' ? 'gone' : null;
  }
}

function review(session: OperatorSession, now: Operator | null): void {
  const { operator } = session;
  if (now === null) {
    session.end(new KeyholeError('NOT_ALLOWED', 'your key is not allowed here any more', 'It was taken out of the operators file, or has expired.'));
    return;
  }
  // What the journal says of a session goes by the name it began with.
  if (now.name !== operator.name || now.email !== operator.email || (now.verifyRequired && !operator.verifyRequired)) {
    session.end(new KeyholeError('NOT_ALLOWED', 'your line in the operators file has changed', 'Attach again.'));
    return;
  }
  session.become(now);
}
