/**
 * Ctrl-C at an evaluation. The door's termination comes at a V8 interrupt some time after we have said that the evaluation runs, and ends whatever JavaScript runs there then. So the
 * evaluation runs in a frame of the inspector's that is made for it, and that is not left before the termination has come: it ends at that frame, and nothing outside of it is hit.
 *
 *   read, prepared       noted; it is not begun
 *   in the frame         'running': the door terminates
 *   awaited              let go at once; what it awaits goes on
 */
import { nodeClock } from '../platform/clock.ts';
import { followed, unwatched } from '../platform/originals.ts';
import { KeyholeError } from '../protocol/index.ts';
import type { EvaluateAnswer, Inspector } from './inspector.ts';

type Outcome = { answer: EvaluateAnswer } | { thrown: unknown };

/** A termination that was announced comes at the next interrupt; this is only how long a lost one is waited for. */
const absorbMs = 1_000;
const maxNoted = 32;

export class Interruption {
  readonly #inspector: Inspector;
  /** The call whose frame is there right now. Set and taken away inside of it. */
  #running: number | null = null;
  /** The call whose termination was announced. */
  #ended: number | null = null;
  /** Interrupted while they neither ran nor were awaited. */
  readonly #noted = new Set<number>();
  readonly #awaiting = new Map<number, (error: KeyholeError) => void>();

  constructor(inspector: Inspector) {
    this.#inspector = inspector;
  }

  /** Whether the door has to end what runs here, asked at a V8 interrupt in the middle of it. It is told so once: a second termination would hit somebody else. */
  interrupt(call: number): 'running' | 'let go' {
    if (this.#running === call) {
      if (this.#ended === call) return 'let go';
      this.#ended = call;
      return 'running';
    }
    const cancel = this.#awaiting.get(call);
    if (cancel !== undefined) cancel(new KeyholeError('INTERRUPTED', 'the evaluation was interrupted; what it awaited goes on in the service'));
    else this.#note(call);
    return 'let go';
  }

  /** Known to the door and not to us: it is over, and its answer is on its way, or it has not begun. */
  #note(call: number): void {
    this.#noted.add(call);
    const [oldest] = this.#noted;
    if (this.#noted.size > maxNoted && oldest !== undefined) this.#noted.delete(oldest);
  }

  /** Ends what is awaited of a call. */
  reject(call: number, error: KeyholeError): void {
    this.#awaiting.get(call)?.(error);
  }

  /**
   * Runs the operator's code, and nothing else: all of `work` may be ended, without its `finally`.
   * @param timeoutMs V8's limit of it, where it has one.
   * @throws {KeyholeError} INTERRUPTED or TIMEOUT.
   */
  run(call: number, timeoutMs: number | null, work: () => EvaluateAnswer): EvaluateAnswer {
    let outcome: Outcome | null = null;
    let became: 'nothing' | 'called off' | 'begun' = 'nothing';
    const fromMs = nodeClock.now();
    const hasTimedOut = (): boolean => timeoutMs !== null && nodeClock.now() - fromMs >= timeoutMs;
    this.#inspector.within(null, () => {
      this.#running = call;
      if (this.#noted.delete(call)) became = 'called off';
      else {
        became = 'begun';
        outcome = outcomeOf(work);
      }
      // From here on nothing more is announced. What was, has come, or it has to: to a loop of ours.
      this.#running = null;
      const hasCome = outcome !== null && isTermination(outcome) && !hasTimedOut();
      if (this.#ended === call && !hasCome) absorb();
    });
    const isEnded = this.#ended === call;
    this.#running = null;
    this.#ended = null;
    return this.#answerOf(call, outcome, { became, isEnded, limitMs: hasTimedOut() ? timeoutMs : null });
  }

  #answerOf(
    call: number,
    outcome: Outcome | null,
    { became, isEnded, limitMs }: { became: 'nothing' | 'called off' | 'begun'; isEnded: boolean; limitMs: number | null },
  ): EvaluateAnswer {
    if (became === 'called off' || (became === 'nothing' && isEnded))
      throw new KeyholeError('INTERRUPTED', 'the evaluation was interrupted before it began');
    if (outcome === null) {
      const may = 'at its very start or end: it may have done all or nothing';
      if (isEnded) throw new KeyholeError('INTERRUPTED', `the evaluation was interrupted ${may}`);
      throw new KeyholeError('INTERNAL', `the evaluation was ended ${may}, and not by its operator or its limit`);
    }
    if ('answer' in outcome) {
      // The interrupt came when nothing ran any more: what is left is what it awaits.
      if (isEnded) this.#note(call);
      return outcome.answer;
    }
    if (!isTermination(outcome)) throw outcome.thrown;
    if (isEnded && limitMs === null) throw new KeyholeError('INTERRUPTED', 'the evaluation was interrupted');
    const after = limitMs === null ? '' : ` after ${limitMs} ms`;
    throw new KeyholeError('TIMEOUT', `the evaluation was ended${after}`, 'It blocked the service as long; --timeout allows more.');
  }

  /** Waits for an answer no longer than allowed. */
  async awaited(call: number, timeoutMs: number, pending: Promise<EvaluateAnswer>): Promise<EvaluateAnswer> {
    // It is looked at below; until then its rejection is nobody's news.
    void unwatched(pending);
    let callOff = (): void => undefined;
    const cut = new Promise<never>((_, reject) => {
      this.#awaiting.set(call, reject);
      const late = new KeyholeError('TIMEOUT', `not settled after ${timeoutMs} ms`, 'What it awaits goes on in the service; --timeout waits longer.');
      callOff = nodeClock.after(timeoutMs, () => reject(late));
      // An answer that is there already goes before it.
      if (this.#noted.delete(call)) nodeClock.soon(() => this.interrupt(call));
    });
    try {
      return await first(pending, cut);
    } catch (thrown) {
      if (thrown instanceof KeyholeError) throw thrown;
      throw new KeyholeError('INTERNAL', thrown instanceof Error ? thrown.message : String(thrown));
    } finally {
      callOff();
      this.#awaiting.delete(call);
    }
  }
}

function outcomeOf(work: () => EvaluateAnswer): Outcome {
  try {
    return { answer: work() };
  } catch (thrown) {
    return { thrown };
  }
}

/** The inspector's own word for it; what the operator's code throws is an answer. */
function isTermination(outcome: Outcome): boolean {
  return 'thrown' in outcome && /terminated|Internal error/.test(outcome.thrown instanceof Error ? outcome.thrown.message : String(outcome.thrown));
}

/** The evaluation was over before the door's termination came. */
function absorb(): void {
  const untilMs = nodeClock.now() + absorbMs;
  while (nodeClock.now() < untilMs);
}

/** `Promise.race`, whatever the service has made of `then`. */
function first<Value>(one: Promise<Value>, other: Promise<never>): Promise<Value> {
  return new Promise((resolve, reject) => {
    void followed(one, resolve as (value: unknown) => void, reject);
    void followed(other, reject, reject);
  });
}
