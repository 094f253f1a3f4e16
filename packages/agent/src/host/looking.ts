/** The operations that look: values, actors, evaluation. What is kept for a session is let go with it. */
import { nodeClock } from '../platform/clock.ts';
import { KeyholeError, limits } from '../protocol/index.ts';
import { getOwnPropertyDescriptor } from '../platform/originals.ts';
import type { ActorDirectory } from './actors/directory.ts';
import type { ActorEntry } from './actors/entry.ts';
import { where } from './actors/where.ts';
import type { HostHandlers } from './bridge.ts';
import { Completion } from './complete.ts';
import { Evaluator } from './evaluate.ts';
import type { ScopePortals } from './evaluate.ts';
import type { Inspector, RemoteObject } from './inspector.ts';
import { expectedPauseMs, instancesOf, refuseLongPause } from './instances.ts';
import { SessionObjects } from './objects.ts';

export type LookHandlers = Pick<HostHandlers, 'actors.list' | 'actors.find' | 'instances' | 'evaluate' | 'inspect' | 'text' | 'complete'>;

/** A name or a chain is read in no time; whatever takes longer is no inspection. */
const peekTimeoutMs = 250;

export interface Looking {
  handlers: LookHandlers;
  /** What was shown to a session, by its handles. */
  objectsOf(session: string): SessionObjects;
  forget(session: string): void;
  interrupt(call: number): 'running' | 'let go';
}

export function createLooking(inspector: Inspector, actors: ActorDirectory, portals: ScopePortals): Looking {
  const evaluator = new Evaluator(inspector, portals);
  const completion = new Completion(inspector, evaluator, portals);
  const sessions = new Map<string, SessionObjects>();
  const objectsOf = (session: string): SessionObjects => {
    let objects = sessions.get(session);
    if (objects === undefined) {
      objects = new SessionObjects(inspector, session);
      sessions.set(session, objects);
    }
    return objects;
  };

  return {
    handlers: {
      'actors.list': (wanted, { session }) => actors.list(wanted, objectsOf(session)),
      'actors.find': ({ where: condition, ...wanted }, { session }) => {
        const objects = objectsOf(session);
        return where(condition, actors.list(wanted, objects), inspector, objects);
      },
      instances: ({ of, in: file, count = limits.maxPageSize, maxPauseMs = limits.defaultMaxPauseMs, insist = false }, { session }) => {
        const objects = objectsOf(session);
        const found = evaluator.peek(of, file, objects, peekTimeoutMs);
        const constructed = found.type === 'function' && found.objectId !== undefined ? inspector.unwrap(found.objectId) : null;
        const prototype: unknown = constructed === null ? null : getOwnPropertyDescriptor(constructed as object, 'prototype')?.value;
        if (typeof prototype !== 'object' || prototype === null)
          throw new KeyholeError('BAD_REQUEST', `${of} is no class`, '--in names the file that a class stands in.');
        refuseLongPause(`finding the instances of ${of}`, { maxPauseMs, insist, hint: '--max-pause allows more.' });
        const expectedMs = expectedPauseMs();
        const fromMs = nodeClock.now();
        const { count: all, found: first } = instancesOf(inspector, inspector.wrap(prototype, objects.group, false), objects.group, count);
        const pauseMs = Math.round(nodeClock.now() - fromMs);
        return { class: of, count: all, instances: first.map((each) => objects.value(inspector.wrap(each, objects.group))), expectedMs, pauseMs };
      },
      evaluate: (params, { session, ...asked }) => evaluator.evaluate(params, asked, objectsOf(session)),
      inspect: async (params, { session }) => {
        const { actor, handle, expression, depth = 1, start = 0, count = limits.maxPageSize } = params;
        const objects = objectsOf(session);
        const asked = [actor, handle, expression].filter((each) => each !== undefined);
        if (asked.length !== 1) throw new KeyholeError('BAD_REQUEST', 'inspect: exactly one of actor, handle and expression must be given');
        let object: RemoteObject;
        let entry: ActorEntry | undefined;
        if (actor !== undefined) {
          entry = actors.find(actor, objects.group);
          object = inspector.show(entry.actor, objects.group);
        } else if (handle !== undefined) object = objects.object(handle);
        else object = evaluator.peek(expression ?? '', params.in, objects, peekTimeoutMs);
        const far = await objects.far(object, start, count, () => new Promise((resolve) => nodeClock.soon(resolve)));
        const page = objects.page(object, start, count, depth, far);
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
