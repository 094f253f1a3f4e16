/**
 * A debugger for a moment: an inspector session of its own with the Debugger domain, so that what it sets and ends concerns nobody else's session. It never pauses the
 * process: its breakpoints have conditions that are false, and `debugger` statements are skipped for it.
 */
import { Inspector } from '../inspector.ts';
import type { PropertiesAnswer, RemoteObject } from '../inspector.ts';
import { enableDebugger, urlOf } from './scripts.ts';
import type { ScriptParsed } from './scripts.ts';

const objectGroup = 'keyhole:debug';

export interface Location {
  scriptId: string;
  lineNumber: number;
  columnNumber?: number;
}

/** One script that runs, and its places. */
export interface DebuggedScript {
  scriptId: string;
  source: string;
}

export class DebugSession {
  readonly inspector = new Inspector();
  readonly #scripts: ScriptParsed[];
  #isOpen = true;

  constructor() {
    this.#scripts = enableDebugger(this.inspector);
    this.inspector.post('Debugger.setSkipAllPauses', { skip: true });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  close(): void {
    this.#isOpen = false;
    this.inspector.close();
  }

  /** The scripts of a file that have this very text. */
  scriptsOf(url: string, source: string): DebuggedScript[] {
    return this.#scripts
      .filter((script) => urlOf(script.url) === url)
      .map(({ scriptId }) => ({
        scriptId,
        source: this.inspector.post<{ scriptSource: string }>('Debugger.getScriptSource', { scriptId }).scriptSource,
      }))
      .filter((script) => script.source === source);
  }

  /**
   * Sets a breakpoint at the first place at or after an offset where V8 can stop, in the function that holds the offset. From then on the function runs unoptimized, and so does all
   * optimized code that has it inlined.
   * @returns its id, or null where V8 knows no such place.
   */
  breakAt({ scriptId, source }: DebuggedScript, start: number, end: number, condition: string): string | null {
    const { locations } = this.inspector.post<{ locations: Location[] }>('Debugger.getPossibleBreakpoints', {
      start: locationOf(scriptId, source, start),
      end: locationOf(scriptId, source, end),
      restrictToFunction: true,
    });
    const [location] = locations;
    if (location === undefined) return null;
    try {
      return this.inspector.post<{ breakpointId: string }>('Debugger.setBreakpoint', { location, condition }).breakpointId;
    } catch {
      // V8 refuses a second one of this session at the same place: the first does all that this one would.
      return null;
    }
  }

  /** The places of a line (from 1) where V8 can stop, by their offset in the text. */
  placesOnLine({ scriptId, source }: DebuggedScript, line: number): { offset: number; location: Location }[] {
    const starts = [0, ...[...source.matchAll(/\r\n|[\n\r\u2028\u2029]/g)].map(({ index, 0: ending }) => index + ending.length)];
    const start = starts[line - 1];
    if (start === undefined) return [];
    const { locations } = this.inspector.post<{ locations: Location[] }>('Debugger.getPossibleBreakpoints', {
      start: { scriptId, lineNumber: line - 1, columnNumber: 0 },
      end: { scriptId, lineNumber: line, columnNumber: 0 },
      restrictToFunction: false,
    });
    return locations.map((location) => ({ offset: start + (location.columnNumber ?? 0), location }));
  }

  /** @returns its id, or null where V8 refuses it. */
  breakAtPlace(location: Location, condition: string): string | null {
    try {
      return this.inspector.post<{ breakpointId: string }>('Debugger.setBreakpoint', { location, condition }).breakpointId;
    } catch {
      return null;
    }
  }

  /** Whether a function was made by the text between two offsets of a script. */
  isMadeBy(fn: unknown, { scriptId, source }: DebuggedScript, start: number, end: number): boolean {
    const location = this.#internals(fn).find((each) => each.name === '[[FunctionLocation]]')?.value?.value as Location | undefined;
    if (location?.scriptId !== scriptId) return false;
    const isBefore = (a: Location, b: Location): boolean =>
      a.lineNumber < b.lineNumber || (a.lineNumber === b.lineNumber && (a.columnNumber ?? 0) <= (b.columnNumber ?? 0));
    return isBefore(locationOf(scriptId, source, start), location) && isBefore(location, locationOf(scriptId, source, end));
  }

  /** What a function sees under a name, in the scopes it was made in; undefined where it sees no such variable. */
  seenBy(fn: unknown, name: string): unknown {
    const scopes = this.#internals(fn).find((each) => each.name === '[[Scopes]]')?.value?.objectId;
    if (scopes === undefined) return undefined;
    for (const { value: scope } of this.inspector.properties(scopes, true, false).result) {
      if (scope?.objectId === undefined || scope.description?.startsWith('Global') === true) continue;
      const found = this.inspector.properties(scope.objectId, true, false).result.find((each) => each.name === name)?.value;
      if (found !== undefined) return found.objectId === undefined ? found.value : this.inspector.unwrap(found.objectId);
    }
    return undefined;
  }

  /** Every living object that comes from a prototype. Walks the whole heap. */
  instancesOf(prototype: object): unknown[] {
    const { objectId: prototypeObjectId } = this.inspector.wrap(prototype, objectGroup, false);
    const { objects } = this.inspector.post<{ objects: RemoteObject }>('Runtime.queryObjects', { prototypeObjectId, objectGroup });
    try {
      return objects.objectId === undefined ? [] : [...(this.inspector.unwrap(objects.objectId) as unknown[])];
    } finally {
      this.inspector.releaseGroup(objectGroup);
    }
  }

  #internals(value: unknown): NonNullable<PropertiesAnswer['internalProperties']> {
    const { objectId } = this.inspector.wrap(value, objectGroup, false);
    return objectId === undefined ? [] : (this.inspector.properties(objectId, true, false).internalProperties ?? []);
  }

  removeBreakpoint(breakpointId: string): void {
    this.inspector.post('Debugger.removeBreakpoint', { breakpointId });
  }
}

/** Lines as V8 counts them: a lone carriage return and the separators of Unicode end one too. */
function locationOf(scriptId: string, source: string, offset: number): Location {
  let lineNumber = 0;
  let lineStart = 0;
  for (const { index, 0: ending } of source.slice(0, offset).matchAll(/\r\n|[\n\r\u2028\u2029]/g)) {
    lineNumber += 1;
    lineStart = index + ending.length;
  }
  return { scriptId, lineNumber, columnNumber: offset - lineStart };
}
