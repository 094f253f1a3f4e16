/** What the composition root hands to the worker, and what the worker reports back. Both are structured clones. */
import type { MessagePort } from 'node:worker_threads';
import type { JournalConfig } from '../journal/index.ts';
import type { ColdOrigin } from '../protocol/index.ts';
import type { ApprovalRules } from './approvals.ts';
import type { DoorLimits } from './door-limits.ts';
import type { ListenConfig } from './listen-options.ts';
import type { OperatorSource } from './operators.ts';

/** A process that `node:cluster` forked. */
export interface ClusterWorker {
  /** Its number in the cluster. */
  worker: number;
  /** The process id of the primary. */
  parentPid: number;
}

export interface DoorConfig {
  service: string;
  /** null: not one of a cluster's workers. */
  cluster: ClusterWorker | null;
  startedAt: string;
  /** Names the run of the process, for every door it has. */
  run: string;
  commit: string | null;
  root: string;
  /** A worker of a cluster adds its pid to a socket's path, and takes a free port. */
  listen: ListenConfig;
  /** The file of the agent's own key. */
  hostKey: string;
  operators: OperatorSource;
  /** How many others have to approve what. */
  approvals: ApprovalRules;
  /** The file that narrows what roles allow, or null. */
  policy: string | null;
  limits: DoorLimits;
  runtimeDir: string | null;
  cold: ColdOrigin | null;
  journal: JournalConfig;
  /** The journal's patches are replayed at the start. */
  replays: boolean;
  instrumented: boolean;
  /** Milliseconds until the process has lived long enough with patches that an earlier door has put into effect again; null where there is nothing to say about that. */
  standsInMs: number | null;
  /** The main thread's sign of life (see host/process/pulse.ts). */
  pulse: SharedArrayBuffer;
  /** The door begins when the main thread has taken a turn after this one; null: at once. */
  beginsAfter: bigint | null;
  /** The door's end of the bridge (see host/bridge.ts). */
  bridge: MessagePort;
}

/** What is put into effect again when the process starts. */
export interface ReplayConfig {
  /** The journal's patches that have not landed. */
  pending: boolean;
  /** Hotfix files, as absolute paths. */
  hotfixes: string[];
}

/** Sent by the composition root while the worker runs. */
export type DoorOrder = { t: 'close' } | { t: 'replay'; replay: ReplayConfig };

/** Sent by the worker on its parentPort. */
export type DoorReport =
  | { t: 'listening'; address: string }
  /** What is to be put into effect again is with the host (`armed`: how many patches), or was refused and reported. */
  | { t: 'replayed'; armed: number }
  /** Something outside is wrong (no operators file, directory not writable, ...); the agent goes on as far as it can. */
  | { t: 'problem'; what: string; message: string; hint: string };

/** What `keyhole ps` reads: one JSON file an agent in the runtime directory, `<service>.<pid>.json`. */
export interface Announcement {
  name: string;
  pid: number;
  /** `unix:/path/of/socket`, `ws://127.0.0.1:port`, `wss://host:port` */
  address: string;
  /** The agent's own key, `ssh-ed25519 AAAA...`: whoever may write here is trusted to say which. */
  hostKey?: string;
  node: string;
  startedAt: string;
  commit: string | null;
  instrumented: boolean;
  patches: number;
  cluster: ClusterWorker | null;
}
