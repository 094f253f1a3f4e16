/** Load-time instrumentation. */
export { EditList, offsetWithoutEdits, withoutEdits } from './edits.ts';
export type { Edit } from './edits.ts';
export { registeredClasses } from './module-scope.ts';
export { commonJsNames, isInstrumented, scopeWords } from './names.ts';
export { accessorOf, offersOfNested } from './offers.ts';
export type { OfferKey, Spoken } from './offers.ts';
export { argumentCount, exactnessOf, passingLike, passingOf, whyNoMore } from './passing.ts';
export type { Passing } from './passing.ts';
export { isInstrumentedModule } from './slot-table.ts';
export type { InstrumentedModule, LeftOutFile, ModuleScope, PrivateAccessor, SlotTable } from './slot-table.ts';
export { isInert, isPattern, keepsPatterns } from './moved-patterns.ts';
export { addSlot, isAnonymousFunction, offerOrder, passesThis } from './transform.ts';
export { createSelection, isInPackage, isWrapper } from './selection.ts';
export { mapOf } from './maps.ts';
