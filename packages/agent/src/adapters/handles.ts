/** What keeps the event loop alive, as Node keeps it: what is `unref`ed is not there. */
const { apply } = Reflect;

export function activeHandles(): readonly unknown[] {
  const { _getActiveHandles: handles } = process as { _getActiveHandles?: () => readonly unknown[] };
  return handles === undefined ? [] : apply(handles, process, []);
}
