/** What an operation is, and the parameters that several of them have. */
import { flag, integer, text } from './checks.ts';
import type { Check } from './checks.ts';
import { limits } from './limits.ts';

export const capabilities = ['view', 'inspect', 'trace', 'eval', 'patch', 'admin', 'approve'] as const;
export type Capability = (typeof capabilities)[number];

export interface Parameter {
  required: boolean;
  check: Check;
  doc: string;
}
/** `host`: touches the service's objects, done on the main thread. `door`: answered by the worker alone. */
export interface Operation {
  where: 'host' | 'door';
  capability: Capability;
  /** The kind of its journal entries, where it is journaled; then its intent is durable before it runs. */
  journal: 'eval' | 'patch' | 'revert' | 'export' | 'confirm' | 'shadow' | 'approve' | 'trace' | 'rescue' | 'set' | null;
  /** It says something before it answers, and can be ended by `interrupt`. */
  streams?: true;
  /** It stops the process for a time that is stated first, and that whoever asks has agreed to: the share of looking does not hold it up. */
  pauses?: true;
  /** Which rules of a policy narrow it. What undoes, confirms or only looks has none: nothing ever holds that up. */
  policy?: 'patch' | 'eval';
  /** It waits for other operators where the service asks for approvals; so it takes `dryRun`, by which it is judged first, and `breakGlass`. */
  approval?: true;
  doc: string;
  parameters: Record<string, Parameter>;
}

export const name = text(1_000);
export const source = text(limits.maxSourceBytes);
export const required = (check: Check, doc: string): Parameter => ({ required: true, check, doc });
export const optional = (check: Check, doc: string): Parameter => ({ required: false, check, doc });

export const dryRun = optional(flag, 'only says what would happen');
export const breakGlass = optional(flag, 'does not wait for approval; every attached operator hears of it, and journal and export are marked');
export const file = optional(name, 'a file of the service, as its author knows it: evaluates inside that module');
export const depth = optional(integer(0, limits.maxDepthOfInspection), 'how many levels to open');
export const thread = optional(integer(0, Number.MAX_SAFE_INTEGER), 'one thread of the service alone; 0 is the main thread');
export const reason = required(text(2_000), 'why, for the journal and the commit message');
