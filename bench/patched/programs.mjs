/** Programs whose time goes into one small function, `hot`. */
export const programs = {
  module: {
    what: 'function of a module',
    goal: 1.2,
    hot: 'hash',
    source: `
      let seed = 7;
      function hash(text) { let h = seed; for (let i = 0; i < text.length; i++) h = (h * 31 + text.charCodeAt(i)) | 0; return h }
      export function run() { let sum = 0; for (let i = 0; i < 400000; i++) sum = (sum + hash('key' + (i & 1023))) | 0; return sum }`,
  },
  arguments: {
    what: 'function that is long enough to hand on `arguments`',
    goal: 1.2,
    hot: 'step',
    source: `
      let seed = 7;
      function step(sum, key) {
        // It does little, and has the characters that it takes to be given \`arguments\`.
        return (sum * 31 + key + seed) | 0;
      }
      export function run() { let sum = 0; for (let i = 0; i < 2000000; i++) sum = step(sum, i); return sum }`,
  },
  method: {
    what: 'method that reads a private field',
    goal: 1.2,
    hot: 'Point.plus',
    source: `
      class Point { #x; constructor(x) { this.#x = x } plus(other) { return new Point(this.#x + other.#x) } get x() { return this.#x } }
      export function run() { let p = new Point(0); const one = new Point(1); for (let i = 0; i < 1000000; i++) p = p.plus(one); return p.x }`,
  },
  reader: {
    what: 'nested function that reads a captured variable',
    goal: 3,
    hot: 'parse.peek',
    source: `
      export function run() { let sum = 0; for (let i = 0; i < 10000; i++) sum += parse('1+2*(3+4)-5*(6-7)+' + i); return sum }
      function parse(text) { let at = 0;
        function peek() { return text.charCodeAt(at) }
        function number() { let n = 0; while (at < text.length && peek() >= 48 && peek() <= 57) n = n * 10 + text.charCodeAt(at++) - 48; return n }
        function atom() { if (peek() === 40) { at++; const v = sum(); at++; return v } return number() }
        function product() { let v = atom(); while (peek() === 42) { at++; v *= atom() } return v }
        function sum() { let v = product(); for (;;) { const c = peek(); if (c === 43) { at++; v += product() } else if (c === 45) { at++; v -= product() } else return v } }
        return sum() }`,
  },
  writer: {
    what: 'closure that writes a captured variable',
    goal: 3,
    hot: 'make.add',
    source: `
      export function run() { const add = make(1); let x = 0; for (let i = 0; i < 1000000; i++) x = add(x) | 0; return x }
      function make(step) { let calls = 0; function add(n) { calls++; return n + step } return add }`,
  },
};
