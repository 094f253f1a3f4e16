/** How a value of the service looks on the wire: V8's own preview, never the value whole. */

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
  type: 'object' | 'function' | 'undefined' | 'string' | 'number' | 'boolean' | 'symbol' | 'bigint';
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
  /** For a function: the variables its closure captured, innermost scope first. */
  scopes?: { type: string; name?: string; variables: RemoteProperty[] }[];
}

/** A failed evaluation: what the service's code threw. */
export interface Thrown {
  name: string;
  message: string;
  stack: string;
}
