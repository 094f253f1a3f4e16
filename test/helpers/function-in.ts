/** A function of a program that is there as text only. */
import { analyseCaptures, indexFunctions, parseModule } from '../../packages/agent/dist/source/index.js';
import type { Captures, FunctionEntry } from '../../packages/agent/dist/source/index.js';

/** The first whose name ends so. */
export function functionIn(source: string, ending = ''): { entry: FunctionEntry; captures: Captures } {
  const program = parseModule(source, /^(?:import|export) /m.test(source) ? 'module' : 'commonjs', 'program.js');
  const entry = indexFunctions(program, source).find(({ name }) => name.endsWith(ending));
  if (entry === undefined) throw new Error(`no function in ${source}`);
  return { entry, captures: analyseCaptures(program) };
}
