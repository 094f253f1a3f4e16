/** Whether the names of a new function mean in the file that runs what they mean in the author's new file. A patch brings a function; it can not bring what stands around it. */
import { children, child, lineTable, namesOf, type Binding, type FunctionEntry, type SyntaxNode } from '@keyhole/agent/source';
import { formOf } from './forms.ts';
import { elementsIn, factoryNames } from './jsx.ts';
import type { AuthorFile } from './parse.ts';

/** @returns one reason for each name of the module that the running file does not have, or has otherwise. Imports that it does not have are not looked at: a patch may bring them. */
export function foreignNames(renewed: AuthorFile, entry: FunctionEntry, running: AuthorFile): string[] {
  const { captures } = renewed;
  const elements = elementsIn(entry.container).length > 0;
  const factories = [...factoryNames(renewed)].filter((name) => elements && captures.module.bindings.has(name));
  const names = new Set([
    ...factories,
    ...captures.references
      .filter(({ node }) => entry.container.start <= node.start && node.end <= entry.container.end)
      .flatMap(({ name, scope }) => {
        const binding = captures.resolve(name, scope);
        return binding === null || binding.scope === captures.module ? [name] : [];
      }),
  ]);
  const lineOf = lineTable(renewed.text);
  return [...names].flatMap((name) => {
    const here = captures.module.bindings.get(name);
    const there = running.captures.module.bindings.get(name);
    if (here === undefined) return there === undefined ? [] : [`${name} is global in the new text, and belongs to the module that runs`];
    const line = lineOf(here.declaration.start);
    if (there === undefined && here.kind === 'import' && here.declaration.type !== 'TSImportEqualsDeclaration') return [];
    if (there === undefined) return [`it uses ${name} (line ${line}), which the module that runs does not have`];
    return meaning(here, renewed) === meaning(there, running)
      ? []
      : [`it uses ${name} (line ${line}), which is something else in the module that runs`];
  });
}

/** What a name of a module stands for. Functions and classes are taken by their names, also in what holds them: what is in them is looked at by itself. */
function meaning(binding: Binding, { program, functions }: AuthorFile): string {
  const statement = children(program, 'body').find((each) => each.start <= binding.declaration.start && binding.declaration.end <= each.end);
  if (binding.kind === 'function' || binding.kind === 'class' || statement === undefined) return binding.kind;
  if (binding.kind === 'import') return `${formOf(binding.declaration)} ${String(child(statement, 'source')?.value)}`;
  const declaration = child(statement, 'declaration') ?? statement;
  const declarator = children(declaration, 'declarations').find((each) => declares(each, binding.name)) ?? declaration;
  const named = new Map(functions.filter(({ path }) => path !== '').map(({ container, path }) => [container, `Function(${path})`]));
  return `${binding.kind} ${formOf(declarator, (node) => named.get(node) ?? null)}`;
}

function declares(declarator: SyntaxNode, name: string): boolean {
  const id = child(declarator, 'id');
  let found = false;
  if (id !== null) namesOf(id, (each) => (found ||= each === name));
  return found;
}
