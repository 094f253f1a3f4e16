/** Operations on functions and patches. */
import { commitId, flag, integer, listOf, patchRequest } from './checks.ts';
import { limits } from './limits.ts';
import { breakGlass, dryRun, name, optional, reason, required, thread } from './operation.ts';
import type { Operation } from './operation.ts';
import type { OperationName } from './operations.ts';

const earlier = optional(flag, 'the patch that was live before each, unless it was on trial itself; else the original code');

const pauseToRead = optional(
  integer(0, 3_600_000),
  'refuse when the process would stop longer for V8 to tell the text of a file without slots; without it any time is taken',
);

export const patchOperations = {
  'fn.list': {
    where: 'host',
    capability: 'view',
    journal: null,
    doc: 'Functions whose address starts with a prefix.',
    parameters: { prefix: required(name, 'a file, or the start of an address') },
  },
  'fn.get': {
    where: 'host',
    capability: 'inspect',
    journal: null,
    doc: 'One function: its text, how it can be patched, which outer variables a patch can use.',
    parameters: { address: required(name, 'file:Name.path or file:line'), thread, maxPauseMs: pauseToRead },
  },
  'module.get': {
    where: 'host',
    capability: 'inspect',
    journal: null,
    doc: "One module's loaded text and source map.",
    parameters: { file: required(name, 'a file of the service, as its author knows it'), thread, maxPauseMs: pauseToRead },
  },
  'patch.apply': {
    where: 'host',
    capability: 'patch',
    journal: 'patch',
    policy: 'patch',
    approval: true,
    doc: 'Replaces functions, all or none, in one turn of the event loop of each thread that has loaded them.',
    parameters: {
      patches: required(listOf(patchRequest, 200), 'the functions'),
      reason,
      dryRun,
      partial: optional(flag, 'applies what can be applied'),
      maxPauseMs: optional(integer(0, 3_600_000), 'refuse when the process would stop longer'),
      waitMs: optional(integer(0, limits.maxCaptureWaitMs), 'how long to wait for the service to call a function that was not instrumented'),
      thread,
      confirmMs: optional(integer(limits.minConfirmMs, limits.maxConfirmMs), 'undone after as many milliseconds, unless confirmed'),
      ifErrors: optional(integer(0, limits.maxErrorsAllowed), 'undone when more calls than that fail in its first minute'),
      breakGlass,
      commits: optional(
        listOf(commitId, limits.maxPushedCommits),
        'the commits that are pushed, in full, oldest first; journal and export name them',
      ),
    },
  },
  'patch.confirm': {
    where: 'host',
    capability: 'patch',
    journal: 'confirm',
    doc: 'Ends a probation: the patches of that push stay.',
    parameters: { id: required(name, 'a patch on probation; all patches of its push are confirmed') },
  },
  'patch.shadow': {
    where: 'host',
    capability: 'patch',
    journal: 'shadow',
    policy: 'patch',
    approval: true,
    doc: 'Runs new functions on copies of the arguments of real calls, after these, and compares the outcomes. Nothing of it is used, but its side effects do happen.',
    parameters: {
      patches: required(listOf(patchRequest, limits.maxShadowFunctions), 'the functions'),
      reason,
      calls: required(integer(1, limits.maxShadowCalls), 'how many calls of each function are looked at'),
      timeoutMs: optional(integer(limits.minShadowMs, limits.maxShadowMs), 'how long they are waited for'),
      thread,
      dryRun,
      breakGlass,
    },
  },
  'patch.revert': {
    where: 'host',
    capability: 'patch',
    journal: 'revert',
    doc: 'Puts the original code back, or what was live before. It waits for no disk and no approval.',
    parameters: { ids: required(listOf(name, 1_000), 'patch ids'), all: optional(flag, 'every live patch'), earlier, reason, thread },
  },
  'patch.list': { where: 'host', capability: 'view', journal: null, doc: 'Patches that are live.', parameters: {} },
  'patch.waiting': {
    where: 'host',
    capability: 'view',
    journal: null,
    doc: 'Changes that wait for the service to call a function that was not instrumented.',
    parameters: {},
  },
  'patch.export': {
    where: 'host',
    capability: 'view',
    journal: 'export',
    doc: 'The records that a git patch is made of.',
    parameters: {
      ids: required(listOf(name, 1_000), 'patch ids; none means all live ones'),
      past: optional(listOf(name, 200), 'patches that are not live; where they are given, no ids mean none'),
    },
  },
  'patch.history': {
    where: 'door',
    capability: 'view',
    journal: null,
    doc: 'Every patch that the journal knows, newest first, also of earlier processes, and what became of each.',
    parameters: {
      before: optional(name, 'only patches that are older than this one: an id'),
      count: optional(integer(1, 200), 'how many'),
      ids: optional(listOf(name, 200), 'only these'),
      states: optional(listOf(name, 10), 'only patches that this became of: live, lost, landed, ...'),
    },
  },
  'patch.hotfix': {
    where: 'door',
    capability: 'view',
    journal: 'export',
    doc: 'The hotfix file of patches, live or not: each push as it was signed. The journal keeps who took which, and the hash of the file.',
    parameters: { ids: required(listOf(name, limits.maxHotfixPatches), 'patch ids') },
  },
} satisfies Partial<Record<OperationName, Operation>>;
