/**
 * What is put into effect again when a process starts: patches of the journal that have not landed, and those of hotfix files. Each must be what an operator signed who may still patch. What is not
 * replayed is journaled with the reason, and so is what will be, before the host hears of it. It never keeps the service from starting.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Fate, Journal, PatchHistory } from '../journal/index.ts';
import { patchKey, provable, pushMisfit, pushesOf, recordOf } from '../journal/index.ts';
import { KeyholeError, changesOf, limits, parseHotfix } from '../protocol/index.ts';
import type { HotfixChange, NotReplayedEntry, PatchRecord, ReplayEntry, SignedPush } from '../protocol/index.ts';
import type { ApprovalRules } from './approvals.ts';
import { endedSoonTwice } from './crash-loop.ts';
import type { ReplayConfig } from './door-config.ts';
import type { Operator, Operators } from './operators.ts';
import type { PolicyFile } from './policy.ts';

export interface ReplayParts {
  journal: Journal;
  service: string;
  /** Those of today. */
  operators: () => Operators | null;
  /** Why a push that comes in a file is not allowed here, or null: nobody here was asked when it was made. */
  objection: (operator: Operator, request: SignedPush['request']) => string | null;
  /** Hands them to the host. */
  arm: (records: PatchRecord[]) => Promise<void>;
  report: (what: string, message: string, hint: string) => void;
}

interface Candidate {
  entry: ReplayEntry;
  /** Less what the journal's entry adds. */
  record: Omit<PatchRecord, 'entry' | 'entryHash' | 'replayed'>;
  /** Of the push; a patch of a file is the journal's entry of its replay. */
  pushed: { entry: number; entryHash: string } | null;
}

const brokenHint = 'keyhole journal verify says what is wrong with it; keep it, and give the service another directory.';

/** @returns how many were handed to the host. */
export async function replay({ pending, hotfixes }: ReplayConfig, parts: ReplayParts): Promise<number> {
  const { journal, arm, report } = parts;
  try {
    const broken = await whyBroken(journal);
    if (broken !== null) {
      const message = `nothing is replayed: ${broken}`;
      report('replay', message, brokenHint);
      // A damaged journal takes no entry; it was said.
      await journal.append({ kind: 'refusal', why: message }).catch(() => undefined);
      return 0;
    }
    const plan = new Plan(await journal.history(), parts);
    if (pending) plan.fromJournal();
    for (const file of hotfixes) plan.fromFile(file);
    for (const { id, address, why } of plan.refused)
      report(
        'replay',
        `${id} of ${address} is not put into effect again: ${why}`,
        'keyhole log and keyhole status show it; push it again where it is needed.',
      );
    for (const why of plan.unread) report('replay', why, 'The service runs without what it holds.');
    const drafts = [...plan.unread.map((why) => ({ kind: 'refusal', why }) as const), ...plan.refused, ...plan.candidates.map(({ entry }) => entry)];
    if (drafts.length === 0) return 0;
    const appended = (await journal.appendAll(drafts)).slice(drafts.length - plan.candidates.length);
    const records = plan.candidates.map(({ record, pushed, entry }, index): PatchRecord => {
      const { seq, hash, time } = appended[index] ?? { seq: 0, hash: '', time: '' };
      const { file } = entry.hotfix ?? {};
      return { ...record, ...(pushed ?? { entry: seq, entryHash: hash }), replayed: { entry: seq, at: time, ...(file !== undefined && { file }) } };
    });
    if (records.length > 0) await arm(records);
    return records.length;
  } catch (thrown) {
    report('replay', `nothing is replayed: ${KeyholeError.from(thrown).message}`, 'The service runs without its patches.');
    return 0;
  }
}

/** What a push in a file lacks that it would have needed here: the eyes of others, and what the policy says. */
export function objectionTo(approvals: ApprovalRules, policy: PolicyFile): ReplayParts['objection'] {
  return ({ name }, request) => {
    if (approvals.patch > 0 && request['breakGlass'] !== true)
      return 'this service asks others to approve a push, and a hotfix file does not say who did: push it here, or let it break the glass';
    try {
      policy.check(name, 'patch.apply', request);
      return null;
    } catch (thrown) {
      return KeyholeError.from(thrown).message;
    }
  };
}

async function whyBroken(journal: Journal): Promise<string | null> {
  const { ok, firstBroken } = await journal.verify({ signatures: true });
  if (ok || firstBroken === undefined) return null;
  const { seq, file, line, why } = firstBroken;
  return `the journal is broken at entry ${seq} (${file}, line ${line}): ${why}`;
}

class Plan {
  readonly candidates: Candidate[] = [];
  readonly refused: NotReplayedEntry[] = [];
  /** Files of which nothing is taken, with the reason. */
  readonly unread: string[] = [];
  readonly #history: PatchHistory;
  readonly #parts: ReplayParts;
  /** null: the file that names them can not be read, which was said. */
  readonly #operators: Operators | null;

  constructor(history: PatchHistory, parts: ReplayParts) {
    this.#history = history;
    this.#parts = parts;
    this.#operators = parts.operators();
  }

  fromJournal(): void {
    for (const fate of this.#history.unfinished) {
      if (fate.state !== 'lost' && fate.state !== 'superseded') continue;
      const what = { id: fate.id, address: fate.address };
      try {
        const record = recordOf(fate);
        const pushes = pushesOf(fate).map((push) => provable(fate.id, push));
        const push = pushes.at(-1);
        if (push === undefined) throw new KeyholeError('INTERNAL', `${fate.id} has no push`);
        const original = { seq: push.entry, hash: push.entryHash };
        const { entry, entryHash } = record;
        // What came from a file is replayed from that file, or not at all.
        if (fate.replayed?.file !== undefined) continue;
        const { code, baseCode, source, baseSource, imports, file, approvals } = record;
        const texts = { code, baseCode, source, baseSource, ...(imports !== undefined && { imports }) };
        const change = { ...what, ...texts, file, ...(approvals !== undefined && { approvals }) };
        this.#take({ ...what, original }, change, pushes, { entry, entryHash });
      } catch (thrown) {
        this.#refuse({ ...what, original: { seq: fate.entry, hash: '' } }, KeyholeError.from(thrown).message);
      }
    }
  }

  fromFile(file: string): void {
    let changes: HotfixChange[];
    let pushesOfChange: (change: HotfixChange) => SignedPush[];
    let sha256: string;
    try {
      const { size } = statSync(file);
      if (size > limits.maxHotfixBytes) throw new KeyholeError('HOTFIX', `it has ${size} bytes; at most ${limits.maxHotfixBytes} are read`);
      const bytes = readFileSync(file);
      sha256 = createHash('sha256').update(bytes).digest('hex');
      const hotfix = parseHotfix(bytes.toString('utf8'));
      if (hotfix.service !== this.#parts.service)
        throw new KeyholeError('HOTFIX', `it is for the service ${hotfix.service}, and this is ${this.#parts.service}`);
      changes = changesOf(hotfix);
      pushesOfChange = ({ id }) => (hotfix.patches.find((patch) => patch.id === id)?.pushes ?? []).flatMap((place) => hotfix.pushes[place] ?? []);
    } catch (thrown) {
      this.unread.push(`nothing of ${file} is put into effect: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      return;
    }
    for (const change of changes) this.#fromChange({ file, sha256 }, change, pushesOfChange(change));
  }

  #fromChange(source: NonNullable<NotReplayedEntry['hotfix']>, { id: idInFile, push, commit, ...change }: HotfixChange, pushes: SignedPush[]): void {
    const { address } = change;
    const key = patchKey(push.signed.signature, address);
    const known = [...this.#history.fates.values()].find((fate) => fate.key === key);
    // The same in every process, and not mistaken for a patch of this journal.
    const id = known?.id ?? `h${key.slice(0, 8)}`;
    const what = { id, address, original: { seq: push.entry, hash: push.entryHash }, hotfix: source };
    if (this.candidates.some(({ entry }) => entry.id === id)) return;
    const why = this.#whyNotFromFile(address, known);
    if (why !== null) return this.#refuse(what, why);
    const of = { id, ...change, file: address.slice(0, address.lastIndexOf(':')) };
    this.#take(
      what,
      of,
      pushes,
      known?.place === undefined || known.replayed?.file !== undefined ? null : { entry: push.entry, entryHash: push.entryHash },
      { ...source, id: idInFile, commit, pushes },
    );
  }

  #whyNotFromFile(address: string, known: Fate | undefined): string | null {
    const other = this.candidates.find(({ entry }) => entry.address === address);
    if (other !== undefined) return `${other.entry.id} of the same function is put into effect`;
    if (known === undefined || known.state === 'lost' || known.state === 'superseded') return null;
    return `it was ${known.state} here${known.by === undefined ? '' : ` by ${known.by}`}`;
  }

  #take(
    what: Pick<NotReplayedEntry, 'id' | 'address' | 'original' | 'hotfix'>,
    change: Pick<PatchRecord, 'id' | 'address' | 'code' | 'baseCode' | 'source' | 'baseSource' | 'imports' | 'file' | 'approvals'>,
    pushes: readonly SignedPush[],
    pushed: Candidate['pushed'],
    hotfix?: ReplayEntry['hotfix'],
  ): void {
    const fate = this.#history.fates.get(what.id);
    if (fate?.heldBack !== undefined) return this.#refuse(what, fate.heldBack);
    const misfit = pushes.map(pushMisfit).find((each) => each !== null);
    if (misfit !== undefined && misfit !== null) return this.#refuse(what, misfit);
    // A file may say any time; the journal's lines are chained.
    const signers = pushes.map((push) => this.#signerOf(push, hotfix === undefined ? Date.parse(push.at) : Date.now()));
    const unknown = signers.find((each) => typeof each === 'string');
    if (typeof unknown === 'string') return this.#refuse(what, unknown);
    const loop = endedSoonTwice(this.#history, what.id);
    if (loop !== null) return this.#refuse(what, loop, true);
    const push = pushes.at(-1);
    const signer = signers.at(-1);
    if (push === undefined || signer === undefined || typeof signer === 'string') return;
    const { at, request } = push;
    const { reason, commits, breakGlass } = request;
    const marks = { ...(commits !== undefined && { commits }), ...(breakGlass === true && { breakGlass }) };
    const objection = pushed === null ? this.#parts.objection(signer, request) : null;
    if (objection !== null) return this.#refuse(what, objection);
    // A file may say any name; the key is what was proven.
    const { name: operator, email, fingerprint } = signer;
    const record = { ...change, strategy: 'slots' as const, operator, email, fingerprint, reason, at, ...marks };
    const { id, address, original } = what;
    const entry: ReplayEntry = { kind: 'replay', phase: 'due', by: 'agent', id, address, original, ...(hotfix !== undefined && { hotfix }) };
    this.candidates.push({ entry, record, pushed });
  }

  /** Who has signed it, or why that is nobody who may patch. @param at when a certificate has to have been valid. */
  #signerOf({ fingerprint, operator: name, login }: SignedPush, at: number): Operator | string {
    if (login.service !== this.#parts.service) return `it was signed for the service ${login.service}`;
    const { publicKey, certificate = null } = login;
    const claim = { publicKey, certificate: null };
    const operator = this.#operators?.find(claim, Date.now()) ?? this.#operators?.find({ ...claim, certificate }, at);
    if (operator == null)
      return `the key ${fingerprint} (${name}) is not one of the operators${certificate === null ? '' : ', or its certificate is not valid'}`;
    return operator.capabilities.includes('patch') ? operator : `${operator.name} (${fingerprint}) may not patch any more`;
  }

  #refuse(what: Pick<NotReplayedEntry, 'id' | 'address' | 'original' | 'hotfix'>, why: string, forGood = false): void {
    this.refused.push({ kind: 'replay', phase: 'refused', by: 'agent', ...what, why, ...(forGood && { forGood }) });
  }
}
