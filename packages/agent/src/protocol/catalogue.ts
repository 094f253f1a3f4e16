/**
 * Every operation, once: parameters, result, the capability it needs, whether it is journaled, and what it does. Checks of arguments, the
 * dispatcher, and the reference page derive from this table. An operation that is not in it can not be dispatched.
 */
import { actorOperations } from './actor-operations.ts';
import { digest, flag, integer, text, time } from './checks.ts';
import { KeyholeError } from './errors.ts';
import { limits } from './limits.ts';
import { depth, file, name, optional, reason, required, source, thread } from './operation.ts';
import type { Operation } from './operation.ts';
import type { OperationName } from './operations.ts';
import { patchOperations } from './patch-operations.ts';
import { watchOperations } from './watch-operations.ts';

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
  instances: {
    where: 'host',
    capability: 'inspect',
    journal: null,
    pauses: true,
    doc: 'Living instances of a class, its subclasses included; of EventEmitters with their listeners. The process stands still while the heap is walked: refused where that is predicted to take longer than allowed.',
    parameters: {
      of: required(name, 'the class: a name or a chain of property names'),
      in: file,
      count: optional(integer(1, limits.maxPageSize), 'how many are shown'),
      maxPauseMs: optional(integer(0, 3_600_000), `how long the process may stand still (default: ${limits.defaultMaxPauseMs})`),
      insist: optional(flag, 'also where the heap is nearly full'),
    },
  },
  retainers: {
    where: 'host',
    capability: 'inspect',
    journal: null,
    pauses: true,
    doc: 'Who holds an object: the shortest ways to it. It takes a snapshot of the heap, for which the process stands still: refused where that is predicted to take longer than allowed, or more memory than there is.',
    parameters: {
      actor: optional(name, 'the id of an actor'),
      handle: optional(name, 'a handle of this session'),
      expression: optional(source, 'one that only looks'),
      in: file,
      count: optional(integer(1, limits.maxRetainers), `how many ways are shown (default: ${limits.defaultRetainers})`),
      maxPauseMs: optional(integer(0, 3_600_000), `how long the process may stand still (default: ${limits.defaultMaxPauseMs})`),
      insist: optional(flag, 'also where the heap is nearly full, or memory may not suffice'),
    },
  },
  evaluate: {
    where: 'host',
    capability: 'eval',
    journal: 'eval',
    policy: 'eval',
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
      maxPauseMs: optional(
        integer(0, 3_600_000),
        `for a WeakMap or a WeakSet, which can only be listed whole: how long the process may stand still (default: ${limits.defaultMaxPauseMs})`,
      ),
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
  ...actorOperations,
  ...patchOperations,
  ...watchOperations,
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
