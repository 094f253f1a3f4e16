/** `keyhole edit`: one function in the operator's editor, or with its new text from a file, into the process. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { renderFailure } from '../render/failure.ts';
import { applyOptions, applyPatches, outcomeOf } from './apply.ts';
import { reasonFor, textFlag, type CommandContext, type CommandDefinition, type Flags, type Outcome } from './command.ts';
import { openDraft } from './editor.ts';
import { lookingAs } from './threads.ts';

export const edit: CommandDefinition = {
  name: 'edit',
  summary: 'one function in $VISUAL/$EDITOR, or its new text from a file, into the process',
  target: 'agent',
  words: ['ADDRESS'],
  required: () => 1,
  options: [{ flags: '--from <file>', doc: 'the new text of the function' }, ...applyOptions],
  async run(context, { words, flags }) {
    const [address = ''] = words;
    const from = textFlag(flags, 'from');
    // Read before the connection is made, so that a wrong path costs nothing.
    const given = from === undefined ? null : await textOf(resolve(context.cwd, from));
    const connection = await context.connect();
    if (given === null) return editByHand(context, connection, address, flags);
    const reason = await reasonFor(context, flags);
    return send(context, connection, { address, text: given, base: null, reason, flags });
  },
};

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new KeyholeError('USAGE', `--from ${file} can not be read: ${(error as Error).message}`);
  }
}

/** Until it is applied or the operator gives up. A text that was refused stays in its file. */
async function editByHand(context: CommandContext, connection: Connection, address: string, flags: Flags): Promise<Outcome> {
  // Loaded when needed: the TypeScript it brings takes longer to load than most commands take to run.
  const { authorText } = await import('../typescript/edit.ts');
  const { source, language } = await authorText(lookingAs(connection, flags), address, context.cwd);
  const name = `${address.split(/[:/]/).at(-1) ?? 'function'}.${language}`;
  const draft = await openDraft(context, name, `${source}\n`);
  let reason: string | null = null;
  for (;;) {
    const text = (await draft.edit()).trimEnd();
    if (text === source.trimEnd()) {
      await draft.discard();
      context.terminal.message('unchanged: nothing was sent\n');
      return outcomeOf({ ok: true, dryRun: flags['dryRun'] === true, patches: [], refused: [] }, 'patched');
    }
    let failure: KeyholeError | null = null;
    try {
      reason ??= await reasonFor(context, flags);
      const outcome = await send(context, connection, { address, text, base: source, reason, flags });
      if (outcome.exitCode === 0) {
        await draft.discard();
        return outcome;
      }
      if (!context.interactive) {
        context.terminal.message(`your text is kept in ${draft.file}\n`);
        return outcome;
      }
      context.terminal.result(outcome.text);
    } catch (error) {
      failure = KeyholeError.from(error);
      if (context.interactive && failure.code !== 'UNREACHABLE') context.terminal.message(renderFailure(failure));
    }
    const again = context.interactive && failure?.code !== 'UNREACHABLE' && /^(y|yes|)$/i.test((await context.ask('Edit again? [Y/n] ')).trim());
    if (again) continue;
    context.terminal.message(`your text is kept in ${draft.file}\n`);
    if (failure !== null) throw failure;
    return outcomeOf({ ok: false, dryRun: flags['dryRun'] === true, patches: [], refused: [] }, 'patched');
  }
}

interface Edit {
  address: string;
  text: string;
  /** What the operator saw in the editor; null where the text came from a file. */
  base: string | null;
  reason: string;
  flags: Flags;
}

async function send(context: CommandContext, connection: Connection, edited: Edit): Promise<Outcome> {
  const { planEdit } = await import('../typescript/edit.ts');
  const patch = await planEdit(lookingAs(connection, edited.flags), edited.address, edited.text, context.cwd);
  // The function may have been patched by somebody else while the editor was open.
  if (edited.base !== null && patch.baseSource.trimEnd() !== edited.base.trimEnd()) {
    throw new KeyholeError('STALE_BASE', `${patch.address} was changed by somebody else in the meantime`, 'Start again from what runs now', {
      expected: edited.base,
      actual: patch.baseSource,
    });
  }
  const { reason, flags } = edited;
  return outcomeOf(await applyPatches(context, connection, { patches: [patch], refused: [], reason, partial: false, flags }), 'patched');
}
