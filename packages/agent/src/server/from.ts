/** Where an operator may come from: `from="10.0.0.0/8,!10.9.9.9,local"`, and the `source-address` of a certificate. Addresses only: names would ask somebody else. */
import { BlockList, isIP } from 'node:net';

/** The address of whoever comes by a Unix socket. */
export const localAddress = 'local';

export class From {
  readonly #allowed = new BlockList();
  readonly #denied = new BlockList();
  #local: boolean | null = null;

  /** @throws {Error} naming the pattern that is not understood. */
  constructor(patterns: string) {
    for (const pattern of patterns.split(',').map((each) => each.trim())) {
      const denied = pattern.startsWith('!');
      const text = denied ? pattern.slice(1) : pattern;
      if (text === localAddress) this.#local = denied ? false : (this.#local ?? true);
      else add(denied ? this.#denied : this.#allowed, text);
    }
  }

  /** @param address an IP address, or {@link localAddress}. What is denied is so whatever else allows it. */
  allows(address: string): boolean {
    if (address === localAddress) return this.#local === true;
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
    const version = isIP(plain);
    if (version === 0) return false;
    const family = version === 6 ? 'ipv6' : 'ipv4';
    return this.#allowed.check(plain, family) && !this.#denied.check(plain, family);
  }
}

function add(list: BlockList, text: string): void {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  const longest = version === 6 ? 128 : 32;
  const prefix = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : NaN;
  if (version === 0 || rest.length > 0 || !(prefix <= longest)) {
    throw new Error(
      `from: ${JSON.stringify(text.slice(0, 60))} is no address: it takes addresses, networks as 10.0.0.0/8, and local for the Unix socket`,
    );
  }
  list.addSubnet(address, prefix, version === 6 ? 'ipv6' : 'ipv4');
}
