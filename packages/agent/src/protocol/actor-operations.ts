/** Operations on actors: what the service registered, and what adapters find. */
import { integer, text } from './checks.ts';
import { limits } from './limits.ts';
import { breakGlass, depth, dryRun, name, optional, reason, required } from './operation.ts';
import type { Operation } from './operation.ts';
import type { OperationName } from './operations.ts';

const type = optional(name, 'only actors of this type');
const from = optional(name, 'only what this adapter finds');
const actor = required(name, 'the id of an actor');

export const actorOperations = {
  'actors.list': {
    where: 'host',
    capability: 'view',
    journal: null,
    doc: 'Registered actors, the living instances of watched classes, and what adapters find. Adapters of what Node itself has are asked only by their name or for a type.',
    parameters: { type, from },
  },
  'actors.find': {
    where: 'host',
    capability: 'inspect',
    journal: null,
    doc: 'Actors that a condition holds for. It runs no code of the service but what shows their state.',
    parameters: { type, from, where: required(text(1_000), '`s => s.bids > 10`: names, members, operators and literals') },
  },
  'actor.set': {
    where: 'host',
    capability: 'patch',
    journal: 'set',
    policy: 'patch',
    approval: true,
    doc: "One change of an actor's state: an own property, an element or an entry of a Map that is there already. Runs no code of the service, and is read back.",
    parameters: {
      actor,
      path: required(name, 'where in it: `queue[0].price`'),
      value: required(text(limits.maxStateValueLength), 'JSON, of the same type as what is there'),
      reason,
      dryRun,
      breakGlass,
    },
  },
  'actor.restore': {
    where: 'host',
    capability: 'patch',
    journal: 'set',
    doc: 'Puts back what one actor.set replaced, unless the service has changed it since, or resumes what one actor.suspend suspended. A message that was sent can not be taken back.',
    parameters: { id: required(name, 'the id of the change'), reason },
  },
  'actor.suspend': {
    where: 'host',
    capability: 'patch',
    journal: 'set',
    policy: 'patch',
    approval: true,
    doc: 'The actor takes no more messages out of its mailbox until it is resumed, or the time is over.',
    parameters: {
      actor,
      forMs: optional(integer(limits.minSuspendMs, limits.maxSuspendMs), `at most so long (default: ${limits.defaultSuspendMs})`),
      reason,
      dryRun,
      breakGlass,
    },
  },
  'actor.resume': {
    where: 'host',
    capability: 'patch',
    journal: 'set',
    policy: 'patch',
    approval: true,
    doc: 'The actor goes on with the messages in its mailbox.',
    parameters: { actor, reason, dryRun, breakGlass },
  },
  'actor.send': {
    where: 'host',
    capability: 'patch',
    journal: 'set',
    policy: 'patch',
    approval: true,
    doc: 'Hands a message to an actor. It can not be undone.',
    parameters: { actor, message: required(text(limits.maxStateValueLength), 'JSON'), reason, dryRun, breakGlass },
  },
  'actor.follow': {
    where: 'host',
    capability: 'trace',
    journal: 'trace',
    streams: true,
    doc: 'What one actor shows, whenever it is another: told by the actor where it can be subscribed to, else looked at in intervals.',
    parameters: {
      actor,
      everyMs: optional(integer(limits.minFollowMs, limits.maxFollowMs), 'how often it is looked at, where it does not tell'),
      limit: optional(integer(1, limits.maxWatchedCalls), 'ends after as many changes were shown'),
      depth,
      forMs: optional(integer(limits.minWatchMs, limits.maxWatchMs), 'ends after as many milliseconds'),
      budgetPercent: optional(integer(1, limits.maxWatchBudgetPercent), 'ends when looking takes more of the main thread'),
    },
  },
} satisfies Partial<Record<OperationName, Operation>>;
