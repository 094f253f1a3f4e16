/** Operations that look at calls as they happen. Each stands in the journal, and says something before it answers. */
import { flag, integer, listOf, patchRequest, text } from './checks.ts';
import { limits } from './limits.ts';
import { depth, name, optional, required } from './operation.ts';
import type { Operation } from './operation.ts';
import type { OperationName } from './operations.ts';

const watched = required(listOf(name, limits.maxWatchedFunctions), 'functions; `file:*` or `file:Class.*` means all that begin so');
const watchedForMs = optional(integer(limits.minWatchMs, limits.maxWatchMs), 'ends after as many milliseconds');
const watchBudget = optional(integer(1, limits.maxWatchBudgetPercent), 'ends when looking takes more of the main thread');

export const watchOperations = {
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
    policy: 'eval',
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
} satisfies Partial<Record<OperationName, Operation>>;
