/** Source maps: from the running text to the author's files and back. */
import {
  GREATEST_LOWER_BOUND,
  LEAST_UPPER_BOUND,
  TraceMap,
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

  /** Whether a mapping starts exactly there. */
  startsAt(line: number, column: number): boolean {
    return traceSegment(this.#map, line - 1, column)?.[0] === column;
  }

  toRunning(source: string, line: number, column: number): { line: number; column: number } | null {
    const place = generatedPositionFor(this.#map, { source, line, column });
    return place.line === null ? null : { line: place.line, column: place.column };
  }
}
