/** `keyhole export`: patches as mail for `git am`, as commits on a branch, or as a hotfix file. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { KeyholeError, hotfixText, parseHotfix } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import type { CommitSigner } from '../git/commits.ts';
import { textFlag, type CommandContext, type CommandDefinition, type Flags, type Outcome } from './command.ts';

export const exportCommand: CommandDefinition = {
  name: 'export',
  summary: 'patches as mail for git am, as commits on a branch, or as a hotfix file',
  target: 'agent',
  words: ['[ID...]'],
  required: () => 0,
  options: [
    { flags: '-o, --output <file>', doc: 'where to write; - and the default: stdout' },
    { flags: '--repo <dir>', doc: 'the repository of the service (default: here)' },
    { flags: '--branch <name>', doc: 'commits on that new branch instead of mails' },
    { flags: '--sign', doc: 'with --branch: sign the commits with the key that you attached with' },
    { flags: '--squash', doc: 'one commit for a function that was pushed several times' },
    { flags: '--include-landed', doc: 'also patches that HEAD has already' },
    { flags: '--format <name>', doc: 'mail (default), or keyhole: a hotfix file, which a service can be started with' },
  ],
  async run(context, { words, flags }) {
    const { format, output } = checkFlags(flags);
    const file = output === undefined || output === '-' ? null : resolve(context.cwd, output);
    const connection = await context.connect();
    return format === 'keyhole' ? exportHotfix(context, connection, words, file) : exportToGit(context, connection, words, flags, file);
  },
};

function checkFlags(flags: Flags): { format: string; output: string | undefined } {
  const output = textFlag(flags, 'output');
  const format = textFlag(flags, 'format') ?? 'mail';
  const branch = flags['branch'] !== undefined;
  if (format !== 'mail' && format !== 'keyhole') throw new KeyholeError('USAGE', `--format takes mail or keyhole, not ${format}`);
  if (output !== undefined && branch) throw new KeyholeError('USAGE', 'export takes -o or --branch, not both');
  if (flags['sign'] === true && !branch) throw new KeyholeError('USAGE', 'a mail carries no signature: --sign goes with --branch');
  const forGit = ['branch', 'squash', 'includeLanded'].filter((name) => flags[name] !== undefined);
  if (format === 'keyhole' && forGit.length > 0)
    throw new KeyholeError('USAGE', 'a hotfix file holds the pushes as they were signed: --branch, --squash and --include-landed are for git');
  return { format, output };
}

async function exportToGit(context: CommandContext, connection: Connection, ids: string[], flags: Flags, output: string | null): Promise<Outcome> {
  // Loaded when needed: the TypeScript it brings takes longer to load than most commands take to run.
  const { exportPatches } = await import('../git/export.ts');
  const branch = textFlag(flags, 'branch');
  const { files, commits, patches, mails, notes } = await exportPatches(connection, {
    ids,
    repo: resolve(context.cwd, textFlag(flags, 'repo') ?? '.'),
    output,
    ...(branch !== undefined && { branch }),
    includeLanded: flags['includeLanded'] === true,
    squash: flags['squash'] === true,
    signer: flags['sign'] === true ? signerOf(context, connection) : null,
  });
  for (const note of notes) context.terminal.message(`${note}\n`);
  for (const file of files) context.terminal.message(`wrote ${file}\n`);
  for (const commit of commits) context.terminal.message(`committed ${commit}\n`);
  if (patches.length === 0) context.terminal.message('there is nothing to export\n');
  // Mails that went to no file are the result itself; a script that asked for JSON finds them there.
  const toStdout = output === null && branch === undefined;
  const text = toStdout ? mails.join('') : '';
  return { json: { files, commits, patches, ...(toStdout && { mails }) }, text, exact: text };
}

/** The key that the operator attached with; ssh-keygen may ask for its passphrase. */
function signerOf(context: CommandContext, { operatorKey }: Connection): CommitSigner {
  const sign = (text: string): Promise<string> => operatorKey.sign('git', text);
  return { publicKey: operatorKey.publicKey, sign: operatorKey.mayAsk ? (text) => context.handOver(() => sign(text)) : sign };
}

/** Each push as its operator signed it; nothing of it is ours. */
async function exportHotfix(context: CommandContext, connection: Connection, words: string[], output: string | null): Promise<Outcome> {
  const ids = words.length > 0 ? words : (await connection.call('patch.list', {})).patches.map(({ id }) => id);
  if (ids.length === 0) {
    context.terminal.message('there is nothing to export\n');
    return { json: { files: [], commits: [], patches: [] }, text: '' };
  }
  const { hotfix } = await connection.call('patch.hotfix', { ids }, context);
  const text = hotfixText(hotfix);
  // What no agent would read is not handed out.
  parseHotfix(text);
  if (output === null) return { json: { files: [], commits: [], patches: ids, hotfix }, text, exact: text };
  await writeFile(output, text);
  context.terminal.message(`wrote ${output}\n`);
  return { json: { files: [output], commits: [], patches: ids }, text: '' };
}
