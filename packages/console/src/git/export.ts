/** Placeholder until the git part is merged: asks for the records and makes nothing of them. */
import type { Connection } from '../client/connection.ts';

export interface ExportRequest {
  ids: string[];
  repo: string;
  output: string | null;
  branch?: string;
  includeLanded: boolean;
}
export interface Exported {
  files: string[];
  commits: string[];
  patches: string[];
  mails: string[];
}

export async function exportPatches(connection: Connection, request: ExportRequest): Promise<Exported> {
  const { patches } = await connection.call('patch.export', { ids: request.ids });
  return { files: [], commits: [], patches: patches.map((patch) => patch.id), mails: [] };
}
