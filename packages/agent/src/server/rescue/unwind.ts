/**
 * Ending an execution that hangs, so that what Node keeps about it stays in order. V8 ends it without running a `finally`: Node's own after a callback are among those. Left out, a hung timer ends
 * the whole process (`async hook stack has become corrupted`), an interval never fires again, and the immediates behind a hung one are lost: seen on Node 20, 22, 24 and 26. So while the
 * thread is paused in the middle of the callback, each of Node's frames gets done what its `finally` would do, in the words of its public API where it has one; then the stack of asynchronous
 * contexts is emptied, exactly as Node does after an `uncaughtException` that was handled.
 */
import type { MainThread } from './main-thread.ts';

export interface CallFrame {
  callFrameId: string;
  functionName: string;
  location: { scriptId: string; lineNumber: number; columnNumber: number };
}

/** Node 22 and newer keep the context of AsyncLocalStorage there; elsewhere there is no such variable. */
const restore = (name: string): string =>
  `typeof AsyncContextFrame === 'undefined' || typeof ${name} === 'undefined' || AsyncContextFrame.set(${name});`;

/** Evaluated in the frame; each begins with a variable that is not there before the callback was called, so that it does nothing between two callbacks. */
const duties: Record<string, { expression: string; says: string }> = {
  'node:internal/timers listOnTimeout': {
    expression: `asyncId; ${restore('priorContextFrame')} if (!timer._destroyed && !timer._idleNext) { if (timer._repeat) timer.refresh(); else timer.close(); }`,
    says: 'the timer',
  },
  'node:internal/timers processImmediate': {
    expression: `asyncId; ${restore('priorContextFrame')} outstandingQueue.head = immediate._idleNext;`,
    says: 'the immediates behind it',
  },
  'node:internal/process/task_queues processTicksAndRejections': {
    expression: `asyncId; ${restore('priorContextFrame')}`,
    says: 'the ticks behind it',
  },
  'node:async_hooks runInAsyncScope': { expression: restore('prior'), says: 'its asynchronous context' },
};

const answerMs = 2_000;

interface Evaluated {
  result: { objectId?: string; value?: unknown };
  exceptionDetails?: object;
}

/** Only while the thread is paused. @throws where this Node is not as it is known here: then nothing was touched, and nothing may be ended. */
export async function tidyUp(main: MainThread, frames: readonly CallFrame[], urlOf: (scriptId: string) => string): Promise<void> {
  const emptyAsyncStack = await asyncStackOf(main);
  for (const { callFrameId, functionName, location } of frames) {
    const duty = duties[`${urlOf(location.scriptId)} ${functionName}`];
    if (duty === undefined) continue;
    // An exception says that this frame has no callback under way: nothing is due.
    const answer = await main.within(answerMs, 'Debugger.evaluateOnCallFrame', { callFrameId, expression: duty.expression, silent: true });
    if (answer === null) throw new Error(`${duty.says} can't be kept in order: the inspector does not answer`);
  }
  await emptyAsyncStack();
}

/** How `process._fatalException` empties it; the functions are Node's, found in the scope of a public one. */
async function asyncStackOf(main: MainThread): Promise<() => Promise<void>> {
  const scope = await scopeOf(main, `process.getBuiltinModule('node:async_hooks').AsyncResource.prototype.runInAsyncScope`, [
    'emitAfter',
    'hasAsyncIdStack',
  ]);
  const current = await handleOf(main, `process.getBuiltinModule('node:async_hooks').executionAsyncId`);
  return async () => {
    const answer = await main.within<Evaluated>(answerMs, 'Runtime.callFunctionOn', {
      objectId: scope['emitAfter'],
      functionDeclaration: `function (has, current) { for (let left = 1000; has() && left > 0; left -= 1) this(current()); return has(); }`,
      arguments: [{ objectId: scope['hasAsyncIdStack'] }, { objectId: current }],
      returnByValue: true,
      silent: true,
    });
    if (answer === null || answer.exceptionDetails !== undefined || answer.result.value !== false)
      throw new Error('the asynchronous contexts of this Node could not be put in order: ending the execution could end the process');
  };
}

async function handleOf(main: MainThread, expression: string): Promise<string> {
  const answer = await main.within<Evaluated>(answerMs, 'Runtime.evaluate', { expression, silent: true });
  const objectId = answer?.result.objectId;
  if (answer === null || answer.exceptionDetails !== undefined || objectId === undefined) throw new Error(`${expression} is not there`);
  return objectId;
}

interface Properties {
  result: { name: string; value?: { objectId?: string } }[];
  internalProperties?: { name: string; value?: { objectId?: string } }[];
}

async function scopeOf(main: MainThread, expression: string, names: readonly string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const propertiesOf = async (objectId: string | undefined): Promise<Properties | null> =>
    objectId === undefined ? null : main.within<Properties>(answerMs, 'Runtime.getProperties', { objectId, ownProperties: true });
  const holder = await propertiesOf(await handleOf(main, expression));
  const scopes = await propertiesOf(holder?.internalProperties?.find(({ name }) => name === '[[Scopes]]')?.value?.objectId);
  for (const { name, value } of scopes?.result ?? []) {
    if (!/^\d+$/.test(name)) continue;
    const variables = await propertiesOf(value?.objectId);
    for (const variable of variables?.result ?? []) {
      const objectId = variable.value?.objectId;
      if (names.includes(variable.name) && objectId !== undefined) found[variable.name] ??= objectId;
    }
    if (names.every((each) => found[each] !== undefined)) return found;
  }
  throw new Error(`this Node has no ${names.filter((each) => found[each] === undefined).join(', ')} where it was looked for`);
}
