/** Calls the changed functions in the patched process and in the built one, with the same arguments in the same order, and holds what came out against each other. */
import { splitAddress } from '../../packages/agent/dist/source/index.js';

/**
 * Of the changed functions: `itself` were called by themselves, `around` through what is around them, `outside` can't be reached; `unsteady` of those that were called do not give the
 * same twice in two processes of one build, so nothing follows from them. `calls` were made in each process, `returned` of them did not throw.
 * @typedef {{ itself: number, around: number, outside: number, unsteady: number, calls: number, returned: number }} Counts
 */
export const noCalls = Object.freeze({ itself: 0, around: 0, outside: 0, unsteady: 0, calls: 0, returned: 0 });

/**
 * @param startAnother one more process of the build, for what differs.
 * @param {string[]} addresses
 * @returns {Promise<{ counts: Counts, differs: { address: string, patched: string, built: string }[] }>}
 */
export async function compareCalls(patched, built, startAnother, addresses) {
  const counts = { ...noCalls };
  const suspects = [];
  const answers = [];
  const codes = new Map();
  for (const address of addresses) {
    if (!hasName(address)) {
      // A line of the one is another function's in the other.
      counts.outside += 1;
      answers.push(null);
      continue;
    }
    const { code } = await built.connection.call('fn.get', { address });
    codes.set(address, code);
    const [mine, theirs] = await Promise.all([patched, built].map((process) => callIn(process, address, code)));
    answers.push(theirs);
    if (mine === null || theirs === null || mine.failed !== undefined || theirs.failed !== undefined) {
      counts.outside += 1;
      if ((mine === null) !== (theirs === null) || mine?.failed !== theirs?.failed)
        suspects.push({ address, mine: said(mine), theirs: said(theirs), order: answers.length - 1 });
      continue;
    }
    counts[mine.how] += 1;
    // One of them may have had less time.
    const calls = Math.min(mine.outcomes.length, theirs.outcomes.length);
    counts.calls += calls;
    counts.returned += mine.returned;
    const first = mine.outcomes.slice(0, calls).findIndex((outcome, index) => outcome !== theirs.outcomes[index]);
    if (first !== -1) suspects.push({ address, mine: mine.outcomes[first], theirs: theirs.outcomes[first], order: answers.length - 1 });
  }
  if (suspects.length === 0) return { counts, differs: [] };
  const another = await startAnother();
  try {
    const differs = [];
    for (const [order, address] of addresses.entries()) {
      if (!hasName(address)) continue;
      const again = await callIn(another, address, codes.get(address));
      const suspect = suspects.find((each) => each.order === order);
      if (suspect === undefined) continue;
      if (JSON.stringify(again) === JSON.stringify(answers[order])) differs.push({ address, patched: suspect.mine, built: suspect.theirs });
      else counts.unsteady += 1;
    }
    return { counts, differs };
  } finally {
    await another.stop();
  }
}

async function callIn(process, address, code) {
  const { file, name } = splitAddress(address);
  const { url } = await process.connection.call('module.get', { file });
  return process.call({ path: name, url, code });
}

function hasName(address) {
  return !/^\d+$/.test(splitAddress(address).name);
}

function said(answer) {
  return answer === null ? 'can not be reached' : (answer.failed ?? 'was called');
}
