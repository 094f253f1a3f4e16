/** `doctor`, the door's part: keys, the caller's roles, the journal and its disk. To add a check, add an entry to the list. It reads, and writes nothing. */
import { statSync, statfsSync } from 'node:fs';
import type { Journal } from '../journal/index.ts';
import type { Check } from '../protocol/index.ts';
import type { HostKey } from './host-key.ts';
import { OperatorsFile } from './operators.ts';
import type { Operator, Operators, OperatorSource } from './operators.ts';

export interface DoorFacts {
  operator: Operator;
  operators: OperatorSource;
  journal: Journal;
  hostKey: HostKey;
}

/** Below this an incident's worth of journal may no longer fit. */
const leastFreeMegabytes = 64;

export const doorChecks: readonly Check<DoorFacts>[] = [
  {
    check: 'keys',
    look: ({ operators: source }) => {
      let operators: Operators;
      try {
        operators = new OperatorsFile(source).read();
      } catch (thrown) {
        const where = 'file' in source ? `${source.file}: ` : '';
        return { ok: false, detail: `${where}${thrown instanceof Error ? thrown.message : String(thrown)}` };
      }
      const number = `${operators.count} ${operators.count === 1 ? 'key' : 'keys'}`;
      if ('lines' in source)
        return { ok: true, detail: `there is no operators file: ${number} of the operator who attached, until the process ends` };
      const mode = (statSync(source.file).mode & 0o777).toString(8).padStart(4, '0');
      const { powerless } = operators;
      const counted = `${source.file}, mode ${mode}: ${number}`;
      return powerless === 0 ? { ok: true, detail: counted } : { ok: false, detail: `${counted}, ${powerless} of them without a role` };
    },
  },
  {
    check: 'you',
    look: ({ operator: { name, fingerprint, capabilities } }) => ({ ok: true, detail: `${name}, ${fingerprint}: ${capabilities.join(', ')}` }),
  },
  {
    check: 'host key',
    look: ({ hostKey: { fingerprint, file, unkept } }) =>
      unkept === null
        ? { ok: true, detail: `${fingerprint}, kept in ${file}` }
        : { ok: false, detail: `${fingerprint}, until the process ends: ${file}: ${unkept}` },
  },
  {
    check: 'journal',
    look: ({ journal }) => {
      const { writable, why = '', dir, entries } = journal.state();
      return writable
        ? { ok: true, detail: `${dir}: ${entries} entries` }
        : { ok: false, detail: `${dir} can not be written: ${why}. Every change is refused until it can` };
    },
  },
  {
    check: 'sinks',
    look: ({ journal }) => {
      const { sinks } = journal.state();
      const failing = sinks.filter((sink) => sink.why !== undefined);
      const shown = sinks.map(
        ({ name, lag, why }) => `${name}: ${lag === 0 ? 'up to date' : `${lag} entries behind`}${why === undefined ? '' : ` (${why})`}`,
      );
      return { ok: failing.length === 0, detail: sinks.length === 0 ? 'the journal goes nowhere else' : shown.join('; ') };
    },
  },
  {
    check: 'disk',
    look: ({ journal }) => {
      const { dir } = journal.state();
      const { bavail, bsize } = statfsSync(dir);
      const freeMegabytes = Math.floor((bavail * bsize) / 1024 / 1024);
      return { ok: freeMegabytes >= leastFreeMegabytes, detail: `${freeMegabytes} MB are free for the journal` };
    },
  },
];
