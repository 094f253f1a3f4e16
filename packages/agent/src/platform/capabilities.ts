/** What this Node can do, from its version alone. */

export interface Capabilities {
  /** `Debugger.setScriptSource`: Node 25 (V8 14.1) has it, Node 26 (V8 14.6) answers "functionality no longer available". */
  liveEdit: boolean;
  /** A live edit gives living functions new places in V8's table of code, and optimized callers go on calling the old ones, which the next collection frees: from V8 13.6 on, which has that table. */
  liveEditLeavesCallers: boolean;
}

export function capabilitiesOf(nodeVersion: string): Capabilities {
  const major = Number(/^v?(\d+)/.exec(nodeVersion)?.[1] ?? 0);
  return { liveEdit: major >= 20 && major <= 25, liveEditLeavesCallers: major >= 24 };
}
