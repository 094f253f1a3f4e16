/** The operator's editor on a text. The file outlives a failure, so that nobody loses what they wrote. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';
import type { CommandContext } from './command.ts';

export interface Draft {
  file: string;
  /** Opens the editor and returns what was saved. */
  edit(): Promise<string>;
  discard(): Promise<void>;
}

/** @throws {KeyholeError} USAGE where there is no editor to open */
export async function openDraft(context: CommandContext, name: string, text: string): Promise<Draft> {
  const editor =
    [context.env['VISUAL'], context.env['EDITOR']].find((each) => each !== undefined && each !== '') ?? (context.interactive ? 'vi' : null);
  if (editor === null) throw new KeyholeError('USAGE', 'there is no editor: VISUAL and EDITOR are not set', 'Give the new text with --from FILE');
  const file = join(await mkdtemp(join(tmpdir(), 'keyhole-edit-')), name.replace(/[^\w.-]+/g, '_'));
  await writeFile(file, text, { mode: 0o600 });
  return {
    file,
    edit: async () => {
      await context.handOver(() => run(editor, file));
      return readFile(file, 'utf8');
    },
    discard: () => rm(dirname(file), { recursive: true, force: true }),
  };
}

/** Through the shell, as git does it: an editor's setting may hold options. */
function run(editor: string, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Where stdout is not the terminal, it holds our result and nothing of the editor's.
    const child = spawn('sh', ['-c', `${editor} "$1"`, 'sh', file], {
      stdio: ['inherit', process.stdout.isTTY ? 'inherit' : 2, 'inherit'],
    });
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve();
      else
        reject(
          new KeyholeError('USAGE', `the editor (${editor}) ended with ${status ?? 'a signal'}`, `Nothing was changed. Your text is in ${file}`),
        );
    });
  });
}
