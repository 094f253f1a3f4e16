/**
 * The strategy for code that was not instrumented, on Node 20 to 25: V8 swaps the code in place. It stops the process in proportion to the heap, and it answers Ok and changes
 * nothing when the new code uses a variable that no closure captured before; so that is refused by name beforehand, and the living functions are looked at afterwards.
 */
import { commonJsNames } from '../../loader/index.ts';
import { capabilitiesOf } from '../../platform/capabilities.ts';
import { functionText } from '../../platform/originals.ts';
import type { StrategyVerdict } from '../../protocol/index.ts';
import { analyseCaptures, below, parseFunction } from '../../source/index.ts';
import type { Binding, Captures, SyntaxNode } from '../../source/index.ts';
import type { Inspector, RemoteObject } from '../inspector.ts';
import { loadedCode } from './modules.ts';
import type { FunctionTarget, LoadedModule } from './modules.ts';
import { countsCoverage, dropOptimizedCode } from './optimized.ts';
import { predictPauseMs, usedMegabytes } from './pauses.ts';
import { whyNotEdited, whyRefused } from './live-edit-status.ts';
import type { LiveEditAnswer } from './live-edit-status.ts';
import { urlOf } from './scripts.ts';
import type { ScriptParsed, Scripts } from './scripts.ts';
import type { Change, PatchStrategy, Refusal, Transaction } from './strategy.ts';

type LiveCode = Map<number, { target: FunctionTarget; code: string }>;

export class LiveEditStrategy implements PatchStrategy {
  readonly name = 'live-edit';
  readonly #inspector: Inspector;
  readonly #scripts: Scripts;
  /** What is live, by module and by index of the function. */
  readonly #live = new Map<LoadedModule, LiveCode>();

  constructor(inspector: Inspector, scripts: Scripts) {
    this.#inspector = inspector;
    this.#scripts = scripts;
  }

  assess(target: FunctionTarget): StrategyVerdict {
    const heapMegabytes = usedMegabytes();
    const pauseMs = predictPauseMs('liveEdit', heapMegabytes);
    const verdict = (possible: boolean, why: string): StrategyVerdict => ({ name: this.name, possible, pauseMs: possible ? pauseMs : 0, why });
    if (target.module.instrumented) return verdict(false, 'its file was instrumented');
    const { liveEdit, liveEditLeavesCallers } = capabilitiesOf(process.version);
    if (liveEditLeavesCallers && countsCoverage())
      return verdict(false, `the process counts its coverage (NODE_V8_COVERAGE), which would end with a live edit on Node ${process.version}`);
    if (!liveEdit) return verdict(false, `Node ${process.version} can not replace code that was not instrumented: V8 took that out`);
    if (isInField(target))
      return verdict(false, 'a class field makes it: V8 leaves what makes it as it was, and new instances would have the old code');
    return verdict(true, `V8 swaps the code in place; the pause grows with the heap, which has ${Math.round(heapMegabytes)} MB`);
  }

  objection({ target, code }: Change): string | null {
    return code === null ? null : unreachable(target, code);
  }

  reachable(target: FunctionTarget): string[] {
    const { captures, entry } = target;
    const names: string[] = [];
    for (let scope = captures.scopeOf(entry.node).parent; scope !== null && scope !== captures.module; scope = scope.parent) {
      for (const binding of scope.bindings.values()) {
        if (captures.resolve(binding.name, captures.scopeOf(entry.node)) === binding && isCaptured(binding, captures)) names.push(binding.name);
      }
    }
    return names;
  }

  prepare(changes: readonly Change[]): { transaction: Transaction; refused: Refusal[] } {
    const refused: Refusal[] = [];
    const accepted: Change[] = [];
    for (const change of changes) {
      const why = change.code === null ? null : (unreachable(change.target, change.code) ?? this.#overlap(change, changes));
      if (why === null) accepted.push(change);
      else refused.push({ address: change.target.address, why });
    }
    const [first] = accepted;
    const expectedPauseMs = first === undefined ? 0 : this.assess(first.target).pauseMs;
    return { transaction: this.#transaction(accepted, expectedPauseMs), refused };
  }

  /** Two texts, one of which stands in the other, would each undo the other. */
  #overlap({ target }: Change, changes: readonly Change[]): string | null {
    const inSet = changes.filter((other) => other.target.module === target.module && other.code !== null).map((other) => other.target);
    const live = [...(this.#live.get(target.module)?.values() ?? [])].map((each) => each.target);
    const { start, end } = target.entry;
    const other = [...live, ...inSet].find(
      ({ index, entry }) => index !== target.index && ((entry.start <= start && end <= entry.end) || (start <= entry.start && entry.end <= end)),
    );
    if (other === undefined) return null;
    const where = other.entry.start <= start ? 'it stands inside' : 'it holds';
    return `${where} ${other.address}, which is patched too: live edit would undo the one with the other; revert that patch first`;
  }

  #transaction(changes: readonly Change[], expectedPauseMs: number): Transaction {
    const modules = new Set(changes.map((change) => change.target.module));
    const before = new Map([...modules].map((module) => [module, new Map(this.#live.get(module))]));
    const texts = new Map(changes.map((change) => [change, this.#codeOf(change.target)]));
    /** Scripts of other files. */
    const elsewhere = new Set<string>();
    return {
      expectedPauseMs,
      apply: () => {
        this.#edit((scripts) => {
          const urls = new Set([...modules].map((module) => module.url));
          for (const script of scripts) if (!urls.has(urlOf(script.url))) elsewhere.add(script.scriptId);
          for (const module of modules) {
            const now = this.#textOf(module);
            const scriptId = this.#scripts.scriptWith(scripts, module, now);
            if (scriptId === null) throw new Error(`V8 does not hold the text of ${module.url} that is known to run`);
            const live = new Map(this.#live.get(module));
            for (const { target, code } of changes.filter((change) => change.target.module === module)) {
              if (code === null) live.delete(target.index);
              else live.set(target.index, { target, code });
            }
            this.#set(scriptId, textWith(module, live));
            // Only now: what V8 refused is not live.
            this.#live.set(module, live);
          }
        });
      },
      verify: () => {
        const proven = new Set<string>();
        const doubts: Refusal[] = [];
        const olds = changes.map((change) => shown(texts.get(change) ?? ''));
        const counts = this.#livingWith(new Set(olds), elsewhere);
        for (const [index, change] of changes.entries()) {
          const { address } = change.target;
          const old = counts.get(olds[index] ?? '') ?? 0;
          if (old > 0) doubts.push({ address, why: `${old} living functions still have the old text` });
          else proven.add(address);
        }
        return { proven, doubts };
      },
      undo: () => {
        this.#edit((scripts) => {
          for (const [module, live] of before) {
            const now = this.#textOf(module);
            const then = textWith(module, live);
            if (then === now) continue;
            const scriptId = this.#scripts.scriptWith(scripts, module, now);
            if (scriptId === null) throw new Error(`V8 does not hold the text of ${module.url} that is known to run`);
            this.#set(scriptId, then);
            this.#live.set(module, live);
          }
        });
      },
    };
  }

  /** All edits of one transaction, with nothing of the service in between. */
  #edit(work: (scripts: ScriptParsed[]) => void): void {
    this.#scripts.withDebugger((scripts) => {
      if (capabilitiesOf(process.version).liveEditLeavesCallers) dropOptimizedCode();
      work(scripts);
    });
  }

  #codeOf(target: FunctionTarget): string {
    return this.#live.get(target.module)?.get(target.index)?.code ?? loadedCode(target);
  }

  #textOf(module: LoadedModule): string {
    return textWith(module, this.#live.get(module) ?? new Map());
  }

  #set(scriptId: string, scriptSource: string): void {
    let answer: LiveEditAnswer;
    try {
      answer = this.#inspector.post<LiveEditAnswer>('Debugger.setScriptSource', { scriptId, scriptSource });
    } catch (thrown) {
      throw new Error(whyRefused(thrown), { cause: thrown });
    }
    const why = whyNotEdited(answer);
    if (why !== null) throw new Error(why);
    // What has no living instance is proven by this alone: the next one is made of what the script holds.
    const now = this.#inspector.post<{ scriptSource: string }>('Debugger.getScriptSource', { scriptId }).scriptSource;
    if (now !== scriptSource) throw new Error('V8 says Ok, and its script does not hold the new text');
  }

  /** Living functions that still have an old text, by text. A text that another file has too is no doubt: where a function was made says whose it is. */
  #livingWith(texts: ReadonlySet<string>, elsewhere: ReadonlySet<string>): Map<string, number> {
    const group = 'keyhole:live-edit';
    const counts = new Map<string, number>();
    try {
      const prototype = this.#inspector.wrap(Function.prototype, group, false);
      const { objects } = this.#inspector.post<{ objects: RemoteObject }>('Runtime.queryObjects', {
        prototypeObjectId: prototype.objectId,
        objectGroup: group,
      });
      const living = objects.objectId === undefined ? [] : (this.#inspector.unwrap(objects.objectId) as unknown[]);
      for (const each of living) {
        if (typeof each !== 'function') continue;
        const text = functionText.call(each);
        if (texts.has(text) && !elsewhere.has(this.#scriptOf(each, group))) counts.set(text, (counts.get(text) ?? 0) + 1);
      }
      return counts;
    } finally {
      this.#inspector.releaseGroup(group);
    }
  }

  #scriptOf(fn: unknown, group: string): string {
    const { objectId = '' } = this.#inspector.wrap(fn, group, false);
    const location = this.#inspector.properties(objectId, true, false).internalProperties?.find((each) => each.name === '[[FunctionLocation]]');
    return (location?.value?.value as { scriptId?: string } | undefined)?.scriptId ?? '';
  }
}

/** The module's text with all that is live in it; the text of an outer function holds that of those in it. */
function textWith(module: LoadedModule, live: LiveCode): string {
  const pieces = [...live.values()].map(({ target, code }) => ({ ...target.entry, code }));
  const outer = pieces.filter((each) => !pieces.some((other) => other !== each && other.start <= each.start && each.end <= other.end));
  let text = module.running;
  for (const { start, end, code } of outer.sort((a, b) => b.start - a.start)) text = text.slice(0, start) + code + text.slice(end);
  return text;
}

/** The text of a member as `toString` prints it. */
function shown(text: string): string {
  return text.replace(/^static\s+/, '');
}

/** Why V8 would not find a variable of the new text where it lies, or null. */
function unreachable({ captures, entry, module, file }: FunctionTarget, code: string): string | null {
  const { program, container } = parseFunction(code, entry.place, module.format, file);
  if (kindOf(container) !== kindOf(entry.container)) return `it is a ${entry.kind}, and the new text is something else`;
  const renewed = analyseCaptures(program);
  const outer = captures.scopeOf(entry.node).parent;
  const missing = new Set<string>();
  const unknown = new Set<string>();
  for (const { name, scope, above } of renewed.references) {
    if (renewed.resolve(name, scope) !== null || outer === null) continue;
    const binding = captures.resolve(name, outer);
    const isNamed = binding !== null || name in globalThis || name === 'arguments' || (module.format === 'commonjs' && commonJsNames.has(name));
    if (!isNamed && !(above.type === 'UnaryExpression' && above.operator === 'typeof')) unknown.add(name);
    const isLost =
      binding === null ? module.format === 'commonjs' && commonJsNames.has(name) && !isMentioned(name, captures) : !isCaptured(binding, captures);
    if (isLost && binding?.kind !== 'import') missing.add(name);
  }
  if (unknown.size > 0) return `${[...unknown].join(', ')} is not defined in ${file}, nor is it a global`;
  if (missing.size === 0) return null;
  return `${[...missing].join(', ')} is captured by no function of the running code, so V8 would not find it`;
}

/** Whether the initializer of a class field makes it. */
function isInField({ captures, entry }: FunctionTarget): boolean {
  const within = (node: SyntaxNode): boolean => {
    for (const part of below(node)) {
      if (part.start <= entry.start && entry.end <= part.end) return part.type === 'PropertyDefinition' || within(part);
    }
    return false;
  };
  return within(captures.module.node);
}

/** A declaration and an expression are one thing to a function's text; a member and an arrow are others. */
function kindOf(container: SyntaxNode): string {
  return container.type === 'FunctionDeclaration'
    ? 'FunctionExpression'
    : `${container.type} ${String(container.kind)}`.replace('FunctionExpression undefined', 'FunctionExpression');
}

/** Whether a function uses what CommonJS passes to every module. */
function isMentioned(name: string, captures: Captures): boolean {
  return captures.references.some(
    (reference) => reference.name === name && reference.scope !== captures.module && captures.resolve(name, reference.scope) === null,
  );
}

/** Whether a function other than the one that declares it uses the variable: only then it lies where new code can find it. */
function isCaptured(binding: Binding, captures: Captures): boolean {
  return captures.references.some((reference) => {
    if (reference.name !== binding.name || captures.resolve(reference.name, reference.scope) !== binding) return false;
    for (let scope: typeof reference.scope | null = reference.scope; scope !== null && scope !== binding.scope; scope = scope.parent) {
      if (scope.kind === 'function') return true;
    }
    return false;
  });
}
