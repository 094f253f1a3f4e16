/** Files of a repository as a process knows them: the checkout need not be where the service runs, and the service may be one folder of the repository. */
import { realpath } from 'node:fs/promises';
import * as path from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';
import { baseOf, type BaseFile } from './base.ts';
import type { AgentCalls } from './calls.ts';

export class ProcessFiles {
  readonly #connection: AgentCalls;
  readonly #top: string;
  /** The service's folder in the repository; null where the service runs from somewhere else. */
  readonly #folder: string | null;
  readonly #has: (file: string) => Promise<boolean>;
  readonly #bases = new Map<string, Promise<BaseFile | null>>();
  readonly #parts = new Map<string, Promise<boolean>>();

  private constructor(connection: AgentCalls, top: string, folder: string | null, has: (file: string) => Promise<boolean>) {
    this.#connection = connection;
    this.#top = top;
    this.#folder = folder;
    this.#has = has;
  }

  /** @param has whether the repository has a file, by its path from the top. */
  static async of(connection: AgentCalls, top: string, has: (file: string) => Promise<boolean>): Promise<ProcessFiles> {
    const { root } = await connection.call('info', {});
    const inside = path.relative(top, await realpath(root).catch(() => root));
    const isInside = !inside.startsWith('..') && !path.isAbsolute(inside);
    return new ProcessFiles(connection, top, isInside ? inside.split(path.sep).join('/') : null, has);
  }

  /**
   * The text that runs of a file; null where no module of the process comes from it.
   * @throws {KeyholeError} AMBIGUOUS where several files of the process could be meant.
   */
  base(file: string): Promise<BaseFile | null> {
    let found = this.#bases.get(file);
    if (found === undefined) {
      found = this.#find(file);
      this.#bases.set(file, found);
    }
    return found;
  }

  /** Whether a file belongs to a package of the repository that the process has something of. */
  async isPart(file: string): Promise<boolean> {
    if (this.#folder === null) return true;
    const owner = await this.#packageOf(file);
    if (owner === '' || this.#folder === owner || this.#folder.startsWith(`${owner}/`)) return true;
    let part = this.#parts.get(owner);
    if (part === undefined) {
      part = this.#connection.call('fn.list', { prefix: `${this.#nameBelow(this.#folder, owner)}/` }).then(({ functions }) => functions.length > 0);
      this.#parts.set(owner, part);
    }
    return part;
  }

  async #find(file: string): Promise<BaseFile | null> {
    const found: BaseFile[] = [];
    for (const name of await this.#names(file)) {
      try {
        found.push(await baseOf(this.#connection, name, this.#top));
      } catch (thrown) {
        if (!(thrown instanceof KeyholeError) || thrown.code !== 'NOT_FOUND') throw thrown;
      }
    }
    if (found.length > 1) {
      const names = found.map(({ author }) => author.file).join(', ');
      throw new KeyholeError(
        'AMBIGUOUS',
        `the process has several files that could be meant: ${names}`,
        'Run keyhole in the repository that the service runs from.',
      );
    }
    return found[0] ?? null;
  }

  /** Below the service's folder; where that is not known, below each package around the file. */
  async #names(file: string): Promise<string[]> {
    if (this.#folder !== null) return [this.#nameBelow(this.#folder, file)];
    const parts = file.split('/');
    const folders = parts.map((_, index) => parts.slice(0, index).join('/'));
    const packages = await Promise.all(folders.map(async (folder) => folder === '' || (await this.#has(`${folder}/package.json`))));
    return folders.flatMap((folder, index) => (packages[index] === true ? [file.slice(folder === '' ? 0 : folder.length + 1)] : []));
  }

  /** The process names what lies outside its own folder by the whole path. */
  #nameBelow(folder: string, file: string): string {
    const below = path.posix.relative(folder, file);
    return below.startsWith('..') ? path.posix.join(this.#top, file) : below;
  }

  async #packageOf(file: string): Promise<string> {
    for (let folder = path.posix.dirname(file); folder !== '.'; folder = path.posix.dirname(folder)) {
      if (await this.#has(`${folder}/package.json`)) return folder;
    }
    return '';
  }
}
