/**
 * What `keyhole doctor` looks at: lists of checks, each on the side that knows the facts (host, door, console). A check looks and never changes anything; one that fails to look is
 * not ok, and the others are still made.
 */

/** One line of `keyhole doctor`. `ok: false` means that there is something to do about it. */
export interface DoctorCheck {
  check: string;
  ok: boolean;
  detail: string;
}

export interface Check<Facts> {
  /** One or two words; names the line for scripts. */
  check: string;
  look(facts: Facts): { ok: boolean; detail: string };
}

export function examine<Facts>(checks: readonly Check<Facts>[], facts: Facts): DoctorCheck[] {
  return checks.map(({ check, look }) => {
    try {
      return { check, ...look(facts) };
    } catch (thrown) {
      return { check, ok: false, detail: `could not be looked at: ${thrown instanceof Error ? thrown.message : String(thrown)}` };
    }
  });
}
