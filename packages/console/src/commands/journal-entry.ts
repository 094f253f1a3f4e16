/** One entry of the journal in a line of words. */
import type { ColdOrigin, JournalEntry } from '@keyhole/agent/protocol';
import { span, type Text } from '../render/text.ts';
import { describeUndone } from './trial.ts';

export function describeEntry(entry: JournalEntry): Text {
  switch (entry.kind) {
    case 'start':
      return `${entry.service} started, pid ${entry.pid}, ${entry.node}${entry.commit === null ? '' : `, commit ${entry.commit.slice(0, 12)}`}${cold(entry.cold)}`;
    case 'session':
      return entry.event === 'continued'
        ? span('dim', 'session continued in a new segment')
        : `session ${entry.event === 'open' ? 'opened' : 'closed'}`;
    case 'refusal':
      return span('bad', `refused${entry.op === undefined ? '' : ` ${entry.op}`}: ${entry.why}`);
    case 'recovered':
      return span('warning', `a torn line of ${entry.bytes} bytes was cut off (${entry.file})`);
    case 'witness':
      return span('bad', `remembers entry ${entry.known.seq} with another hash: the journal was cut, rolled back or replaced`);
    case 'rotated':
      return span('dim', `segment full; ${entry.next} follows`);
    case 'segment':
      return entry.gap === undefined ? span('dim', 'new segment') : span('warning', `new segment after a failure: ${entry.gap.why}`);
    case 'checkpoint':
      return span('warning', `removed: ${entry.removed.map((each) => `${each.file} (up to entry ${each.last.seq})`).join(', ')}`);
    default:
      if (entry.phase === 'outcome') return outcome(entry);
      if (entry.phase === 'undone') return describeUndone(entry);
      if (entry.phase === 'due') return `${entry.id} ${entry.address}, again${fromFile(entry.hotfix)}`;
      if (entry.phase === 'refused') return span('warning', `${entry.id} ${entry.address} not again${fromFile(entry.hotfix)}: ${entry.why}`);
      if (entry.kind === 'confirm' && entry.phase === 'stood')
        return span('dim', `${entry.patches.join(', ')}: few errors, so not on trial any more`);
      if (entry.phase === 'stood') return span('dim', 'the process lives on with its replayed patches');
      return [request(entry.request, entry.op), entry.phase === 'late' ? span('warning', '  while the journal could not be written') : ''];
  }
}

/** The hotfix file that a patch was started with. */
function fromFile(hotfix: { file: string; sha256: string } | undefined): string {
  return hotfix === undefined ? '' : `, from ${hotfix.file} (sha256 ${hotfix.sha256})`;
}

/** Not part of the program: somebody brought the agent in. */
function cold(origin: ColdOrigin | undefined): string {
  return origin === undefined ? '' : `; brought in from outside by ${origin.fingerprints.join(' or ')}, keys: ${origin.keys}`;
}

function request(params: Record<string, unknown>, op: string): Text {
  const patches = Array.isArray(params['patches']) ? params['patches'].map((each: { address?: unknown } | null) => String(each?.address)) : [];
  const addresses = Array.isArray(params['addresses']) ? params['addresses'].map(String) : [];
  const ids = Array.isArray(params['ids']) ? params['ids'].map(String) : [];
  const parts = [
    ...patches,
    ...(typeof params['address'] === 'string' ? [params['address']] : []),
    ...addresses,
    ...ids,
    ...(typeof params['id'] === 'string' ? [params['id']] : []),
    ...changeOfActor(params, op),
    ...shortCommits(params),
    ...(params['all'] === true ? ['all'] : []),
    ...(params['breakGlass'] === true ? ['WITHOUT APPROVAL'] : []),
    ...(typeof params['expression'] === 'string' ? [params['expression']] : []),
    ...(typeof params['if'] === 'string' ? [`if ${params['if']}`] : []),
  ];
  return [parts.join(', '), typeof params['reason'] === 'string' ? span('dim', `  (${params['reason']})`) : ''];
}

/** The commits that a push was made of, in full. */
export function commitsOf({ commits }: Record<string, unknown>): string[] {
  return Array.isArray(commits) ? commits.map(String) : [];
}

function shortCommits(params: Record<string, unknown>): string[] {
  const commits = commitsOf(params);
  const [first] = commits;
  if (first === undefined) return [];
  return [commits.length === 1 ? `commit ${first.slice(0, 12)}` : `${commits.length} commits up to ${commits.at(-1)?.slice(0, 12) ?? ''}`];
}

/** What `set`, `suspend`, `resume` or `send` asked for. */
export function changeOfActor({ actor, path, value, message }: Record<string, unknown>, op: string): string[] {
  if (typeof actor !== 'string') return [];
  if (op === 'actor.send') return [`${actor} <- ${String(message)}`];
  if (typeof path === 'string') return [`${actor} ${path} = ${String(value)}`];
  return op === 'actor.suspend' || op === 'actor.resume' || op === 'actor.follow' ? [`${op.slice('actor.'.length)} ${actor}`] : [];
}

function outcome(entry: Extract<JournalEntry, { phase: 'outcome' }>): Text {
  const error = entry.error === undefined ? '' : `: ${entry.error.code}: ${entry.error.message}`;
  const { hotfix, sha256 } = entry.result ?? {};
  const file = Array.isArray(hotfix) && typeof sha256 === 'string' ? `: ${hotfix.map(String).join(', ')} in a hotfix file (sha256 ${sha256})` : '';
  return [`  ${entry.intent}: `, span(entry.status === 'done' ? 'good' : 'bad', entry.status), file, error];
}
