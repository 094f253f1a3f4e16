/** Whoever is attached hears that the main thread has stopped to answer, and that it answers again. Looks only while somebody is there. */
import type { PulseReader } from '../../host/process/pulse.ts';
import type { OperatorSession } from '../session.ts';
import { hangsAfterMs } from './rescuer.ts';

const lookMs = 500;

export function watchPulse(pulse: PulseReader, sessions: ReadonlySet<OperatorSession>): void {
  const told = new WeakSet<OperatorSession>();
  let longestMs = 0;
  setInterval(() => {
    if (sessions.size === 0) return;
    const blockedMs = pulse.blockedMs();
    const silent = blockedMs >= hangsAfterMs;
    if (silent) longestMs = blockedMs;
    for (const session of sessions) {
      if (silent === told.has(session)) continue;
      if (silent) told.add(session);
      else told.delete(session);
      session.tell(silent ? 'silent' : 'answering', { blockedMs: longestMs });
    }
  }, lookMs).unref();
}
