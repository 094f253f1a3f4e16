/** Placeholder until the translation from the author's source is merged: finds no change. */
import type { PatchRequest, RefusedPatch } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';

export interface PushPlan {
  patches: PatchRequest[];
  refused: RefusedPatch[];
  unchanged: string[];
}

export async function planPush(_connection: Connection, request: { paths: string[]; cwd: string }): Promise<PushPlan> {
  return { patches: [], refused: [], unchanged: request.paths };
}
