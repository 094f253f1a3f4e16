/**
 * JSX: what a file's elements may have been compiled to. Which it was, nobody says; the running code shows it where it was compiled the same way (translate.ts).
 */
import { below, type FunctionEntry, type SyntaxNode } from '@keyhole/agent/source';
import type { AuthorFile } from './parse.ts';

/** How elements become calls. */
export type JsxForm =
  /** Of a function that the author brought in. */
  | { kind: 'classic'; factory: string; fragment: string }
  /** Of functions that the compiler brings in. */
  | { kind: 'automatic'; importSource: string };

const classicForms: readonly JsxForm[] = [
  { kind: 'classic', factory: 'React.createElement', fragment: 'React.Fragment' },
  { kind: 'classic', factory: 'h', fragment: 'Fragment' },
];

/**
 * @param specifiers of what the running module imports or requires.
 * @returns none for a file without JSX.
 */
export function jsxForms(author: AuthorFile, specifiers: Iterable<string>): JsxForm[] {
  if (elementsIn(author.program).length === 0) return [];
  const automatic = [...specifiers].flatMap((each) => {
    const importSource = /^(.+)\/jsx-runtime(?:\.js)?$/.exec(each)?.[1];
    return importSource === undefined ? [] : [{ kind: 'automatic', importSource } as const];
  });
  const classic = classicForms.filter((form) => form.kind === 'classic' && author.captures.module.bindings.has(rootOf(form.factory)));
  const pragma = pragmasIn(author.text).some((each) => each.startsWith('@jsx '));
  const forms = [...automatic, ...classic];
  // A pragma says the factory itself, whatever the options are.
  return forms.length === 0 && pragma ? [...classicForms.slice(0, 1)] : forms;
}

/** Why a function with elements is not shown to be what runs, where that was compiled for development: each element says its file and line there, as the build named them. */
export function forDevelopment({ container }: FunctionEntry, specifiers: Iterable<string>): string | null {
  const isSo = elementsIn(container).length > 0 && [...specifiers].some((each) => /\/jsx-dev-runtime(?:\.js)?$/.test(each));
  return isSo ? 'its elements were compiled for development (jsxDEV), with the place of each in the code' : null;
}

/** The names of the author's that elements stand for, though the text does not say them. */
export function factoryNames(author: AuthorFile): Set<string> {
  if (elementsIn(author.program).length === 0) return new Set();
  const pragmas = pragmasIn(author.text).flatMap((each) => /^@jsx(?:Frag)? (\S+)/.exec(each)?.[1] ?? []);
  const forms = classicForms.flatMap((form) => (form.kind === 'classic' ? [form.factory, form.fragment] : []));
  return new Set([...forms, ...pragmas].map(rootOf));
}

/** Comments that say how the file's elements are compiled. */
export function pragmasIn(text: string): string[] {
  return [...text.matchAll(/@(jsx|jsxFrag|jsxRuntime|jsxImportSource)\s+([^\s*]+)/g)].map(([, name, value]) => `@${name} ${value}`);
}

/** Elements and fragments, the outermost ones. */
export function elementsIn(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  const open = [node];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (at.type === 'JSXElement' || at.type === 'JSXFragment') found.push(at);
    else open.push(...below(at));
  }
  return found.sort((a, b) => a.start - b.start);
}

export function isFragmentIn(node: SyntaxNode): boolean {
  return node.type === 'JSXFragment' || below(node).some(isFragmentIn);
}

function rootOf(chain: string): string {
  return chain.split('.')[0] ?? chain;
}
