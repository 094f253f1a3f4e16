/** Ten changes of the service in test/fixtures/orders, each of one function. Each uses something that the old function did not, so that it has to be translated. */

export interface Change {
  /** The function's author's file. */
  file: string;
  /** In the author's terms. */
  address: string;
  from: string;
  to: string;
  /** What has to be translated. */
  doc: string;
}

export const changes = {
  taxOf: {
    file: 'src/tax.ts',
    address: 'src/tax.ts:taxOf',
    from: `  const rate = kind === Kind.Book ? Rate.Low : Rate.High;
  return (net * rate) / 100;`,
    to: `  if (kind === Kind.Other) return Rate.Zero + 1;
  const rate = kind === Kind.Book || kind === Kind.Food ? Rate.Low : Rate.High;
  return (net * rate) / 100;`,
    doc: 'members of an enum and of a const enum that it did not use',
  },
  taxPrice: {
    file: 'src/tax.ts',
    address: 'src/tax.ts:price',
    from: '  return net + (net * rate) / 100;',
    to: `  const gross: number = rounded(net + (net * rate) / 100);
  return gross > 0 ? gross : money.round(1.005 + rate);`,
    doc: 'imports that only other functions used: a name that is exported again, a namespace',
  },
  shippingPrice: {
    file: 'src/shipping.ts',
    address: 'src/shipping.ts:price',
    from: '  return weight > 1 ? fee(country) * 2 : fee(country);',
    to: `  if (!table.has(country)) return 99;
  return weight > 1 ? fee(country) * 2 + 1 : fee(country) + 0.5;`,
    doc: 'a top-level value whose name, like its own, a bundler changes',
  },
  add: {
    file: 'src/ledger.ts',
    address: 'src/ledger.ts:Ledger.add',
    from: `    this.#total += amount;
    return this.#total;`,
    to: `    this.#total += amount;
    this.#fees ||= 0;
    return this.#capped(this.#total);`,
    doc: 'a private field and a private method that it did not use',
  },
  summary: {
    file: 'src/ledger.ts',
    address: 'src/ledger.ts:Ledger.get-summary',
    from: '    return `${this.owner}: ${this.#total}`;',
    to: '    return `${label(Ledger.opened)} ${this.owner}: ${this.#total} of ${this.limit}`;',
    doc: 'a getter: a static, a default import, a parameter property',
  },
  onClose: {
    file: 'src/ledger.ts',
    address: 'src/ledger.ts:Ledger.onClose',
    from: `    this.closed.push(reason);
    return \`\${this.owner} \${reason}\`;`,
    to: `    this.closed.push(reason.toUpperCase(), this.owner);
    return \`\${this.owner} \${reason} \${this.#capped(1.005)}\`;`,
    doc: 'an arrow in a class field: this, a private method',
  },
  next: {
    file: 'src/counter.ts',
    address: 'src/counter.ts:makeCounter.next',
    from: '    count += step;',
    to: '    for (const times of [1, made > 0 ? 2 : 0]) count += step * times;',
    doc: 'a living closure: captured variables, and one of the module that it did not use',
  },
  quote: {
    file: 'src/stream.ts',
    address: 'src/stream.ts:quote',
    from: '  return format(sum - discount, currency);',
    to: "  return money.format(toCents((await later(sum)) * (1 - discount)), currency ?? 'EUR');",
    doc: 'async, destructured and default parameters: imports under another name and as a namespace',
  },
  numbered: {
    file: 'src/stream.ts',
    address: 'src/stream.ts:numbered',
    from: '    yield `${index + 1} ${line.name}`;',
    to: `    yield \`\${index + 1} \${line?.name}\`;
    yield* [toCents(line.net), format(line.net, 'EUR')].map(String);`,
    doc: 'an async generator: imports, one of them under another name',
  },
  receipt: {
    file: 'src/receipt.ts',
    address: 'src/receipt.ts:receipt',
    from: "  const lines = items.map(({ kind, net }) => `${kind} ${asText(net, 'EUR')}`);",
    to: `  const totals = new Map<Kind, number>();
  const count = (kind: Kind, net: number): void => void totals.set(kind, (totals.get(kind) ?? 0) + net);
  for (const { kind, net } of items) if (kind !== Kind.Food) count(kind, net);
  const tools = { label, asText };
  const lines = [...totals].map(([kind, net]) => \`\${kind} \${tools.asText(net, 'USD')}\`);`,
    doc: 'nested closures, imports as shorthand properties, an enum',
  },
} satisfies Record<string, Change>;

export type ChangeName = keyof typeof changes;
export const changeNames = Object.keys(changes) as ChangeName[];

/** The text of a file with a change made. */
export function changed(text: string, { file, from, to }: Change): string {
  if (text.split(from).length !== 2) throw new Error(`${file} does not hold once: ${from}`);
  return text.replace(from, () => to);
}
