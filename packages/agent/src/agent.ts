/**
 * The composition root: the host on this thread, the door in a worker. Whatever is wrong outside is reported and never keeps the service from starting, and
 * nothing here keeps it from ending.
 */
import type { Cluster } from 'node:cluster';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { Sightings } from './adapters/sightings.ts';
import type { AgentConfig } from './config.ts';
import { ActorRegistry } from './host/actors/registry.ts';
import { Arrival } from './host/arrival.ts';
import { hideSecrets } from './host/secrets.ts';
import type { Coming } from './host/arrival.ts';
import type { MainHost } from './host/assembly.ts';
import { serveHost } from './host/host.ts';
import { Outbox } from './host/outbox.ts';
import { editedText, loadedTextOf } from './host/process/loaded-text.ts';
import { Pulse } from './host/process/pulse.ts';
import { Roster } from './host/threads/roster.ts';
import type { SlotTable } from './loader/index.ts';
import { nodeClock } from './platform/clock.ts';
import { required } from './platform/later.ts';
import './platform/originals.ts';
import { whatNodeForbids } from './platform/permissions.ts';
import { clearPlace, offerInPlace } from './platform/place.ts';
import type { DoorConfig, DoorOrder, DoorReport, ReplayConfig } from './server/door-config.ts';
import { standsAfterMs } from './server/crash-loop.ts';

const { writeSync } = required<typeof import('node:fs')>('node:fs');

/** What is wrong, and what to do about it. */
export interface AgentProblem {
  what: string;
  message: string;
  hint: string;
}

export interface AgentStatus {
  /** `unix:/path`, `ws://127.0.0.1:port` or `wss://host:port`; null while nobody can attach. */
  address: string | null;
  problems: AgentProblem[];
}

/** A running agent. */
export interface Agent {
  readonly status: AgentStatus;
  readonly actors: Pick<ActorRegistry, 'register' | 'watchClass' | 'use'>;
  /** Closes the door. Patches stay as they are. */
  close(): Promise<void>;
}

/** A door that dies again and again is tried less and less often. */
const firstRestartMs = 100;
const longestRestartMs = 30_000;
/** How long a service waits at its start for patches of earlier processes. */
const replayLimitMs = 10_000;
/** Problems that `doctor` looks at as they are now, not as they once were. */
const checkedAnew = new Set(['operators', 'journal']);
/** The door's own heap: an attack that fills it ends the door, not the service. */
const doorHeapMegabytes = 128;
/** What it allocates is small or soon garbage: without a bound V8 keeps up to 48 MB for that. */
const doorYoungHeapMegabytes = 2;
const nobodyAttaches = 'The service runs; nobody can attach to it.';

export class RunningAgent implements Agent {
  readonly status: AgentStatus = { address: null, problems: [] };
  readonly actors = new ActorRegistry();
  readonly #config: AgentConfig;
  readonly #table: SlotTable | null;
  readonly #startedAt = new Date().toISOString();
  /** Names this process, not only among those of this machine. Not a UUID: to load Node's cryptography for it takes 7 ms. */
  readonly #run = [process.pid, Date.now(), Math.floor(Math.random() * 2 ** 48)].map((part) => part.toString(36)).join('-');
  readonly #host: Coming<MainHost>;
  readonly #outbox = new Outbox(() => this.#host.here?.count() ?? 0);
  /** From the start: threads are heard of when they begin. */
  readonly #roster = new Roster(
    () => this.#host.here?.given() ?? [],
    (replay) => this.#host.here?.replayed(replay),
  );
  readonly #pulse = new Pulse(nodeClock);
  readonly #ready: Promise<void>;
  #setReady: () => void = () => undefined;
  /** What a door is still to put into effect again, and what resolves when it is done. */
  #replay: { order: ReplayConfig; done: Promise<void>; setDone: () => void } | null = null;
  #standsAt: number | null = null;
  #door: Worker | null = null;
  #isFirstDoor = true;
  #restartMs = firstRestartMs;
  #closed = false;
  #replayOrdered = false;

  constructor(config: AgentConfig, table: SlotTable | null, sightings: Sightings) {
    this.#config = config;
    this.#table = table;
    const { service, root, commit, commitFrom, cold, journal } = config;
    hideSecrets(journal.redact);
    this.#host = new Arrival(
      async () => ({ ...(await import('./adapters/index.ts')), ...(await import('./host/assembly.ts')) }),
      ({ assembleHost, makeAdapters }) => {
        const sources = { sightings, running: () => this.#roster.running(), functions: () => this.#host.here?.closures ?? null };
        for (const adapter of makeAdapters(config.adapters, sources)) this.actors.useOwn(adapter);
        return assembleHost({
          service,
          root,
          commit,
          commitFrom,
          startedAt: this.#startedAt,
          cold: cold !== null,
          journalDir: journal.dir,
          table,
          registry: this.actors,
          roster: this.#roster,
          outbox: this.#outbox,
          problems: () => this.status.problems.filter(({ what }) => !checkedAnew.has(what)),
        });
      },
      nodeClock,
    );
    offerInPlace('interrupt', (call: number) => this.#host.here?.interrupt(call));
    offerInPlace('loadedText', (url: string) => (this.#host.here?.isEdited(url) === true ? editedText : loadedTextOf(table, url)));
    offerInPlace('patchedAddress', (file: string, line: number, name: string) => this.#host.here?.addressAt(file, line, name) ?? '');
    this.#ready = new Promise((resolve) => {
      this.#setReady = resolve;
    });
    this.#open();
    this.replay(config.replay);
  }

  /** Resolves when the door listens or has said why it does not, and what is put into effect again is; until then the process stays alive. */
  async ready(): Promise<void> {
    this.#door?.ref();
    await this.#ready;
    await this.replayed();
    this.#door?.unref();
  }

  /** Puts patches of earlier processes into effect again, once in the life of a process. */
  replay(order: ReplayConfig): void {
    if (this.#replayOrdered || (!order.pending && order.hotfixes.length === 0)) return;
    this.#replayOrdered = true;
    if (this.#table === null) {
      const message = 'nothing is replayed: the code is not instrumented, so nothing can go into effect before its first call';
      return this.#problem({ what: 'replay', message, hint: 'Start the service with --import @keyhole/agent/register.' });
    }
    let setDone = (): void => undefined;
    const done = new Promise<void>((resolve) => {
      setDone = resolve;
    });
    this.#replay = { order, done, setDone };
    this.#door?.postMessage({ t: 'replay', replay: order } satisfies DoorOrder);
  }

  /** Resolves when patches of earlier processes go into effect as their files are loaded, or when that takes too long for a service that wants to start. */
  async replayed(): Promise<void> {
    const replay = this.#replay;
    if (replay === null || this.#door === null) return;
    this.#door?.ref();
    let cancel = (): void => undefined;
    const tooLong = new Promise<'too long'>((resolve) => {
      cancel = nodeClock.after(replayLimitMs, () => resolve('too long'));
    });
    const late = (await Promise.race([replay.done, tooLong])) === 'too long';
    cancel();
    this.#door?.unref();
    if (!late) return;
    const message = `patches of earlier processes go into effect later: reading the journal takes more than ${replayLimitMs / 1_000} s`;
    this.#problem({ what: 'replay', message, hint: 'Until then the service runs what was loaded. A journal with retention is shorter.' });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#roster.close();
    this.status.address = null;
    this.#pulse.stop();
    clearPlace();
    const door = this.#door;
    this.#door = null;
    if (door === null) return;
    const gone = new Promise<void>((resolve) => door.once('exit', () => resolve()));
    door.ref();
    door.postMessage({ t: 'close' } satisfies DoorOrder);
    await gone;
  }

  #open(): void {
    const forbidden = whatNodeForbids();
    if (forbidden !== null) {
      this.#problem({ what: 'door', message: forbidden, hint: nobodyAttaches });
      this.#setReady();
      return;
    }
    const standsInMs = this.#standsAt === null ? 0 : this.#standsAt - nodeClock.now();
    const { port1, port2 } = new MessageChannel();
    const failed = (thrown: unknown): void =>
      this.#problem({
        what: 'host',
        message: `something went wrong in the agent: ${messageOf(thrown)}`,
        hint: 'The service is not touched. Has it replaced what belongs to the language?',
      });
    serveHost({ port: port1, host: this.#host, outbox: this.#outbox, failed });
    const { service, commit, root, listen, hostKey, operators, approvals, policy, limits, runtimeDir, cold, journal, replay } = this.#config;
    const workerData: DoorConfig = {
      service,
      commit,
      root,
      listen,
      hostKey,
      operators,
      approvals,
      policy,
      limits,
      runtimeDir,
      cold,
      journal,
      replays: replay.pending,
      startedAt: this.#startedAt,
      run: this.#run,
      instrumented: this.#table !== null,
      cluster: placeInCluster(),
      standsInMs: standsInMs > 0 ? standsInMs : null,
      pulse: this.#pulse.memory,
      beginsAfter: this.#isFirstDoor ? this.#pulse.last : null,
      bridge: port2,
    };
    // The worker must not load what the service was started with: neither our own register nor anybody else's.
    const { NODE_OPTIONS: _, ...env } = process.env;
    let door: Worker;
    try {
      door = new Worker(new URL('./server/threshold.js', import.meta.url), {
        workerData,
        transferList: [port2],
        execArgv: [],
        env,
        name: 'keyhole door',
        resourceLimits: { maxOldGenerationSizeMb: doorHeapMegabytes, maxYoungGenerationSizeMb: doorYoungHeapMegabytes },
      });
    } catch (thrown) {
      this.#problem({ what: 'door', message: messageOf(thrown), hint: nobodyAttaches });
      this.#setReady();
      return;
    }
    this.#door = door;
    this.#isFirstDoor = false;
    if (this.#replay !== null) door.postMessage({ t: 'replay', replay: this.#replay.order } satisfies DoorOrder);
    this.#roster.leaveOut(door.threadId);
    door.on('message', (report: DoorReport) => {
      if (report.t === 'problem') this.#problem(report);
      if (report.t === 'listening') {
        this.status.address = report.address;
        this.#restartMs = firstRestartMs;
      }
      if (report.t === 'replayed') this.#setReplayed(report.armed);
      if (report.t === 'listening' || (report.t === 'problem' && report.what === 'listen')) this.#setReady();
    });
    door.on('error', (error) => this.#problem({ what: 'door', message: messageOf(error), hint: 'It is started again; the service is not touched.' }));
    // After the listeners: listening to a worker takes hold of the event loop again.
    door.unref();
    door.once('exit', () => {
      port1.close();
      this.status.address = null;
      this.#setReady();
      if (this.#closed || this.#door !== door) return;
      this.#door = null;
      setTimeout(() => this.#open(), this.#restartMs).unref();
      this.#restartMs = Math.min(this.#restartMs * 2, longestRestartMs);
    });
  }

  #setReplayed(armed: number): void {
    if (armed > 0) this.#standsAt = nodeClock.now() + standsAfterMs;
    this.#replay?.setDone();
    this.#replay = null;
  }

  #problem({ what, message, hint }: AgentProblem): void {
    if (this.status.problems.some((each) => each.what === what && each.message === message)) return;
    this.status.problems.push({ what, message, hint });
    try {
      // Not console: the service may have made something else of it. Not process.stderr: its errors are events that nobody of us hears.
      writeSync(2, `keyhole: ${message}\n  ${hint}\n`);
    } catch {
      // A closed stderr is no reason to disturb the service; agent.status says the same.
    }
  }
}

/** `node:cluster` brings sockets and child processes with it, so it is asked only where there can be a primary to talk to. */
function placeInCluster(): DoorConfig['cluster'] {
  const worker = process.send === undefined ? undefined : required<Cluster>('node:cluster').worker;
  return worker === undefined ? null : { worker: worker.id, parentPid: process.ppid };
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
