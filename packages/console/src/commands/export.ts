/** `keyhole export`: live patches as mail for `git am`, or as commits on a branch. */
import { resolve } from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';
import { textFlag, type CommandDefinition } from './command.ts';

export const exportCommand: CommandDefinition = {
  name: 'export',
  summary: 'patches as mail for git am, or as commits on a branch',
  target: 'agent',
  words: ['[ID...]'],
  required: () => 0,
  options: [
    { flags: '-o, --output <file>', doc: 'where to write the mails; - and the default: stdout' },
    { flags: '--repo <dir>', doc: 'the repository of the service (default: here)' },
    { flags: '--branch <name>', doc: 'commits on that branch instead of mails' },
    { flags: '--include-landed', doc: 'also patches that HEAD has already' },
  ],
  async run(context, { words, flags }) {
    const output = textFlag(flags, 'output');
    const branch = textFlag(flags, 'branch');
    if (output !== undefined && branch !== undefined) throw new KeyholeError('USAGE', 'export takes -o or --branch, not both');
    // Loaded when needed: the TypeScript it brings takes longer to load than most commands take to run.
    const { exportPatches } = await import('../git/export.ts');
    const { files, commits, patches, mails } = await exportPatches(await context.connect(), {
      ids: words,
      repo: resolve(context.cwd, textFlag(flags, 'repo') ?? '.'),
      output: output === undefined || output === '-' ? null : resolve(context.cwd, output),
      ...(branch !== undefined && { branch }),
      includeLanded: flags['includeLanded'] === true,
    });
    for (const file of files) context.terminal.message(`wrote ${file}\n`);
    for (const commit of commits) context.terminal.message(`committed ${commit}\n`);
    if (patches.length === 0) context.terminal.message('there is nothing to export\n');
    // Mails that went to no file are the result itself; a script that asked for JSON finds them there.
    const toStdout = files.length === 0 && commits.length === 0;
    const text = toStdout ? mails.join('') : '';
    return { json: { files, commits, patches, ...(toStdout && { mails }) }, text, exact: text };
  },
};
