/** Source maps that do not belong to the running files. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { inlineMap, mapCommentOf } from '../../packages/agent/dist/source/index.js';

export interface SourceMap {
  sources: string[];
  sourcesContent?: (string | null)[];
  mappings: string;
}

/** Compiled files of a folder with their maps. */
export function mapsOf(folder: string): Map<string, SourceMap> {
  const maps = new Map<string, SourceMap>();
  for (const name of readdirSync(path.join(folder, 'dist')).filter((each) => each.endsWith('.js'))) {
    const file = path.join(folder, 'dist', name);
    const comment = mapCommentOf(readFileSync(file, 'utf8'));
    if (comment === null) throw new Error(`${name} names no source map`);
    const json = comment.startsWith('data:') ? inlineMap(comment) : readFileSync(path.join(folder, 'dist', comment), 'utf8');
    maps.set(name, JSON.parse(json ?? '') as SourceMap);
  }
  return maps;
}

export function writeMap(folder: string, name: string, map: SourceMap): void {
  const file = path.join(folder, 'dist', name);
  const text = readFileSync(file, 'utf8');
  const comment = mapCommentOf(text) ?? '';
  const json = JSON.stringify(map);
  if (!comment.startsWith('data:')) writeFileSync(path.join(folder, 'dist', comment), json);
  else writeFileSync(file, text.replace(comment, `data:application/json;base64,${Buffer.from(json).toString('base64')}`));
}

/** Each file gets the map of the next; where there is one for all, each range gets the name and the text of the next file. */
export function ofAnotherFile(maps: Map<string, SourceMap>): Map<string, SourceMap> {
  const names = [...maps.keys()];
  const next = (name: string): string => names[(names.indexOf(name) + 1) % names.length] ?? name;
  const turned = <T>(list: T[]): T[] => [...list.slice(1), ...list.slice(0, 1)];
  const wrong = (name: string, map: SourceMap): SourceMap => {
    if (names.length > 1) return maps.get(next(name)) ?? map;
    const contents = map.sourcesContent === undefined ? {} : { sourcesContent: turned(map.sourcesContent) };
    return { ...map, sources: turned(map.sources), ...contents };
  };
  return new Map([...maps].map(([name, map]) => [name, wrong(name, map)]));
}

/** As a map is that was made before somebody put a banner in front. */
export function shifted(maps: Map<string, SourceMap>): Map<string, SourceMap> {
  return new Map([...maps].map(([name, map]) => [name, { ...map, mappings: `;;;;;;;;;${map.mappings}` }]));
}
