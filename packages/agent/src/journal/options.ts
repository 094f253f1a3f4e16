/** How a journal is kept: what a service may say about it, with the defaults and the bounds. */
import * as path from 'node:path';

/** Where entries go besides the journal. None of them is ever waited for: they lag, and how far is shown. */
export type SinkOptions =
  /** One line `keyhole: journal of <service>: entry <seq> <hash>` on the service's standard output or error, at most one a second: the head, for a log that leaves the machine. */
  | { type: 'stdout' | 'stderr' }
  /** Each entry's line, appended to a file. It goes on after what is in the file. */
  | { type: 'file'; path: string }
  /** POST of entries as `application/x-ndjson`, again and again until the answer is 2xx; the receiver may see one twice. */
  | { type: 'http'; url: string; headers?: Record<string, string> };

export interface JournalOptions {
  /** Default: `.keyhole/journal` below the working directory. */
  dir?: string;
  /** A segment that has this many bytes is followed by a new one. Default: 16 MiB; 4 KiB to 1 GiB. */
  maxSegmentBytes?: number;
  /**
   * When whole segments are removed, oldest first: the whole journal has more than `maxBytes`, or the segment was closed more than `maxAgeDays` ago. Only
   * segments all of whose patches were exported or reverted are removed, and a checkpoint says what they were. Default: nothing is ever removed.
   */
  retention?: { maxBytes?: number; maxAgeDays?: number };
  /** Default: none. At most 8. */
  sinks?: SinkOptions[];
  /**
   * What is cut out of entries before they are written: values whose name contains one of `names` (any case; besides the usual ones: password, secret, token, ...), what matches one
   * of the regular expressions in `patterns`, and what the default export of `module` says (`(value, path) => value`, called for each string and number). Texts of
   * patches and of evaluations are kept whole: they are what the journal is for. `names` and `patterns` are hidden from whoever looks at the service as well.
   */
  redact?: { names?: string[]; patterns?: string[]; module?: string };
}

const bounds = {
  maxSegmentBytes: { least: 4_096, most: 1_073_741_824, usual: 16_777_216 },
  maxBytes: { least: 8_192, most: Number.MAX_SAFE_INTEGER },
  maxAgeDays: { least: 1, most: 36_500 },
  sinks: 8,
  list: 100,
} as const;

/** The options with everything filled in: paths absolute, patterns checked. */
export interface JournalConfig {
  dir: string;
  maxSegmentBytes: number;
  retention: { maxBytes: number | null; maxAgeDays: number | null };
  sinks: SinkOptions[];
  redact: { names: string[]; patterns: string[]; module: string | null };
}

/** @throws {TypeError} naming the option. */
export function resolveJournal(options: JournalOptions): JournalConfig {
  fields(options, 'journal', ['dir', 'maxSegmentBytes', 'retention', 'sinks', 'redact']);
  const { retention = {}, sinks = [], redact = {} } = options;
  fields(retention, 'journal.retention', ['maxBytes', 'maxAgeDays']);
  fields(redact, 'journal.redact', ['names', 'patterns', 'module']);
  if (!Array.isArray(sinks) || sinks.length > bounds.sinks) throw new TypeError(`journal.sinks must be a list of at most ${bounds.sinks}`);
  return {
    dir: path.resolve(text(options.dir, 'journal.dir') ?? path.join('.keyhole', 'journal')),
    maxSegmentBytes: count(options.maxSegmentBytes, 'journal.maxSegmentBytes', bounds.maxSegmentBytes) ?? bounds.maxSegmentBytes.usual,
    retention: {
      maxBytes: count(retention.maxBytes, 'journal.retention.maxBytes', bounds.maxBytes) ?? null,
      maxAgeDays: count(retention.maxAgeDays, 'journal.retention.maxAgeDays', bounds.maxAgeDays) ?? null,
    },
    sinks: sinks.map((sink, index) => resolveSink(sink, `journal.sinks[${index}]`)),
    redact: {
      names: texts(redact.names, 'journal.redact.names'),
      patterns: texts(redact.patterns, 'journal.redact.patterns').map(asPattern),
      module: redact.module === undefined ? null : path.resolve(required(redact.module, 'journal.redact.module')),
    },
  };
}

function resolveSink(sink: SinkOptions, name: string): SinkOptions {
  switch (sink?.type) {
    case 'stdout':
    case 'stderr':
      fields(sink, name, ['type']);
      return sink;
    case 'file':
      fields(sink, name, ['type', 'path']);
      return { type: 'file', path: path.resolve(required(sink.path, `${name}.path`)) };
    case 'http': {
      fields(sink, name, ['type', 'url', 'headers']);
      const { url, headers = {} } = sink;
      if (typeof url !== 'string' || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
        throw new TypeError(`${name}.url must be an http: or https: address`);
      if (typeof headers !== 'object' || Object.values(headers).some((value) => typeof value !== 'string'))
        throw new TypeError(`${name}.headers must be an object of strings`);
      return { type: 'http', url, headers };
    }
    default:
      throw new TypeError(`${name}.type must be stdout, stderr, file or http`);
  }
}

function fields(value: object, name: string, known: string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError(`${name} must be an object`);
  for (const field of Object.keys(value)) {
    if (!known.includes(field)) throw new TypeError(`there is no option ${name}.${field}; there are ${known.join(', ')}`);
  }
}

function text(value: unknown, name: string): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw new TypeError(`${name} must be a string that is not empty`);
}

function required(value: unknown, name: string): string {
  const given = text(value, name);
  if (given === undefined) throw new TypeError(`${name} is missing`);
  return given;
}

function count(value: unknown, name: string, { least, most }: { least: number; most: number }): number | undefined {
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most)
    throw new TypeError(`${name} must be a whole number from ${least} to ${most}`);
  return value as number;
}

function texts(value: unknown, name: string): string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.length <= bounds.list && value.every((each) => typeof each === 'string' && each !== '')) return value as string[];
  throw new TypeError(`${name} must be a list of at most ${bounds.list} strings that are not empty`);
}

function asPattern(pattern: string): string {
  try {
    return new RegExp(pattern, 'u').source;
  } catch (thrown) {
    throw new TypeError(`journal.redact.patterns: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown });
  }
}
