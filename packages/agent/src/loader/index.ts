/** Load-time instrumentation. */
export { installInstrumentation } from './hooks.ts';
export { InstrumentedModule, SlotTable } from './slot-table.ts';
export type { ModuleInstance, Portal } from './slot-table.ts';
export { addSlot, offeredBy, topLevelClasses } from './transform.ts';
export { createSelection } from './selection.ts';
export { mapOf } from './instrument.ts';
