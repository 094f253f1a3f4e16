/** `keyhole eval`: one expression, evaluated in the service. A throw there is a result with exit code 1, not an error of ours. */
import { limits, type RemoteValue, type Result, type Thrown } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { renderThrown } from '../render/failure.ts';
import { paint, span, type Text } from '../render/text.ts';
import { renderValue } from '../render/value.ts';
import { countFlag, textFlag, type CommandContext, type CommandDefinition } from './command.ts';
import { threadOf, threadOption } from './threads.ts';
import { asEvaluated, syntaxErrorAt } from './expression.ts';

/** The answer of an evaluation that ended at its limit is still on its way. */
const answerGraceMs = 5_000;

export const evaluate: CommandDefinition = {
  name: 'eval',
  summary: 'evaluates JavaScript in the service, awaiting promises',
  target: 'agent',
  words: ['EXPR'],
  required: () => 1,
  verbatim: true,
  options: [
    { flags: '--in <file>', doc: 'inside the scope of that module' },
    { flags: '--safe', doc: "under V8's side-effect guard (an accident guard, not a boundary)" },
    { flags: '--depth <n>', doc: 'how many levels to show' },
    threadOption,
  ],
  async run(context, { words, flags }) {
    const [expression = ''] = words;
    const depth = countFlag(flags, 'depth', 0, limits.maxDepthOfInspection);
    const file = textFlag(flags, 'in');
    const result = await evaluateIn(await context.connect(), expression, context, {
      ...(file !== undefined && { in: file }),
      ...(flags['safe'] === true && { safe: true }),
      ...(depth !== undefined && { depth }),
      ...threadOf(flags),
    });
    if (!result.ok) {
      const { name, message, stack } = result.error;
      return { json: { ok: false, error: { name, message, stack } }, text: renderEvaluationError(result.error, expression), exitCode: 1 };
    }
    return {
      json: { ok: true, ...described(result.value), ...('json' in result && result.json !== undefined && { value: result.json }) },
      text: [renderValue(result.value), '\n'],
    };
  },
};

/** The one way to evaluate, for this command and for the REPL. */
export function evaluateIn(
  connection: Connection,
  expression: string,
  { timeoutMs, signal }: Pick<CommandContext, 'timeoutMs' | 'signal'>,
  options: { in?: string; safe?: boolean; depth?: number; keep?: boolean; thread?: number },
): Promise<Result<'evaluate'>> {
  const limitMs = timeoutMs === undefined ? limits.defaultEvaluationTimeoutMs : Math.min(Math.max(timeoutMs, 1), limits.maxEvaluationTimeoutMs);
  return connection.call(
    'evaluate',
    { expression: asEvaluated(expression), ...options, timeoutMs: limitMs },
    { timeoutMs: limitMs + answerGraceMs, signal },
  );
}

/** With the place of a syntax error, which V8's stack does not show. */
export function renderEvaluationError(thrown: Thrown, expression: string): Text {
  const place = thrown.name === 'SyntaxError' ? syntaxErrorAt(expression) : null;
  return place === null ? renderThrown(thrown) : [span('bad', `Uncaught SyntaxError: ${thrown.message}`), `\n${place}\n`];
}

/** What scripts get of a value: what `typeof` says, its class, and its preview as text. */
export function described(value: RemoteValue): { type: string; className?: string; preview: string } {
  return {
    type: value.type,
    ...(value.className !== undefined && { className: value.className }),
    preview: paint(renderValue(value), false),
  };
}
