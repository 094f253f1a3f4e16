/** One authenticated connection: typed calls out, answers and events in. When the line is lost every pending call fails with UNREACHABLE; none hangs. */
import {
  catalogue,
  KeyholeError,
  type JournalHead,
  type OperationName,
  type Params,
  type Response,
  type Result,
  type ServerFrame,
  type Welcome,
} from '@keyhole/agent/protocol';
import type { HeadMemory } from './known-heads.ts';
import type { HandOver, RequestSigner } from './request-signer.ts';
import { errorFromWire } from './server-frames.ts';
import type { SigningKey } from './sign.ts';
import type { FrameSocket } from './socket.ts';
import { doubtOf } from './witness.ts';

const defaultCallTimeoutMs = 30_000;
/** After an interrupt the agent still owes an answer; one that does not come is not waited for. */
const interruptGraceMs = 5_000;
const interruptAgainMs = 50;
/** Requests count from 1. */
const newsId = 0;

export interface CallOptions {
  timeoutMs?: number | undefined;
  /** Aborting interrupts an evaluation in the service, and ends what says something until it is ended; any other call is only no longer waited for. */
  signal?: AbortSignal | undefined;
  onEvent?: ((event: string, data: unknown) => void) | undefined;
  /** Gives the terminal to ssh-keygen while it asks for a passphrase. */
  handOver?: HandOver | undefined;
}

export interface ConnectionParts {
  welcome: Welcome;
  label: string;
  signer: RequestSigner;
  /** Null where the agent says nothing of its journal. */
  memory: HeadMemory | null;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: KeyholeError): void;
  onEvent: CallOptions['onEvent'];
}

export class Connection {
  /** Who we are there, and which process it is. */
  readonly welcome: Welcome;
  /** Where the connection leads, for messages. */
  readonly label: string;
  readonly #socket: FrameSocket;
  readonly #pending = new Map<number, Pending>();
  readonly #lostListeners: ((reason: KeyholeError) => void)[] = [];
  readonly #newsListeners: ((event: string, data: unknown) => void)[] = [];
  #nextId = 1;
  #lost: KeyholeError | null = null;
  #closing = false;
  readonly #signer: RequestSigner;
  readonly #memory: HeadMemory | null;
  #doubt: KeyholeError | null = null;
  #journalWritable: boolean;

  constructor(socket: FrameSocket, { welcome, label, signer, memory }: ConnectionParts) {
    this.#socket = socket;
    this.welcome = welcome;
    this.label = label;
    this.#signer = signer;
    this.#memory = memory;
    this.#journalWritable = welcome.journal?.writable ?? true;
    socket.onFrame((frame) => this.#receive(frame));
    socket.onClose((reason) => this.#fail(reason));
  }

  /** The key that the agent knows us by. */
  get operatorKey(): SigningKey {
    return this.#signer.key;
  }

  /** Why there is no connection any more, or null. */
  get lost(): KeyholeError | null {
    return this.#lost;
  }

  /** Why the service's journal is not the one that this console knew, or null. Then only reverts are sent on. */
  get doubt(): KeyholeError | null {
    return this.#doubt;
  }

  /** Whether the service could write its journal when it was last heard of. */
  get journalWritable(): boolean {
    return this.#journalWritable;
  }

  /** Compares the journal with what was seen of it before; see {@link doubt}. */
  async holdAgainstMemory(): Promise<void> {
    if (this.#memory === null) return;
    this.#doubt = await doubtOf(this, this.#memory);
    const head = this.welcome.journal?.head ?? null;
    if (this.#doubt === null && head !== null) this.#memory.saw(head);
  }

  /** Takes the journal as it is now for the one to remember. */
  trustJournal(): void {
    this.#memory?.trust(this.welcome.journal?.head ?? null);
    this.#doubt = null;
  }

  /** Called once when the line is lost; not when `close` was called. */
  onLost(listener: (reason: KeyholeError) => void): void {
    this.#lostListeners.push(listener);
  }

  /** Whether somebody listens to what the agent tells without being asked. */
  get tellsNews(): boolean {
    return this.#newsListeners.length > 0;
  }

  /** Called with what the agent tells without being asked. */
  onNews(listener: (event: string, data: unknown) => void): void {
    this.#newsListeners.push(listener);
  }

  /** @throws {KeyholeError} what the agent answered, TIMEOUT, INTERRUPTED or UNREACHABLE. */
  call<O extends OperationName>(op: O, params: Params<O>, options: CallOptions = {}): Promise<Result<O>> {
    if (this.#lost !== null) return Promise.reject(this.#lost);
    if (options.signal?.aborted === true) return Promise.reject(new KeyholeError('INTERRUPTED', `${op} was not sent`));
    const isSigned = this.#signer.wants(op, params);
    if (this.#doubt !== null && isSigned && op !== 'patch.revert') return Promise.reject(this.#doubt);
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise<Result<O>>((resolve, reject) => {
      const timeoutMs = options.timeoutMs ?? defaultCallTimeoutMs;
      let timer = setTimeout(() => {
        this.#interrupt(op, id);
        settle();
        reject(new KeyholeError('TIMEOUT', `${op} was not answered within ${timeoutMs} ms`, fateOf(op)));
      }, timeoutMs);
      let isSent = !isSigned;
      const onAbort = (): void => {
        clearTimeout(timer);
        const giveUp = (error: KeyholeError): void => {
          settle();
          reject(error);
        };
        // An interrupt would come before what it is for. Nothing is sent any more that nobody waits for.
        if (!isSent) return giveUp(new KeyholeError('INTERRUPTED', `${op} was not sent`));
        if (!this.#interrupt(op, id)) return giveUp(new KeyholeError('INTERRUPTED', `${op} is no longer waited for`, fateOf(op)));
        const deaf = new KeyholeError('TIMEOUT', `${op} did not end after it was interrupted: it may still run`);
        timer = setTimeout(() => giveUp(deaf), interruptGraceMs);
      };
      const settle = (): void => {
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', onAbort);
        this.#pending.delete(id);
      };
      options.signal?.addEventListener('abort', onAbort, { once: true });
      this.#pending.set(id, {
        resolve: (result) => {
          settle();
          // Its insides are hostile data still: whoever shows them goes through the sanitizer.
          resolve(result as Result<O>);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
        onEvent: options.onEvent,
      });
      if (!isSigned) return this.#socket.send({ t: 'req', id, op, params: { ...params } });
      this.#signer.sign(op, params, { request: id, head: this.#lastHead(), handOver: options.handOver }).then(
        // It may have been given up meanwhile.
        (signed) => {
          if (!this.#pending.has(id)) return;
          isSent = true;
          this.#socket.send({ t: 'req', id, op, params: { ...params }, signed });
        },
        (error: unknown) => this.#pending.get(id)?.reject(KeyholeError.from(error)),
      );
    });
  }

  close(): void {
    this.#closing = true;
    this.#socket.close();
  }

  /** True where the operation is one that can be interrupted. The interrupt's own answer is of no interest: that of what was interrupted says how it ended. */
  #interrupt(op: OperationName, request: number): boolean {
    if ((op !== 'evaluate' && catalogue[op].streams !== true) || this.#lost !== null) return false;
    // It may have come there while the request was still being written down, and has to be said again.
    const ask = (): void =>
      void this.call('interrupt', { request }, { timeoutMs: interruptGraceMs }).then(
        ({ interrupted }) => interrupted || !this.#pending.has(request) || setTimeout(ask, interruptAgainMs),
        () => undefined,
      );
    ask();
    return true;
  }

  #receive(frame: ServerFrame): void {
    if (frame.t === 'ev' && frame.id === newsId) return this.#newsListeners.forEach((listener) => listener(frame.event, frame.data));
    if (frame.t === 'ev') return this.#pending.get(frame.id)?.onEvent?.(frame.event, frame.data);
    if (frame.t === 'error') return this.#fail(errorFromWire(frame.error));
    if (frame.t === 'res') return this.#answer(frame);
    this.#fail(new KeyholeError('BAD_FRAME', `the agent sent ${frame.t} in the middle of a session`));
    this.#socket.close();
  }

  #answer(frame: Response): void {
    // An answer nobody waits for any more belongs to a call that timed out.
    this.#hear(frame);
    const pending = this.#pending.get(frame.id);
    if (pending === undefined) return;
    if (!frame.ok) return pending.reject(errorFromWire(frame.error));
    if (typeof frame.result !== 'object' || frame.result === null) {
      return pending.reject(new KeyholeError('BAD_FRAME', 'the agent sent an answer without a result'));
    }
    pending.resolve(frame.result);
  }

  /** What was acknowledged is remembered before anybody acts on it. */
  #hear({ journal }: Response): void {
    // MessagePack has a nil where JavaScript leaves a field out.
    if (journal === undefined || journal === null) return;
    this.#journalWritable = journal.writable;
    if (journal.head !== null && this.#doubt === null) this.#memory?.saw(journal.head);
  }

  #lastHead(): JournalHead | null {
    const known = this.#memory?.known ?? null;
    return known === null ? null : { seq: known.seq, hash: known.hash };
  }

  #fail(reason: KeyholeError): void {
    if (this.#lost !== null) return;
    this.#lost = reason;
    for (const pending of this.#pending.values()) pending.reject(reason);
    if (!this.#closing) for (const listener of this.#lostListeners) listener(reason);
  }
}

/** Whoever stops waiting for a change must know that it may come about all the same. */
function fateOf(op: OperationName): string {
  return catalogue[op].journal === null
    ? 'The process may be busy: give more time with --timeout'
    : 'It may still be done there: keyhole log shows how it ended';
}
