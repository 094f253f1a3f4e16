/** From the words of a command line to an exit code: finds the command, loads it and runs it. */
import { readFileSync } from 'node:fs';
import { KeyholeError } from '@keyhole/agent/protocol';
import { dial, dialAll } from './client/dial.ts';
import { commandLoaders } from './commands/all.ts';
import type { CommandDefinition } from './commands/command.ts';
import { usageOf } from './commands/parse.ts';
import { reportError, runCommand, type Surroundings } from './commands/run.ts';
import { table } from './render/table.ts';
import { span, type Text } from './render/text.ts';

/** The last of them are the command line's alone. */
const loaders: Record<string, () => Promise<CommandDefinition>> = {
  ...commandLoaders,
  attach: () => import('./repl/attach.ts').then(({ attach }) => attach),
  bridge: () => import('./commands/bridge.ts').then(({ bridge }) => bridge),
};

/** What a process has, or whoever stands in for one. */
export type Process = Pick<Surroundings, 'terminal' | 'cwd' | 'env' | 'interactive' | 'ask' | 'handOver' | 'signal'>;

export async function runProgram(argv: string[], process: Process): Promise<number> {
  const { terminal, env } = process;
  const [first] = argv;
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    const text = await help();
    if (first === undefined) terminal.message(text);
    else terminal.result(text);
    return first === undefined ? 2 : 0;
  }
  if (first === '--version' || first === '-V') {
    terminal.result(`${version()}\n`);
    return 0;
  }
  const name = Object.keys(loaders).find((each) => argv.slice(0, each.split(' ').length).join(' ') === each);
  const definition = await loaders[name ?? '']?.();
  if (definition === undefined) {
    return reportError(terminal, new KeyholeError('USAGE', `there is no command ${first}`, 'keyhole --help lists them'), argv.includes('--json'));
  }
  return runCommand(definition, argv.slice(definition.name.split(' ').length), {
    ...process,
    show: (text) => Promise.resolve(terminal.result(text)),
    prefix: 'keyhole ',
    dial: (options) => dial({ ...options, env }),
    dialAll: (options) => dialAll({ ...options, env }),
    shared: null,
  });
}

async function help(): Promise<Text> {
  const definitions = await Promise.all(Object.values(loaders).map((load) => load()));
  const rows = definitions.map((each) => [`${each.name} ${usageOf(each, false)}`.trimEnd(), each.summary]);
  return [
    span('heading', 'keyhole: git for a running Node.js process\n\n'),
    table(['COMMAND', ''], rows, ''),
    '\nT is NAME, NAME#PID or PID of an agent on this machine, the path of its socket, wss://HOST:PORT, or ssh://[USER@]HOST/NAME; with one\n',
    'agent on this machine it may be left out where it stands last. KEYHOLE_TARGET names a default, KEYHOLE_IDENTITY a key. Every command\n',
    'takes --json, --timeout, --identity and --help; for wss:// also --ca, --client-cert and --accept-new-host-key.\n',
  ];
}

function version(): string {
  return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;
}
