import type { AppliedPatch } from '../../protocol/index.ts';

/** One line a function, with the threads it was done in. */
export function merged(
  several: boolean,
  parts: readonly (readonly [number, readonly AppliedPatch[]])[],
  of: readonly { address: string; id?: string }[],
): AppliedPatch[] {
  return of.flatMap(({ address, id }) => {
    const here = parts.flatMap(([thread, patches]) =>
      patches.filter((each) => each.address === address && (id ?? each.id) === each.id).map((each) => ({ thread, each })),
    );
    const [first] = here;
    if (first === undefined) return [];
    const pauseMs = Math.max(...here.map(({ each }) => each.pauseMs));
    const verified = here.every(({ each }) => each.verified);
    return [{ ...first.each, pauseMs, verified, ...(several ? { threads: here.map(({ thread }) => thread) } : {}) }];
  });
}
