/**
 * The host's own inspector session: same thread, no domain enabled. A call answers before it returns, so nothing of the service runs in between. It never lets the inspector
 * await a promise: when that promise is collected, V8 calls us back in the middle of the garbage collection, and the process ends (Node 22, 24, 26).
 */
import { Session } from 'node:inspector';
import { KeyholeError } from '../protocol/index.ts';
import { hasCutSecret, isSmall, plainRemote, previewOf, recordPreview } from './bounded.ts';
import { lend } from './lending.ts';
import type { RemoteObject } from './remote-object.ts';

export type { RemoteObject } from './remote-object.ts';

export interface EvaluateAnswer {
  result: RemoteObject;
  exceptionDetails?: { text: string; exception?: RemoteObject };
}

export interface PropertyDescriptor {
  name: string;
  value?: RemoteObject;
  get?: RemoteObject;
  set?: RemoteObject;
  enumerable: boolean;
  isOwn?: boolean;
  symbol?: RemoteObject;
}

export interface PropertiesAnswer {
  result: PropertyDescriptor[];
  internalProperties?: { name: string; value?: RemoteObject }[];
  privateProperties?: { name: string; value?: RemoteObject; get?: RemoteObject; set?: RemoteObject }[];
  exceptionDetails?: { text: string };
}

/** All objects that V8 has made a handle for to say this: accessors and prototypes too. */
export function objectsIn({ result, privateProperties = [], internalProperties = [] }: PropertiesAnswer): RemoteObject[] {
  const objects = [...result, ...privateProperties].flatMap(({ value, get, set }) => [value, get, set]);
  const others = [...result.map(({ symbol }) => symbol), ...internalProperties.map(({ value }) => value)];
  return [...objects, ...others].filter((object) => object !== undefined);
}

const previewGroup = 'keyhole:preview';

export class Inspector {
  readonly #session = new Session();
  readonly #box: { value: unknown } = { value: undefined };
  readonly #takeId: string;
  readonly #giveId: string;

  constructor() {
    this.#session.connect();
    this.#takeId = this.#handleOf(() => this.#box.value);
    this.#giveId = this.#handleOf((value: unknown) => {
      this.#box.value = value;
    });
  }

  /**
   * Calls a method that answers at once.
   * @throws what the inspector says, e.g. when an evaluation was terminated.
   */
  post<T>(method: string, params: object = {}): T {
    const answers: { error: Error | null; result: unknown }[] = [];
    this.#session.post(method, params, (error: Error | null, result: unknown) => answers.push({ error, result }));
    const [answer] = answers;
    if (answer === undefined) throw new KeyholeError('INTERNAL', `${method} did not answer at once`);
    if (answer.error !== null) throw answer.error;
    return answer.result as T;
  }

  /** Adds previews to objects that have none: few questions for many of them. */
  preview(...objects: readonly RemoteObject[]): void {
    const bare = objects.filter(({ type, objectId, preview }) => type === 'object' && objectId !== undefined && preview === undefined);
    if (bare.length === 0) return;
    const values = this.#unwrapAll(bare) as object[];
    const small = bare.filter((object, index) => {
      const value = values[index] ?? null;
      if (value === null) return true;
      const preview = recordPreview(value, object) ?? (isSmall(value) && !hasCutSecret(value) ? undefined : previewOf(value, object));
      if (preview === undefined) return true;
      object.preview = preview;
      return false;
    });
    if (small.length === 0) return;
    const rows = this.#rowsOf('function (...values) { return values }', this.#giveId, small, { objectGroup: previewGroup, generatePreview: true });
    for (const [index, object] of small.entries()) {
      const preview = rows[index]?.preview;
      if (preview !== undefined) object.preview = preview;
    }
    this.releaseGroup(previewGroup);
  }

  /** As {@link show}, of many values. */
  showAll(values: readonly unknown[], group: string): RemoteObject[] {
    const shown = values.map(plainRemote);
    const rest = values.filter((_, index) => shown[index] === null);
    if (rest.length === 0) return shown.filter((each) => each !== null);
    this.#box.value = rest;
    let wrapped: RemoteObject[];
    try {
      wrapped = this.#rowsOf('function () { return this() }', this.#takeId, [], { objectGroup: group, generatePreview: false });
    } finally {
      this.#box.value = undefined;
    }
    this.preview(...wrapped);
    const next = wrapped.values();
    return shown.map((each) => each ?? next.next().value ?? { type: 'undefined' });
  }

  /** What a function that is called with objects gives in a list, one by one. */
  #rowsOf(
    functionDeclaration: string,
    objectId: string,
    objects: readonly RemoteObject[],
    { objectGroup, generatePreview }: { objectGroup: string; generatePreview: boolean },
  ): RemoteObject[] {
    const given = objects.map((object) => ({ objectId: object.objectId }));
    const { result } = this.post<EvaluateAnswer>('Runtime.callFunctionOn', { objectId, functionDeclaration, arguments: given, objectGroup });
    const answer = this.post<PropertiesAnswer>('Runtime.getProperties', { objectId: result.objectId, ownProperties: true, generatePreview });
    const rows = answer.result.flatMap(({ name, value }) => (value !== undefined && /^\d+$/.test(name) ? [value] : []));
    // The list itself, and what V8 says of it besides, would be held as long as the group.
    this.release([result, ...objectsIn(answer)], rows);
    return rows;
  }

  /** Lets go of what V8 holds for these, less those that are `kept`. */
  release(objects: readonly RemoteObject[], kept: readonly RemoteObject[]): void {
    const held = new Set(kept.map(({ objectId }) => objectId));
    for (const { objectId } of objects) if (objectId !== undefined && !held.has(objectId)) this.post('Runtime.releaseObject', { objectId });
  }

  #unwrapAll(objects: readonly Pick<RemoteObject, 'objectId'>[]): unknown[] {
    this.post('Runtime.callFunctionOn', {
      objectId: this.#giveId,
      functionDeclaration: 'function (...values) { this(values) }',
      arguments: objects.map(({ objectId }) => ({ objectId })),
    });
    const values = this.#box.value as unknown[];
    this.#box.value = undefined;
    return values;
  }

  /** How a value is shown, whatever it is. */
  show(value: unknown, group: string): RemoteObject {
    return plainRemote(value) ?? this.wrap(value, group);
  }

  /** What stands behind a handle. */
  objectOf({ type, held, objectId }: RemoteObject): object | null {
    // A symbol has a number as objects do, and holds nothing.
    if (type === 'symbol') return null;
    return held ?? (objectId === undefined ? null : (this.unwrap(objectId) as object | null));
  }

  /** The inspector's view of one of our values. */
  wrap(value: unknown, objectGroup: string, withPreview = true): RemoteObject {
    this.#box.value = value;
    let wrapped: RemoteObject;
    try {
      const params = { objectId: this.#takeId, functionDeclaration: 'function () { return this() }', objectGroup };
      wrapped = this.post<EvaluateAnswer>('Runtime.callFunctionOn', params).result;
    } finally {
      this.#box.value = undefined;
    }
    if (withPreview) this.preview(wrapped);
    return wrapped;
  }

  /** The same of many. */
  objectsOf(objects: readonly RemoteObject[]): object[] {
    const wrapped = objects.filter(({ type, objectId }) => type !== 'symbol' && objectId !== undefined);
    return [...objects.flatMap(({ held }) => held ?? []), ...(wrapped.length === 0 ? [] : (this.#unwrapAll(wrapped) as object[]))];
  }

  /** The value behind a handle. */
  unwrap(objectId: string): unknown {
    return this.#unwrapAll([{ objectId }])[0];
  }

  /**
   * Runs one of our functions, which catches what it calls, under V8's time limit, or none. A termination ends there.
   * @returns whether it came to its end.
   */
  within(timeoutMs: number | null, work: () => void): boolean {
    let done = false;
    const all = (): void => {
      work();
      done = true;
    };
    try {
      lend(all, (name) => this.post('Runtime.evaluate', { expression: `${name}()`, ...(timeoutMs === null ? {} : { timeout: timeoutMs }) }));
    } catch {
      // Ended: `done` says so.
    }
    return done;
  }

  /** Calls the listener for each event that arrives while `work` runs. */
  during(event: string, listener: (params: unknown) => void, work: () => void): void {
    const hear = (message: { params: unknown }): void => listener(message.params);
    this.#session.on(event, hear);
    try {
      work();
    } finally {
      this.#session.off(event, hear);
    }
  }

  properties(objectId: string, own = true, generatePreview = true): PropertiesAnswer {
    return this.post<PropertiesAnswer>('Runtime.getProperties', { objectId, ownProperties: own, generatePreview });
  }

  /** Ends the session and all it set; handles of it are gone. */
  close(): void {
    this.#session.disconnect();
  }

  releaseGroup(group: string): void {
    this.post('Runtime.releaseObjectGroup', { objectGroup: group });
  }

  /** A handle of one of our functions. */
  #handleOf(value: unknown): string {
    const { result } = lend(value, (expression) => this.post<EvaluateAnswer>('Runtime.evaluate', { expression }));
    if (result.objectId === undefined) throw new KeyholeError('INTERNAL', 'the inspector gave no handle');
    return result.objectId;
  }
}
