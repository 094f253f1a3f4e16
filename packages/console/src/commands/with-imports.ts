/** A push whose new texts import what the running files do not: it takes the operator's word to use the modules that are in the process. */
import type { PatchImport, PatchRequest } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import type { CommandContext, Flags, OptionDefinition } from './command.ts';
import type { Planned } from './change.ts';

export const importsOption: OptionDefinition = {
  flags: '--with-imports',
  doc: 'new imports are taken from modules that are in the process already; without it you are asked, or they are refused',
};

/** The plan without what imports something, unless it was allowed or is now. What the process can't give is refused with its reason, before anybody is asked. */
export async function allowImports(
  context: CommandContext,
  flags: Flags,
  plans: readonly { connection: Connection; plan: Planned }[],
): Promise<void> {
  if (flags['withImports'] === true) return;
  for (const { connection, plan } of plans) await dropImpossible(context, connection, plan);
  const imports = plans.flatMap(({ plan }) => importsOf(plan.patches));
  if (imports.length === 0) return;
  const said = [
    ...new Set(imports.map(({ address, local, specifier }) => `${address} imports ${local} from ${specifier}, which the running file does not`)),
  ];
  if (context.interactive && flags['dryRun'] !== true) {
    context.terminal.message(`${said.join('\n')}\n`);
    const answer = await context.ask(`Use ${imports.length === 1 ? 'the module that is' : 'the modules that are'} in the process already? [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
  }
  for (const { plan } of plans) {
    drop(plan, ({ address, imports: own = [] }) => {
      const what = own.map(({ local, specifier }) => `${local} from ${specifier}`).join(', ');
      return own.length === 0
        ? null
        : { address, why: `it imports ${what}, which the running file does not; the process has it: --with-imports uses that` };
    });
  }
}

async function dropImpossible(context: CommandContext, connection: Connection, plan: Planned): Promise<void> {
  const importing = plan.patches.filter(({ imports = [] }) => imports.length > 0);
  if (importing.length === 0) return;
  const { refused } = await connection.call('patch.apply', { patches: importing, reason: 'new imports', dryRun: true, partial: true }, context);
  drop(plan, ({ address }) => refused.find((each) => each.address === address) ?? null);
}

function drop(plan: Planned, why: (patch: PatchRequest) => Planned['refused'][number] | null): void {
  const kept: PatchRequest[] = [];
  for (const patch of plan.patches) {
    const refusal = why(patch);
    if (refusal === null) kept.push(patch);
    else plan.refused.push(refusal);
  }
  plan.patches = kept;
}

function importsOf(patches: readonly PatchRequest[]): (PatchImport & { address: string })[] {
  return patches.flatMap(({ address, imports = [] }) => imports.map((each) => ({ ...each, address })));
}
