/**
 * The worker's entry. What a door loads takes a core for a quarter of a second, and the service that starts beside it may have no other: so it begins when the service has come to its first turn.
 * A service that hangs before that can be looked at all the same, a second later.
 */
import { workerData } from 'node:worker_threads';
import { waitForTurn } from '../host/process/pulse.ts';
import type { DoorConfig } from './door-config.ts';

const longestWaitMs = 1_000;

const { pulse, beginsAfter } = workerData as DoorConfig;
if (beginsAfter !== null) waitForTurn(pulse, beginsAfter, longestWaitMs);
await import('./door.ts');
