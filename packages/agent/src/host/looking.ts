/** The operations that look: values, actors, evaluation. What is kept for a session is let go with it. */
import { EventEmitter } from 'node:events';
import { nextTurn, nodeClock } from '../platform/clock.ts';
import { KeyholeError, limits } from '../protocol/index.ts';
import { getOwnPropertyDescriptor } from '../platform/originals.ts';
import type { ActorDirectory } from './actors/directory.ts';
import type { ActorEntry } from './actors/entry.ts';
import { where } from './actors/where.ts';
import type { HostHandlers } from './bridge.ts';
import { Completion } from './complete.ts';
import { isOfEmitters, listenersOf } from './emitters.ts';
import { Evaluator } from './evaluate.ts';
import type { ScopePortals } from './evaluate.ts';
import type { Inspector, RemoteObject } from './inspector.ts';
import { retainersOf } from './heap/retainers.ts';
import { innerValue, splitInner } from './inner-steps.ts';
import { expectedPauseMs, instancesOf, refuseLongPause } from './instances.ts';
import { SessionObjects } from './objects.ts';
import { hide } from './secrets.ts';

export type LookHandlers = Pick<
  HostHandlers,
  'actors.list' | 'actors.find' | 'instances' | 'retainers' | 'evaluate' | 'inspect' | 'text' | 'complete'
>;

/** How an operation says what it is about. */
interface AskedFor {
  actor?: string;
  handle?: string;
  expression?: string;
  in?: string;
  maxPauseMs?: number;
}

/** A name or a chain is read in no time; whatever takes longer is no inspection. */
const peekTimeoutMs = 250;

export interface Looking {
  handlers: LookHandlers;
  /** What was shown to a session, by its handles. */
  objectsOf(session: string): SessionObjects;
  forget(session: string): void;
  interrupt(call: number): 'running' | 'let go';
}

export interface LookingParts {
  inspector: Inspector;
  actors: ActorDirectory;
  portals: ScopePortals;
  /** What else keeps values for sessions. */
  keepers: readonly object[];
  /** A thread of ours is none of the service's. */
  leaveOut: (thread: number) => void;
}

/** What is held for operators must not grow with their number. */
export function handlesOfEach(sessions: number): number {
  return Math.max(limits.minHandles, Math.min(limits.maxHandles, Math.floor(limits.maxHandlesInAll / Math.max(1, sessions))));
}

/** Of a thread of the service: what is done there keeps nobody waiting on the main one. */
const turnOfThread = (): Promise<void> => nextTurn(nodeClock);

export function createLooking({ inspector, actors, portals, keepers, leaveOut }: LookingParts): Looking {
  const evaluator = new Evaluator(inspector, portals);
  const completion = new Completion(inspector, evaluator, portals);
  const sessions = new Map<string, SessionObjects>();
  const objectsOf = (session: string): SessionObjects => {
    let objects = sessions.get(session);
    if (objects === undefined) {
      objects = new SessionObjects(inspector, session, () => handlesOfEach(sessions.size));
      sessions.set(session, objects);
    }
    return objects;
  };

  /** What is asked about: an actor, what a handle stands for, or what an expression gives. */
  const askedFor = (
    op: string,
    { actor, handle, expression, in: file, maxPauseMs }: AskedFor,
    objects: SessionObjects,
    entry?: ActorEntry,
  ): RemoteObject => {
    const asked = [actor, handle, expression].filter((each) => each !== undefined);
    if (asked.length !== 1) throw new KeyholeError('BAD_REQUEST', `${op}: exactly one of actor, handle and expression must be given`);
    if (actor !== undefined) return inspector.show((entry ?? actors.find(actor)).actor, objects.group);
    if (handle !== undefined) return objects.shown(handle);
    const { outer, inner } = splitInner(expression ?? '');
    let value: RemoteObject;
    try {
      value = evaluator.peek(outer, file, objects, peekTimeoutMs);
    } catch (thrown) {
      if (!(thrown instanceof KeyholeError) || thrown.code !== 'SIDE_EFFECT') throw thrown;
      const hint = 'A getter is one, __proto__ too: EXPR.[[Prototype]] is the prototype. keyhole eval runs anything.';
      throw new KeyholeError('SIDE_EFFECT', `${outer.slice(0, 200)} would run code of the service`, hint);
    }
    return innerValue(inspector, value, inner, { group: objects.group, maxPauseMs: maxPauseMs ?? limits.defaultMaxPauseMs });
  };

  const prototypeOf = (of: string, file: string | undefined, objects: SessionObjects): object => {
    // Node's own has a name only where a module has imported it.
    if (of === 'EventEmitter' && file === undefined && !(of in globalThis)) return EventEmitter.prototype;
    const found = evaluator.peek(of, file, objects, peekTimeoutMs);
    const constructed = found.type === 'function' && found.objectId !== undefined ? inspector.unwrap(found.objectId) : null;
    inspector.release([found], []);
    const prototype: unknown = constructed === null ? null : getOwnPropertyDescriptor(constructed as object, 'prototype')?.value;
    if (typeof prototype !== 'object' || prototype === null)
      throw new KeyholeError('BAD_REQUEST', `${of} is no class`, '--in names the file that a class stands in.');
    return prototype;
  };

  return {
    handlers: {
      'actors.list': (wanted, { session }) => actors.list(wanted, objectsOf(session)),
      'actors.find': ({ where: condition, ...wanted }, { session, turn = turnOfThread }) => {
        const objects = objectsOf(session);
        return actors.search(wanted, objects, where(condition, inspector, objects), turn);
      },
      instances: ({ of, in: file, count = limits.maxPageSize, maxPauseMs = limits.defaultMaxPauseMs, insist = false }, { session }) => {
        const objects = objectsOf(session);
        const prototype = prototypeOf(of, file, objects);
        refuseLongPause(`finding the instances of ${of}`, { maxPauseMs, insist });
        const expectedMs = expectedPauseMs();
        const fromMs = nodeClock.now();
        const { count: all, found: first, classes } = instancesOf(inspector, prototype, count);
        const pauseMs = Math.round(nodeClock.now() - fromMs);
        return {
          class: of,
          count: all,
          classes,
          instances: first.map((each) => objects.value(inspector.wrap(each, objects.group))),
          ...(isOfEmitters(prototype) && { listeners: first.map(listenersOf) }),
          expectedMs,
          pauseMs,
        };
      },
      retainers: async (params, { session }) => {
        const objects = objectsOf(session);
        const object = askedFor('retainers', params, objects);
        const held = inspector.objectOf(object);
        if (held === null) throw new KeyholeError('BAD_REQUEST', 'nobody holds a primitive: it has no identity', 'Name an object or a function.');
        const all = [...sessions.values()].map((each) => each.held());
        const found = await retainersOf(held, {
          count: params.count ?? limits.defaultRetainers,
          maxPauseMs: params.maxPauseMs ?? limits.defaultMaxPauseMs,
          insist: params.insist === true,
          ours: [...keepers, ...all.flatMap((each) => each.keepers)],
          // A handle of native code right on it can not be told from the one by which it was found.
          shown: [held, ...all.flatMap((each) => each.shown)],
          leaveOut,
        });
        // A key may be one.
        const ways = found.ways.map((way) => way.map((step) => ({ ...step, name: hide(step.name) })));
        return { of: objects.value(object), ...found, ways };
      },
      evaluate: (params, { session, ...asked }) => evaluator.evaluate(params, asked, objectsOf(session)),
      inspect: async (params, { session, turn = turnOfThread }) => {
        const { depth = 1, start = 0, count = limits.maxPageSize, maxPauseMs = limits.defaultMaxPauseMs } = params;
        const objects = objectsOf(session);
        const entry = params.actor === undefined ? undefined : actors.find(params.actor);
        const object = askedFor('inspect', params, objects, entry);
        const fetched = await objects.fetch(object, { start, count, maxPauseMs }, turn);
        const page = objects.page(object, start, count, depth, fetched);
        return entry === undefined ? page : { ...page, actor: actors.describe(entry, objects) };
      },
      text: ({ handle, start, count }, { session }) => objectsOf(session).text(handle, start, count),
      complete: (params, { session }) => ({ names: completion.names(params, objectsOf(session)) }),
    },
    objectsOf,
    forget(session) {
      sessions.get(session)?.release();
      sessions.delete(session);
    },
    interrupt: (call) => evaluator.interrupt(call),
  };
}
