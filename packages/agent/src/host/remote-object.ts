/** A value of the service in the inspector's words. */

export interface RemoteObject {
  type: 'object' | 'function' | 'undefined' | 'string' | 'number' | 'boolean' | 'symbol' | 'bigint';
  subtype?: string;
  className?: string;
  value?: unknown;
  unserializableValue?: string;
  description?: string;
  objectId?: string;
  /** In place of `objectId`: an object that V8 is not asked about. */
  held?: object;
  preview?: V8Preview;
}

export interface V8Preview {
  type: string;
  subtype?: string;
  description?: string;
  overflow: boolean;
  properties: { name: string; type: string; subtype?: string; value?: string; valuePreview?: V8Preview }[];
  entries?: { key?: V8Preview; value: V8Preview }[];
}
