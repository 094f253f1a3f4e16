/**
 * The words door (worker thread) and host (main thread) exchange over their MessagePort. Structured clones only: none of the service's
 * objects ever crosses.
 *
 *   door -> host   call { id, op, params, context }      host -> door   answer { id, result | error }
 *   door -> host   forget { session }                    (its handles are released)
 *                                                        host -> door   news { number, live, undone | replayed }
 *   door -> host   written { number }                    (those news are in the journal)
 *   door -> host   replay { records }                    host -> door   armed {} (from now on they go into effect)
 *                                                        host -> door   said { id, text } (before the answer, any number of times)
 *   door -> host   heard { id }                          (the oldest of these has left for the console)
 *   door -> host   stop { id, why }                      (nobody wants more of it: it answers soon)
 */
import type { CallStream, StreamEnd } from './call-stream.ts';
import type { HeldStep } from './heap/words.ts';
import type {
  Approval,
  OperationName,
  Params,
  PatchRecord,
  ReplayResult,
  Result,
  StateValue,
  StrategyName,
  Undone,
  WireError,
} from '../protocol/index.ts';

/** Operations of the catalogue that are done on the main thread. */
export type HostOperation = Exclude<
  OperationName,
  | 'approval.list'
  | 'approval.give'
  | 'sessions.list'
  | 'journal.read'
  | 'journal.line'
  | 'journal.verify'
  | 'patch.history'
  | 'patch.hotfix'
  | 'profile'
  | 'rescue'
  | 'rescue.end'
  | 'interrupt'
>;

/** Who asks, and, where the operation is journaled, the intent that is durable already. */
export interface HostContext {
  session: string;
  /** The number of this call on the bridge: names an evaluation that is to be interrupted. */
  call: number;
  /** An evaluation of theirs may end the process. */
  mayExit?: true;
  /** Whether the operator may evaluate anything. */
  mayEval?: boolean;
  /** Takes what is said before the answer. */
  stream?: CallStream;
  /** Lets the service have a turn of the event loop. */
  turn?: () => Promise<void>;
  intent?: {
    entry: number;
    entryHash: string;
    at: string;
    operator: string;
    email: string;
    fingerprint: string;
    approvals?: Approval[];
    breakGlass?: true;
    /** What those who approved it saw in the place that it changes. */
    before?: StateValue;
    commits?: string[];
  };
}

/** As another thread may be given it. */
export type SentContext = Omit<HostContext, 'stream' | 'turn'>;

/** As the door gives it. */
export type AskedContext = Omit<SentContext, 'call'>;

/** The journal is the door's: it adds its state to `info`. So does it add its checks and its clock to `doctor`, and the author's names to `retainers`. */
export type HostResult<O extends HostOperation> = O extends 'info'
  ? Omit<Result<'info'>, 'journal'>
  : O extends 'doctor'
    ? Pick<Result<'doctor'>, 'checks'>
    : O extends 'retainers'
      ? FoundRetainers
      : Result<O>;

/** Places are still V8's. */
export type FoundRetainers = Omit<Result<'retainers'>, 'ways'> & { ways: HeldStep[][] };

export type HostHandlers = {
  [O in HostOperation]: (params: Params<O>, context: HostContext) => HostResult<O> | Promise<HostResult<O>>;
};

export type ToHost =
  | { t: 'call'; id: number; op: HostOperation; params: Record<string, unknown>; context: AskedContext }
  | { t: 'forget'; session: string }
  | { t: 'written'; number: number }
  | { t: 'replay'; records: PatchRecord[] }
  | { t: 'heard'; id: number }
  | { t: 'stop'; id: number; why: StreamEnd };

/** What became of a replay in this process. `failed` may become `live` later, when more of its file has been loaded. */
export interface Replayed {
  /** The seq of the replay's entry. */
  entry: number;
  id: string;
  address: string;
  became: ReplayResult['became'] | 'failed';
  strategy?: StrategyName;
  why?: string;
}

/** The host did something by itself: it took patches back, or put some into effect again. `live` patches are there now. */
export type HostNews = { t: 'news'; number: number; live: number } & ({ undone: Undone } | { replayed: Replayed });

export type ToDoor =
  | ({ t: 'answer'; id: number; tookMs: number } & ({ ok: true; result: unknown } | { ok: false; error: WireError }))
  | HostNews
  | { t: 'armed' }
  | { t: 'said'; id: number; text: string };
