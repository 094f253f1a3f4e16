/** The service runs with a source map that does not belong to it. Whatever is pushed then is refused, or is right all the same: it is never another function, or another text. */
import { cpSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { answersOf, attach, pushFiles, type Attached, type Bench } from './bench.ts';
import type { Build } from './builds.ts';
import { changeNames, changes } from './changes.ts';
import { mapsOf, ofAnotherFile, shifted, writeMap, type SourceMap } from './maps.ts';
import { baseSources, changedSources, make, writeSources, type Sources } from './workshop.ts';

export function wrongMaps(build: Build, open: () => Bench): void {
  test('the map of another version', async () => {
    const folder = await make(build, baseSources(build));
    const other = await make(build, changedSources(build));
    replaceMaps(folder, mapsOf(other));
    // What git has is that version too.
    cpSync(path.join(other, 'src'), path.join(folder, 'src'), { recursive: true });
    await using(await attach(build, folder), async (running) => {
      expect(await pushEverything(running, baseSources(build))).toEqual([]);
      expect(await answersOf(running.service)).toEqual(open().base);
    });
  });

  const wrongs: [string, (maps: Map<string, SourceMap>) => Map<string, SourceMap>][] = [['the map of another file', ofAnotherFile]];
  // Where each file has a map of its own, nothing but the file is looked up in it.
  if (build.bundles === true) wrongs.push(['a map that is shifted', shifted]);
  for (const [name, wrong] of wrongs) {
    test(name, async () => {
      const folder = await make(build, baseSources(build));
      replaceMaps(folder, wrong(mapsOf(folder)));
      await using(await attach(build, folder), async (running) => {
        const patched = await pushEverything(running, changedSources(build));
        const { base, rebuilt } = open();
        const right = changeNames.filter((change) => patched.includes(changes[change].address));
        expect(right).toHaveLength(patched.length);
        expect(await answersOf(running.service)).toEqual({ ...base, ...Object.fromEntries(right.map((change) => [change, rebuilt[change]])) });
      });
    });
  }
}

async function using(running: Attached, look: (running: Attached) => Promise<void>): Promise<void> {
  try {
    await look(running);
  } finally {
    running.connection.close();
    running.service.kill();
  }
}

/** Pushes each file, and of each what is not refused. @returns the addresses that were patched. */
async function pushEverything({ service, connection }: Attached, sources: Sources): Promise<string[]> {
  writeSources(service.folder, sources);
  const patched: string[] = [];
  for (const file of new Set(changeNames.map((change) => changes[change].file))) {
    const { patches } = await pushFiles(connection, service.folder, { files: [file], partial: true });
    patched.push(...patches.map(({ address }) => address));
  }
  return patched;
}

function replaceMaps(folder: string, maps: Map<string, SourceMap>): void {
  for (const [name, map] of maps) writeMap(folder, name, map);
}
