/**
 * The way into a module: its first statement hands over an object with a getter for each of its variables. It is compiled when somebody asks for it. An `eval`
 * there would do the same in fewer characters and make V8 distrust every variable of the module.
 */
import { child, children, isWritable, privateNamesOf } from '../source/index.ts';
import type { Captures, FunctionEntry, ModuleFormat, SyntaxNode } from '../source/index.ts';
import { commonJsNames, registration, registryName, scopeWords } from './names.ts';
import { privateAccessorOf } from './offers.ts';

/**
 * The statement that registers a module under the id of its load.
 * @throws where the module declares our one name; it is then loaded as it is.
 */
export function moduleStatement(captures: Captures, format: ModuleFormat, id: string): string {
  if (captures.module.bindings.has(registryName)) throw new Error(`it declares ${registryName}, which is our name`);
  const parts = ['__proto__:null'];
  for (const [name, binding] of captures.module.bindings) {
    parts.push(`get ${name}(){return ${name}}`);
    // A setter makes V8 take the variable for one that changes: half as slow again, measured on a compiler. One that the module never assigns gets none.
    if (isWritable(binding, captures)) parts.push(name === '$v' ? 'set $v($w){$v=$w}' : `set ${name}($v){${name}=$v}`);
  }
  if (format === 'commonjs') {
    parts.push(`"${scopeWords.commonjs}":()=>({${[...commonJsNames].filter((name) => !captures.module.bindings.has(name)).join(',')}})`);
  } else {
    parts.push(`get "${scopeWords.meta}"(){return import.meta}`);
  }
  parts.push(`"${scopeWords.import}":(s,o)=>import(s,o)`);
  return `${registration}(${JSON.stringify(id)},-1,()=>({${parts.join(',')}}));`;
}

/** The static block that registers a class of the module with what its private names give. */
export function classBlock(node: SyntaxNode, index: number, id: string): string {
  return `static{${registration}(${JSON.stringify(id)},${index},this,${privateAccessorOf(privateNamesOf(node))});}`;
}

/** Classes that are statements of the module, or the value of a variable of it. */
export function topLevelClasses(statements: readonly SyntaxNode[]): SyntaxNode[] {
  return statements.flatMap((statement) => {
    const declaration = statement.type.startsWith('Export') ? (child(statement, 'declaration') ?? statement) : statement;
    if (declaration.type === 'ClassDeclaration') return [declaration];
    if (declaration.type !== 'VariableDeclaration') return [];
    return children(declaration, 'declarations').flatMap((declarator) => {
      const init = child(declarator, 'init');
      return init?.type === 'ClassExpression' ? [init] : [];
    });
  });
}

/** Those of them that register themselves, by their order: the others have nothing that only their own code can say. */
export function registeredClasses(program: SyntaxNode, captures: Captures, functions: readonly FunctionEntry[]): Map<SyntaxNode, number> {
  const registered = new Map<SyntaxNode, number>();
  for (const [index, node] of topLevelClasses(children(program, 'body')).entries()) {
    const usesSuper = functions.some((entry) => entry.class === node && captures.useOf(entry.node).super);
    if (child(node, 'superClass') !== null || privateNamesOf(node).length > 0 || usesSuper) registered.set(node, index);
  }
  return registered;
}
