/**
 * Throws away all optimized code of the process; V8 makes it anew for what is hot. There is no method for that, so it is done by what begins with it: counting calls precisely, and ending that at once. It looks at every
 * function of the heap, which takes about as long as enabling the debugger, and V8 forgets no bytecode from then on.
 */
import { Inspector } from '../inspector.ts';

export function dropOptimizedCode(): void {
  const inspector = new Inspector();
  try {
    inspector.post('Profiler.enable');
    inspector.post('Profiler.startPreciseCoverage', { callCount: false, detailed: false });
    inspector.post('Profiler.stopPreciseCoverage');
  } finally {
    inspector.close();
  }
}

/** The isolate has one way of counting for all: dropping would end the coverage that Node itself keeps. */
export function countsCoverage(): boolean {
  return (process.env['NODE_V8_COVERAGE'] ?? '') !== '';
}
