/** What the agent is told: options in code, or keyhole.config.json and the environment. Everything unknown is an error that names it. */
import { homedir } from 'node:os';
import * as path from 'node:path';
import { adapterNames } from './adapters/names.ts';
import type { AdapterName } from './adapters/names.ts';
import { findCommit } from './commit.ts';
import { resolveJournal } from './journal/options.ts';
import type { JournalConfig, JournalOptions } from './journal/options.ts';
import { required } from './platform/later.ts';
import { limits } from './protocol/limits.ts';
import type { ColdOrigin } from './protocol/index.ts';
import type { ApprovalRules } from './server/approvals.ts';
import type { ReplayConfig } from './server/door-config.ts';
import { resolveLimits } from './server/door-limits.ts';
import type { DoorLimits } from './server/door-limits.ts';
import { listenFromVariable, resolveListen } from './server/listen-options.ts';
import type { ListenConfig, ListenOptions } from './server/listen-options.ts';
import type { OperatorSource } from './server/operators.ts';

const { readFileSync } = required<typeof import('node:fs')>('node:fs');

/** Options of {@link startAgent}; see there. */
export interface AgentOptions {
  /** Default: the name in package.json. Letters, digits, dot, dash, underscore; at most 64. */
  service?: string;
  /** Default: `{ socket: true }`, a Unix socket in the runtime directory. */
  listen?: ListenOptions;
  /** The file of the agent's own key, by which consoles know it again; it is made at the first start. Default: `<journal's folder>.host_key`, beside the journal. */
  hostKey?: string;
  /** The file of operators' keys. Default: `~/.config/keyhole/operators`. */
  operators?: string;
  /** `{ patch: 1 }`: a patch waits until one other operator (at most 5) has approved it. Default: none has to. */
  approvals?: { patch?: number };
  /** A file of rules that narrow what roles allow (docs/operators.md). Default: none. */
  policy?: string;
  /** Bounds of the door; docs/limits.md has their defaults. */
  limits?: Partial<DoorLimits>;
  /** Where and how the journal is kept, and where its entries go besides. */
  journal?: JournalOptions;
  /** `root`: files are named relative to it; default: the folder of package.json. `commit`: default: found. */
  source?: { root?: string; commit?: string };
  /**
   * What happens at the start to patches of earlier processes that have not landed: `pending` puts each into effect again, before the service's first line runs, where its function is
   * still the one that was patched. Needs `--import @keyhole/agent/register`. Default: `off`.
   */
  replay?: 'off' | 'pending';
  /** Which libraries, and what of Node itself, actors are found of by themselves (docs/adapters.md). Default: all there are. */
  adapters?: string[];
  /** Hotfix files (`keyhole export --format keyhole`), relative to `source.root`, whose patches are put into effect at the start in the same way. */
  hotfixes?: string | string[];
}

export interface AgentConfig {
  service: string;
  listen: ListenConfig;
  hostKey: string;
  operators: OperatorSource;
  approvals: ApprovalRules;
  /** A file, or null. */
  policy: string | null;
  limits: DoorLimits;
  journal: JournalConfig;
  /** What is put into effect again at the start. */
  replay: ReplayConfig;
  adapters: readonly AdapterName[];
  root: string;
  commit: string | null;
  /** Where the commit was said, for people; null where none is known. */
  commitFrom: string | null;
  /** Where it announces itself; null: where agents of this user do. */
  runtimeDir: string | null;
  /** Where it was brought in from outside. */
  cold: ColdOrigin | null;
}

/** What only `register` reads: which files are instrumented. */
export interface RegisterConfig {
  include: string[];
  exclude: string[];
  /** Where instrumented code is kept between starts; null keeps none. Default: `~/.cache/keyhole`. */
  cache: string | null;
}

/** @throws {TypeError} naming the option. */
export function resolveConfig(options: AgentOptions, entry: string | undefined): AgentConfig {
  known(options, '', [
    'service',
    'listen',
    'hostKey',
    'operators',
    'approvals',
    'policy',
    'limits',
    'journal',
    'source',
    'replay',
    'hotfixes',
    'adapters',
  ]);
  known(options.source, 'source', ['root', 'commit']);
  known(options.approvals, 'approvals', ['patch']);
  if (options.replay !== undefined && options.replay !== 'off' && options.replay !== 'pending')
    throw new TypeError("replay must be 'off' or 'pending'");
  const root = path.resolve(text(options.source?.root, 'source.root') ?? packageFolder(entry));
  const told = text(options.source?.commit, 'source.commit');
  const found = told === undefined ? findCommit(root, process.env) : { commit: told, from: 'source.commit' };
  const service = text(options.service, 'service') ?? packageName(root);
  if (!/^[\w.-]{1,64}$/.test(service))
    throw new TypeError(`service must be 1 to 64 letters, digits, dots, dashes or underscores, not ${JSON.stringify(service)}`);
  const journal = resolveJournal(options.journal ?? {});
  return {
    service,
    listen: resolveListen(options.listen),
    hostKey: path.resolve(text(options.hostKey, 'hostKey') ?? `${journal.dir}.host_key`),
    operators: { file: path.resolve(text(options.operators, 'operators') ?? path.join(homedir(), '.config', 'keyhole', 'operators')) },
    approvals: { patch: approvalsNeeded(options.approvals?.patch) },
    policy: options.policy === undefined ? null : path.resolve(root, text(options.policy, 'policy') ?? ''),
    limits: resolveLimits(options.limits),
    journal,
    replay: { pending: options.replay === 'pending', hotfixes: hotfixFiles(options.hotfixes, root) },
    adapters: adaptersOf(options.adapters),
    root,
    commit: found?.commit ?? null,
    commitFrom: found?.from ?? null,
    runtimeDir: null,
    cold: null,
  };
}

/**
 * Reads keyhole.config.json beside the service's package.json, and the environment over it.
 * @throws {TypeError} naming the option or the variable.
 */
export function readEnvironment(entry: string | undefined, environment: NodeJS.ProcessEnv): { options: AgentOptions } & RegisterConfig {
  const folder = packageFolder(entry);
  const file = path.join(folder, 'keyhole.config.json');
  let given: AgentOptions & Partial<RegisterConfig> = {};
  let json: string | null = null;
  try {
    json = readFileSync(file, 'utf8');
  } catch {
    // There need not be one.
  }
  if (json !== null) {
    try {
      given = JSON.parse(json) as typeof given;
    } catch (thrown) {
      throw new TypeError(`${file}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown });
    }
  }
  const { include = [], exclude = [], cache = defaultCacheDir(environment), ...options } = given;
  for (const [name, globs] of Object.entries({ include, exclude })) {
    if (!Array.isArray(globs) || globs.some((glob) => typeof glob !== 'string')) throw new TypeError(`${file}: ${name} must be a list of globs`);
  }
  if (cache !== null && (typeof cache !== 'string' || cache === '')) throw new TypeError(`${file}: cache must be the path of a folder, or null`);
  const { KEYHOLE_ADAPTERS, KEYHOLE_CACHE, KEYHOLE_HOTFIXES, KEYHOLE_POLICY, KEYHOLE_HOST_KEY } = environment;
  const { KEYHOLE_SERVICE, KEYHOLE_LISTEN, KEYHOLE_OPERATORS, KEYHOLE_JOURNAL_DIR, KEYHOLE_REPLAY, KEYHOLE_INCLUDE, KEYHOLE_EXCLUDE } = environment;
  if (KEYHOLE_SERVICE !== undefined) options.service = KEYHOLE_SERVICE;
  if (KEYHOLE_LISTEN !== undefined) options.listen = listenFromVariable(KEYHOLE_LISTEN, options.listen);
  if (KEYHOLE_HOST_KEY !== undefined) options.hostKey = KEYHOLE_HOST_KEY;
  if (KEYHOLE_OPERATORS !== undefined) options.operators = KEYHOLE_OPERATORS;
  if (KEYHOLE_POLICY !== undefined) options.policy = KEYHOLE_POLICY;
  if (KEYHOLE_JOURNAL_DIR !== undefined) options.journal = { ...options.journal, dir: KEYHOLE_JOURNAL_DIR };
  if (KEYHOLE_REPLAY !== undefined) {
    if (KEYHOLE_REPLAY !== 'off' && KEYHOLE_REPLAY !== 'pending') throw new TypeError(`KEYHOLE_REPLAY must be off or pending, not ${KEYHOLE_REPLAY}`);
    options.replay = KEYHOLE_REPLAY;
  }
  if (KEYHOLE_ADAPTERS !== undefined) options.adapters = KEYHOLE_ADAPTERS.split(',').filter((name) => name !== '' && name !== 'none');
  if (KEYHOLE_HOTFIXES !== undefined) options.hotfixes = KEYHOLE_HOTFIXES.split(',').filter((name) => name !== '');
  const globs = (variable: string | undefined, otherwise: string[]): string[] => variable?.split(',').filter((glob) => glob !== '') ?? otherwise;
  const cacheDir = KEYHOLE_CACHE === undefined ? cache : KEYHOLE_CACHE === 'off' ? null : KEYHOLE_CACHE;
  return {
    options,
    cache: cacheDir === null ? null : path.resolve(folder, cacheDir),
    include: globs(KEYHOLE_INCLUDE, include),
    exclude: globs(KEYHOLE_EXCLUDE, exclude),
  };
}

function known(value: object | undefined, name: string, fields: string[]): void {
  if (value === undefined) return;
  if (typeof value !== 'object' || value === null) throw new TypeError(`${name || 'the options'} must be an object`);
  for (const field of Object.keys(value)) {
    const full = name === '' ? field : `${name}.${field}`;
    if (!fields.includes(field)) throw new TypeError(`there is no option ${full}; there are ${fields.join(', ')}`);
  }
}

function approvalsNeeded(value: unknown): number {
  if (value === undefined) return 0;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= limits.maxApprovals) return value;
  throw new TypeError(`approvals.patch must be a whole number from 0 to ${limits.maxApprovals}`);
}

function adaptersOf(given: unknown): readonly AdapterName[] {
  if (given === undefined) return adapterNames;
  const isName = (name: unknown): name is AdapterName => adapterNames.includes(name as AdapterName);
  if (Array.isArray(given) && given.every(isName)) return [...new Set(given)];
  throw new TypeError(`adapters must be a list of ${adapterNames.join(', ')}; agent.actors.use takes your own`);
}

function hotfixFiles(given: unknown, root: string): string[] {
  const files: unknown[] = given === undefined ? [] : Array.isArray(given) ? given : [given];
  return files.map((file) => path.resolve(root, text(file, 'hotfixes') ?? ''));
}

function text(value: unknown, name: string): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw new TypeError(`${name} must be a string that is not empty`);
}

/** The folder of the nearest package.json at or above the entry script. */
function packageFolder(entry: string | undefined): string {
  const start = entry === undefined ? process.cwd() : path.dirname(path.resolve(entry));
  for (let at = start; ; at = path.dirname(at)) {
    if (packageOf(at) !== null) return at;
    if (path.dirname(at) === at) return start;
  }
}

function packageOf(folder: string): { name?: unknown } | null {
  try {
    return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as { name?: unknown };
  } catch {
    return null;
  }
}

function packageName(root: string): string {
  const name = packageOf(root)?.name;
  const plain = typeof name === 'string' ? name.replace(/^@[^/]*\//, '').replace(/[^\w.-]/g, '-') : '';
  return plain.slice(0, 64) || 'node';
}

/** `<XDG_CACHE_HOME or ~/.cache>/keyhole`. */
function defaultCacheDir(environment: NodeJS.ProcessEnv): string {
  const base = environment.XDG_CACHE_HOME;
  return path.join(base !== undefined && path.isAbsolute(base) ? base : path.join(homedir(), '.cache'), 'keyhole');
}
