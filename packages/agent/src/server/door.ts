/** The worker's entry: builds the door from its parts. It never holds one of the service's objects, and whatever goes wrong here leaves the service running. */
import { randomUUID } from 'node:crypto';
import * as path from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { nodeClock } from '../platform/clock.ts';
import { PulseReader } from '../host/process/pulse.ts';
import { Journal, createRedaction } from '../journal/index.ts';
import type { Appended } from '../journal/index.ts';
import { KeyholeError } from '../protocol/index.ts';
import type { JournalDraft, News, PatchRecord } from '../protocol/index.ts';
import { fingerprintOf } from '../ssh/index.ts';
import { announce, ownRuntimeDir, withdraw } from './announce.ts';
import { Approvals } from './approvals.ts';
import { BridgeClient } from './bridge-client.ts';
import { serveConnection } from './connection.ts';
import type { Gate } from './connection.ts';
import type { Announcement, DoorConfig, DoorOrder, DoorReport } from './door-config.ts';
import { sessionEntry } from './changes.ts';
import { Dispatcher } from './dispatcher.ts';
import { Interrupter } from './interrupt.ts';
import { openHostKey } from './host-key.ts';
import { againMs, listenAgain } from './listen-again.ts';
import { listen } from './listener.ts';
import type { ListenPlace } from './listener.ts';
import { LookBudget } from './look-budget.ts';
import { OperatorsFile } from './operators.ts';
import type { Operators } from './operators.ts';
import { PolicyFile } from './policy.ts';
import { Places } from './rescue/places.ts';
import { Profiler } from './rescue/profiler.ts';
import { Rescuer } from './rescue/rescuer.ts';
import { watchPulse } from './rescue/watch-pulse.ts';
import { reviewSessions } from './review.ts';
import type { OperatorSession } from './session.ts';
import { recordNews } from './news.ts';
import { standsAfterMs } from './crash-loop.ts';
import { objectionTo, replay } from './replay.ts';

async function openDoor(config: DoorConfig): Promise<void> {
  const { service, startedAt, commit, instrumented, cluster } = config;
  const bootId = randomUUID();
  const report = (what: string, message: string, hint: string): void => {
    parentPort?.postMessage({ t: 'problem', what, message, hint } satisfies DoorReport);
  };

  const redact = await createRedaction(config.journal.redact).catch((thrown: unknown) => {
    const why = `what redacts it could not be loaded: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
    report('journal', `the journal can not be written: ${why}`, 'Every change is refused: correct journal.redact and restart the service.');
    return (draft: JournalDraft): JournalDraft => {
      if (!('phase' in draft) || (draft.phase !== 'intent' && draft.phase !== 'late')) return draft;
      // A revert has happened already, and is written down without what it said.
      if (draft.phase === 'late') return { ...draft, request: {} };
      throw new KeyholeError('JOURNAL', `the journal can not be written: ${why}`, 'Correct journal.redact and restart the service.');
    };
  });
  const start = {
    kind: 'start',
    service,
    pid: process.pid,
    node: process.version,
    bootId,
    run: config.run,
    commit,
    ...(config.cold !== null && { cold: config.cold }),
  } as const;
  const journal = Journal.open(config.journal, start, { redact, replays: config.replays });
  const { writable, why = '' } = journal.state();
  if (!writable)
    report('journal', `the journal can not be written: ${why}`, 'Inspection works; every change is refused until the journal can be written.');
  let patches = 0;
  let showPatches = (): void => undefined;
  const patchesChanged = (count: number): void => {
    patches = count;
    showPatches();
  };
  const sessions = new Set<OperatorSession>();
  const pulse = new PulseReader(config.pulse);
  watchPulse(pulse, sessions);
  const bridge = new BridgeClient(config.bridge, (news) => recordNews(news, { journal, bridge, sessions, patchesChanged, report }));
  const build = { service, root: config.root, commit };
  const policy = new PolicyFile(config.policy);
  const wrongPolicy = policy.problem();
  if (wrongPolicy !== null) report('policy', `nobody may patch or evaluate: ${wrongPolicy}`, 'docs/operators.md says what it takes.');
  const approvals = new Approvals(config.approvals);
  const announceNews = (by: OperatorSession, { event, data }: News): void => {
    for (const session of sessions) if (session !== by) session.tell(event, data);
  };
  const hostKey = openHostKey(config.hostKey);
  if (hostKey.unkept !== null)
    report(
      'host key',
      `the agent's own key can not be kept, so consoles that remember one will not know it again: ${hostKey.file}: ${hostKey.unkept}`,
      'Mend the file, or name another one with hostKey (KEYHOLE_HOST_KEY), and restart the service.',
    );
  const looks = new LookBudget(config.limits, nodeClock);
  const dispatcher = new Dispatcher({
    build,
    bridge,
    journal,
    interrupter: new Interrupter(),
    places: new Places(config.root, startedAt),
    profiler: new Profiler({ root: config.root, startedAt }),
    rescuer: new Rescuer({ pulse, root: config.root, pid: process.pid, startedAt }),
    operators: config.operators,
    hostKey,
    approvals,
    policy,
    looks,
    sessions,
    announce: announceNews,
    patchesChanged,
    report,
  });

  const operatorsFile = new OperatorsFile(config.operators);
  const operators = (): Operators | null => {
    try {
      return operatorsFile.read();
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      report(
        'operators',
        `nobody can attach: ${operatorsFile.label}: ${message}`,
        'It takes lines as in authorized_keys: name="alice",roles="patch" ssh-ed25519 AAAA...',
      );
      return null;
    }
  };
  operators();
  reviewSessions(operatorsFile, sessions);

  const note = async (draft: JournalDraft): Promise<Appended | null> => {
    try {
      return await journal.append(draft);
    } catch (thrown) {
      report('journal', KeyholeError.from(thrown).message, 'Changes are refused until the journal can be written.');
      return null;
    }
  };

  let close = (): void => {
    journal.close();
    process.exit();
  };
  const standIn = (delayMs: number): void => void setTimeout(() => void note({ kind: 'replay', phase: 'stood', by: 'agent' }), delayMs).unref();
  if (config.standsInMs !== null) standIn(config.standsInMs);
  const arm = (records: PatchRecord[]): Promise<void> => bridge.replay(records);
  const objection = objectionTo(config.approvals, policy);
  parentPort?.on('message', (order: DoorOrder) => {
    if (order.t === 'close') return close();
    void replay(order.replay, { journal, service, operators, objection, arm, report }).then((armed) => {
      if (armed > 0) standIn(standsAfterMs);
      parentPort?.postMessage({ t: 'replayed', armed } satisfies DoorReport);
    });
  });

  const dir = ownRuntimeDir(config.runtimeDir ?? undefined);
  const gate: Gate = {
    bootId,
    service,
    limits: config.limits,
    hostKey,
    dispatcher,
    approvals: config.approvals.patch,
    operators,
    journal: () => {
      const { dir, writable, why } = journal.state();
      return { dir, writable, head: journal.head, ...(why !== undefined && { why }) };
    },
    admit: (session) => {
      if (sessions.size >= config.limits.maxSessions) return false;
      sessions.add(session);
      void note(sessionEntry(session, 'open')).then((opened) => {
        session.loggedAt ??= opened?.seq ?? null;
      });
      return true;
    },
    leave: (session) => {
      sessions.delete(session);
      approvals.withdraw(session);
      looks.forget(session.id);
      bridge.forget(session.id);
      void note(sessionEntry(session, 'close'));
    },
    refused: createRefusalNotes(note),
  };
  const brokenTls = (message: string): void =>
    report('tls', `the new certificate can not be used, the old one goes on: ${message}`, 'It is read again when its files change.');
  const listener = await listenAgain(
    () => listen(placeOf(config, dir), (arrival) => serveConnection(arrival, gate), brokenTls, config.limits),
    (message) => report('listen', `nobody can attach: ${message}`, `The service runs; this is tried again every ${againMs / 1_000} s.`),
    nodeClock,
  );
  const { address } = listener;
  const announcement = (): Announcement => ({
    name: service,
    pid: process.pid,
    address,
    hostKey: hostKey.publicKey,
    node: process.version,
    startedAt,
    commit,
    instrumented,
    patches,
    cluster,
  });
  announce(dir, announcement());
  showPatches = () => {
    try {
      announce(dir, announcement());
    } catch (thrown) {
      report(
        'announcement',
        `keyhole ps shows an old number of patches: ${KeyholeError.from(thrown).message}`,
        'Is the runtime directory still there?',
      );
    }
  };
  parentPort?.postMessage({ t: 'listening', address } satisfies DoorReport);

  close = () => {
    withdraw(dir, announcement());
    listener.close();
    for (const session of sessions) void note(sessionEntry(session, 'close'));
    journal.close();
    process.exit();
  };
}

/** Workers of a cluster are told the same as their primary, and each needs a place of its own. */
function placeOf({ listen: told, cluster, service }: DoorConfig, dir: string): ListenPlace {
  if (told.kind === 'tcp') return cluster === null ? told : { ...told, port: 0 };
  if (told.path === null) return { kind: 'socket', path: path.join(dir, `${service}.${process.pid}.sock`) };
  return { kind: 'socket', path: cluster === null ? told.path : `${told.path}.${process.pid}` };
}

/** A thousand wrong keys are one line a minute: refusals must not fill the journal. */
function createRefusalNotes(note: (draft: JournalDraft) => Promise<unknown>): Gate['refused'] {
  const quietMs = 60_000;
  let lastAt = -quietMs;
  let silent = 0;
  return (publicKey, peer) => {
    const now = performance.now();
    if (now - lastAt < quietMs) {
      silent += 1;
      return;
    }
    const what = `an unknown key or a wrong signature, from ${peer}`;
    const why = silent === 0 ? what : `${what}; ${silent} more since the last note`;
    void note({ kind: 'refusal', why, fingerprint: fingerprintOf(publicKey) });
    lastAt = now;
    silent = 0;
  };
}

openDoor(workerData as DoorConfig).catch((thrown: unknown) => {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  parentPort?.postMessage({
    t: 'problem',
    what: 'listen',
    message: `nobody can attach: ${message}`,
    hint: 'The service runs; correct this and restart it.',
  } satisfies DoorReport);
});
