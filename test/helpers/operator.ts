/** An operator with a connection of his own, in the test's process: commands without the start of a program. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { Operations, Params, PatchResult, Result } from '../../packages/agent/dist/protocol/index.js';
import { dial } from '../../packages/console/dist/client/dial.js';
import type { Connection } from '../../packages/console/dist/index.js';
import { planPush } from '../../packages/console/dist/typescript/changes.js';
import { editFile, type Service } from './service.ts';

export async function withConnection<T>(service: Service, work: (connection: Connection) => Promise<T>): Promise<T> {
  const socket = path.join(service.env['XDG_RUNTIME_DIR'] ?? '', 'keyhole', `svc.${service.pid}.sock`);
  const connection = await dial({ target: socket, env: service.env });
  try {
    return await work(connection);
  } finally {
    connection.close();
  }
}

export function ask<O extends keyof Operations>(service: Service, op: O, params: Params<O>): Promise<Result<O>> {
  return withConnection(service, (connection) => connection.call(op, params));
}

/** Pushes edits of a file and takes it back to what it was, so that the next start loads what was there before. @returns the ids. */
export function pushEdits(
  service: Service,
  file: string,
  edits: [from: string, to: string][],
  more: Partial<Params<'patch.apply'>> = {},
): Promise<string[]> {
  return withConnection(service, async (connection) => {
    const absolute = path.join(service.folder, file);
    const before = readFileSync(absolute, 'utf8');
    for (const [from, to] of edits) editFile(service, file, from, to);
    const { patches, refused } = await planPush(connection, { paths: [file], cwd: service.folder });
    writeFileSync(absolute, before);
    if (refused.length > 0) throw new Error(JSON.stringify(refused));
    const result: PatchResult = await connection.call('patch.apply', { patches, reason: 'a hotfix', ...more });
    if (!result.ok) throw new Error(JSON.stringify(result));
    return result.patches.map(({ id }) => id);
  });
}
