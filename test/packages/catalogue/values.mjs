/** Values and state: classes, private names, Proxy, generators, observers. */

export default {
  zod: {
    version: '4.6.7',
    style: 'dual, makes code',
    call: (m) => {
      const z = m.z ?? m;
      const s = z
        .object({ a: z.coerce.number().min(2), b: z.array(z.string()).default([]), c: z.union([z.literal(1), z.string()]).optional() })
        .strict();
      return [s.parse({ a: '3' }), s.safeParse({ a: 1, d: 1 }).error.issues.map((i) => i.code)];
    },
  },
  yup: {
    version: '1.7.1',
    style: 'bundled, dual',
    call: async (y) => {
      const s = y.object({ a: y.number().min(3).required(), b: y.string().default('x') });
      return [await s.validate({ a: '3' }), await s.validate({ a: 1 }).catch((e) => e.errors)];
    },
  },
  luxon: {
    version: '3.7.2',
    style: 'classes, dual',
    call: (l) => [
      l.DateTime.fromISO('2020-02-28T12:00:00Z', { zone: 'utc' }).plus({ days: 2 }).toISO(),
      l.Interval.fromISO('2020-01-01/P3M').count('months'),
      l.Duration.fromObject({ hours: 25 }).shiftTo('days', 'hours').toObject(),
    ],
  },
  'date-fns': {
    version: '4.4.0',
    style: 'dual, many small files',
    call: (d) => [
      d.format(new Date(2020, 1, 28, 12), 'EEEE do MMMM yyyy'),
      d.differenceInDays(new Date(2020, 2, 1), new Date(2020, 1, 1)),
      d.formatDistance(0, 90_000),
    ],
  },
  rxjs: {
    version: '7.8.2',
    style: 'compiled TypeScript, dual',
    call: async (r) => [
      await r.lastValueFrom(
        r.from([1, 2, 3]).pipe(
          r.mergeMap((x) => r.of(x, x * 10)),
          r.scan((a, b) => a + b, 0),
          r.toArray(),
        ),
      ),
      await r.firstValueFrom(r.throwError(() => new Error('no')).pipe(r.catchError((e) => r.of(e.message)))),
    ],
  },
  immutable: {
    version: '5.2.1',
    style: 'UMD and ES module',
    call: (i) => [
      i
        .fromJS({ a: [1, { b: 2 }] })
        .setIn(['a', 1, 'b'], 3)
        .toJS(),
      i
        .Range(0, 9)
        .filter((x) => x % 2)
        .map((x) => x * x)
        .toArray(),
      i.Record({ x: 1 })({ x: 2 }).x,
    ],
  },
  ramda: {
    version: '0.32.0',
    style: 'curried, reads lengths',
    call: (R) => [
      R.pipe(R.map(R.add(1)), R.filter(R.lt(2)), R.sum)([1, 2, 3]),
      R.curry((a, b, c) => a + b + c)(1)(2, 3),
      R.transduce(R.map(R.inc), R.flip(R.append), [], [1, 2]),
    ],
  },
  xstate: {
    version: '5.33.3',
    style: 'dual',
    call: (x) => {
      const actor = x.createActor(
        x.createMachine({
          id: 'm',
          initial: 'a',
          context: { n: 0 },
          states: { a: { on: { GO: { target: 'b', actions: x.assign({ n: ({ context }) => context.n + 1 }) } } }, b: { type: 'final' } },
        }),
      );
      const seen = [];
      actor.subscribe((s) => seen.push([s.value, s.context.n]));
      actor.start();
      actor.send({ type: 'GO' });
      return seen;
    },
  },
  mobx: {
    version: '7.1.3',
    style: 'Proxy, decorators, dual',
    call: (m) => {
      class A {
        n = 1;
        constructor() {
          m.makeAutoObservable(this);
        }
        get double() {
          return this.n * 2;
        }
        add() {
          this.n += 1;
        }
      }
      const a = new A();
      const seen = [];
      const stop = m.autorun(() => seen.push(a.double));
      a.add();
      m.runInAction(() => {
        a.n = 9;
        a.n = 10;
      });
      stop();
      return [seen, m.isObservable(a)];
    },
  },
  redux: {
    version: '5.0.1',
    style: 'bundled, dual',
    call: (r) => {
      const store = r.createStore(
        r.combineReducers({ n: (n = 0, a) => (a.type === 'add' ? n + a.by : n) }),
        r.applyMiddleware(() => (next) => (a) => next(a)),
      );
      store.dispatch({ type: 'add', by: 3 });
      return store.getState();
    },
  },
  immer: {
    version: '11.2.10',
    style: 'Proxy, dual',
    call: (i) => {
      const base = { a: [{ b: 1 }], m: { c: 1 } };
      i.enablePatches();
      const [next, patches] = i.produceWithPatches(base, (d) => {
        d.a.push({ b: 2 });
        d.a[0].b = 5;
        delete d.m.c;
      });
      return [base, next, patches, next.m === base.m];
    },
  },
  inversify: {
    version: '8.2.3',
    style: 'compiled decorators',
    call: (i) => {
      const c = new i.Container();
      c.bind('n').toConstantValue(3);
      c.bind('f').toDynamicValue((x) => x.get('n') + 1);
      return [c.get('n'), c.get('f')];
    },
  },
  '@nestjs/common': {
    version: '12.5.1',
    style: 'compiled decorators',
    call: (n) => {
      const A = function A() {};
      n.Controller('x')(A);
      n.Injectable()(A);
      return [Reflect.getMetadataKeys(A), new n.NotFoundException('no').getResponse()];
    },
  },
  '@nestjs/core': {
    version: '12.5.1',
    style: 'compiled decorators',
    call: async (n) => {
      class A {
        one() {
          return 1;
        }
      }
      const M = function M() {};
      Reflect.defineMetadata('providers', [A], M);
      const app = await n.NestFactory.createApplicationContext(M, { logger: false, abortOnError: false });
      const out = app.get(A).one();
      await app.close();
      return out;
    },
  },
  'reflect-metadata': {
    version: '0.2.2',
    style: 'one IIFE, changes builtins',
    call: () => {
      const o = {};
      Reflect.defineMetadata('k', 1, o, 'p');
      return [Reflect.getMetadata('k', o, 'p'), Reflect.hasMetadata('k', o)];
    },
  },
  tslib: {
    version: '2.9.1',
    style: 'UMD and ES module, helpers for generators',
    call: async (t) => [
      Array.from(t.__values([1, 2])),
      await t.__awaiter({}, [], Promise, function* () {
        return yield 3;
      }),
      t.__rest({ a: 1, b: 2 }, ['a']),
      t.__assign({ a: 1 }, { b: 2 }),
    ],
  },
  'lru-cache': {
    version: '11.5.3',
    style: 'private names, dual',
    call: async (m) => {
      const c = new m.LRUCache({ max: 2, fetchMethod: async (k) => k + 1 });
      c.set('a', 1).set('b', 2).get('a');
      c.set('c', 3);
      return [Array.from(c.keys()), await c.fetch('x'), c.size];
    },
  },
  uuid: { version: '14.0.3', style: 'ES module', call: (u) => [u.v5('a', u.v5.URL), u.validate(u.v4()), u.version(u.v7())] },
  chalk: {
    version: '5.6.2',
    style: 'ES module, getters on prototypes',
    call: (c) => {
      c.level = 1;
      return [c.red.bold(`a${c.blue('b')}c`), c.hex('#fff').underline('x'), c.supportsColor === false];
    },
  },
  chai: {
    version: '6.3.0',
    style: 'bundled ES module, Proxy',
    call: (c) => {
      const seen = [];
      for (const check of [() => c.expect([1]).to.deep.equal([1]), () => c.expect({ a: 1 }).to.have.property('b'), () => c.assert.throws(() => 0)]) {
        try {
          check();
          seen.push('ok');
        } catch (e) {
          seen.push(e.message);
        }
      }
      return seen;
    },
  },
  got: {
    version: '14.6.6',
    style: 'ES module, private names',
    call: (got) => {
      const o = got.extend({ prefixUrl: 'http://x/y', headers: { a: 'b' } }).defaults.options;
      return [o.prefixUrl, o.headers.a, o.retry.limit];
    },
  },
  three: {
    version: '0.187.0',
    style: 'ES module of 1 MB',
    call: (t) => [
      new t.Vector3(1, 2, 3).cross(new t.Vector3(3, 2, 1)).toArray(),
      new t.Matrix4().makeRotationX(1).determinant(),
      new t.BoxGeometry(1, 1, 1).toJSON().width,
    ],
  },
};
