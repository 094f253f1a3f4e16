/**
 * A policy narrows what roles allow: which functions, at what hours, for what reason. It never allows what a role does not; and undoing is never narrowed. A file that is not
 * understood allows nothing.
 */
import { later } from '../platform/later.ts';
import { KeyholeError, catalogue } from '../protocol/index.ts';
import type { Operation, OperationName, PatchRequest } from '../protocol/index.ts';
import { OwnedFile } from './owned-file.ts';

const picomatch = later<typeof import('picomatch')>(import.meta.url, 'picomatch');

/** What a rule can be about: the operations that change something or run code, as the catalogue says of each. */
type Subject = NonNullable<Operation['policy']>;
const subjects: readonly Subject[] = ['patch', 'eval'];

interface Rule {
  /** Its number in the file, from 1. */
  number: number;
  isFor: (operator: string, subject: Subject) => boolean;
  addresses: ((address: string) => boolean) | null;
  actors: ((id: string) => boolean) | null;
  /** The source of the pattern, for the message. */
  reason: RegExp | null;
  hours: Hours | null;
}

interface Hours {
  days: ReadonlySet<string>;
  /** Minutes since midnight; `from` inclusive, `to` exclusive. */
  from: number;
  to: number;
  timeZone: string;
}

const dayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

export class Policy {
  readonly #rules: readonly Rule[];

  /** @throws {Error} naming the rule and the field that is not understood. */
  constructor(text: string) {
    const { rules, ...others } = objectOf(JSON.parse(text) as unknown, 'the policy');
    unknownField(others, 'the policy', ['rules']);
    if (!Array.isArray(rules)) throw new Error('rules must be a list');
    this.#rules = rules.map((rule, index) => {
      try {
        return parseRule(rule, index + 1);
      } catch (thrown) {
        throw new Error(`rule ${index + 1}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown });
      }
    });
  }

  /** Why that operator may not do this now, or null. */
  refusal(operator: string, op: OperationName, params: Record<string, unknown>, now: Date): string | null {
    const { policy: subject } = catalogue[op];
    if (subject === undefined) return null;
    for (const rule of this.#rules) {
      const why = rule.isFor(operator, subject) ? misfit(rule, subject, params, now) : null;
      if (why !== null) return `rule ${rule.number} of the policy: ${why}`;
    }
    return null;
  }
}

function misfit({ addresses, actors, reason, hours }: Rule, subject: Subject, params: Record<string, unknown>, now: Date): string | null {
  if (hours !== null && !isWithin(hours, now)) return `not at this time: ${describe(hours)}`;
  if (subject !== 'patch') return null;
  if (reason !== null && !reason.test(String(params['reason']))) return `the reason does not match ${reason.source}`;
  if (addresses === null && actors === null) return null;
  // A rule that names functions only allows nothing of an actor, and the other way round: else one would be a way past it.
  const { patches, actor } = params as { patches?: PatchRequest[]; actor?: string };
  if (actor !== undefined) return actors?.(actor) === true ? null : `${actor} is not among the actors that may be changed`;
  const outside = patches?.find(({ address }) => addresses?.(address) !== true);
  return outside === undefined ? null : `${outside.address} is not among the functions that may be patched`;
}

function parseRule(value: unknown, number: number): Rule {
  const rule = objectOf(value, 'it');
  unknownField(rule, 'it', ['operators', 'for', 'addresses', 'actors', 'reason', 'hours']);
  const isOperator = globs(rule['operators'], 'operators');
  const kinds = rule['for'] === undefined ? subjects : texts(rule['for'], 'for');
  const strange = kinds.find((kind) => !subjects.includes(kind as Subject));
  if (strange !== undefined) throw new Error(`for knows ${subjects.join(' and ')}, not ${JSON.stringify(strange)}`);
  const { addresses, actors, reason, hours } = rule;
  if ([addresses, actors, reason, hours].every((each) => each === undefined))
    throw new Error('it narrows nothing: addresses, actors, reason or hours is due');
  if ((addresses ?? actors ?? reason) !== undefined && !kinds.includes('patch')) throw new Error('addresses, actors and reason are for patches');
  if (reason !== undefined && typeof reason !== 'string') throw new Error('reason must be a regular expression as text');
  return {
    number,
    isFor: (operator, subject) => (isOperator?.(operator) ?? true) && kinds.includes(subject),
    addresses: globs(addresses, 'addresses'),
    actors: globs(actors, 'actors'),
    reason: reason === undefined ? null : new RegExp(reason, 'u'),
    hours: hours === undefined ? null : parseHours(hours),
  };
}

/** `src/pricing/**` names every function of these files, `src/cart.ts:Cart.*` some of one. */
function globs(value: unknown, field: string): ((text: string) => boolean) | null {
  if (value === undefined) return null;
  const patterns = texts(value, field);
  const whole = patterns.map((pattern) => picomatch()(pattern, { dot: true, strictBrackets: true }));
  // A colon parts a file from its functions; a pattern without one is of files.
  return (text) => {
    const file = field === 'addresses' ? text.slice(0, text.lastIndexOf(':')) : text;
    return patterns.some((pattern, index) => whole[index]?.(pattern.includes(':') ? text : file) === true);
  };
}

function parseHours(value: unknown): Hours {
  const hours = objectOf(value, 'hours');
  unknownField(hours, 'hours', ['days', 'from', 'to', 'timeZone']);
  const { days = dayNames, timeZone = 'UTC' } = hours;
  const named = texts(days, 'hours.days');
  const strange = named.find((day) => !dayNames.includes(day));
  if (strange !== undefined) throw new Error(`hours.days knows ${dayNames.join(', ')}, not ${JSON.stringify(strange)}`);
  if (typeof timeZone !== 'string') throw new Error('hours.timeZone must be text, as Europe/Berlin');
  // Throws where there is no such zone.
  Intl.DateTimeFormat('en', { timeZone });
  const [from, to] = [minutes(hours['from'] ?? '00:00', 'hours.from'), minutes(hours['to'] ?? '24:00', 'hours.to')];
  if (from >= to) throw new Error('hours.from must be before hours.to: a night takes two rules of their own days');
  return { days: new Set(named), from, to, timeZone };
}

function minutes(value: unknown, field: string): number {
  const [, hour, minute] = /^(\d\d):(\d\d)$/.exec(String(value)) ?? [];
  const total = Number(hour) * 60 + Number(minute);
  if (!(total <= 1_440) || Number(minute) > 59) throw new Error(`${field} must be a time as 08:30`);
  return total;
}

function isWithin({ days, from, to, timeZone }: Hours, now: Date): boolean {
  const format = new Intl.DateTimeFormat('en', { timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, value]));
  const at = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
  return days.has((parts.get('weekday') ?? '').toLowerCase()) && at >= from && at < to;
}

function describe({ days, from, to, timeZone }: Hours): string {
  const clock = (at: number): string => `${String(Math.floor(at / 60)).padStart(2, '0')}:${String(at % 60).padStart(2, '0')}`;
  return `only ${[...days].join(', ')} from ${clock(from)} to ${clock(to)} ${timeZone}`;
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what} must be an object`);
  return value as Record<string, unknown>;
}

function unknownField(value: Record<string, unknown>, what: string, fields: readonly string[]): void {
  const strange = Object.keys(value).find((field) => !fields.includes(field));
  if (strange !== undefined) throw new Error(`${what} has no ${JSON.stringify(strange)}; there are ${fields.join(', ')}`);
}

function texts(value: unknown, field: string): string[] {
  if (Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string' && each !== '')) return value as string[];
  throw new Error(`${field} must be a list of texts that is not empty`);
}

/** The policy as its file stands now; null where the service has none. */
export class PolicyFile {
  readonly #file: OwnedFile<Policy> | null;

  constructor(file: string | null) {
    this.#file = file === null ? null : new OwnedFile(file, (text) => new Policy(text));
  }

  /** Why it can not be used, or null. */
  problem(): string | null {
    try {
      this.#file?.read();
      return null;
    } catch (thrown) {
      return `${this.#file?.path}: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
    }
  }

  /** Whether that operator may evaluate now, where something else runs what he says. */
  permitsEval(operator: string): boolean {
    try {
      this.check(operator, 'evaluate', {});
      return true;
    } catch {
      return false;
    }
  }

  /** @throws {KeyholeError} NOT_ALLOWED saying why that operator may not do this now. */
  check(operator: string, op: OperationName, params: Record<string, unknown>): void {
    if (this.#file === null || catalogue[op].policy === undefined) return;
    const problem = this.problem();
    const why =
      problem === null
        ? this.#file.read().refusal(operator, op, params, new Date())
        : `the policy can not be used, so nothing is allowed that it may narrow: ${problem}`;
    if (why !== null) throw new KeyholeError('NOT_ALLOWED', `${operator} may not ${op}: ${why}`, 'The policy stands in a file of the service.');
  }
}
