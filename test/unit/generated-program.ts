/**
 * Programs for property tests: a tape of numbers decides what is written, so that fast-check can shrink it. Every program leaves in `module.exports` what calls of its functions gave,
 * with `name` and `length` of every function that it saw.
 */

/** What is visible where the text is written. */
interface Around {
  names: string[];
  /** Declared in this very block, where a second declaration would be a syntax error. */
  declared: Set<string>;
  kind: 'plain' | 'arrow' | 'generator' | 'async' | 'async generator';
  inLoop: string | null;
}

const pool = ['a', 'b', 'c', 'd', 'e'];

class Writer {
  readonly #tape: readonly number[];
  #at = 0;
  #fresh = 0;

  constructor(tape: readonly number[]) {
    this.#tape = tape;
  }

  program(): string {
    const around: Around = { names: ['m', 'n'], declared: new Set(['m', 'n']), kind: 'plain', inLoop: null };
    const parts = this.#pick(4) === 0 ? ["'use strict';"] : [];
    parts.push("let m = 1;\nconst n = 'n';\nconst then = (it) => it;");
    const seen: string[] = [];
    for (let count = 1 + this.#pick(4); count > 0; count -= 1) {
      const name = `f${count}`;
      const text = this.#function(around, 0);
      parts.push(`const ${name} = ${this.#pick(3) === 1 ? `then(${text})` : text};`);
      around.names.push(name);
      seen.push(name);
    }
    return `${parts.join('\n')}\nmodule.exports = [${seen.join(', ')}];\nmodule.exports.after = () => [m, n];\n`;
  }

  /** A number below the bound; 0 where the tape has ended, so that everything ends. */
  #pick(bound: number): number {
    const value = this.#tape[this.#at] ?? 0;
    this.#at += 1;
    return value % bound;
  }

  #one<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.#pick(choices.length)] ?? choices[0];
  }

  #inside(around: Around, kind: Around['kind']): Around {
    return { names: [...around.names], declared: new Set(), kind, inLoop: null };
  }

  #name(around: Around): string {
    const free = pool.filter((each) => !around.declared.has(each));
    const [first, ...others] = free;
    const name = first === undefined || this.#pick(8) === 1 ? `x${(this.#fresh += 1)}` : this.#one([first, ...others]);
    around.declared.add(name);
    around.names.push(name);
    return name;
  }

  #reference(around: Around): string {
    return around.names[this.#pick(around.names.length)] ?? 'm';
  }

  /** A default in it reads only names from before the pattern. */
  #pattern(around: Around, depth: number, names = [...around.names]): string {
    const value = (): string => (this.#pick(2) === 0 ? '' : ` = ${this.#expression({ ...around, names, kind: 'arrow' }, depth + 2)}`);
    switch (depth > 1 ? 0 : this.#pick(4)) {
      case 1:
        return `{ x: ${this.#pattern(around, depth + 1, names)}${value()}, ${this.#name(around)}${value()} }`;
      case 2:
        return `[${this.#pattern(around, depth + 1, names)}${value()}, ...${this.#name(around)}]`;
      case 3:
        return `{ ${this.#name(around)}${value()},\n ...${this.#name(around)} }`;
      default:
        return this.#name(around);
    }
  }

  /** Parameters; a body with a directive allows only simple ones. */
  #parameters(inside: Around): { text: string; simple: boolean } {
    // Neither `yield` nor `await` can stand there, and a generator takes names alone.
    const around: Around = { ...inside, kind: inside.kind === 'arrow' || inside.kind === 'async' ? 'arrow' : 'plain' };
    const patterns = !inside.kind.endsWith('generator');
    const parts: string[] = [];
    let simple = true;
    for (let count = this.#pick(4); count > 0; count -= 1) {
      switch (this.#pick(4)) {
        case 1:
          parts.push(`${this.#name(around)} = ${this.#expression(around, 2)}`);
          simple = false;
          break;
        case 2:
          parts.push(`${patterns ? this.#pattern(around, 0) : this.#name(around)} = ${this.#one(['{}', '[1, 2]', '{ a: 1, x: [3] }'])}`);
          simple = false;
          break;
        default:
          parts.push(this.#name(around));
      }
    }
    if (this.#pick(5) === 1) {
      parts.push(`...${this.#pick(2) === 0 || !patterns ? this.#name(around) : `[${this.#name(around)}]`}`);
      simple = false;
    }
    return { text: parts.join(', '), simple };
  }

  #function(outside: Around, depth: number): string {
    const form = this.#one([
      'function',
      'named',
      'arrow',
      'expression',
      'generator',
      'async',
      'async arrow',
      'async generator',
      'object',
      'class',
    ] as const);
    if (form === 'object') return this.#object(outside, depth);
    if (form === 'class') return this.#class(outside, depth);
    const kind =
      form === 'arrow' || form === 'expression'
        ? 'arrow'
        : form === 'async arrow'
          ? 'async'
          : form === 'function' || form === 'named'
            ? 'plain'
            : form;
    const around = this.#inside(outside, kind);
    const own = form === 'named' ? ' self' : '';
    if (form === 'named') around.names.push('self');
    const { text, simple } = this.#parameters(around);
    if (form === 'expression') return `(${text}) => (${this.#expression(around, depth + 1)})`;
    const body = this.#body(around, simple, depth);
    if (form === 'arrow') return `(${text}) => ${body}`;
    if (form === 'async arrow') return `async (${text}) => ${body}`;
    return `${kind.startsWith('async') ? 'async ' : ''}function${kind.endsWith('generator') ? '*' : ''}${own}(${text}) ${body}`;
  }

  #member(outside: Around, depth: number, before: string, kind: Around['kind'] = 'plain'): string {
    const around = this.#inside(outside, kind);
    const { text, simple } = this.#parameters(around);
    return `${before}(${text}) ${this.#body(around, simple, depth)}`;
  }

  #object(outside: Around, depth: number): string {
    const method = this.#member(outside, depth, 'm');
    const getter = `get g() ${this.#body(this.#inside(outside, 'plain'), true, depth)}`;
    return `({ ${method}, ${getter}, ${this.#member(outside, depth, '*i', 'generator')}, ['k' + 1]: ${this.#expression(outside, depth + 1)} })`;
  }

  #class(outside: Around, depth: number): string {
    const base = `class { base(${this.#name(this.#inside(outside, 'plain'))}) { return [typeof this, new.target] } }`;
    const field = this.#expression(this.#inside(outside, 'arrow'), depth + 2);
    return (
      `new (class Inner extends (${base}) {\n #p = 1; field = (q) => [q, this.#p, ${field}];\n` +
      ` constructor(z) { super(); this.z = [z, new.target === Inner] }\n` +
      ` ${this.#member(outside, depth, 'm')}\n ${this.#member(outside, depth, 'static s')}\n` +
      ` get g() { return this.#p += 1 }\n call() { return super.base(1) }\n has(o) { return #p in o }\n})(2)`
    );
  }

  #body(around: Around, simple: boolean, depth: number): string {
    const directive = simple && this.#pick(5) === 1 ? "'use strict'\n" : '';
    const statements: string[] = [];
    for (let count = depth > 2 ? 0 : this.#pick(4); count > 0; count -= 1) statements.push(this.#statement(around, depth + 1));
    return `{${directive}${statements.join('\n')} return ${this.#expression(around, depth + 1)} }`;
  }

  #block(outside: Around, depth: number, declares: string[] = [], inLoop = outside.inLoop): string {
    const around: Around = { ...outside, names: [...outside.names, ...declares], declared: new Set(declares), inLoop };
    return `{ ${depth > 3 ? '' : this.#statement(around, depth + 1)} }`;
  }

  #statement(around: Around, depth: number): string {
    switch (this.#pick(11)) {
      case 1:
        return `const ${this.#name(around)} = ${this.#expression(around, depth)};`;
      case 2:
        return `var v${this.#pick(2)} = ${this.#expression(around, depth)};`;
      case 3:
        return `if (${this.#expression(around, depth)}) ${this.#block(around, depth)} else ${this.#block(around, depth)}`;
      case 4: {
        const label = `l${(this.#fresh += 1)}`;
        const first = this.#block(around, depth, ['i'], label);
        return `${label}: for (let i = 0; i < 2; i += 1) { ${first}\n if (i) break ${label}; else continue ${label} }`;
      }
      case 5:
        return `try { throw ${this.#expression(around, depth)} } catch (e) ${this.#block(around, depth, ['e'])}`;
      case 6:
        return `try ${this.#block(around, depth)} catch ({ name, length = 1 }) ${this.#block(around, depth, ['name', 'length'])} finally ${this.#block(around, depth)}`;
      case 7:
        return `switch (${this.#expression(around, depth)}) { case 1: ${this.#block(around, depth)} default: ${this.#block(around, depth)} }`;
      case 8:
        return around.inLoop === null ? 'm += 1;' : `if (m > 2) continue ${around.inLoop};`;
      case 9: {
        const name = this.#name(around);
        const inside = this.#inside(around, 'plain');
        const { text, simple } = this.#parameters(inside);
        return `function ${name}(${text}) ${this.#body(inside, simple, depth)}`;
      }
      case 10:
        return `[${this.#reference(around)}] = [${this.#expression(around, depth)}];`;
      default:
        return `let ${this.#name(around)} = ${this.#expression(around, depth)};`;
    }
  }

  #expression(around: Around, depth: number): string {
    if (depth > 3) return this.#one([this.#reference(around), '1', "'s'"]);
    switch (this.#pick(14)) {
      case 1:
        return `[${this.#expression(around, depth + 1)}, ${this.#reference(around)}]`;
      case 2: {
        const name = this.#reference(around);
        return `({ ${name}, k: ${this.#expression(around, depth + 1)} })`;
      }
      case 3:
        return `(${this.#function(around, depth + 1)})`;
      case 4:
        return `(${this.#function(around, depth + 1)})`;
      case 5:
        return `typeof ${this.#reference(around)}`;
      case 6:
        return `\`<\${typeof ${this.#reference(around)}}>\``;
      case 7:
        return around.kind === 'plain' || around.kind === 'generator'
          ? this.#one(['arguments.length', '[...arguments]', 'typeof this'])
          : 'typeof this';
      case 8:
        if (around.kind.endsWith('generator')) return `(yield ${this.#reference(around)})`;
        return around.kind === 'async' ? `(await ${this.#reference(around)})` : '2';
      case 9:
        return `(${this.#reference(around)}, ${this.#expression(around, depth + 1)})`;
      case 10:
        return `(${this.#reference(around)} = ${this.#expression(around, depth + 1)})`;
      case 11:
        return `(() => ${this.#reference(around)})()`;
      case 12:
        return `(typeof ${this.#reference(around)} === 'number' ? ${this.#expression(around, depth + 1)} : 3)`;
      case 13:
        return `(m += 1)`;
      default:
        return this.#reference(around);
    }
  }
}

export function generatedProgram(tape: readonly number[]): string {
  return new Writer(tape).program();
}

const argumentLists = [[], [1], [{ a: 1, x: [2, 3], b: 'b' }, [4, 5], 'c'], [undefined, null, 0, { x: { x: 1 } }]];

/** Plain data that says what a value is, and what calling it, iterating it or awaiting it gives. */
export async function seenOf(value: unknown, depth = 0): Promise<unknown> {
  if (depth > 4) return typeof value;
  const deeper = (each: unknown): Promise<unknown> => seenOf(each, depth + 1);
  const attempt = async (work: () => unknown): Promise<unknown> => {
    try {
      return await deeper(await work());
    } catch (thrown) {
      // Not its message: V8 names the expression in it, and that of a destructured parameter is another one.
      return thrown instanceof Error ? thrown.name : ['thrown', await deeper(thrown)];
    }
  };
  if (typeof value === 'function') {
    const outcomes: unknown[] = [];
    for (const list of argumentLists.slice(0, depth < 2 ? 4 : 1)) outcomes.push(await attempt(() => value(...list) as unknown));
    return { name: value.name, length: value.length, outcomes };
  }
  if (typeof value !== 'object' || value === null) return typeof value === 'number' || typeof value === 'string' ? value : String(value);
  if (Symbol.asyncIterator in value || (Symbol.iterator in value && !Array.isArray(value))) {
    const all: unknown[] = [];
    return [
      await attempt(async () => {
        for await (const each of value as AsyncIterable<unknown>) if (all.push(await deeper(each)) > 5) break;
      }),
      all,
    ];
  }
  const parts: [string, unknown][] = [];
  const keys = [
    ...Object.keys(value),
    ...Object.getOwnPropertyNames(Object.getPrototypeOf(value) ?? {}).filter((key) => ['m', 'g', 'call', 'has'].includes(key)),
  ];
  for (const key of keys)
    parts.push([
      key,
      await attempt(() => (typeof Reflect.get(value, key) === 'function' ? () => Reflect.get(value, key).call(value, 1) : Reflect.get(value, key))),
    ]);
  return parts;
}
