/** What V8 answers to a live edit, in plain words. It never takes an answer that it does not know for a yes. */

export interface LiveEditAnswer {
  status?: string;
  exceptionDetails?: { text: string; exception?: { description?: string } };
}

const words: Record<string, string> = {
  CompileError: 'V8 can not compile the new text',
  BlockedByActiveGenerator:
    'a generator or async function of the file is suspended, and its code would have to change under it: try again when it is done',
  BlockedByActiveFunction: 'the function is running right now: try again when it has returned',
  BlockedByTopLevelEsModuleChange: 'V8 takes it for a change of the top level of an ES module, which runs only once',
};

/** Null where V8 did it. */
export function whyNotEdited({ status, exceptionDetails }: LiveEditAnswer): string | null {
  // Node 20 to 25 answer with a status; an answer without one says whether there was an exception.
  if (exceptionDetails === undefined && (status === undefined || status === 'Ok')) return null;
  const why = words[status ?? 'CompileError'] ?? `V8 says ${status === 'Ok' ? 'Ok, and an exception' : status}, which nobody knows`;
  const detail = exceptionDetails?.exception?.description?.split('\n')[0] ?? exceptionDetails?.text;
  return detail === undefined ? why : `${why}: ${detail}`;
}

/** What the inspector threw instead of an answer. */
export function whyRefused(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (/no longer available|wasn't found|not found/i.test(message))
    return `Node ${process.version} can not replace code that was not instrumented: V8 took that out (${message})`;
  return `V8 refused: ${message}`;
}
