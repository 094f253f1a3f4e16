/** Its ES modules: Node would take the CommonJS ones, and the package gives types for one way in alone. */
declare module '@msgpack/msgpack/dist.esm/index.mjs' {
  export { decode, encode } from '@msgpack/msgpack';
}
