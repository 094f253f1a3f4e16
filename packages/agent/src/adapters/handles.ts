/** What keeps the event loop alive, as Node keeps it: what is `unref`ed is not there. */
const { apply } = Reflect;

/** Sockets, servers, child processes. */
export function activeHandles(): readonly unknown[] {
  return kept('_getActiveHandles');
}

/** What the system was asked for, and has not answered. */
export function activeRequests(): readonly unknown[] {
  return kept('_getActiveRequests');
}

function kept(name: '_getActiveHandles' | '_getActiveRequests'): readonly unknown[] {
  const list = (process as { [key in typeof name]?: () => readonly unknown[] })[name];
  return list === undefined ? [] : apply(list, process, []);
}
