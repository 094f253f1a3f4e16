/** Node's permission model, as far as the agent can not do without what it takes. */

/** What is forbidden, in words; null where the model is off or allows it. Files are not among it: the journal says itself where it can not write. */
export function whatNodeForbids(): string | null {
  const { permission } = process as { permission?: { has(scope: string): boolean } };
  if (permission === undefined) return null;
  const missing = ['worker', 'inspector'].filter((scope) => !permission.has(scope)).map((scope) => `--allow-${scope}`);
  if (missing.length === 0) return null;
  const unknown = missing.filter((flag) => !process.allowedNodeEnvironmentFlags.has(flag));
  const never = unknown.length === 0 ? '' : `, and Node ${process.version} has no ${unknown.join(' and ')}`;
  return `Node's permission model is on without ${missing.join(' and ')}${never}`;
}
