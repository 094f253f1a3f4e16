/** The agent's half of the handshake, for agents that tests make up, and what both halves sign. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { hostMessage, protocolVersion, type ClientHello, type ServerHello, type Transcript } from '@keyhole/agent/protocol';
import { publicKeyLine } from '../../packages/console/dist/client/ssh-wire.js';

/** What a console of a test's own signs after an agent's hello. */
export function transcriptOf(binding: string, { versions, clientNonce }: ClientHello, hello: ServerHello): Transcript {
  const { version, serverNonce, service, bootId, hostKey } = hello;
  return { binding, exporter: null, offered: versions, version, clientNonce, serverNonce, service, bootId, hostKey };
}

export class FakeHost {
  readonly #key = generateKeyPairSync('ed25519').privateKey;
  readonly publicKey = publicKeyLine(this.#key);

  /** The answer to a hello, and what both sides sign from then on. */
  answer(asked: ClientHello, service: string, binding: string): { hello: ServerHello; transcript: Transcript } {
    const { publicKey: hostKey } = this;
    const said = { t: 'hello' as const, version: protocolVersion, serverNonce: new Uint8Array(randomBytes(32)), service, bootId: 'boot', hostKey };
    const transcript = transcriptOf(binding, asked, { ...said, hostSignature: new Uint8Array() });
    return { hello: { ...said, hostSignature: this.#sign(hostMessage(transcript)) }, transcript };
  }

  #sign(message: string): Uint8Array {
    return new Uint8Array(sign(null, Buffer.from(message, 'utf8'), this.#key));
  }
}
