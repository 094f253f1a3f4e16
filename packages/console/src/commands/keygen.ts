/** `keyhole keygen`: an Ed25519 key for machines without OpenSSH. Never overwrites, and never prints the private half. */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';
import { fingerprintOf } from '@keyhole/agent/ssh';
import { publicKeyLine } from '../client/ssh-wire.ts';
import { textFlag, type CommandDefinition } from './command.ts';

export const keygen: CommandDefinition = {
  name: 'keygen',
  summary: 'makes an Ed25519 key in FILE and prints its line for the operators file',
  target: 'none',
  words: ['FILE'],
  required: () => 1,
  options: [{ flags: '--name <name>', doc: 'who the operator is (default: the user)' }],
  async run(context, { words, flags }) {
    const file = resolve(context.cwd, words[0] ?? '');
    const name = textFlag(flags, 'name') ?? userInfo().username;
    if (!/^[\p{L}\p{N}][\p{L}\p{N} @._+-]*$/u.test(name))
      throw new KeyholeError('USAGE', `--name takes letters, digits, blanks and @._+-, not ${name}`);
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const line = publicKeyLine(publicKey);
    try {
      writeFileSync(file, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600, flag: 'wx' });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw code === 'EEXIST'
        ? new KeyholeError('USAGE', `${file} exists already`, 'A key is never overwritten: name another file')
        : new KeyholeError('USAGE', `${file} can not be written: ${message}`);
    }
    const operatorsLine = `name="${name}",roles="patch" ${line}`;
    context.terminal.message(`wrote ${file}. Add this line to the operators file of the service:\n`);
    return { json: { file, publicKey: line, fingerprint: fingerprintOf(line), operatorsLine }, text: `${operatorsLine}\n` };
  },
};
