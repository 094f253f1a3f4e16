/** Placeholder until the translation from the author's source is merged: plain JavaScript that runs as it was written. */
import type { PatchRequest } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';

export interface AuthorText {
  source: string;
  original: string;
  file: string;
  line: number;
  language: 'js' | 'ts';
}

export async function planEdit(connection: Connection, address: string, newText: string): Promise<PatchRequest> {
  const detail = await connection.call('fn.get', { address });
  return { address: detail.address, code: newText, baseCode: detail.code, source: newText, baseSource: detail.source ?? detail.code };
}

export async function authorText(connection: Connection, address: string): Promise<AuthorText> {
  const detail = await connection.call('fn.get', { address });
  return {
    source: detail.source ?? detail.code,
    original: detail.original ?? detail.originalCode,
    file: detail.file,
    line: detail.line,
    language: /\.[mc]?tsx?$/.test(detail.file) ? 'ts' : 'js',
  };
}
