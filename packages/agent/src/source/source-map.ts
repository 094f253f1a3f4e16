/** Source maps: from the running text to the author's files and back. */
import {
  GREATEST_LOWER_BOUND,
  LEAST_UPPER_BOUND,
  TraceMap,
  eachMapping,
  generatedPositionFor,
  originalPositionFor,
  sourceContentFor,
  traceSegment,
} from '@jridgewell/trace-mapping';

export interface MappedPlace {
  /** As the map names it, resolved against the map's own place. */
  source: string;
  line: number;
  column: number;
}

/** A source map that answers questions. Lines count from 1, columns from 0. */
export class PlaceMap {
  readonly #map: TraceMap;

  /** @param address where the map lies, so that its sources can be resolved. */
  constructor(json: string, address: string) {
    this.#map = new TraceMap(json, address);
  }

  get sources(): string[] {
    return this.#map.resolvedSources.filter((source) => source !== null);
  }

  contentOf(source: string): string | null {
    return sourceContentFor(this.#map, source);
  }

  toAuthor(line: number, column: number): MappedPlace | null {
    for (const bias of [GREATEST_LOWER_BOUND, LEAST_UPPER_BOUND] as const) {
      const place = originalPositionFor(this.#map, { line, column, bias });
      if (place.source !== null) return { source: place.source, line: place.line, column: place.column };
    }
    return null;
  }

  /** What a mapping that starts exactly there says: the author's place, and the author's name where the map keeps it. */
  exactly(line: number, column: number): (MappedPlace & { name: string | null }) | null {
    const segment = traceSegment(this.#map, line - 1, column);
    if (segment === null || segment[0] !== column || segment.length === 1) return null;
    const source = this.#map.resolvedSources[segment[1]] ?? null;
    if (source === null) return null;
    return { source, line: segment[2] + 1, column: segment[3], name: segment.length === 5 ? (this.#map.names[segment[4]] ?? null) : null };
  }

  /** Lines of the running text that have something of an author's line. */
  linesFrom(source: string, line: number): number[] {
    const lines = new Set<number>();
    eachMapping(this.#map, (mapping) => {
      if (mapping.originalLine === line && mapping.source === source) lines.add(mapping.generatedLine);
    });
    return [...lines].sort((a, b) => a - b);
  }

  toRunning(source: string, line: number, column: number): { line: number; column: number } | null {
    const place = generatedPositionFor(this.#map, { source, line, column });
    return place.line === null ? null : { line: place.line, column: place.column };
  }
}
