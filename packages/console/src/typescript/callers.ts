/**
 * Whether a bundler or minifier may have changed the calls of a function by what it knew of its old body: it leaves out arguments that nothing uses and calls that do nothing, and puts short
 * bodies in the place of calls. A patch of the function would not reach those. Where the change could matter, every mention of the function in the author's files has to be found in what runs.
 */
import { below, child, children, isFunction, namesOf, type FunctionEntry, type SyntaxNode } from '@keyhole/agent/source';
import { holdersOf } from './holders.ts';
import type { Use } from './mentions.ts';
import type { AuthorFile } from './parse.ts';
import type { RunningModule } from './running.ts';
import { isWithin, type Tree } from './tree.ts';
import { bare } from './spoken.ts';

/** @returns why the calls are not shown to be the author's; null where they are, or where it does not matter. */
export function changedCalls(
  author: AuthorFile,
  before: FunctionEntry,
  renewed: AuthorFile,
  after: FunctionEntry,
  running: RunningModule,
  runs: FunctionEntry,
): string | null {
  if (!running.mayChangeCalls || !mayMatter(author, before, renewed, after)) return null;
  const holders = holdersOf(author, before);
  // Nothing calls by name what has none.
  if (holders.length === 0) return null;
  const held = new Set(holdersOf(running.tree, runs).flatMap((each) => (each.by === 'variable' ? [each.binding] : [])));
  if (held.size === 0 && holders.some((each) => each.by === 'variable')) return 'the build made something else of the variable that holds it';
  const missing = running.missingMention(holders, held, { use: useOf(before), mayBeLeftOut: !surelyActs(author, before) });
  return missing === null ? null : `the build may have changed its calls by what the old text did (${missing})`;
}

function useOf({ kind }: FunctionEntry): Use {
  if (kind === 'constructor' || kind === 'derived constructor') return 'constructed';
  return kind === 'getter' || kind === 'setter' ? 'accessed' : 'called';
}

function mayMatter(author: AuthorFile, before: FunctionEntry, renewed: AuthorFile, after: FunctionEntry): boolean {
  const known = usedParameters(author, before);
  if ([...usedParameters(renewed, after)].some((index) => !known.has(index))) return true;
  // No build puts the body of a class member in the place of its calls: which class an object is of is known when it runs.
  return (before.place !== 'class-member' && isShort(before.node)) || !surelyActs(author, before);
}

/** The numbers of the parameters that a text mentions; -1 stands for all of them. */
function usedParameters({ captures }: Tree, { node }: FunctionEntry): Set<number> {
  const scope = captures.scopeOf(node);
  const mentioned = new Set(
    captures.references
      .filter((each) => isWithin(each.node, node) && captures.resolve(each.name, each.scope)?.scope === scope)
      .map(({ name }) => name),
  );
  const used = new Set<number>();
  for (const [index, parameter] of children(node, 'params')
    .filter((each) => each.name !== 'this')
    .entries()) {
    // A pattern reads what it takes apart.
    if (parameter.type !== 'Identifier' && parameter.type !== 'AssignmentPattern') used.add(index);
    namesOf(parameter, (name) => {
      if (mentioned.has(name)) used.add(index);
    });
  }
  if (captures.references.some((each) => each.name === 'arguments' && isWithin(each.node, node))) used.add(-1);
  return used;
}

/** A body of at most one statement may stand in the place of a call. */
function isShort(node: SyntaxNode): boolean {
  const body = child(node, 'body');
  return body === null || body.type !== 'BlockStatement' || children(body, 'body').length < 2;
}

/** Whether a text does something besides giving a result, whatever the functions are that it calls. */
function surelyActs({ captures }: Tree, entry: FunctionEntry): boolean {
  const { node } = entry;
  const inside = new Set(
    captures.references
      .filter(({ name, scope }) => {
        const found = captures.resolve(name, scope);
        return found !== null && isWithin(found.scope.node, node);
      })
      .map((each) => each.node),
  );
  const isOwn = (target: SyntaxNode): boolean => {
    let at = bare(target);
    for (let object = child(at, 'object'); object !== null; object = child(at, 'object')) at = bare(object);
    // Who makes an instance and lets it go has done nothing.
    return at.type === 'Identifier' ? inside.has(at) : at.type !== 'ThisExpression' || useOf(entry) === 'constructed';
  };
  const walk = (at: SyntaxNode): boolean => {
    if (isFunction(at) && at !== node) return false;
    if (['ThrowStatement', 'AwaitExpression', 'YieldExpression'].includes(at.type)) return true;
    const target = at.type === 'AssignmentExpression' ? child(at, 'left') : at.type === 'UpdateExpression' ? child(at, 'argument') : null;
    return (target !== null && !isOwn(target)) || below(at).some(walk);
  };
  return walk(node);
}
