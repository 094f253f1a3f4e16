/** The console as a library: one authenticated connection to an agent, with calls that are typed by the protocol's catalogue. */
import type { Connection } from './client/connection.ts';
import { dial, type DialOptions } from './client/dial.ts';

export type { Connection, DialOptions };
export type { CallOptions } from './client/connection.ts';

/**
 * Connects to an agent and proves who the operator is.
 *
 * @example
 * const connection = await connect({ target: 'rooms' });
 * const { actors } = await connection.call('actors.list', { type: 'Room' });
 * connection.close();
 *
 * @throws {KeyholeError} NO_TARGET, AMBIGUOUS, UNREACHABLE, BUSY, HOST_KEY or NOT_ALLOWED
 */
export function connect(options: DialOptions = {}): Promise<Connection> {
  return dial(options);
}
