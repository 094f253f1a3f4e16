/** CommonJS today. */
import { Writable } from 'node:stream';

const until = (start) => new Promise((resolve) => start(resolve));

export default {
  express: {
    version: '5.3.0',
    style: 'CommonJS',
    call: (express) =>
      until((done) => {
        const app = express();
        app.use(express.json());
        app.get('/a/:id', (q, s) => s.json({ id: q.params.id, q: q.query }));
        const server = app.listen(0, '127.0.0.1', () => {
          void fetch(`http://127.0.0.1:${server.address().port}/a/7?x=1`)
            .then((r) => r.json())
            .then((body) => {
              server.close();
              done(body);
            });
        });
      }),
  },
  fastify: {
    version: '5.12.8',
    style: 'CommonJS, symbols, makes code',
    call: async (fastify) => {
      const app = fastify();
      app.get('/a/:id', { schema: { response: { 200: { type: 'object', properties: { id: { type: 'integer' } } } } } }, async (q) => ({
        id: q.params.id,
        no: 1,
      }));
      return (await app.inject('/a/7')).json();
    },
  },
  koa: {
    version: '3.3.0',
    style: 'CommonJS and an ES wrapper',
    call: (Koa) =>
      until((done) => {
        const app = new Koa();
        app.use(async (c, next) => {
          await next();
          c.set('x-a', '1');
        });
        app.use((c) => {
          c.body = { path: c.path };
        });
        const server = app.listen(0, '127.0.0.1', () => {
          void fetch(`http://127.0.0.1:${server.address().port}/k`)
            .then(async (r) => [r.headers.get('x-a'), await r.json()])
            .then((all) => {
              server.close();
              done(all);
            });
        });
      }),
  },
  ajv: {
    version: '8.20.0',
    style: 'compiled TypeScript, makes code',
    call: (Ajv) => {
      const check = new Ajv({ allErrors: true }).compile({
        type: 'object',
        required: ['a'],
        properties: { a: { type: 'integer', minimum: 3 }, b: { enum: ['x'] } },
      });
      return [check({ a: 3 }), check({ a: 1, b: 'y' }), check.errors.map((e) => e.message)];
    },
  },
  joi: {
    version: '18.3.2',
    style: 'CommonJS',
    call: (joi) => {
      const s = joi.object({ a: joi.number().min(3).required(), b: joi.string().valid('x') }).xor('b', 'c');
      return [s.validate({ a: 3, b: 'x' }), s.validate({ a: 1 }).error.message];
    },
  },
  yargs: {
    version: '18.2.0',
    style: 'ES module',
    call: (yargs) => yargs(['go', '--n', '3', '-vv']).command('go', 'x').option('n', { type: 'number' }).count('v').exitProcess(false).parse(),
  },
  commander: {
    version: '14.0.3',
    style: 'CommonJS and an ES wrapper',
    call: (c) => {
      const p = new c.Command();
      let seen = null;
      p.command('go <what>')
        .option('-n, --num <n>', 'x', Number.parseFloat)
        .action((what, options) => {
          seen = [what, options];
        });
      p.parse(['go', 'x', '-n', '3'], { from: 'user' });
      return [seen, p.helpInformation()];
    },
  },
  semver: {
    version: '7.8.6',
    style: 'CommonJS, lazy getters',
    call: (s) => [s.satisfies('1.2.3', '^1.0.0 || >=3'), s.inc('1.2.3-beta.1', 'prerelease'), s.minVersion('>1.2').version],
  },
  ws: {
    version: '8.23.0',
    style: 'CommonJS and an ES wrapper',
    call: (ws, { WebSocketServer }) =>
      until((done) => {
        const server = new WebSocketServer({ port: 0, host: '127.0.0.1' }, () => {
          const client = new ws(`ws://127.0.0.1:${server.address().port}`);
          client.on('open', () => client.send('hi'));
          client.on('message', (text) => {
            client.terminate();
            server.close();
            done(String(text));
          });
        });
        server.on('connection', (c) => c.on('message', (text) => c.send(`${text}!`)));
      }),
  },
  axios: {
    version: '1.21.1',
    style: 'bundled CommonJS, ES module',
    call: async (axios) =>
      (
        await axios
          .create({ baseURL: 'http://x', adapter: async (config) => ({ data: axios.getUri(config), status: 200, headers: {}, config }) })
          .get('/a', { params: { b: [1, 2] } })
      ).data,
  },
  undici: {
    version: '7.30.2',
    style: 'CommonJS, private names, class streams',
    call: async (u) => {
      const agent = new u.MockAgent();
      agent.disableNetConnect();
      agent.get('http://x').intercept({ path: '/a' }).reply(200, { b: 1 });
      const { statusCode, body } = await u.request('http://x/a', { dispatcher: agent });
      return [statusCode, await body.json(), new u.Headers({ A: '1' }).get('a')];
    },
  },
  pino: {
    version: '10.4.0',
    style: 'CommonJS, worker threads',
    call: (pino) => {
      const lines = [];
      const log = pino({ base: null, timestamp: false, redact: ['key'] }, { write: (line) => lines.push(line) });
      log.child({ a: 1 }).info({ key: 's' }, 'hello %s', 'you');
      return lines;
    },
  },
  winston: {
    version: '3.19.0',
    style: 'CommonJS, streams',
    call: (w) => {
      const lines = [];
      const log = w.createLogger({
        format: w.format.combine(w.format.splat(), w.format.json()),
        transports: [
          new w.transports.Stream({
            stream: new Writable({
              write: (x, _, next) => {
                lines.push(String(x));
                next();
              },
            }),
          }),
        ],
      });
      log.info('a %d', 3);
      return lines;
    },
  },
  'socket.io': {
    version: '4.8.4',
    style: 'compiled TypeScript',
    call: (io) => {
      const server = new io.Server();
      server.of('/a').on('connection', () => 0);
      const adapter = server.of('/a').adapter;
      void server.close();
      return [typeof adapter.rooms, server.path()];
    },
  },
  knex: {
    version: '3.3.0',
    style: 'CommonJS',
    call: (knex) => {
      const db = knex({ client: 'pg' });
      return [
        db('t')
          .select('a')
          .where({ b: 1 })
          .orWhere((q) => q.whereIn('c', [1, 2]))
          .orderBy('d')
          .toString(),
        db.schema
          .createTable('x', (t) => {
            t.increments();
            t.string('n', 3).notNullable();
          })
          .toString(),
      ];
    },
  },
  sequelize: {
    version: '6.37.8',
    style: 'CommonJS from ES modules',
    call: (S) => [new S.DataTypes.STRING(3).toSql(), S.Utils.pluralize('person'), Object.keys(S.Op ?? {}).length],
  },
  sinon: {
    version: '22.1.0',
    style: 'CommonJS, Proxy and spies',
    call: (sinon) => {
      const o = { m: (a) => a };
      const s = sinon.stub(o, 'm').callsFake((a) => a + 1);
      const out = [o.m(1), s.calledOnceWith(1), sinon.spy((x) => x)(4)];
      s.restore();
      return [...out, o.m(1)];
    },
  },
  mocha: {
    version: '12.0.3',
    style: 'CommonJS',
    call: (Mocha) =>
      until((done) => {
        const m = new Mocha({ reporter: function Silent() {} });
        m.suite.addTest(new Mocha.Test('passes', () => 0));
        m.suite.addTest(new Mocha.Test('fails', (next) => next(new Error('x'))));
        const run = m.run((failures) => done([failures, run.stats?.tests ?? run.total]));
      }),
  },
  mathjs: {
    version: '15.2.0',
    style: 'dual, functions made from signatures',
    call: (m) => [m.evaluate('sqrt(2)^2 + det([1,2;3,4])'), m.derivative('x^2 + sin(x)', 'x').toString(), m.format(m.unit('5 cm').to('inch'), 5)],
  },
  graphql: {
    version: '16.15.0',
    style: 'dual, compiled',
    call: async (g) => {
      const schema = g.buildSchema('type Query { a(x: Int = 2): [Int!] }');
      return [
        await g.graphql({ schema, source: '{ a(x: 3) b: a }', rootValue: { a: ({ x }) => [x, x * 2] } }),
        g.print(g.parse('{ a { b @include(if: true) } }')),
      ];
    },
  },
  jsdom: {
    version: '29.1.1',
    style: 'CommonJS, Proxy, generated wrappers',
    call: (j) => {
      const d = new j.JSDOM(
        '<ul><li class=a>1<li>2</ul><script>document.title = [...document.querySelectorAll("li")].map((x) => x.textContent).join()</script>',
        { runScripts: 'dangerously' },
      );
      return [d.window.document.title, d.serialize()];
    },
  },
  'promises-aplus-tests': { version: '2.1.2', style: 'CommonJS, old', call: (run) => [typeof run, run.length, typeof run.mocha] },
};
