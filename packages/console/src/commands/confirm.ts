/** `keyhole confirm`: a patch on probation stays, with all that was pushed together with it. */
import { KeyholeError } from '@keyhole/agent/protocol';
import { span } from '../render/text.ts';
import { confirmInAll } from './cluster.ts';
import type { CommandDefinition } from './command.ts';

export const confirm: CommandDefinition = {
  name: 'confirm',
  summary: 'a patch on probation stays',
  target: 'agent',
  words: ['ID'],
  required: () => 1,
  options: [],
  async run(context, { words: [id = ''] }) {
    const connections = await context.connectAll();
    const [connection] = connections;
    if (connection === undefined) throw new KeyholeError('NO_TARGET', 'there is no agent');
    if (connections.length > 1) return confirmInAll(context, connections, id);
    const { patches } = await connection.call('patch.confirm', { id }, context);
    return { json: { ok: true, id, patches }, text: [span('good', 'confirmed '), patches.join(', '), '\n'] };
  },
};
