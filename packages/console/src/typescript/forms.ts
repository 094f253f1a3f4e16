/** The form of a tree without its types: two texts of one form are the same code. */
import { child, normalForm, typeWrappers, type SyntaxNode } from '@keyhole/agent/source';

/** TypeScript that is code, and not only types. */
const code: ReadonlySet<string> = new Set([
  'TSEnumDeclaration',
  'TSEnumMember',
  'TSModuleDeclaration',
  'TSModuleBlock',
  'TSImportEqualsDeclaration',
  'TSExternalModuleReference',
  'TSQualifiedName',
  'TSExportAssignment',
  'TSParameterProperty',
]);
const typeFields: ReadonlySet<string> = new Set([
  'accessibility',
  'readonly',
  'override',
  'definite',
  'abstract',
  'declare',
  'implements',
  'importKind',
  'exportKind',
  'typeOnly',
]);

/** @param placeholder another text for a node, or null. */
export function formOf(node: SyntaxNode, placeholder: (node: SyntaxNode) => string | null = () => null): string {
  const replace = (each: SyntaxNode): string | null => {
    const instead = placeholder(each);
    if (instead !== null) return instead;
    if (isOnlyTypes(each)) return '';
    const inner = typeWrappers.has(each.type) ? child(each, 'expression') : null;
    return inner === null ? null : formOf(inner, placeholder);
  };
  // A question mark is an operator on a member and a call, and part of the type elsewhere.
  const ignore = (each: SyntaxNode, field: string): boolean =>
    typeFields.has(field) || (field === 'optional' && each.type !== 'MemberExpression' && each.type !== 'CallExpression');
  return normalForm(node, { replace, ignore });
}

/** Whether nothing of a node is left when its types are gone. */
export function isOnlyTypes(node: SyntaxNode): boolean {
  if (node.importKind === 'type' || node.exportKind === 'type' || node.declare === true) return true;
  if (node.type === 'MethodDefinition' || node.type === 'PropertyDefinition') {
    return node.abstract === true || child(node, 'value')?.type === 'TSDeclareMethod';
  }
  // The type of `this`.
  if (node.type === 'Identifier') return node.name === 'this';
  return node.type.startsWith('TS') && !code.has(node.type) && !typeWrappers.has(node.type);
}

/** The names that stand anywhere in types. */
export function namesInTypes(program: SyntaxNode): Set<string> {
  const names = new Set<string>();
  const walk = (value: unknown, inTypes: boolean): void => {
    if (Array.isArray(value)) for (const each of value) walk(each, inTypes);
    if (typeof value !== 'object' || value === null || typeof (value as SyntaxNode).type !== 'string') return;
    const node = value as SyntaxNode;
    const inside = inTypes || (node.type.startsWith('TS') && !code.has(node.type) && !typeWrappers.has(node.type));
    if (inside && node.type === 'Identifier') names.add(String(node.name));
    for (const [field, each] of Object.entries(node)) walk(each, inside || field === 'implements');
  };
  walk(program, false);
  return names;
}
