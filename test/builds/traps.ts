/**
 * Changes that a translation gets wrong easily: what it says is another thing in the running code than in the author's. They are pushed all at once, and each has to be refused, or to do what it does in
 * a service built from the changed sources.
 */
import type { Change } from './changes.ts';

const letters = [...'abcdefghijklmopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ$_'];

function trap(name: string, from: string, to: string, doc: string): Change {
  return { file: 'src/traps.ts', address: `src/traps.ts:${name}`, from, to, doc };
}

export const traps = {
  runningNames: trap(
    'runningNames',
    '  return rounded(n);',
    `  const round = (value: number): number => -value;
  const [money_js_1, library_js_1, import_money, import_library, _money, _library, round2, round$1, rounded2] = [...'123456789'];
  const own = [money_js_1, library_js_1, import_money, import_library, _money, _library, round2, round$1, rounded2];
  return [rounded(n), money.round(n), round(n), own.join('')];`,
    'its own variables have the names that compilers give to imports',
  ),
  shortNames: trap(
    'shortNames',
    '  return label(n);',
    `  const [${letters.join(', ')}] = '${letters.join('')}';
  return [label(n), asText(n, a), ${letters.join(' + ')}];`,
    'its own variables have every name of one letter',
  ),
  ownNames: trap(
    'ownNames',
    '  return label;',
    `  const join = (rounded: number): number => rounded + money.round(1.005);
  function asText(): string {
    return label;
  }
  return [join(1), asText()];`,
    'its own variables have the names of imports',
  ),
  globalName: trap(
    'globalName',
    '  return encodeURIComponent(text);',
    '  return escape(text);',
    'a global whose name another file of the bundle has for something else',
  ),
  liveExport: trap(
    'liveExport',
    '  served += n;\n  return served;',
    '  served += n;\n  [served] = [served + n];\n  ({ value: served } = { value: served + n });\n  served++;\n  return --served;',
    'every way to assign to an exported variable, seen by its importers',
  ),
  elided: trap('elided', '  return kind;', '  return kind === Kind.Book;', 'an import that only types used'),
  shaken: trap('shaken', '  return n * 2;', "  return n * (spare.get('spare') ?? 0);", 'a top-level value that nothing used'),
  constant: trap(
    'constant',
    '  return n * factor;',
    '  return n + factor + factor;',
    'a top-level number, which minifiers put where its name stands',
  ),
  twin: {
    file: 'src/traps.ts',
    address: 'src/traps.ts:known',
    from: '  return table.has(key);',
    to: '  return !table.has(key);',
    doc: 'a function that another file has to the letter, where it means another table',
  },
  properties: trap(
    'properties',
    '  return { round: n }.round;',
    `  const bag = { rounded: n, money: 2, label, asText: money };
  const { rounded: other, label: named, ...rest } = bag;
  return [bag.rounded, bag.money, other, named(1), 'money.round', /label/.test('label'), Object.keys(rest), \`\${'label'} label\`];`,
    'properties, texts and patterns that look like imports',
  ),
  callees: trap(
    'callees',
    '  return String(n);',
    '  return [typeof rounded, tag`x${n}y`, new Word(`w${n}`).text, money.round?.(n), [1.005].map(rounded)];',
    'imports as tags, with new, typeof, and as values',
  ),
  numericEnum: trap('numericEnum', '  return size + 1;', "  return [Size[size], Size['Small'], Size.Large];", 'a numeric enum, read backwards'),
  madeAsync: trap(
    'madeAsync',
    'export function madeAsync(n: number): unknown {\n  return n;',
    'export async function madeAsync(n: number): Promise<unknown> {\n  return rounded(n);',
    'a function made async',
  ),
  defaults: trap(
    'defaults',
    'm = n): unknown {\n  return [n, m];',
    'm = rounded(n) + factor): unknown {\n  return [m, n];',
    'a default parameter that uses an import',
  ),
  dynamicImport: trap(
    'dynamicImport',
    '  return null;',
    "  const { dash } = await import('./text.js');\n  const { default: named } = await import('./money.js');\n  return [dash, named(9)];",
    'import(), which a bundler resolves',
  ),
  strictness: trap(
    'strictness',
    "  return 'strict';",
    '  return (function (this: unknown): string {\n    return typeof this;\n  })();',
    'whether the code is strict',
  ),
  modern: trap(
    'modern',
    '  return [n];',
    `  const found: { a?: { b?: number }; c?: number } = { a: {} };
  found.c ??= n ** 2;
  try {
    found.a!.b ||= 1_0;
  } catch {
    return null;
  }
  class Local {
    static readonly made = 1;
    #own = 2;
    sum(): number {
      return this.#own + Local.made;
    }
  }
  return [found.a?.b ?? 0, { ...found }, [...[n]], new Local().sum()];`,
    'syntax that older targets do not have',
  ),
  packages: trap(
    'packages',
    '  return n;\n}\n\nexport class',
    "  return [tiny(n), basename('/a/b.js', '.js'), path.posix.sep];\n}\n\nexport class",
    "a package that is CommonJS, and Node's own modules",
  ),
  holds: trap(
    'Pouch.holds',
    '    return value instanceof Pouch;',
    '    return typeof value === "object" && value !== null && #coins in value;',
    'a private name asked for',
  ),
  awaited: trap(
    'Pouch.awaited',
    '    return this.text;',
    '    const later = async (): Promise<string> => (await super.twice()) + this.text;\n    return later();',
    'super and this in an async arrow',
  ),
  coins: trap(
    'Pouch.coins',
    '    return this.#coins;',
    '    this.#coins += Pouch.#made;\n    return [this.#coins++, --this.#coins, (this.#coins ??= 0)];',
    'private fields assigned in every way, a static one among them',
  ),
  inlined: {
    file: 'src/traps.ts',
    address: 'src/traps.ts:hook',
    from: '  return n;\n}\nconst hooks',
    to: '  return n + 1;\n}\nconst hooks',
    doc: 'a function whose calls a minifier has replaced',
  },
  removedCall: {
    file: 'src/traps.ts',
    address: 'src/traps.ts:audit',
    from: '  return n + 1;\n}\n\nexport function removedCall',
    to: '  log.push(n);\n  return n + 1;\n}\n\nexport function removedCall',
    doc: 'a function whose calls a bundler has left out',
  },
  unusedParameter: {
    file: 'src/traps.ts',
    address: 'src/traps.ts:second',
    from: '  return a * 2;',
    to: '  return a * 2 + b;',
    doc: 'a parameter that it did not use',
  },
  emptyCall: {
    file: 'src/traps.ts',
    address: 'src/traps.ts:empty',
    from: 'function empty(n: number): void {}',
    to: 'function empty(n: number): void {\n  log.push(n);\n}',
    doc: 'a function that was empty',
  },
  staticCall: {
    file: 'src/traps.ts',
    address: 'src/traps.ts:Desk.check',
    from: 'static check(n: number): number {\n    return',
    to: 'static check(n: number): number {\n    log.push(n);\n    return',
    doc: 'a static method whose calls a bundler has left out',
  },
  madeInVain: {
    file: 'src/traps.ts',
    address: 'src/traps.ts:Token.constructor',
    from: '    this.made = made;',
    to: '    log.push(made);\n    this.made = made;',
    doc: 'a constructor whose instances nobody keeps',
  },
  methodCall: {
    file: 'src/traps.ts',
    address: 'src/traps.ts:Desk.weigh',
    from: '    return n + this.made;',
    to: '    log.push(n);\n    return n + this.made;',
    doc: 'a method that did nothing',
  },
  tableCall: {
    file: 'src/traps.ts',
    address: 'src/traps.ts:stamp',
    from: 'function stamp(n: number): number {\n',
    to: 'function stamp(n: number): number {\n  log.push(n);\n',
    doc: 'a function that is called as a property',
  },
  propertyCall: {
    file: 'src/traps.ts',
    address: 'src/traps.ts:table2.seal',
    from: 'seal: (n: number): number => n + 2',
    to: 'seal: (n: number): number => log.push(n) + 2',
    doc: 'an arrow that is a property',
  },
  handedOn: {
    file: 'src/traps.ts',
    address: 'src/traps.ts:step',
    from: 'function step(n: number): number {\n',
    to: 'function step(n: number): number {\n  log.push(n);\n',
    doc: 'a function that is called by other names',
  },
} satisfies Record<string, Change>;

export type TrapName = keyof typeof traps;
export const trapNames = Object.keys(traps) as TrapName[];
