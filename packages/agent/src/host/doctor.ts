/** `doctor`, the host's part: what this process allows. To add a check, add an entry to the list. It pauses nothing: what would need the Debugger domain is not asked here. */
import { url as inspectorUrl } from 'node:inspector';
import { isInPackage } from '../loader/index.ts';
import type { SlotTable } from '../loader/index.ts';
import { capabilitiesOf } from '../platform/capabilities.ts';
import type { Check, StrategyName } from '../protocol/index.ts';
import { mapCommentOf } from '../source/index.ts';

export interface HostFacts {
  /** null: the process was started without instrumentation. */
  table: SlotTable | null;
  /** The agent was brought into the running process from outside. */
  cold: boolean;
  strategies: readonly StrategyName[];
  /** Worker threads of the service. */
  threads: readonly { id: number; instrumented: boolean }[];
  /** What went wrong since the start, apart from what has a check of its own. */
  problems: readonly { what: string; message: string }[];
  journalDir: string;
  build: { commit: string | null; from: string | null; sources: { files: number; sha256: string } | null };
  /** Patches of an earlier process whose file was not loaded yet, or that could not be put into effect. */
  waiting: readonly { id: string; address: string }[];
}

/** The oldest Node the agent is made for. */
const oldestNode = { major: 20, minor: 19 };
/** Files named in one line; `--json` of `info` has them all. */
const maxNamed = 5;
const howToInstrument = 'start the service with --import @keyhole/agent/register';

export const hostChecks: readonly Check<HostFacts>[] = [
  {
    check: 'node',
    look: () => {
      const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
      const ok = major > oldestNode.major || (major === oldestNode.major && minor >= oldestNode.minor);
      const named = `${process.version}, V8 ${process.versions.v8}`;
      return { ok, detail: ok ? named : `${named}; the agent needs ${oldestNode.major}.${oldestNode.minor} or newer` };
    },
  },
  {
    check: 'slots',
    look: ({ table, cold }) =>
      table === null
        ? {
            ok: false,
            detail: `the code is not instrumented${cold ? ', for the agent came later' : ''}: ${howToInstrument} to patch it without a pause`,
          }
        : { ok: true, detail: `${table.list().length} instrumented: functions of these modules are patched without a pause` },
  },
  {
    check: 'untouched',
    look: ({ table }) => {
      const untouched = table?.untouched ?? [];
      if (untouched.length === 0) return { ok: true, detail: table === null ? 'nothing was instrumented' : 'no file had to be left as it was' };
      const files = named(untouched.map(({ file, why }) => `${file} (${why})`));
      return { ok: false, detail: `loaded as they are, so that patching their functions stops the process or waits for a call of them: ${files}` };
    },
  },
  {
    check: 'live edit',
    look: ({ table, strategies }) => {
      if (!strategies.includes('live-edit') || !capabilitiesOf(process.version).liveEdit) {
        const why = `not on Node ${process.version}: V8 took it out`;
        // What is instrumented does without, and rebind is there for the rest.
        return table === null ? { ok: false, detail: `${why}; ${howToInstrument}` } : { ok: true, detail: `${why}; what is instrumented needs none` };
      }
      const heapMegabytes = Math.round(process.memoryUsage().heapUsed / 1024 / 1024);
      return { ok: true, detail: `can patch ${whatHasNoSlots(table)}, with a pause that grows with the heap, which has ${heapMegabytes} MB` };
    },
  },
  {
    check: 'rebind',
    look: ({ table, strategies }) => {
      if (strategies.includes('rebind'))
        return { ok: true, detail: `can patch ${whatHasNoSlots(table)}, on any Node; callers that kept the old function keep it` };
      // Only where nothing else can patch is there something to do about it.
      return { ok: table !== null || capabilitiesOf(process.version).liveEdit, detail: 'this agent can not rebind functions' };
    },
  },
  {
    check: 'threads',
    look: ({ threads }) => {
      const bare = threads.filter(({ instrumented }) => !instrumented).map(({ id }) => id);
      if (threads.length === 0) return { ok: true, detail: 'the service has no worker threads' };
      if (bare.length === 0) return { ok: true, detail: `${threads.length} besides the main one, all instrumented` };
      return {
        ok: false,
        detail: `not instrumented, so out of reach: ${named(bare.map((id) => `thread ${id}`))}; a worker inherits --import unless it is given execArgv`,
      };
    },
  },
  {
    check: 'source maps',
    look: ({ table }) => {
      const traces = process.execArgv.includes('--enable-source-maps') || (process.env.NODE_OPTIONS ?? '').includes('--enable-source-maps');
      const inTraces = `stack traces are ${traces ? '' : 'not '}mapped`;
      if (table === null) return { ok: true, detail: `read when a command asks for functions; ${inTraces}` };
      const modules = table.list();
      const missing = modules.filter(({ running, map }) => map === null && mapCommentOf(running) !== null);
      if (missing.length > 0) return { ok: false, detail: `named, and missing or broken: ${named(missing.map(({ url }) => url))}` };
      return { ok: true, detail: `${modules.filter(({ map }) => map !== null).length} of ${modules.length} modules have one; ${inTraces}` };
    },
  },
  {
    check: 'inspector',
    look: () => {
      const open = inspectorUrl();
      if (open === undefined) return { ok: true, detail: 'its port is closed' };
      return { ok: false, detail: `open at ${open}: whoever reaches it owns the process, without a key and without a trace in the journal` };
    },
  },
  {
    check: 'permissions',
    look: ({ journalDir }) => {
      const { permission } = process as { permission?: { has(scope: string, reference?: string): boolean } };
      if (permission === undefined) return { ok: true, detail: 'the permission model is off' };
      return permission.has('fs.write', journalDir)
        ? { ok: true, detail: 'the permission model is on, and allows what the agent needs' }
        : { ok: false, detail: `the permission model is on, and the agent lacks --allow-fs-write=${journalDir}` };
    },
  },
  {
    check: 'build',
    look: ({ build: { commit, from, sources } }) => {
      const known = commit === null ? 'its commit is not known: set GIT_COMMIT to export patches' : `commit ${commit}, by ${from}`;
      const loaded = sources === null ? '' : `; ${sources.files} sources loaded, sha256 ${sources.sha256.slice(0, 16)}`;
      return { ok: true, detail: known + loaded };
    },
  },
  {
    check: 'replay',
    look: ({ waiting }) =>
      waiting.length === 0
        ? { ok: true, detail: 'no patch of an earlier process waits for its file' }
        : {
            ok: false,
            detail: `not in effect, for their file was not loaded yet, or has no slots: ${named(waiting.map(({ id, address }) => `${id} ${address}`))}`,
          },
  },
  {
    check: 'since the start',
    look: ({ problems }) =>
      problems.length === 0
        ? { ok: true, detail: 'nothing went wrong' }
        : { ok: false, detail: named(problems.map(({ what, message }) => `${what}: ${message}`)) },
  },
];

/** Names of files are not asked of V8 here; how many there are the loader knows. */
function whatHasNoSlots(table: SlotTable | null): string {
  if (table === null) return 'what is not instrumented';
  const left = table.leftOut();
  const own = left.filter(({ url }) => !isInPackage(url)).length;
  return `what runs without slots (${own} ${own === 1 ? 'file' : 'files'} of the application, ${left.length - own} of packages)`;
}

function named(each: readonly string[]): string {
  const shown = each.slice(0, maxNamed).join(', ');
  return each.length > maxNamed ? `${shown} and ${each.length - maxNamed} more` : shown;
}
