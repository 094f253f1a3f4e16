/** The commands, in the order of the help. Each is loaded when it is needed: a person waits for it. */
import type { CommandDefinition } from './command.ts';

export const commandLoaders: Record<string, () => Promise<CommandDefinition>> = {
  ps: () => import('./ps.ts').then(({ ps }) => ps),
  eval: () => import('./eval.ts').then(({ evaluate }) => evaluate),
  actors: () => import('./actors.ts').then(({ actors }) => actors),
  inspect: () => import('./inspect.ts').then(({ inspect }) => inspect),
  instances: () => import('./instances.ts').then(({ instances }) => instances),
  retainers: () => import('./retainers.ts').then(({ retainers }) => retainers),
  set: () => import('./set.ts').then(({ set }) => set),
  suspend: () => import('./suspend.ts').then(({ suspend }) => suspend),
  resume: () => import('./suspend.ts').then(({ resume }) => resume),
  send: () => import('./send.ts').then(({ send }) => send),
  follow: () => import('./follow.ts').then(({ follow }) => follow),
  threads: () => import('./threads.ts').then(({ threads }) => threads),
  fn: () => import('./fn.ts').then(({ fn }) => fn),
  edit: () => import('./edit.ts').then(({ edit }) => edit),
  push: () => import('./push.ts').then(({ push }) => push),
  status: () => import('./status.ts').then(({ status }) => status),
  diff: () => import('./diff.ts').then(({ diff }) => diff),
  log: () => import('./log.ts').then(({ log }) => log),
  revert: () => import('./revert.ts').then(({ revert }) => revert),
  confirm: () => import('./confirm.ts').then(({ confirm }) => confirm),
  approve: () => import('./approve.ts').then(({ approve }) => approve),
  watch: () => import('./watch.ts').then(({ watch }) => watch),
  recorded: () => import('./recorded.ts').then(({ recorded }) => recorded),
  replay: () => import('./replay.ts').then(({ replay }) => replay),
  trace: () => import('./trace.ts').then(({ trace }) => trace),
  stack: () => import('./stack.ts').then(({ stack }) => stack),
  monitor: () => import('./monitor.ts').then(({ monitor }) => monitor),
  logpoint: () => import('./logpoint.ts').then(({ logpoint }) => logpoint),
  who: () => import('./who.ts').then(({ who }) => who),
  export: () => import('./export.ts').then(({ exportCommand }) => exportCommand),
  'journal verify': () => import('./journal-verify.ts').then(({ journalVerify }) => journalVerify),
  'journal show': () => import('./journal-show.ts').then(({ journalShow }) => journalShow),
  'journal trust': () => import('./journal-trust.ts').then(({ journalTrust }) => journalTrust),
  top: () => import('./top.ts').then(({ top }) => top),
  profile: () => import('./profile.ts').then(({ profile }) => profile),
  rescue: () => import('./rescue.ts').then(({ rescue }) => rescue),
  doctor: () => import('./doctor.ts').then(({ doctor }) => doctor),
  keygen: () => import('./keygen.ts').then(({ keygen }) => keygen),
};

let all: Promise<CommandDefinition[]> | null = null;

export function loadAllCommands(): Promise<CommandDefinition[]> {
  return (all ??= Promise.all(Object.values(commandLoaders).map((load) => load())));
}
