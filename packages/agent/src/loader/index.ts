/** Load-time instrumentation. */
export { defaultCacheDir } from './cache.ts';
export { EditList } from './edits.ts';
export type { Edit } from './edits.ts';
export { installInstrumentation } from './hooks.ts';
export { commonJsNames, registeredClasses, scopeWords } from './module-scope.ts';
export { accessorOf, offersOfNested } from './offers.ts';
export type { OfferKey, Spoken } from './offers.ts';
export { InstrumentedModule, SlotTable } from './slot-table.ts';
export type { ModuleScope, PrivateAccessor } from './slot-table.ts';
export { addSlot, isAnonymousFunction, isInert, offerOrder, passesThis } from './transform.ts';
export { createSelection } from './selection.ts';
export type { SelectionOptions } from './selection.ts';
export { mapOf } from './maps.ts';
