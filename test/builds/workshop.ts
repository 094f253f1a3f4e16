/** Makes the service in one way, in a folder of its own, and starts it with the agent. A build is made once for a run of the tests. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { newFolder, registerUrl, startService, type Service } from '../helpers/service.ts';
import type { Build } from './builds.ts';
import { changed, changes, type Change } from './changes.ts';
import { traps } from './traps.ts';

const fixture = path.resolve(import.meta.dirname, '../fixtures/orders');
const sources = path.join(fixture, 'src');

/** Author's texts by path. */
export type Sources = Map<string, string>;

export function baseSources(build: Build): Sources {
  const texts = readdirSync(sources).map((name): [string, string] => [`src/${name}`, readFileSync(path.join(sources, name), 'utf8')]);
  return new Map(texts.map(([file, text]) => [file, build.author?.(text) ?? text]));
}

/** With every change made, the traps too. */
export function changedSources(build: Build): Sources {
  const texts = baseSources(build);
  for (const change of Object.values({ ...changes, ...traps })) texts.set(change.file, withChange(build, texts.get(change.file) ?? '', change));
  return texts;
}

export function withChange({ author }: Build, text: string, change: Change): string {
  return changed(text, author === undefined ? change : { ...change, to: author(change.to) });
}

/** @returns a folder with the sources and what the compiler makes of them. */
export async function make(build: Build, texts: Sources): Promise<string> {
  const folder = newFolder();
  mkdirSync(path.join(folder, 'src'));
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'svc', type: build.format }));
  writeSources(folder, texts);
  cpSync(path.join(fixture, 'packages'), path.join(folder, 'node_modules'), { recursive: true });
  await build.compile(folder, build.form);
  return folder;
}

export function writeSources(folder: string, texts: Sources): void {
  for (const [file, text] of texts) writeFileSync(path.join(folder, file), text);
}

/** @param folder what {@link make} made; the service runs in a copy; with `git`, a repository with everything committed. */
export function start(build: Build, folder: string, git = build.form.text === 'checkout'): Promise<Service> {
  return startService({
    files: {},
    main: build.main ?? 'dist/main.js',
    nodeArguments: [...(build.imports ?? []).flatMap((name) => ['--import', import.meta.resolve(name)]), '--import', registerUrl],
    prepare: (copy) => cpSync(folder, copy, { recursive: true }),
    git,
  });
}
