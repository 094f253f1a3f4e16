/** What a session may name again: `_` is its last value, `_err` what was last thrown, `$3` the third object it was shown. They live as long as the session, the latest of them. */
import { limits } from '../protocol/index.ts';
import type { Inspector, RemoteObject } from './inspector.ts';

export class KeptValues {
  readonly #inspector: Inspector;
  readonly #values = new Map<string, unknown>();
  readonly #numbered: string[] = [];
  #count = 0;

  constructor(inspector: Inspector) {
    this.#inspector = inspector;
  }

  /** Keeps a value as `_`; an object or a function gets a number besides, which is returned. */
  result(object: RemoteObject): string | undefined {
    const value = this.#valueOf(object);
    this.#values.set('_', value);
    if (object.type !== 'object' && object.type !== 'function') return undefined;
    if (object.objectId === undefined) return undefined;
    this.#count += 1;
    const name = `$${this.#count}`;
    this.#values.set(name, value);
    this.#numbered.push(name);
    const oldest = this.#numbered.length > limits.maxKeptValues ? this.#numbered.shift() : undefined;
    if (oldest !== undefined) this.#values.delete(oldest);
    return name;
  }

  error(object: RemoteObject): void {
    this.#values.set('_err', this.#valueOf(object));
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  get(name: string): unknown {
    return this.#values.get(name);
  }

  /** What holds them. */
  get keeper(): object {
    return this.#values;
  }

  release(): void {
    this.#values.clear();
    this.#numbered.length = 0;
  }

  #valueOf(object: RemoteObject): unknown {
    if (object.objectId !== undefined) return this.#inspector.unwrap(object.objectId);
    const { unserializableValue } = object;
    if (unserializableValue === undefined) return object.value;
    return unserializableValue.endsWith('n') ? BigInt(unserializableValue.slice(0, -1)) : Number(unserializableValue);
  }
}
