/**
 * Brings an agent into a Node process of this user that never heard of us: SIGUSR1 opens its inspector, one evaluation closes it again and loads the agent. It refuses beforehand whatever the
 * signal could harm, speaks only to a socket that the process itself holds, and never closes an inspector that somebody else opened.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownRuntimeDir } from '@keyhole/agent/announce';
import type { ColdResult, ColdSettings } from '@keyhole/agent/cold';
import { fingerprintOf, parseCertificate } from '@keyhole/agent/ssh';
import { KeyholeError } from '@keyhole/agent/protocol';
import { signingKeys } from '../identity.ts';
import type { SigningKey } from '../sign.ts';
import { injectionText, type InjectionAnswer } from './injection.ts';
import { debuggerUrl, evaluateThere, isGone, newListeningSocket, pause } from './inspector.ts';
import { inspectorPlace, judgeProcess, judgeSignal, judgeStatus, nodeOptions, refusal } from './judge.ts';
import { holdsSocket, isLoopback, listeningSockets, type ListeningSocket } from './listening.ts';
import { readProcess, readStatus, startOf, type ProcessFacts } from './process-facts.ts';
import { rehearse } from './rehearsal.ts';

export interface ColdAttachOptions {
  /** A key file, as for any connection. */
  identity: string | undefined;
  /** Whose keys are let in; default: the service's own configuration, else `~/.config/keyhole/operators`, else the operator's own keys. */
  operatorsFile: string | undefined;
  /** The operator says that the program does not handle SIGUSR1 itself. */
  assured: boolean;
  env: NodeJS.ProcessEnv;
  /** How long the process may take to open its inspector, and to answer. */
  timeoutMs?: number | undefined;
}

export interface ColdAttached {
  /** From the signal to the moment when nobody listened any more; null where the inspector was open before. */
  openMs: number | null;
  inspector: string;
  /** Empty where the operator's own keys are let in. */
  operators: string;
}

const defaultTimeoutMs = 5_000;
/** The agent's modules are read, its door opened, its journal recovered. */
const loadTimeoutMs = 20_000;
const closeTimeoutMs = 1_000;

/** @throws {KeyholeError} NOT_ATTACHABLE, NOT_ALLOWED, NO_TARGET or TIMEOUT, with what became of the inspector. */
export async function coldAttach(pid: number, options: ColdAttachOptions): Promise<ColdAttached> {
  if (process.platform !== 'linux') throw refusal('bringing an agent into a running process needs the /proc of Linux', 'Start it with the agent.');
  const facts = factsOf(pid);
  const place = inspectorPlace(nodeOptions(facts));
  const keys = await keySettings(facts, options);
  const runtimeDir = ownRuntimeDir();
  // Says that we opened this process's inspector, should we not live to close it.
  const marker = path.join(runtimeDir, `cold.${pid}`);
  const folder = mkdtempSync(path.join(runtimeDir, 'cold-'));
  try {
    await rehearse();
    const sockets = listeningSockets();
    const open = sockets.find(({ port, inode }) => port === place.port && holdsSocket(pid, inode));
    const closes = open === undefined || contentOf(marker) === facts.startedAt;
    const limitMs = options.timeoutMs ?? defaultTimeoutMs;
    const signalledAt = performance.now();
    let socket = open;
    if (socket === undefined) {
      judgeSignal(facts, place, sockets, options.assured);
      writeFileSync(marker, facts.startedAt, { mode: 0o600 });
      socket = await openBySignal(facts, sockets, limitMs);
    }
    const settings: ColdSettings = { ...keys, runtimeDir, resultFile: path.join(folder, 'result.json') };
    const openMs = await injectInto(socket, { pid, closes, settings, signalledAt, limitMs });
    if (closes) rmSync(marker, { force: true });
    const result = await resultIn(settings.resultFile, pid, facts.startedAt);
    const again = closes && listeningSockets().find(({ port, inode }) => port === socket.port && holdsSocket(pid, inode));
    if (again) throw staysOpen(pid, again);
    if (!result.ok) throw refusal(`no agent was started in process ${pid}: ${result.message}`, result.hint);
    return { openMs, inspector: `${socket.host}:${socket.port}`, operators: result.operators };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function factsOf(pid: number): ProcessFacts {
  const status = readStatus(pid);
  judgeStatus(status, process.getuid?.());
  let facts: ProcessFacts;
  try {
    facts = readProcess(status);
  } catch (thrown) {
    throw refusal(
      `process ${pid} can not be looked at: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      'It may have ended, or not let itself be looked at.',
    );
  }
  judgeProcess(facts);
  return facts;
}

/** Whose keys: a file is never written, and never passed over where it exists. */
async function keySettings(
  { environment }: ProcessFacts,
  options: ColdAttachOptions,
): Promise<Pick<ColdSettings, 'operatorsFile' | 'defaultOperatorsFile' | 'ownKeys' | 'fingerprints'>> {
  const signing = await signingKeys(options.identity, options.env);
  const keys = signing.map(({ publicKey }) => publicKey);
  const operatorsFile = options.operatorsFile === undefined ? null : path.resolve(options.operatorsFile);
  if (operatorsFile !== null && !existsSync(operatorsFile)) throw new KeyholeError('USAGE', `there is no operators file ${operatorsFile}`);
  const defaultOperatorsFile = path.join(homedir(), '.config', 'keyhole', 'operators');
  const file = operatorsFile ?? environment['KEYHOLE_OPERATORS'] ?? defaultOperatorsFile;
  const text = path.isAbsolute(file) ? contentOf(file) : null;
  if (text === null && file === environment['KEYHOLE_OPERATORS'])
    throw new KeyholeError(
      'NOT_ALLOWED',
      `the service names its operators in ${file}, which can not be read from here`,
      'Name a file with --operators.',
    );
  if (text !== null && !signing.some((key) => isNamedIn(text, key))) {
    throw new KeyholeError('NOT_ALLOWED', `your key is not in ${file}`, 'Name another key with --identity, or another file with --operators.');
  }
  const ownKeys = keys.map((key) => `name="${userName()}",roles="admin" ${key}\n`).join('');
  return { operatorsFile, defaultOperatorsFile, ownKeys, fingerprints: keys.map(fingerprintOf) };
}

/** Whether that file speaks of the key, or of the authority that certifies it; whether it lets it in is for the agent to say. */
function isNamedIn(operators: string, { publicKey, certificate }: SigningKey): boolean {
  const authority = certificate === null ? undefined : parseCertificate(certificate)?.authority.line;
  return operators.includes(publicKey) || (authority !== undefined && operators.includes(authority));
}

async function openBySignal({ pid, startedAt }: ProcessFacts, before: readonly ListeningSocket[], limitMs: number): Promise<ListeningSocket> {
  // The last look before the signal: a number that was given to another process meanwhile is none of ours.
  if (startOf(pid) !== startedAt) throw new KeyholeError('NO_TARGET', `process ${pid} has ended`);
  process.kill(pid, 'SIGUSR1');
  const socket = await newListeningSocket(pid, new Set(before.map(({ inode }) => inode)), limitMs);
  if (socket !== null) return socket;
  throw new KeyholeError(
    'TIMEOUT',
    `process ${pid} opened no inspector within ${limitMs} ms of SIGUSR1`,
    `Its main thread may be busy: then the inspector opens, without a key, when it is free again, and keyhole attach ${pid} closes it. Or it is open elsewhere, by the program itself.`,
  );
}

/** @returns for how long it was open, or null where it was before us. */
async function injectInto(
  socket: ListeningSocket,
  { pid, closes, settings, signalledAt, limitMs }: { pid: number; closes: boolean; settings: ColdSettings; signalledAt: number; limitMs: number },
): Promise<number | null> {
  const deadlineNs = String(process.hrtime.bigint() + BigInt(limitMs) * 1_000_000n);
  const file = fileURLToPath(new URL('inject.cjs', import.meta.resolve('@keyhole/agent/cold')));
  let evaluation;
  try {
    evaluation = await evaluateThere(await debuggerUrl(socket, limitMs), injectionText({ pid, closes, deadlineNs, file, settings }), limitMs);
  } catch (thrown) {
    throw refusal(
      `the inspector of process ${pid} at ${socket.host}:${socket.port} can not be used: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      stillOpen(pid, closes),
    );
  }
  if (evaluation.end === 'silent') {
    throw new KeyholeError(
      'TIMEOUT',
      `process ${pid} did not answer within ${limitMs} ms: its main thread is busy`,
      closes
        ? `Its inspector at ${socket.host}:${socket.port} is open without a key until the main thread is free; it then closes it, and loads no agent.`
        : 'It loads no agent when it is free again.',
    );
  }
  if (evaluation.end === 'answer') {
    const { pid: answered, node, loads } = (evaluation.value ?? {}) as Partial<InjectionAnswer>;
    if (answered !== pid) throw refusal(`what answers at ${socket.host}:${socket.port} is not process ${pid}`, stillOpen(pid, closes));
    if (loads !== true) throw refusal(`process ${pid} runs Node ${node}; the agent needs 20.19 or newer`);
  }
  if (!closes) return null;
  if (!(await isGone(socket, closeTimeoutMs))) throw staysOpen(pid, socket);
  return performance.now() - signalledAt;
}

async function resultIn(file: string, pid: number, startedAt: string): Promise<ColdResult> {
  const deadline = performance.now() + loadTimeoutMs;
  for (;;) {
    const json = contentOf(file);
    if (json !== null) return JSON.parse(json) as ColdResult;
    let lives = false;
    try {
      lives = startOf(pid) === startedAt;
    } catch {
      // Its folder in /proc is gone, and so is it.
    }
    if (!lives) throw new KeyholeError('NO_TARGET', `process ${pid} has ended`);
    if (performance.now() > deadline) {
      throw new KeyholeError(
        'TIMEOUT',
        `process ${pid} did not start the agent within ${loadTimeoutMs} ms`,
        'Its inspector is closed. Its main thread may be busy; its stderr may say more.',
      );
    }
    await pause(10);
  }
}

function staysOpen(pid: number, { host, port }: ListeningSocket): KeyholeError {
  const who = isLoopback(host) ? 'every user of this machine' : 'everybody who reaches that address';
  return new KeyholeError(
    'TIMEOUT',
    `the inspector of process ${pid} at ${host}:${port} did not close: ${who} can use it without a key`,
    `keyhole attach ${pid} tries again.`,
  );
}

function stillOpen(pid: number, closes: boolean): string {
  return closes ? `It may still be open, without a key: keyhole attach ${pid} tries again.` : 'It was open before, and was left as it is.';
}

function contentOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function userName(): string {
  try {
    return userInfo().username.replace(/[^\w.-]/g, '-');
  } catch {
    // A user id without a name, as in many containers.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}
