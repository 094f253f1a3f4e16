/** Listens on a TCP port. Without TLS that is one on loopback and nothing else: whoever reaches another one could read along, and put words into a session. */
import { lookup } from 'node:dns/promises';
import { isIP, isIPv4, type AddressInfo, type Server } from 'node:net';
import { tcpBinding } from '../protocol/index.ts';
import { authorityOf, type TcpConfig } from './listen-options.ts';
import type { Place } from './place.ts';

/** Where an agent may not listen, however often it tries. */
export class UnsafePlace extends Error {}

/** @throws {Error} where it can not; {@link UnsafePlace} where it may not. */
export async function listenOnPort(server: Server, config: TcpConfig): Promise<Place> {
  const { host, tls, authorities } = config;
  const address = await addressFor(config);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port: config.port, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  const isTls = tls !== null;
  const isAny = host === '0.0.0.0' || host === '::';
  return {
    address: `${isTls ? 'wss' : 'ws'}://${authorityOf(host, port)}`,
    // Who listens on every address has no name of his own, and takes the address that was dialed for it.
    authorities: ({ localAddress }) => [authorityOf(isAny ? plainAddress(localAddress) : host, port), ...authorities],
    binding: (authority) => tcpBinding(isTls, authority),
    remove: () => undefined,
  };
}

/** An address as a peer's is compared and shown: IPv4 in IPv6 is IPv4. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}

/** A name is looked up once, here, so that what is checked is what is taken. */
async function addressFor({ host, tls }: TcpConfig): Promise<string> {
  const addresses = isIP(host) === 0 ? (await lookup(host, { all: true })).map(({ address }) => address) : [host];
  const open = tls === null ? addresses.find((address) => !isLoopback(address)) : undefined;
  if (open !== undefined) {
    throw new UnsafePlace(
      `without TLS the agent listens on loopback only (127.0.0.0/8, ::1), not on ${open === host ? host : `${host}, which is ${open}`}: ` +
        'give listen.tls, or leave it on its Unix socket and come by ssh://host/NAME',
    );
  }
  const [address] = addresses;
  if (address === undefined) throw new Error(`${host} has no address`);
  return address;
}

/** 127.0.0.0/8 and ::1, exactly: no mapped address, no name. */
function isLoopback(address: string): boolean {
  return isIPv4(address) ? address.startsWith('127.') : address === '::1';
}
