/**
 * Every operation, once: parameters, result, the capability it needs, whether it is journaled, and what it does. Checks of arguments, the
 * dispatcher, and the reference page derive from this table. An operation that is not in it can not be dispatched.
 */
import { commitId, digest, flag, integer, listOf, patchRequest, text, time } from './checks.ts';
import type { Check } from './checks.ts';
import { KeyholeError } from './errors.ts';
import { limits } from './limits.ts';
import type { OperationName } from './operations.ts';

export const capabilities = ['view', 'inspect', 'trace', 'eval', 'patch', 'admin', 'approve'] as const;
export type Capability = (typeof capabilities)[number];

interface Parameter {
  required: boolean;
  check: Check;
  doc: string;
}
/** `host`: touches the service's objects, done on the main thread. `door`: answered by the worker alone. */
export interface Operation {
  where: 'host' | 'door';
  capability: Capability;
  /** The kind of its journal entries, where it is journaled; then its intent is durable before it runs. */
  journal: 'eval' | 'patch' | 'revert' | 'export' | 'confirm' | 'shadow' | 'approve' | 'trace' | 'rescue' | 'set' | null;
  /** It says something before it answers, and can be ended by `interrupt`. */
  streams?: true;
  doc: string;
  parameters: Record<string, Parameter>;
}

const name = text(1_000);
const source = text(limits.maxSourceBytes);
const required = (check: Check, doc: string): Parameter => ({ required: true, check, doc });
const optional = (check: Check, doc: string): Parameter => ({ required: false, check, doc });

const file = optional(name, 'a file of the service, as its author knows it: evaluates inside that module');
const depth = optional(integer(0, limits.maxDepthOfInspection), 'how many levels to open');
const thread = optional(integer(0, Number.MAX_SAFE_INTEGER), 'one thread of the service alone; 0 is the main thread');
const reason = required(text(2_000), 'why, for the journal and the commit message');

const watched = required(listOf(name, limits.maxWatchedFunctions), 'functions; `file:*` or `file:Class.*` means all that begin so');
const watchedForMs = optional(integer(limits.minWatchMs, limits.maxWatchMs), 'ends after as many milliseconds');
const watchBudget = optional(integer(1, limits.maxWatchBudgetPercent), 'ends when looking takes more of the main thread');

export const catalogue: Record<OperationName, Operation> = {
  info: {
    where: 'host',
    capability: 'view',
    journal: null,
    doc: 'The process, its build and its journal.',
    parameters: { build: optional(flag, 'also where the commit was said, and a digest of the loaded sources') },
  },
  doctor: {
    where: 'host',
    capability: 'view',
    journal: null,
    doc: 'What this process allows, and what is wrong; the door adds its part.',
    parameters: {},
  },
  'actors.list': {
    where: 'host',
    capability: 'view',
    journal: null,
    doc: 'Registered actors and the living instances of watched classes.',
    parameters: { type: optional(name, 'only actors of this type') },
  },
  'actors.find': {
    where: 'host',
    capability: 'inspect',
    journal: null,
    doc: 'Actors that a condition holds for. It runs no code of the service but what shows their state.',
    parameters: {
      type: optional(name, 'only actors of this type'),
      where: required(text(1_000), '`s => s.bids > 10`: names, members, operators and literals'),
    },
  },
  instances: {
    where: 'host',
    capability: 'inspect',
    journal: null,
    doc: 'Living instances of a class, its subclasses included. The process stands still while the heap is walked: refused where that is predicted to take longer than allowed.',
    parameters: {
      of: required(name, 'the class: a name or a chain of property names'),
      in: file,
      count: optional(integer(1, limits.maxPageSize), 'how many are shown'),
      maxPauseMs: optional(integer(0, 3_600_000), `how long the process may stand still (default: ${limits.defaultMaxPauseMs})`),
      insist: optional(flag, 'also where the heap is nearly full'),
    },
  },
  'actor.set': {
    where: 'host',
    capability: 'patch',
    journal: 'set',
    doc: "One change of an actor's state: an own property, an element or an entry of a Map that is there already. Runs no code of the service, and is read back.",
    parameters: {
      actor: required(name, 'the id of an actor'),
      path: required(name, 'where in it: `queue[0].price`'),
      value: required(text(limits.maxStateValueLength), 'JSON, of the same type as what is there'),
      reason,
    },
  },
  'actor.restore': {
    where: 'host',
    capability: 'patch',
    journal: 'set',
    doc: 'Puts back what one actor.set replaced, unless the service has changed it since.',
    parameters: { id: required(name, 'the id of the change'), reason },
  },
  evaluate: {
    where: 'host',
    capability: 'eval',
    journal: 'eval',
    doc: 'Evaluates JavaScript in the service, awaiting a promise.',
    parameters: {
      expression: required(source, 'JavaScript'),
      in: file,
      safe: optional(flag, "under V8's side-effect guard: an accident guard, not a boundary"),
      depth,
      keep: optional(flag, 'keeps the value for later expressions of this session: as _ (what it throws as _err), an object also as $1, $2, ...'),
      timeoutMs: optional(integer(1, limits.maxEvaluationTimeoutMs), 'how long it may run or be awaited'),
      thread,
    },
  },
  inspect: {
    where: 'host',
    capability: 'inspect',
    journal: null,
    doc: 'One value, opened: a page of its properties or entries; for a function its closure too. Runs no getter.',
    parameters: {
      actor: optional(name, 'the id of an actor'),
      handle: optional(name, 'a handle from an earlier answer of this session'),
      expression: optional(source, 'a name or a chain of property names'),
      in: file,
      depth,
      start: optional(integer(0, Number.MAX_SAFE_INTEGER), 'the first row'),
      count: optional(integer(1, limits.maxPageSize), 'how many rows'),
      thread,
    },
  },
  text: {
    where: 'host',
    capability: 'inspect',
    journal: null,
    doc: 'A piece of a long string.',
    parameters: {
      handle: required(name, 'the handle of a string'),
      start: required(integer(0, Number.MAX_SAFE_INTEGER), 'the first UTF-16 unit'),
      count: required(integer(1, limits.maxStringLength), 'how many'),
      thread,
    },
  },
  complete: {
    where: 'host',
    capability: 'inspect',
    journal: null,
    doc: 'Names that may follow an expression. Runs no getter and changes nothing.',
    parameters: { expression: required(text(10_000), 'a name or a chain of property names, or empty'), in: file, thread },
  },
  'threads.list': { where: 'host', capability: 'view', journal: null, doc: 'Threads of the service, and whether each answers.', parameters: {} },
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
    parameters: { address: required(name, 'file:Name.path or file:line'), thread },
  },
  'module.get': {
    where: 'host',
    capability: 'inspect',
    journal: null,
    doc: "One module's loaded text and source map.",
    parameters: { file: required(name, 'a file of the service, as its author knows it'), thread },
  },
  'patch.apply': {
    where: 'host',
    capability: 'patch',
    journal: 'patch',
    doc: 'Replaces functions, all or none, in one turn of the event loop of each thread that has loaded them.',
    parameters: {
      patches: required(listOf(patchRequest, 200), 'the functions'),
      reason,
      dryRun: optional(flag, 'only says what would happen'),
      partial: optional(flag, 'applies what can be applied'),
      maxPauseMs: optional(integer(0, 3_600_000), 'refuse when the process would stop longer'),
      waitMs: optional(integer(0, limits.maxCaptureWaitMs), 'how long to wait for the service to call a function that was not instrumented'),
      thread,
      confirmMs: optional(integer(limits.minConfirmMs, limits.maxConfirmMs), 'undone after as many milliseconds, unless confirmed'),
      ifErrors: optional(integer(0, limits.maxErrorsAllowed), 'undone when more calls than that fail in its first minute'),
      breakGlass: optional(flag, 'does not wait for approval; every attached operator hears of it, and journal and export are marked'),
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
    doc: 'Runs new functions on copies of the arguments of real calls, after these, and compares the outcomes. Nothing of it is used, but its side effects do happen.',
    parameters: {
      patches: required(listOf(patchRequest, limits.maxShadowFunctions), 'the functions'),
      reason,
      calls: required(integer(1, limits.maxShadowCalls), 'how many calls of each function are looked at'),
      timeoutMs: optional(integer(limits.minShadowMs, limits.maxShadowMs), 'how long they are waited for'),
      thread,
    },
  },
  watch: {
    where: 'host',
    capability: 'trace',
    journal: 'trace',
    streams: true,
    doc: 'Calls of functions as they happen, in events before the answer: arguments, this, result or throw, duration. Main thread, instrumented code.',
    parameters: {
      addresses: watched,
      limit: optional(integer(1, limits.maxWatchedCalls), 'ends after as many calls were shown'),
      rate: optional(integer(1, limits.maxWatchRate), 'shows no more calls than that in a second'),
      forMs: watchedForMs,
      if: optional(text(4_096), 'only calls of which this is true: args, parameters by name, this, result, error, ms; more than looking needs eval'),
      slowerMs: optional(integer(0, limits.maxWatchMs), 'only calls that took longer'),
      throws: optional(flag, 'only calls that throw or reject'),
      depth,
      stack: optional(integer(1, limits.maxWatchStack), 'also who called: as many frames'),
      record: optional(flag, 'keeps the calls that are shown, with all that they hold, for this session'),
      budgetPercent: watchBudget,
    },
  },
  'recording.list': { where: 'host', capability: 'trace', journal: null, doc: 'Calls that this session has recorded.', parameters: {} },
  'recording.open': {
    where: 'host',
    capability: 'trace',
    journal: null,
    doc: 'One recorded call, opened: this, arguments, and what it gave, as they are now.',
    parameters: { number: required(integer(1, Number.MAX_SAFE_INTEGER), 'of the call'), depth },
  },
  'recording.replay': {
    where: 'host',
    capability: 'eval',
    journal: 'eval',
    doc: 'Calls a function again with what a recorded call had. Its effects happen.',
    parameters: {
      number: required(integer(1, Number.MAX_SAFE_INTEGER), 'of the call'),
      patch: optional(patchRequest, 'a text of the function that is not applied; else what runs'),
      timeoutMs: optional(integer(1, limits.maxEvaluationTimeoutMs), 'how long it may run, and then be awaited'),
    },
  },
  monitor: {
    where: 'host',
    capability: 'trace',
    journal: 'trace',
    streams: true,
    doc: 'How often functions are called, how often they fail, and how long they take, for each interval. All calls count.',
    parameters: {
      addresses: watched,
      everyMs: optional(integer(limits.minMonitorMs, limits.maxMonitorMs), 'how long an interval is'),
      count: optional(integer(1, limits.maxMonitorIntervals), 'ends after as many intervals'),
      forMs: watchedForMs,
      budgetPercent: watchBudget,
    },
  },
  stack: {
    where: 'host',
    capability: 'trace',
    journal: 'trace',
    streams: true,
    doc: 'Who calls a function: the ways to it, counted.',
    parameters: {
      addresses: watched,
      calls: optional(integer(1, limits.maxStackCalls), 'ends after as many calls were looked at'),
      frames: optional(integer(1, limits.maxWatchStack), 'how many frames of each way'),
      rate: optional(integer(1, limits.maxWatchRate), 'looks at no more calls than that in a second'),
      forMs: watchedForMs,
      budgetPercent: watchBudget,
    },
  },
  trace: {
    where: 'host',
    capability: 'trace',
    journal: 'trace',
    streams: true,
    doc: 'What calls of one function call, as trees with times; also what runs after an await. Takes an AsyncLocalStorage of our own while it lasts.',
    parameters: {
      address: required(name, 'the function at the top'),
      below: optional(
        listOf(name, limits.maxWatchedFunctions),
        'functions and wildcards that are shown where they are called below it; else all of its file',
      ),
      limit: optional(integer(1, limits.maxTrees), 'ends after as many trees'),
      rate: optional(integer(1, limits.maxWatchRate), 'shows no more trees than that in a second'),
      forMs: watchedForMs,
      budgetPercent: watchBudget,
    },
  },
  logpoint: {
    where: 'host',
    capability: 'trace',
    journal: 'trace',
    streams: true,
    doc: 'Evaluates an expression whenever a line is reached, by a breakpoint of V8 whose condition is false: on any Node, instrumented or not. It stops the process for a moment, and each hit takes 0.1 ms or more.',
    parameters: {
      file: required(name, 'a file of the service, as its author knows it'),
      line: required(integer(1, Number.MAX_SAFE_INTEGER), "the author's line"),
      expression: required(text(4_096), 'in the scope of the line, by the names of the code that runs; more than looking needs eval'),
      limit: optional(integer(1, limits.maxWatchedCalls), 'ends after as many were shown'),
      rate: optional(integer(1, limits.maxWatchRate), 'shows no more than that in a second'),
      depth,
      stack: optional(integer(1, limits.maxWatchStack), 'also who called: as many frames'),
      maxPauseMs: optional(integer(0, 3_600_000), 'refuse when the process would stop longer'),
      forMs: watchedForMs,
      budgetPercent: watchBudget,
    },
  },
  'patch.revert': {
    where: 'host',
    capability: 'patch',
    journal: 'revert',
    doc: 'Puts the original code back.',
    parameters: { ids: required(listOf(name, 1_000), 'patch ids'), all: optional(flag, 'every live patch'), reason, thread },
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
    journal: null,
    doc: 'The hotfix file of patches, live or not: each push as it was signed.',
    parameters: { ids: required(listOf(name, limits.maxHotfixPatches), 'patch ids') },
  },
  'approval.list': {
    where: 'door',
    capability: 'view',
    journal: null,
    doc: 'Changes that wait for other operators.',
    parameters: { id: optional(name, 'one of them: also all that its author signed') },
  },
  'approval.give': {
    where: 'door',
    capability: 'approve',
    journal: 'approve',
    doc: 'Approves exactly what the author of a waiting change has signed.',
    parameters: {
      id: required(name, 'a waiting change'),
      digest: required(text(128), "SHA-512 (hex) of the author's signed bytes, made from what was shown"),
    },
  },
  'sessions.list': { where: 'door', capability: 'view', journal: null, doc: 'Who is attached.', parameters: {} },
  'journal.read': {
    where: 'door',
    capability: 'view',
    journal: null,
    doc: 'A page of the journal, newest first.',
    parameters: {
      before: optional(integer(1, Number.MAX_SAFE_INTEGER), 'only entries with a smaller seq'),
      count: optional(integer(1, 500), 'how many'),
      operator: optional(name, 'only what this operator asked for'),
      address: optional(name, 'only changes of functions whose address starts so'),
      kind: optional(name, 'only entries of this kind'),
      since: optional(time, 'only entries from then on'),
      until: optional(time, 'only entries up to then'),
    },
  },
  'journal.line': {
    where: 'door',
    capability: 'view',
    journal: null,
    doc: "One entry's line as it stands in the file, and the login that its signature rests on.",
    parameters: { seq: required(integer(1, Number.MAX_SAFE_INTEGER), 'the seq of the entry') },
  },
  'journal.verify': {
    where: 'door',
    capability: 'view',
    journal: null,
    doc: 'Recomputes the chain and checks the signatures.',
    parameters: {
      seq: optional(integer(1, Number.MAX_SAFE_INTEGER), 'with `hash`: the entry that has to have it'),
      hash: optional(digest, 'an entry with this hash has to be there'),
      signatures: optional(flag, 'false: only the chain'),
    },
  },
  vitals: {
    where: 'host',
    capability: 'view',
    journal: null,
    doc: 'How the process is: event loop, memory, garbage collection, resources, mailboxes. What adds up does so since this session asked last.',
    parameters: {},
  },
  profile: {
    where: 'door',
    capability: 'trace',
    journal: null,
    doc: "A sample of what the main thread does, or, with `heap`, of who allocates; with the author's names.",
    parameters: {
      durationMs: required(integer(limits.minProfileMs, limits.maxProfileMs), 'for how long'),
      heap: optional(flag, 'allocations instead of CPU time'),
      brief: optional(flag, 'only the hottest functions'),
      insist: optional(flag, 'allocations also where the heap is nearly full'),
    },
  },
  rescue: {
    where: 'door',
    capability: 'inspect',
    journal: null,
    doc: 'Where a main thread that does not answer is: its stack, and a short sample. It goes on afterwards as before.',
    parameters: {},
  },
  'rescue.end': {
    where: 'door',
    capability: 'patch',
    journal: 'rescue',
    doc: 'Ends the one execution that a main thread hangs in, so that the service serves on.',
    parameters: { reason },
  },
  interrupt: {
    where: 'door',
    capability: 'inspect',
    journal: null,
    doc: 'Ends an evaluation of this session, not the service.',
    parameters: { request: required(integer(0, Number.MAX_SAFE_INTEGER), 'the id of the request') },
  },
};

/** Whether an operation, by its name from the wire, is journaled. */
export function isJournaled(op: string): boolean {
  return Object.hasOwn(catalogue, op) && catalogue[op as OperationName].journal !== null;
}

/**
 * Checks a request against the catalogue.
 * @throws {KeyholeError} BAD_REQUEST naming the operation or the parameter.
 */
export function checkRequest(op: string, params: unknown): { operation: Operation; name: OperationName } {
  if (!Object.hasOwn(catalogue, op)) throw new KeyholeError('BAD_REQUEST', `there is no operation ${JSON.stringify(op)}`);
  const operation = catalogue[op as OperationName];
  if (typeof params !== 'object' || params === null || Array.isArray(params)) {
    throw new KeyholeError('BAD_REQUEST', `${op}: parameters must be an object`);
  }
  for (const key of Object.keys(params)) {
    if (!Object.hasOwn(operation.parameters, key)) {
      throw new KeyholeError('BAD_REQUEST', `${op}: there is no parameter ${JSON.stringify(key)}`);
    }
  }
  for (const [key, parameter] of Object.entries(operation.parameters)) {
    const value = (params as Record<string, unknown>)[key];
    if (value === undefined) {
      if (parameter.required) throw new KeyholeError('BAD_REQUEST', `${op}: ${key} is missing`, `${key}: ${parameter.doc}`);
      continue;
    }
    const wrong = parameter.check(value);
    if (wrong !== null) throw new KeyholeError('BAD_REQUEST', `${op}: ${key} must be ${wrong}`);
  }
  return { operation, name: op as OperationName };
}
