/** How a value of the service looks on the wire: V8's own preview, never the value whole. */
import type { StackFrame } from './process.ts';

/** One property inside a preview, in V8's words. `value` is already abbreviated. */
export interface PreviewProperty {
  name: string;
  type: string;
  subtype?: string;
  value?: string;
  valuePreview?: Preview;
}

/** V8's ObjectPreview: made without running a getter. `overflow` says that there is more. */
export interface Preview {
  type: string;
  subtype?: string;
  description?: string;
  overflow: boolean;
  properties: PreviewProperty[];
  entries?: { key?: Preview; value: Preview }[];
}

/** A value of the service. Objects stay there; `handle` names one for as long as the session lives. */
export interface RemoteValue {
  /** `redacted`: it has the name or the look of a secret, and nothing else is said of it. */
  type: 'object' | 'function' | 'undefined' | 'string' | 'number' | 'boolean' | 'symbol' | 'bigint' | 'redacted';
  subtype?: string;
  className?: string;
  description?: string;
  /** Primitives only; a string is cut to `limits.maxStringLength`, then `length` tells its full length and `handle` pages the rest. */
  value?: string | number | boolean | null;
  /** `NaN`, `-0`, `Infinity`, `10n`: what JSON has no word for. */
  unserializable?: string;
  /** Number of elements (array, typed array, Map, Set) or UTF-16 units (string), where it has such. */
  length?: number;
  handle?: string;
  preview?: Preview;
}

/** A value of an actor's state. `json` where it is JSON and not too large. */
export interface StateValue {
  text: string;
  json?: unknown;
}

/** One row of an opened value. An accessor is shown as such and never run. */
export interface RemoteProperty {
  name: string;
  /** A Map's key, where the row is an entry of a Map. */
  key?: RemoteValue;
  value?: RemoteValue;
  kind: 'data' | 'accessor' | 'private' | 'internal' | 'entry';
  enumerable: boolean;
  /** Opened further when `depth` asked for it. */
  properties?: RemoteProperty[];
}

/** One page of an opened value. */
export interface ValuePage {
  value: RemoteValue;
  properties: RemoteProperty[];
  /** How many rows there are in all, and where this page starts. */
  total: number;
  start: number;
  /** Where the next page starts; absent at the end. Holes of an array have no rows. */
  next?: number;
  /** For a function: the variables its closure captured, innermost scope first. */
  scopes?: { type: string; name?: string; variables: RemoteProperty[] }[];
}

/** A failed evaluation: what the service's code threw. */
export interface Thrown {
  name: string;
  message: string;
  stack: string;
}

/** How an object is held: by a variable, a property, an entry. `native`: by native code, or a debugger. `v8`: by one of V8's own roots. `weak key`: as the value of a WeakMap, by its key. */
export type HeldBy =
  | 'global'
  | 'native'
  | 'v8'
  | 'module'
  | 'variable'
  | 'property'
  | 'element'
  | 'entry'
  | 'key'
  | 'weak key'
  | 'local'
  | 'bound'
  | 'settled'
  | 'waiting'
  | 'internal';

/** One step on the way to an object: what stands before it holds this. */
export interface RetainerStep {
  by: HeldBy;
  /** Of the variable or the property, the index of an element, the key of an entry; empty where it is not known. */
  name: string;
  /** What is held: the class of an object, `function`, `suspended function`. */
  held: string;
  /** Where that function is, or the module whose variable it is, as its author knows it. */
  at?: StackFrame;
}

/** The shortest ways to an object, each by another holder, from what always lives. */
export interface Retainers {
  of: RemoteValue;
  ways: RetainerStep[][];
  /** In how many places it is held in all. */
  holders: number;
  /** What Keyhole keeps for its sessions holds it as well. That is not counted. */
  held: boolean;
  expectedMs: number;
  /** How long the process stood still, as measured. */
  pauseMs: number;
}
