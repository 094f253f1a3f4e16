/** One operator who has proven a key. It outlives no connection, and holds none of the service's objects. */
import { randomUUID } from 'node:crypto';
import type { Operator } from './operators.ts';

export class OperatorSession {
  readonly id = randomUUID();
  readonly operator: Operator;
  /** Requests under way: the console's number to the bridge's. */
  readonly calls = new Map<number, number>();

  constructor(operator: Operator) {
    this.operator = operator;
  }
}
