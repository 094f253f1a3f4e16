/**
 * What is a secret: by the name under which it is kept, and by what its text looks like. One list for the journal, which never keeps one, and for looking, which never shows one.
 * Names and looks are all there is to tell it by: a password in a variable called `p` is not known.
 */

/** Parts of names under which nothing is kept, or shown. */
const usualNames = [
  'password',
  'passwd',
  'passphrase',
  'secret',
  'token',
  'apikey',
  'api_key',
  'api-key',
  'authorization',
  'cookie',
  'credential',
  'privatekey',
  'private_key',
];

/** Texts that are secrets wherever they stand. `hints`: where none of them is in a text, it need not be searched. `…` stands where a preview was cut. */
const usualTexts: readonly { hints: readonly string[]; pattern: RegExp }[] = [
  {
    hints: ['-----BEGIN '],
    pattern: /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[^]{0,20000}?-----END [A-Z ]{0,40}PRIVATE KEY-----|[^]{0,20000})/gu,
  },
  // A JSON web token.
  { hints: ['eyJ'], pattern: /\beyJ[\w-]{8,400}[.…][\w-]{8,8000}(?:[.…][\w-]{8,2000})?/gu },
  { hints: ['Bearer ', 'Basic '], pattern: /(?<=\b(?:Bearer|Basic) )[\w.~+/=…-]{8,8000}/gu },
  // Of clouds and code hosts.
  { hints: ['AKIA', 'ASIA'], pattern: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/gu },
  {
    hints: ['gh', 'glpat-', 'xox', 'k_live_', 'AIza'],
    pattern: /\b(?:gh[pousr]_|github_pat_|glpat-|xox[abposr]-|[sr]k_live_|AIza)[\w…-]{16,400}/gu,
  },
  // `postgres://user:password@host`: a URL's.
  { hints: ['://'], pattern: /(?<=:\/\/[^\s/:@]{0,100}:)[^\s/@]{1,200}(?=@)/gu },
  // `?token=...`, `Password=...;`
  { hints: ['='], pattern: /(?<=(?:password|passwd|passphrase|pwd|secret|token|api_?key)=)[^\s&;,"'`]{4,2000}/giu },
];

/** What stands in the place of a secret. */
export const redacted = '[redacted]';
const longestName = 100;
const shortestSecret = 8;
const maxKnown = 2_000;

export class Secrets {
  readonly #names: readonly string[];
  /** What was asked of late: a watched call asks the same again and again. */
  readonly #known = new Map<string, boolean>();
  readonly #texts: readonly { hints: readonly string[]; pattern: RegExp }[];

  /** @param names parts of names, any case; @param patterns regular expressions with the flag u: besides the usual ones. */
  constructor({ names, patterns }: { names: readonly string[]; patterns: readonly string[] } = { names: [], patterns: [] }) {
    this.#names = [...usualNames, ...names].map((name) => name.toLowerCase());
    this.#texts = [...usualTexts, ...patterns.map((pattern) => ({ hints: [''], pattern: new RegExp(pattern, 'gu') }))];
  }

  /** Whether what has this name is a secret. */
  names(name: string): boolean {
    let known = this.#known.get(name);
    if (known !== undefined) return known;
    const lower = name.slice(0, longestName).toLowerCase();
    known = this.#names.some((each) => lower.includes(each));
    if (name.length > longestName) return known;
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(name, known);
    return known;
  }

  /** Whether a list has the secret after this text, as lists of headers have. */
  announces(text: string): boolean {
    return text.length <= longestName && !/\s/u.test(text) && this.names(text);
  }

  /** The text with what looks like a secret written over, of the same length: places in it stay where they are. */
  hide(text: string): string {
    if (text.length < shortestSecret) return text;
    let hidden = text;
    for (const { hints, pattern } of this.#texts)
      if (hints.some((hint) => hidden.includes(hint)))
        hidden = hidden.replace(pattern, ({ length }) => redacted.slice(0, length).padEnd(length, '*'));
    return hidden;
  }
}
