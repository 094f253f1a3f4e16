/** The ends of the sinks: a line of the service's own output, a file, an HTTP server. Each takes a batch or rejects with the reason. */
import { constants, readFileSync, statSync, write } from 'node:fs';
import { open } from 'node:fs/promises';
import { required } from '../platform/later.ts';
import type { JournalHead } from '../protocol/index.ts';
import { parseLine } from './chain.ts';
import type { SinkOptions } from './options.ts';
import { linesBackward } from './segments.ts';

interface Common {
  name: string;
  /** How long it rests between two deliveries. */
  pauseMs: number;
}
export interface HeadTarget extends Common {
  kind: 'head';
  deliver(head: JournalHead): Promise<void>;
}
export interface EntryTarget extends Common {
  kind: 'entries';
  /** Whether a file beside the journal has to remember how far it came. */
  needsCursor: boolean;
  /** The last entry it has taken in an earlier run. */
  resume(cursorFile: string): Promise<number>;
  deliver(lines: Buffer[]): Promise<void>;
}
export type SinkTarget = HeadTarget | EntryTarget;

const headEveryMs = 1_000;
const answerWithinMs = 10_000;

export function openTarget(options: SinkOptions, service: string): SinkTarget {
  if (options.type === 'file') return fileTarget(options.path);
  if (options.type === 'http') return httpTarget(options.url, options.headers ?? {});
  return headTarget(options.type, service);
}

function headTarget(name: 'stdout' | 'stderr', service: string): HeadTarget {
  return {
    kind: 'head',
    name,
    pauseMs: headEveryMs,
    deliver: ({ seq, hash }) =>
      new Promise((resolve, reject) => {
        // Not console and not process.stdout: those go through the main thread, and the service may have made something else of them.
        write(name === 'stdout' ? 1 : 2, `keyhole: journal of ${service}: entry ${seq} ${hash}\n`, (error) =>
          error === null ? resolve() : reject(error),
        );
      }),
  };
}

function fileTarget(file: string): EntryTarget {
  return {
    kind: 'entries',
    name: `file ${file}`,
    pauseMs: 0,
    needsCursor: false,
    resume: async () => {
      try {
        // Opening a pipe waits for its other end.
        if (!statSync(file).isFile()) return 0;
        for (const line of linesBackward(file)) return parseLine(line)?.seq ?? 0;
      } catch {
        // There is none yet.
      }
      return 0;
    },
    deliver: async (lines) => {
      // A pipe that nobody reads must not hold a thread of the service's pool.
      const handle = await open(file, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK, 0o600);
      try {
        const stat = await handle.stat();
        if (!stat.isFile()) throw new Error(`${file} is not a file`);
        // A line that was cut short by a full disk gets its end, so that the next one stands alone.
        const tail = Buffer.alloc(1);
        if (stat.size > 0) await handle.read(tail, 0, 1, stat.size - 1);
        const lead = stat.size === 0 || tail[0] === 0x0a ? '' : '\n';
        await handle.appendFile(Buffer.concat([Buffer.from(lead), ...lines.flatMap((line) => [line, Buffer.from('\n')])]));
        await handle.datasync();
      } finally {
        await handle.close();
      }
    },
  };
}

function httpTarget(url: string, headers: Record<string, string>): EntryTarget {
  const { request } = required<typeof import('node:https')>(url.startsWith('https:') ? 'node:https' : 'node:http');
  return {
    kind: 'entries',
    // A password in the address is nothing to show.
    name: `http ${new URL(url).origin}${new URL(url).pathname}`,
    pauseMs: 0,
    needsCursor: true,
    resume: async (cursorFile) => {
      try {
        return Number(readFileSync(cursorFile, 'utf8')) || 0;
      } catch {
        return 0;
      }
    },
    deliver: (lines) =>
      new Promise((resolve, reject) => {
        const body = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
        const asking = request(
          url,
          {
            method: 'POST',
            headers: { ...headers, 'content-type': 'application/x-ndjson', 'content-length': body.length },
            timeout: answerWithinMs,
            agent: false,
          },
          (response) => {
            response.resume();
            const { statusCode = 0 } = response;
            response.on('end', () => (statusCode >= 200 && statusCode < 300 ? resolve() : reject(new Error(`it answers ${statusCode}`))));
            response.on('error', reject);
          },
        );
        asking.on('timeout', () => asking.destroy(new Error(`no answer within ${answerWithinMs} ms`)));
        asking.on('error', reject);
        asking.end(body);
      }),
  };
}
