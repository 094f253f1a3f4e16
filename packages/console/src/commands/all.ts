/** The commands, in the order of the help. */
import { actors } from './actors.ts';
import type { CommandDefinition } from './command.ts';
import { approve } from './approve.ts';
import { confirm } from './confirm.ts';
import { diff } from './diff.ts';
import { doctor } from './doctor.ts';
import { edit } from './edit.ts';
import { evaluate } from './eval.ts';
import { exportCommand } from './export.ts';
import { fn } from './fn.ts';
import { inspect } from './inspect.ts';
import { journalShow } from './journal-show.ts';
import { journalTrust } from './journal-trust.ts';
import { journalVerify } from './journal-verify.ts';
import { keygen } from './keygen.ts';
import { log } from './log.ts';
import { ps } from './ps.ts';
import { push } from './push.ts';
import { revert } from './revert.ts';
import { status } from './status.ts';
import { threads } from './threads.ts';
import { watch } from './watch.ts';
import { who } from './who.ts';

export const allCommands: CommandDefinition[] = [
  ps,
  evaluate,
  actors,
  inspect,
  threads,
  fn,
  edit,
  push,
  status,
  diff,
  log,
  revert,
  confirm,
  approve,
  watch,
  who,
  exportCommand,
  journalVerify,
  journalShow,
  journalTrust,
  doctor,
  keygen,
];
