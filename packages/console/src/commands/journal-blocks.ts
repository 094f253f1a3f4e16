/** The journal as git log shows commits: what somebody did in a paragraph, with its outcome; everything else in a line. */
import { patchImport, type IntentEntry, type JournalEntry, type LateEntry, type OutcomeEntry, type PatchImport } from '@keyhole/agent/protocol';
import { importLine } from '../render/import-line.ts';
import { span, type Text } from '../render/text.ts';
import { renderDiff, unifiedDiff } from '../render/unified-diff.ts';
import { changeOfActor, commitsOf, describeEntry } from './journal-entry.ts';

type Action = (IntentEntry | LateEntry) & { seq: number; time: string };

/**
 * @param entries newest first.
 * @param more outcomes of them that are not among them.
 * @param withPatches each push with its difference.
 */
export function renderBlocks(entries: readonly JournalEntry[], more: readonly JournalEntry[], withPatches: boolean): Text {
  const outcomes = new Map<number, OutcomeEntry>();
  const actions = new Set<number>();
  for (const entry of [...entries, ...more]) {
    if (isOutcome(entry)) outcomes.set(entry.intent, entry);
    else if (isAction(entry)) actions.add(entry.seq);
  }
  const blocks: Text[] = [];
  let sessions: JournalEntry[] = [];
  const flush = (): void => {
    if (sessions.length > 0) blocks.push(sessionsLine(sessions));
    sessions = [];
  };
  for (const entry of entries) {
    if (entry.kind === 'session') {
      sessions.push(entry);
      continue;
    }
    // It is told with what it ends.
    if (isOutcome(entry) && actions.has(entry.intent)) continue;
    flush();
    blocks.push(isAction(entry) ? actionBlock(entry, outcomes.get(entry.seq), withPatches) : line(entry));
  }
  flush();
  return blocks.map((block) => [block, '\n']);
}

function actionBlock(entry: Action, outcome: OutcomeEntry | undefined, withPatches: boolean): Text {
  const { seq, kind, operator, fingerprint, time, request } = entry;
  const status = entry.phase === 'late' ? entry.status : (outcome?.status ?? 'no outcome yet');
  const error = entry.phase === 'late' ? entry.error : outcome?.error;
  const { reason, expression } = request;
  const text = typeof expression === 'string' ? expression : typeof reason === 'string' ? reason : '';
  const patches = Array.isArray(request['patches']) ? request['patches'].map((each: unknown) => patchOf(each)) : [];
  const ids = Array.isArray(request['ids']) ? request['ids'].map(String) : [];
  const named = [...ids, ...(typeof request['id'] === 'string' ? [request['id']] : []), ...(request['all'] === true ? ['every live patch'] : [])];
  return [
    span('warning', `${kind} ${seq}`),
    ' (',
    span(status === 'done' ? 'good' : 'bad', status),
    ')\n',
    `Operator: ${operator} <${fingerprint}>\n`,
    `Date:     ${time}\n`,
    ...changeOfActor(request, entry.op).map((each) => `Actor:    ${each}\n`),
    ...(patches.length > 0 ? [`Function: ${patches.map(({ address }) => address).join(', ')}\n`] : []),
    ...commitsOf(request).map((each) => `Commit:   ${each}\n`),
    ...(request['breakGlass'] === true ? [span('bad', 'Without approval\n')] : []),
    ...(named.length > 0 ? [`Patch:    ${named.join(', ')}\n`] : []),
    ...(text === '' ? [] : ['\n', indented(text), '\n']),
    ...(error === undefined ? [] : ['\n', span('bad', `    ${error.code}: ${error.message}`), '\n']),
    ...(entry.phase === 'late' ? ['\n', span('warning', '    done while the journal could not be written'), '\n'] : []),
    ...(withPatches ? patches.map(patchText) : []),
  ];
}

interface PatchTexts {
  address: string;
  source: string | null;
  baseSource: string | null;
  imports: PatchImport[];
}

/** The journal may be another's, or have been redacted. */
function patchOf(given: unknown): PatchTexts {
  const { address, source, baseSource, imports } = Object(given) as Record<string, unknown>;
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    address: String(address),
    source: text(source),
    baseSource: text(baseSource),
    imports: Array.isArray(imports) ? imports.filter(isImport) : [],
  };
}

function isImport(given: unknown): given is PatchImport {
  return patchImport(given) === null;
}

/** Lines count from the function's first one: the journal holds the function, and not its file. */
function patchText({ address, source, baseSource, imports }: PatchTexts): Text {
  if (source === null || baseSource === null) return ['\n', span('dim', `the text of ${address} is not in the journal`), '\n'];
  const ended = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`);
  const brought = imports.map((each) => ['\n', span('good', `+${importLine(each)}`)]);
  return [brought, '\n', renderDiff(unifiedDiff(`a/${address}`, `b/${address}`, ended(baseSource), ended(source)))];
}

function sessionsLine(sessions: readonly JournalEntry[]): Text {
  const seqs = sessions.map(({ seq }) => seq);
  const names = [...new Set(sessions.map((each) => ('operator' in each ? each.operator : undefined)))].join(', ');
  const first = Math.min(...seqs);
  const last = Math.max(...seqs);
  return span('dim', `session ${first === last ? first : `${first} to ${last}`}: ${names}\n`);
}

function line(entry: JournalEntry): Text {
  return [span('warning', `${entry.kind} ${entry.seq}`), ' ', span('dim', entry.time), ' ', describeEntry(entry), '\n'];
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((each) => `    ${each}`.trimEnd())
    .join('\n');
}

function isAction(entry: JournalEntry): entry is JournalEntry & Action {
  return 'phase' in entry && (entry.phase === 'intent' || entry.phase === 'late');
}

export function isIntent(entry: JournalEntry): boolean {
  return 'phase' in entry && entry.phase === 'intent';
}

/** Whether an entry is the outcome of another. */
export function ends(entry: JournalEntry, intent: JournalEntry): boolean {
  return isOutcome(entry) && entry.intent === intent.seq;
}

function isOutcome(entry: JournalEntry): entry is JournalEntry & OutcomeEntry {
  return 'phase' in entry && entry.phase === 'outcome';
}
