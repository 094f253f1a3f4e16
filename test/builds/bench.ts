/** One build on the bench: the service as it was built, attached to, and what a service built from the changed sources answers instead. */
import { readFileSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { connect, type Connection } from '../../packages/console/dist/index.js';
import { KeyholeError } from '../../packages/agent/dist/protocol/index.js';
import { normalForm, parseFunction } from '../../packages/agent/dist/source/index.js';
import { planPush } from '../../packages/console/dist/typescript/changes.js';
import type { Service } from '../helpers/service.ts';
import type { Build } from './builds.ts';
import { changeNames, changes, type Change, type ChangeName } from './changes.ts';
import { trapNames, traps, type TrapName } from './traps.ts';
import { baseSources, changedSources, make, start, withChange, writeSources, type Sources } from './workshop.ts';

/** What a push became. What is thrown counts as refused: to the operator both say why. */
export interface Outcome {
  patches: { id: string; address: string; strategy: string; verified: boolean }[];
  /** `of`: the changes it concerns, by its address or by a line of theirs. */
  refused: { address: string; why: string; of: (ChangeName | TrapName)[] }[];
}

/** Answers by question. */
export type Answers = Record<string, string>;
const questions = [...changeNames, ...trapNames, 'others'];

export class Bench {
  readonly base: Answers;
  /** What the service built from the changed sources answers. */
  readonly rebuilt: Answers;
  readonly #rebuiltCode: Map<string, string>;
  readonly #service: Service;
  readonly #connection: Connection;
  readonly #sources: Sources;
  readonly #build: Build;

  private constructor(build: Build, sources: Sources, running: Attached, base: Answers, rebuilt: { answers: Answers; code: Map<string, string> }) {
    this.#build = build;
    this.#sources = sources;
    this.#service = running.service;
    this.#connection = running.connection;
    this.base = base;
    this.rebuilt = rebuilt.answers;
    this.#rebuiltCode = rebuilt.code;
  }

  static async open(build: Build): Promise<Bench> {
    const sources = baseSources(build);
    const [running, rebuilt] = await Promise.all([
      make(build, sources).then((folder) => attach(build, folder)),
      make(build, changedSources(build)).then((folder) => attach(build, folder)),
    ]);
    const code = new Map<string, string>();
    for (const { address } of Object.values<Change>({ ...changes, ...traps })) {
      // Where the running code has another name for it, or none, there is no text to compare.
      const detail = await rebuilt.connection.call('fn.get', { address }).catch(() => null);
      if (detail !== null) code.set(address, detail.code);
    }
    const answers = await answersOf(rebuilt.service);
    rebuilt.connection.close();
    rebuilt.service.kill();
    return new Bench(build, sources, running, await answersOf(running.service), { answers, code });
  }

  /** Makes the changes in the working tree, pushes their files, and puts the working tree back. */
  async push(names: readonly (ChangeName | TrapName)[], { partial = false } = {}): Promise<Outcome> {
    const all: Record<ChangeName | TrapName, Change> = { ...changes, ...traps };
    const edited = new Map<string, string>();
    for (const name of names) {
      const change = all[name];
      edited.set(change.file, withChange(this.#build, edited.get(change.file) ?? this.#sources.get(change.file) ?? '', change));
    }
    const { folder } = this.#service;
    writeSources(folder, edited);
    try {
      const { patches, refused } = await pushFiles(this.#connection, folder, { files: [...edited.keys()], partial });
      const concerned = (address: string): (ChangeName | TrapName)[] =>
        names.filter((name) => address === '' || address === all[name].address || this.#holdsLine(edited, all[name], address));
      return { patches, refused: refused.map((each) => ({ ...each, of: concerned(each.address) })) };
    } finally {
      writeSources(folder, this.#sources);
    }
  }

  /** Whether an address that is a line is one of the change, or the one before it. */
  #holdsLine(edited: ReadonlyMap<string, string>, { file, to }: Change, address: string): boolean {
    const [, of, line] = /^(.*):(\d+)$/.exec(address) ?? [];
    const text = edited.get(file) ?? '';
    const at = text.indexOf(this.#build.author?.(to) ?? to);
    if (of !== file || at === -1) return false;
    const first = text.slice(0, at).split('\n').length;
    return Number(line) >= first - 1 && Number(line) < first + to.split('\n').length;
  }

  async revertAll(): Promise<void> {
    const { refused } = await this.#connection.call('patch.revert', { ids: [], all: true, reason: 'the next one' });
    if (refused.length > 0) throw new Error(refused.map(({ why }) => why).join('; '));
  }

  answers(): Promise<Answers> {
    return answersOf(this.#service);
  }

  /** What has to outlive every patch. */
  async state(): Promise<object> {
    const { asked: _, ...state } = JSON.parse(await this.#service.ask('state')) as { asked: number };
    return state;
  }

  /** Addresses of the patched functions whose text is, to the parser, what the compiler makes of the changed one; of all, where names are not to be compared. */
  async runAsRebuilt(): Promise<Set<string>> {
    const { patches } = await this.#connection.call('patch.list', {});
    const same = patches.filter(({ address, code }) => {
      const rebuilt = this.#rebuiltCode.get(address);
      return this.#build.renames === true || (rebuilt !== undefined && formOf(code, this.#build) === formOf(rebuilt, this.#build));
    });
    return new Set(same.map(({ address }) => address));
  }

  close(): void {
    this.#connection.close();
    this.#service.kill();
  }
}

type Pushed = Pick<Outcome, 'patches'> & { refused: { address: string; why: string }[] };

export interface Attached {
  service: Service;
  connection: Connection;
}

export async function attach(build: Build, folder: string): Promise<Attached> {
  const service = await start(build, folder);
  const runtime = path.join(service.env['XDG_RUNTIME_DIR'] ?? '', 'keyhole');
  const announced = readdirSync(runtime).find((name) => name.endsWith(`.${service.pid}.json`)) ?? '';
  const { address } = JSON.parse(readFileSync(path.join(runtime, announced), 'utf8')) as { address: string };
  const connection = await connect({ target: address.replace(/^unix:/, ''), identity: service.env['KEYHOLE_IDENTITY'], env: service.env });
  return { service, connection };
}

/** What `keyhole push` does, with `--partial` or without. */
export async function pushFiles(connection: Connection, folder: string, { files, partial }: { files: string[]; partial: boolean }): Promise<Pushed> {
  try {
    const plan = await planPush(connection, { paths: files.map((file) => path.join(folder, file)), cwd: folder });
    if (plan.patches.length === 0 || (plan.refused.length > 0 && !partial)) return { patches: [], refused: plan.refused };
    const { patches, refused } = await connection.call('patch.apply', { patches: plan.patches, reason: 'because', partial });
    return { patches, refused: [...plan.refused, ...refused] };
  } catch (thrown) {
    if (!(thrown instanceof KeyholeError)) throw thrown;
    return { patches: [], refused: [{ address: '', why: `${thrown.code}: ${thrown.message}` }] };
  }
}

export async function answersOf(service: Service): Promise<Answers> {
  const answers: Answers = {};
  for (const question of questions) answers[question] = await service.ask(question);
  return answers;
}

function formOf(code: string, { format }: Build): string {
  for (const place of ['plain', 'class-member', 'object-member'] as const) {
    try {
      return normalForm(parseFunction(code, place, format, 'the function').container, { ignore: (_, field) => ['shorthand'].includes(field) });
    } catch {
      // It stands in another kind of place.
    }
  }
  throw new Error(`this is no function: ${code}`);
}
