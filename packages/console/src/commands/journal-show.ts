/** `keyhole journal show`: one entry, and with --sig what `ssh-keygen -Y verify` needs to check who asked for it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findLine, findLogin } from '@keyhole/agent/journal';
import {
  armorSignature,
  authNamespace,
  canonicalRequest,
  KeyholeError,
  requestNamespace,
  signedRequestOf,
  type JournalEntry,
  type LoginProof,
} from '@keyhole/agent/protocol';
import { signerOf } from '@keyhole/agent/ssh';
import { countWord, textFlag, type CommandContext, type CommandDefinition } from './command.ts';
import { directoryOf } from './journal-verify.ts';

export const journalShow: CommandDefinition = {
  name: 'journal show',
  summary: 'one entry; with --sig the files that ssh-keygen checks its signature with',
  target: 'directory',
  words: ['SEQ'],
  required: () => 1,
  options: [
    { flags: '--sig', doc: 'writes request, signature and allowed signers' },
    { flags: '-o, --output <dir>', doc: 'where to (default: keyhole-entry-SEQ here)' },
  ],
  async run(context, { target, words, flags }) {
    const seq = countWord('SEQ', words[0] ?? '', 1, Number.MAX_SAFE_INTEGER);
    const { line, login } = await linesOf(context, directoryOf(context, target), seq);
    if (line === null) throw new KeyholeError('NOT_FOUND', `there is no entry ${seq}`, 'keyhole log shows what there is');
    const entry = JSON.parse(line) as JournalEntry;
    if (flags['sig'] !== true) return { json: entry, text: `${JSON.stringify(entry, null, 2)}\n`, exact: `${line}\n` };
    const proof = login === null ? undefined : (JSON.parse(login) as Extract<JournalEntry, { kind: 'session' }>).login;
    const files = filesOf(entry, proof);
    const output = resolve(context.cwd, textFlag(flags, 'output') ?? `keyhole-entry-${seq}`);
    mkdirSync(output, { recursive: true, mode: 0o700 });
    for (const [name, text] of Object.entries(files.texts)) writeFileSync(join(output, name), text, { mode: 0o600 });
    const paths = Object.keys(files.texts).map((name) => join(output, name));
    return {
      json: { entry, files: paths, verify: files.commands },
      text: [`wrote ${paths.join(', ')}\n`, `cd '${output}'\n`, ...files.commands.map((command) => `${command}\n`)],
    };
  },
};

async function linesOf(context: CommandContext, dir: string | null, seq: number): Promise<{ line: string | null; login: string | null }> {
  if (dir === null) return (await context.connect()).call('journal.line', { seq }, context);
  const line = findLine(dir, seq)?.toString('utf8') ?? null;
  return { line, login: line === null ? null : (findLogin(dir, seq, JSON.parse(line) as JournalEntry)?.toString('utf8') ?? null) };
}

/** `allowed_signers` holds the key that the journal says is the operator's: whoever knows the operator's key better puts his own line there. */
function filesOf(entry: JournalEntry, login: LoginProof | undefined): { texts: Record<string, string>; commands: string[] } {
  if (!('phase' in entry) || (entry.phase !== 'intent' && entry.phase !== 'late') || entry.signed === undefined)
    throw new KeyholeError('NOT_FOUND', `entry ${entry.seq} holds no signature`, 'Intents hold one: what was asked for, before it was done');
  if (login === undefined) throw new KeyholeError('JOURNAL', `the login that the signature of entry ${entry.seq} rests on is not in the journal`);
  const { operator, signed } = entry;
  const asked = signedRequestOf(entry, signed, login);
  if (asked === null)
    throw new KeyholeError(
      'NOT_FOUND',
      `the request of entry ${entry.seq} was redacted: what was signed can not be shown`,
      'keyhole journal verify checks its signature by the digest that was kept',
    );
  const { publicKey, sessionKey } = login;
  const message = canonicalRequest(asked);
  const principal = operator.replace(/[^\w.@-]/g, '-');
  const allowed = (file: string, who: string, namespace: string): string => `ssh-keygen -Y verify -f ${file} -I '${who}' -n ${namespace}`;
  const texts: Record<string, string> = {
    allowed_signers: `${principal} namespaces="${requestNamespace},${authNamespace}" ${publicKey}\n`,
    request: message,
    'request.sig': armorSignature(signed.signature),
  };
  if (signerOf(Buffer.from(signed.signature, 'base64')) !== sessionKey || sessionKey === null)
    return { texts, commands: [`${allowed('allowed_signers', principal, requestNamespace)} -s request.sig < request`] };
  // The operator's key has signed the login, which names the session's key; that one has signed the request.
  texts['login'] = login.message;
  texts['login.sig'] = armorSignature(login.signature);
  texts['session_signers'] = `session-of-${principal} namespaces="${requestNamespace}" ${sessionKey}\n`;
  return {
    texts,
    commands: [
      `${allowed('allowed_signers', principal, authNamespace)} -s login.sig < login`,
      `grep -F '"${sessionKey}"' login`,
      `${allowed('session_signers', `session-of-${principal}`, requestNamespace)} -s request.sig < request`,
    ],
  };
}
