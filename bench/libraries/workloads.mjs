/** One CPU-bound job for each library: `prepare` gets what the package exports and gives the function that is timed. Inputs are made here, so that every run has the same. */

const times = (count, make) => Array.from({ length: count }, (_, index) => make(index)).join('');

const markdown = times(
  12,
  (n) => `# Chapter ${n}

Some *emphasis*, **strong words**, \`code\`, a [link](https://example.org/${n} "title") and ![an image](x.png).

- one
- two
  - nested ${n}
  - again

1. first
2. second

> quoted _text_
> goes on

| a | b |
| --- | :-: |
| ${n} | \`x\` |

\`\`\`js
const answer = ${n};
\`\`\`
`,
);

const javascript = times(
  30,
  (n) => `
export class Account${n} extends Base {
  #balance = ${n};
  static from({ name, balance = 0, ...rest }) { return new this(name, balance, rest) }
  get balance() { return this.#balance }
  async pay(amount, to = () => null) {
    for (const [key, value] of Object.entries(this.rules ?? {})) {
      if (value > amount && key !== 'none') throw new RangeError(\`\${key}: \${value} is more than \${amount}\`);
    }
    this.#balance -= amount * 1.02e0;
    return (await to?.(amount)) || { ok: true, left: this.#balance, at: [1, 2, 3].map((x) => x ** 2) };
  }
}
`,
);

const typescript = times(
  20,
  (n) => `
interface Item${n} { id: string; price?: number; tags: readonly string[] }
type Key${n} = keyof Item${n} | 'other';
export class Cart${n}<T extends Item${n}> {
  private items: T[] = [];
  constructor(readonly name: string, protected rate = 0.2) {}
  add(item: T, count: number = 1): this { for (let i = 0; i < count; i++) this.items.push(item as T); return this }
  get total(): number { return this.items.reduce((sum: number, each) => sum + (each.price ?? 0) * (1 + this.rate), 0) }
  pick<K extends Key${n}>(key: K): unknown { return (this as any)[key]! }
}
`,
);

const yaml = times(
  40,
  (n) => `- name: item ${n}
  price: ${n}.5
  tags: [red, "green", 'blue']
  text: |
    several
    lines
  nested: { a: 1, b: [true, null, ~] }
  ref: &a${n} { deep: ${n} }
`,
);

const rows = Array.from({ length: 60 }, (_, id) => ({
  id,
  name: `name ${id}`,
  email: `a${id}@example.org`,
  tags: ['x', 'y'],
  nested: { on: id % 2 === 0 },
}));

export const workloads = {
  acorn: {
    version: '8.19.0',
    job: 'parser',
    rounds: 40,
    prepare:
      ({ parse }) =>
      () =>
        parse(javascript, { ecmaVersion: 'latest', sourceType: 'module' }).body.length,
  },
  sucrase: {
    version: '3.35.1',
    job: 'compiler',
    rounds: 40,
    prepare:
      ({ transform }) =>
      () =>
        transform(typescript, { transforms: ['typescript', 'imports'] }).code.length,
  },
  marked: {
    version: '18.2.1',
    job: 'Markdown renderer',
    rounds: 60,
    prepare:
      ({ marked }) =>
      () =>
        marked.parse(markdown).length,
  },
  'markdown-it': {
    version: '15.0.3',
    job: 'Markdown renderer',
    rounds: 80,
    prepare: ({ default: make }) => {
      const md = make();
      return () => md.render(markdown).length;
    },
  },
  yaml: {
    version: '2.9.1',
    job: 'YAML reader',
    rounds: 8,
    prepare:
      ({ parse }) =>
      () =>
        parse(yaml).length,
  },
  'js-yaml': {
    version: '5.5.0',
    job: 'YAML reader',
    rounds: 60,
    prepare:
      ({ load }) =>
      () =>
        load(yaml).length,
  },
  handlebars: {
    version: '4.7.10',
    job: 'template engine',
    rounds: 40,
    prepare: ({ default: hb }) => {
      const text = times(
        10,
        (n) => `{{#each rows}}<p class="c${n}">{{id}}: {{name}} {{#if nested.on}}on{{else}}off{{/if}} {{#each tags}}{{this}},{{/each}}</p>{{/each}}`,
      );
      const render = hb.compile(text);
      return () => hb.parse(text).body.length + render({ rows }).length;
    },
  },
  nunjucks: {
    version: '3.2.4',
    job: 'template engine',
    rounds: 100,
    prepare: ({ default: nj }) => {
      const text =
        '{% for row in rows %}<p>{{ row.id }}: {{ row.name | upper }} {% if row.nested.on %}on{% else %}off{% endif %} {{ row.tags | join(",") }}</p>{% endfor %}';
      const template = nj.compile(text);
      return () => nj.compile(text + '{{ rows.length }}').render({ rows }).length + template.render({ rows }).length;
    },
  },
  zod: {
    version: '4.6.7',
    job: 'schema validator',
    rounds: 400,
    prepare: ({ z }) => {
      const schema = z.array(
        z
          .object({
            id: z.number().int(),
            name: z.string().min(1),
            email: z.string(),
            tags: z.array(z.string()),
            nested: z.object({ on: z.boolean() }).optional(),
          })
          .refine((row) => row.id >= 0),
      );
      return () => schema.parse(rows).length;
    },
  },
};
