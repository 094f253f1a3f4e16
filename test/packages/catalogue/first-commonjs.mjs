/** CommonJS as it was written first: sloppy, prototypes, `arguments`, UMD, one large file. */

const until = (start) => new Promise((resolve) => start(resolve));

export default {
  lodash: {
    version: '4.18.1',
    style: 'UMD, one file',
    call: (_) => [_.chunk([1, 2, 3], 2), _.template('<% _.each(a, x => { %><%= x %>;<% }) %>')({ a: [1, 2] }), _.curry((a, b) => a + b)(1)(2)],
  },
  underscore: {
    version: '1.13.8',
    style: 'UMD and ES modules',
    call: (_) => [_.groupBy([1, 2, 3], (x) => x % 2), _.template('<%= a %>!')({ a: 1 }), _.memoize((x) => x * 2)(4)],
  },
  async: {
    version: '3.2.6',
    style: 'reads the text of functions',
    call: async (a) => [
      await a.mapLimit([1, 2, 3], 2, async (x) => x * 2),
      await a.autoInject({ one: (done) => done(null, 1), two: (one, done) => done(null, one + 1) }),
    ],
  },
  bluebird: {
    version: '3.7.2',
    style: 'new Function, arguments, sloppy',
    call: async (P) => [
      await P.map([1, 2], (x) => P.delay(1).return(x)),
      await P.promisify((a, done) => done(null, a + 1))(1),
      await P.coroutine(function* () {
        return yield P.resolve(5);
      })(),
    ],
  },
  q: {
    version: '1.5.1',
    style: 'UMD, stack traces of its own',
    call: async (Q) => [
      await Q.all([1, Q.delay(2, 1)]),
      await Q.nfcall((done) => done(null, 3)),
      await Q.fcall(() => {
        throw new Error('no');
      }).catch((e) => e.message),
    ],
  },
  moment: {
    version: '2.31.0',
    style: 'UMD',
    call: (moment) => [
      moment.utc('2020-02-30', 'YYYY-MM-DD', true).isValid(),
      moment.utc(0).add(1, 'month').format('LLLL'),
      moment.duration(90, 'minutes').humanize(),
    ],
  },
  dayjs: {
    version: '1.11.23',
    style: 'minified UMD',
    call: (dayjs) => [dayjs('2020-02-28T12:00:00').add(2, 'day').format('YYYY-MM-DD HH'), dayjs('2020-01-01').diff('2019-01-01', 'month')],
  },
  minimist: { version: '1.2.8', style: 'CommonJS, old', call: (parse) => parse(['-abc', '--x=3', '--no-y', 'file', '--', 'rest']) },
  qs: { version: '6.17.1', style: 'CommonJS, old', call: (qs) => [qs.parse('a[b][]=1&a[b][]=2&c=%20'), qs.stringify({ a: { b: [1, 2] } })] },
  debug: {
    version: '4.4.3',
    style: 'CommonJS',
    call: (debug) => {
      debug.enable('a:*');
      return [debug('a:b').enabled, debug('c').enabled, debug.humanize?.(60_000) ?? null];
    },
  },
  'iconv-lite': {
    version: '0.7.3',
    style: 'CommonJS, tables',
    call: (iconv) => [iconv.encode('žluť', 'win1250').toString('hex'), iconv.decode(Buffer.from('93fa967b', 'hex'), 'shift_jis')],
  },
  'readable-stream': {
    version: '4.8.0',
    style: 'CommonJS, classes by prototype',
    call: (s) =>
      until((done) => {
        const seen = [];
        s.Readable.from(['a', 'b'])
          .pipe(new s.Transform({ objectMode: true, transform: (x, _, next) => next(null, x + x) }))
          .on('data', (x) => seen.push(String(x)))
          .on('end', () => done(seen));
      }),
  },
  less: {
    version: '4.9.1',
    style: 'CommonJS, visitors',
    call: async (less) => (await less.render('@a: 2px; .x { width: @a * 2; &:hover { color: darken(#fff, 10%) } }')).css,
  },
  ejs: {
    version: '7.0.2',
    style: '`with` in new Function',
    call: (ejs) => ejs.render('<% for (const x of xs) { %><%= x %>,<% } %><%- include ? 1 : 0 %>', { xs: ['<', 2] }),
  },
  nunjucks: {
    version: '3.2.4',
    style: 'CommonJS, makes code',
    call: (n) =>
      n.renderString('{% macro f(x) %}[{{ x|upper }}]{% endmacro %}{% for a in xs %}{{ f(a) }}{{ loop.index }}{% endfor %}', { xs: ['a', '', 'b'] }),
  },
  handlebars: {
    version: '4.7.10',
    style: 'CommonJS from ES modules, makes code',
    call: (h) => {
      h.registerHelper('up', (x) => x.toUpperCase());
      return [h.compile('{{#each xs}}{{@index}}{{up this}}{{else}}none{{/each}}')({ xs: ['a', 'b'] }), h.precompile('{{a}}').length > 10];
    },
  },
  pug: { version: '3.0.4', style: 'CommonJS, makes code', call: (pug) => pug.render('ul\n  each x in xs\n    li(class=x)= x\n', { xs: ['a', 'b'] }) },
  coffeescript: {
    version: '2.7.1',
    style: 'CommonJS from CoffeeScript, jison parser',
    call: (coffee) => coffee.compile('class A extends B\n  m: (x = 1) => super x for y in [1..3] when y % 2'),
  },
  esprima: {
    version: '4.0.1',
    style: 'UMD from TypeScript',
    call: (e) => [e.parseScript('a => ({ b: /x/g })').body.length, e.tokenize('let x = `a${1}`').length],
  },
  'uglify-js': {
    version: '3.19.3',
    style: 'joins its files by new Function',
    call: (u) => u.minify('function f(first) { var second = first * 2; return second + 1 } console.log(f(3))').code,
  },
  'decimal.js': { version: '10.6.0', style: 'UMD', call: (D) => [new D('0.1').plus('0.2').toString(), D.sqrt(2).toFixed(20), new D(255).toHex()] },
  jszip: {
    version: '3.10.2',
    style: 'CommonJS, old',
    call: async (Z) => {
      const zip = new Z();
      zip.file('a.txt', 'hello'.repeat(9));
      const bytes = await zip.generateAsync({ type: 'uint8array', compression: 'DEFLATE' });
      return (await Z.loadAsync(bytes)).file('a.txt').async('string');
    },
  },
  protobufjs: {
    version: '8.8.1',
    style: 'CommonJS, makes code',
    call: (p) => {
      const T = p.parse('syntax = "proto3"; message T { string a = 1; repeated int32 b = 2; }').root.lookupType('T');
      const bytes = p.Writer.create().uint32(8).string('x').finish();
      return [T.fieldsArray.map((f) => f.type), Array.from(bytes), p.Reader.create(bytes).uint32()];
    },
  },
  'core-js': {
    version: '3.51.0',
    style: 'CommonJS, changes builtins',
    call: () => [Object.groupBy([1, 2], (x) => (x % 2 ? 'odd' : 'even')), [1, 2, 3].at(-1), structuredClone({ a: [1] })],
  },
};
