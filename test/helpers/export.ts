/** A repository with one function in it, an agent that says it has patched that function, and a stranger who applies the mail. */
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { HistoricPatch, PatchRecord } from '../../packages/agent/dist/protocol/index.js';
import type { exportPatches } from '../../packages/console/dist/git/export.js';
import { KeyholeError } from '../../packages/agent/dist/protocol/index.js';
import { baseAddress } from '../../packages/console/dist/typescript/compare.js';
import { parseAuthor, textOf } from '../../packages/console/dist/typescript/parse.js';
import { commitAll, newFolder, run } from './service.ts';

type Connection = Parameters<typeof exportPatches>[0];

export const old = 'function f() {\n  return 1;\n}';
export const renewed = 'function f() {\n  return 2;\n}';
export const plainText = `export ${old}\nexport const rest = 'ü';\n`;

export interface Setup {
  text?: string;
  file?: string;
  subfolder?: string;
  /** More files, by path from the top. */
  files?: Record<string, string>;
  /** Something done before the commit. */
  prepare?: (top: string) => void;
}

export interface Place {
  top: string;
  root: string;
  commit: string;
}

export function repository({ text = plainText, file = 'src/a.js', subfolder = '', files = {}, prepare }: Setup = {}): Place {
  const top = path.join(newFolder(), 'repo');
  const root = path.join(top, subfolder);
  const all = { [path.join(subfolder, file)]: text, 'other.txt': 'other\n', ...files };
  for (const [name, content] of Object.entries(all)) {
    mkdirSync(path.dirname(path.join(top, name)), { recursive: true });
    writeFileSync(path.join(top, name), content);
  }
  prepare?.(top);
  return { top, root, commit: commitAll(top, 'base') };
}

export interface AgentSays {
  change?: Partial<PatchRecord>;
  /** More patches. */
  others?: Partial<PatchRecord>[];
  /** Patches that are not live any more, newest first. */
  past?: Partial<HistoricPatch>[];
  /** The text that was loaded. */
  loaded?: string;
  /** What runs, where it is not the code of the patch. */
  running?: string;
  commit?: string | null;
  root?: string;
}

export function recordOf(change: Partial<PatchRecord> = {}): PatchRecord {
  const file = change.file ?? 'src/a.js';
  return {
    id: 'p7',
    address: `${file}:f`,
    file,
    code: change.source ?? renewed,
    baseCode: change.baseSource ?? old,
    source: renewed,
    baseSource: old,
    strategy: 'slots',
    operator: 'alice',
    email: 'alice@example.com',
    fingerprint: 'SHA256:abc',
    reason: 'because',
    at: '2026-01-02T03:04:05.678Z',
    entry: 7,
    entryHash: 'f'.repeat(64),
    ...change,
  };
}

/** Parameters of the operations below. */
interface Asked {
  ids?: string[];
  file?: string;
  address?: string;
}

/** What an agent answers about its patches and their modules. */
export function agent(at: { root: string; commit: string }, says: AgentSays = {}): Connection {
  const records = [recordOf(says.change), ...(says.others ?? []).map(recordOf)];
  const text = says.loaded ?? plainText;
  const answers: Record<string, (params: Asked) => unknown> = {
    info: () => ({ service: 'svc', root: says.root ?? at.root, commit: says.commit === undefined ? at.commit : says.commit }),
    'patch.export': ({ ids }) => ({ patches: ids?.length === 0 ? records : records.filter(({ id }) => ids?.includes(id)) }),
    'patch.history': () => ({
      patches: [...records.map((each) => historic(each, at)), ...(says.past ?? []).map((each) => historic(recordOf(each), at, each))],
      next: null,
    }),
    'module.get': ({ file }) => ({ file, url: `file:///${file}`, format: 'module', instrumented: true, running: text, author: text, map: null }),
    'fn.get': ({ address = '', file = address.slice(0, address.lastIndexOf(':')) }) => {
      const live = records.find((each) => each.address === address);
      const author = parseAuthor(text, file);
      const entry = author.functions.find((each) => baseAddress(author, each) === address);
      if (entry === undefined) throw new KeyholeError('NOT_FOUND', `there is no ${address}`);
      const originalCode = textOf(author, entry);
      return { address, file, code: says.running ?? live?.code ?? originalCode, originalCode, start: entry.start };
    },
  };
  return {
    call: (op, params) => {
      const answer = answers[op];
      if (answer === undefined) throw new Error(`the agent of the test has no ${op}`);
      return new Promise((resolve) => resolve(answer(params as Asked) as never));
    },
  };
}

function historic(record: PatchRecord, { commit }: { commit: string }, change: Partial<HistoricPatch> = {}): HistoricPatch {
  return { commit, state: 'live', since: record.at, ...record, ...change };
}

type Request = Parameters<typeof exportPatches>[1];

export function request(top: string, change: Partial<Request> = {}): Request {
  return { ids: [], repo: top, output: null, includeLanded: false, squash: false, signer: null, ...change };
}

export const me = ['-c', 'user.name=Me', '-c', 'user.email=me@example.com'];

export function commitChange(top: string, message: string): string {
  run(top, 'git', 'add', '-A');
  run(top, 'git', ...me, 'commit', '-q', '-m', message);
  return run(top, 'git', 'rev-parse', 'HEAD');
}

/** Applies mails in a clone of its own, as a stranger would. `move` is done to the clone before. */
export function applied(top: string, mails: string[], move: (clone: string) => void = () => undefined): string {
  const folder = newFolder();
  run(folder, 'git', 'clone', '-q', top, 'clone');
  const clone = path.join(folder, 'clone');
  move(clone);
  const file = path.join(folder, 'mail');
  writeFileSync(file, mails.join(''));
  run(clone, 'git', ...me, 'am', '-3', '-q', file);
  return clone;
}
