/** Changes that other operators may have to approve first: how that is got around, said, and waited for. */
import { limits } from '@keyhole/agent/protocol';
import type { CallOptions, Connection } from '../client/connection.ts';
import type { CommandContext, Flags, OptionDefinition } from './command.ts';
import { describeNews } from './news.ts';

export const breakGlassOption: OptionDefinition = {
  flags: '--break-glass',
  doc: 'does not wait for the approval that this service asks for; everybody hears of it, journal and export are marked',
};

/**
 * The parameters and options of a call that may have to wait for somebody.
 * @param ownMs how long it may take besides.
 */
export function reviewed(
  context: CommandContext,
  connection: Connection,
  { flags, ownMs, dryRun = false }: { flags: Flags; ownMs: number; dryRun?: boolean },
): { glass: { breakGlass?: true }; options: CallOptions } {
  const breaks = flags['breakGlass'] === true;
  const waits = !dryRun && !breaks && (connection.welcome.approvals ?? 0) > 0;
  if (waits) sayThatItWaits(context, connection);
  return {
    glass: breaks ? { breakGlass: true } : {},
    options: { ...context, timeoutMs: ownMs + (waits ? limits.approvalWaitMs : 0) },
  };
}

const usualMs = 30_000;

/** How long a command waits for an answer, where nobody has to approve anything. */
export function ownMsOf({ timeoutMs = usualMs }: CommandContext): number {
  return timeoutMs;
}

/** The REPL says so by itself. */
function sayThatItWaits(context: CommandContext, connection: Connection): void {
  if (connection.tellsNews) return;
  connection.onNews((event, data) => {
    const line = event === 'waiting' ? describeNews(event, data) : null;
    if (line !== null) context.terminal.message(line);
  });
}
