/** The agent beside what else hooks into the loading of modules: nobody's work is lost, in either order. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as nodeModule from 'node:module';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test, vi } from 'vitest';
import { answering, editFile, newFolder, registerUrl, startService, type Service, type ServiceOptions } from '../helpers/service.ts';

vi.setConfig({ testTimeout: 60_000 });

const tsx = import.meta.resolve('tsx');
const middle = import.meta.resolve('import-in-the-middle');

/** Changes one function of a running service through the console and looks what it answers. */
async function patchWorks(service: Service, file: string, before: string, after: string): Promise<void> {
  expect(await service.ask('price')).toBe('20');
  const source = path.join(service.folder, file);
  const text = readFileSync(source, 'utf8');
  expect(text).toContain(before);
  writeFileSync(source, text.replace(before, after));
  const pushed = (await service.keyhole('push', 'svc', file, '--reason', 'because', '--json')).json();
  expect(pushed).toMatchObject({ ok: true, patches: [{ address: `${file}:price`, strategy: 'slots', verified: true }], refused: [] });
  expect(await service.ask('price')).toBe('30');
  expect(await service.ask('tax')).toBe('2');
}

const plain = {
  'src/price.js': 'export const tax = (net) => net * 0.2;\nexport function price(net) {\n  return net * 2;\n}\n',
  'src/main.js': `import { price, tax } from './price.js';\nconst answer = (line) => ({ price: () => price(10), tax: () => tax(10) })[line]();\n${answering}`,
};
const typed = {
  'src/price.ts': 'export const tax = (net: number): number => net * 0.2;\nexport function price(net: number): number {\n  return net * 2;\n}\n',
  'src/main.ts': `import { price, tax } from './price.js';\nconst answer = (line: string) => ({ price: () => price(10), tax: () => tax(10) } as Record<string, () => number>)[line]();\n${answering}`,
};

describe('tsx', () => {
  const orders: [string, string[]][] = [
    ['before', ['--import', tsx, '--import', registerUrl]],
    ['after', ['--import', registerUrl, '--import', tsx]],
  ];
  for (const [order, nodeArguments] of orders) {
    for (const type of ['module', 'commonjs']) {
      test(`${order} the agent, ${type}`, async () => {
        const files = { ...typed, 'package.json': JSON.stringify({ name: 'svc', type }) };
        await patchWorks(await startService({ files, main: 'src/main.ts', nodeArguments, git: true }), 'src/price.ts', 'net * 2;', 'net * 3;');
      });
    }
  }
});

describe('import-in-the-middle', () => {
  // As OpenTelemetry starts it.
  const telemetry = `
import { register } from 'node:module';
import { Hook } from ${JSON.stringify(middle)};
register(${JSON.stringify(middle.replace(/index\.js$/, 'hook.mjs'))});
globalThis.seen = [];
new Hook((exports, name) => { if (/price\\.js/.test(name)) { globalThis.seen.push('price'); const { tax } = exports; exports.tax = (net) => tax(net); } });
`;
  const files = {
    ...plain,
    'telemetry.mjs': telemetry,
    'src/main.js': plain['src/main.js'].replace('price(10),', 'price(10), seen: () => globalThis.seen,'),
  };
  const orders: [string, string[]][] = [
    ['before', ['--import', './telemetry.mjs', '--import', registerUrl]],
    ['after', ['--import', registerUrl, '--import', './telemetry.mjs']],
  ];
  for (const [order, nodeArguments] of orders) {
    test(`${order} the agent`, async () => {
      const service = await startService({ files, main: 'src/main.js', nodeArguments, git: true });
      expect(await service.ask('seen')).toBe('["price"]');
      const listed = (await service.keyhole('fn', 'svc', 'src/price.js', '--json')).json() as { address: string }[];
      expect(listed.map((each) => each.address)).toEqual(['src/price.js:tax', 'src/price.js:price']);
      await patchWorks(service, 'src/price.js', 'net * 2;', 'net * 3;');
    });
  }
});

test('a service that closes the global object goes on; what it loads then is left as it was, and named', async () => {
  const later = 'src/later.js';
  const files = {
    ...plain,
    [later]: 'export const later = () => 7;\n',
    'src/main.js': `import { price, tax } from './price.js';\nObject.preventExtensions(globalThis);\nconst { later } = await import('./later.js');\nconst answer = (line) => ({ price: () => price(10), tax: () => tax(10), later })[line]();\n${answering}`,
  };
  const service = await startService({ files, main: 'src/main.js', git: true });
  expect(await service.ask('later')).toBe('7');
  const checks = (await service.keyhole('doctor', 'svc', '--json')).json() as { check: string; ok: boolean; detail: string }[];
  const untouched = checks.find(({ check }) => check === 'untouched');
  expect(untouched?.ok).toBe(false);
  expect(untouched?.detail).toContain(later);
  // What was loaded before has its place already.
  await patchWorks(service, 'src/price.js', 'net * 2;', 'net * 3;');
  expect((await service.keyhole('eval', 'svc', '6 * 7', '--json')).json()).toMatchObject({ ok: true, value: 42 });
});

test('files that are loaded while the first operator comes are instrumented, cached or not', async () => {
  const many = Array.from({ length: 60 }, (_, n) => [`src/part${n}.js`, `export const part = () => ${n};\n`]);
  const files = {
    ...plain,
    ...Object.fromEntries(many),
    'src/main.js': `import { price, tax } from './price.js';\nlet sum = 0;\nconst load = async () => { for (let n = 0; n < ${many.length}; n += 1) sum += (await import(\`./part\${n}.js\`)).part(); }; \nconst answer = (line) => ({ price: () => price(10), tax: () => tax(10), load: () => void load(), sum: () => sum })[line]();\n${answering}`,
  };
  const service = await startService({ files, main: 'src/main.js', git: true });
  service.write('load');
  await service.keyhole('fn', 'svc', 'src/price.js', '--json');
  await vi.waitFor(async () => expect(await service.ask('sum')).toBe(String((many.length * (many.length - 1)) / 2)), 10_000);
  const info = (await service.keyhole('doctor', 'svc', '--json')).json() as { check: string; ok: boolean }[];
  expect(info.find(({ check }) => check === 'untouched')).toMatchObject({ ok: true });
  const listed = (await service.keyhole('fn', 'svc', 'src/part', '--json')).json() as unknown[];
  expect(listed).toHaveLength(many.length);
});

describe('how Node is started', () => {
  const works = async (options: Partial<ServiceOptions>): Promise<Service> => {
    const service = await startService({ files: plain, main: 'src/main.js', git: true, ...options });
    await patchWorks(service, 'src/price.js', 'net * 2;', 'net * 3;');
    return service;
  };

  test('NODE_OPTIONS', async () => {
    await works({ nodeArguments: [], environment: { NODE_OPTIONS: `--import=${registerUrl}` } });
  });

  const cached = { src: 'src/price.js', lib: 'src/lib.cjs' };
  test.skipIf(!('enableCompileCache' in nodeModule))('a full compile cache (Node 20 has none)', async () => {
    const files = {
      ...plain,
      [cached.lib]: 'exports.double = function (net) {\n  return net * 2;\n};\n',
      [cached.src]: `import { double } from './lib.cjs';\n${plain['src/price.js'].replace('net * 2', 'double(net)')}`,
    };
    // Node writes it when a process ends by itself.
    const options = { files, main: 'src/main.js', git: true, environment: { NODE_COMPILE_CACHE: newFolder(), NODE_DEBUG_NATIVE: 'COMPILE_CACHE' } };
    const first = await startService(options);
    expect(await first.ask('price')).toBe('20');
    first.close();
    expect(await first.ended).toBe(0);
    const second = await startService({ ...options, files: {}, git: false, again: first });
    for (const file of Object.values(cached)) {
      expect(first.stderr()).not.toMatch(new RegExp(`${file} was accepted`));
      expect(second.stderr()).toMatch(new RegExp(`${file} was accepted`));
    }
    await patchWorks(second, cached.src, 'double(net);', 'double(net) + net;');
    editFile(second, cached.lib, 'net * 2', 'net * 4');
    const pushed = (await second.keyhole('push', 'svc', cached.lib, '--reason', 'because', '--json')).json();
    expect(pushed).toMatchObject({ ok: true, patches: [{ strategy: 'slots', verified: true }] });
    expect(await second.ask('price')).toBe('50');
  });

  test('a compile cache that the service turns on', async () => {
    await works({
      files: {
        ...plain,
        'src/main.js': `import * as nodeModule from 'node:module';\nnodeModule.enableCompileCache?.(${JSON.stringify(newFolder())});\n${plain['src/main.js'].replace("import { price, tax } from './price.js';", "const { price, tax } = await import('./price.js');")}`,
      },
    });
  });

  for (const [title, flags] of [
    ['without', []],
    ['with', ['--enable-source-maps']],
  ] as [string, string[]][]) {
    test(`stack traces ${title} source maps show the lines of what is read`, async () => {
      const source = [
        'interface Order {',
        '  net: number;',
        '}',
        'export const tax = (net: number): number => net * 0.2;',
        'export function price(net: number): number {',
        '  const fail = (order: Order): never => { throw new Error(`no ${order.net}`); };',
        '  return net < 0 ? fail({ net }) : net * 2;',
        '}',
        '',
      ].join('\n');
      const service = await startService({
        files: {
          'src/price.ts': source,
          'dist/main.js': `import { price, tax } from './price.js';\nconst stack = () => { try { price(-1); } catch (error) { return error.stack.split('\\n').slice(1, 3).map((line) => line.match(/([^/]+:\\d+):\\d+\\)?$/)[1]); } };\nconst answer = (line) => ({ price: () => price(10), tax: () => tax(10), stack })[line]();\n${answering}`,
        },
        main: 'dist/main.js',
        nodeArguments: [...flags, '--import', registerUrl],
        git: true,
        prepare: (folder) => {
          const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, sourceMap: true, inlineSources: true };
          const { outputText, sourceMapText } = ts.transpileModule(source, { fileName: '../src/price.ts', compilerOptions });
          mkdirSync(path.join(folder, 'dist'), { recursive: true });
          writeFileSync(path.join(folder, 'dist/price.js'), outputText.replace(/sourceMappingURL=.*/, 'sourceMappingURL=price.js.map'));
          const map = { ...(JSON.parse(sourceMapText ?? '{}') as object), sources: ['../src/price.ts'] };
          writeFileSync(path.join(folder, 'dist/price.js.map'), JSON.stringify(map));
        },
      });
      const lines = title === 'with' ? ['price.ts:6', 'price.ts:7'] : ['price.js:3', 'price.js:4'];
      expect(JSON.parse(await service.ask('stack'))).toEqual(lines);
      await patchWorks(service, 'src/price.ts', 'net * 2;', 'net * 3;');
    });
  }

  test.each([
    ['no code from strings', ['--disallow-code-generation-from-strings']],
    ['frozen builtins', ['--frozen-intrinsics']],
    ['no __proto__', ['--disable-proto=throw']],
    ['no compiler of V8', ['--jitless']],
    ['all that is deprecated throws', ['--throw-deprecation', '--pending-deprecation']],
  ] as [string, string[]][])('hardened: %s', async (_, flags) => {
    await works({ nodeArguments: [...flags, '--import', registerUrl] });
  });

  const model = process.versions.node.startsWith('20.') ? '--experimental-permission' : '--permission';
  const files = ['--allow-fs-read=*', '--allow-fs-write=*'];

  test('the permission model: without what the agent needs it says so, and the service runs', async () => {
    for (const [flags, why] of [
      [['--allow-worker'], /^keyhole: not started: Node's permission model is on without --allow-inspector/m],
      [[], /^keyhole: not started: Node's permission model is on without --allow-worker and --allow-inspector/m],
    ] as [string[], RegExp][]) {
      const service = await startService({
        files: plain,
        main: 'src/main.js',
        nodeArguments: [model, ...files, ...flags, '--import', registerUrl],
        announces: false,
      });
      expect(await service.ask('price')).toBe('20');
      expect(service.stderr()).toMatch(why);
    }
  });

  const canAllow = process.allowedNodeEnvironmentFlags.has('--allow-inspector');
  test.runIf(canAllow)('the permission model with all that the agent needs (a Node that has --allow-inspector)', async () => {
    await works({ nodeArguments: [model, ...files, '--allow-worker', '--allow-inspector', '--import', registerUrl] });
  });
});

test.each(['commonjs', 'module'])(
  'a compiler that puts itself into require (ts-node and its like), its entry in JavaScript; the package is %s',
  async (type) => {
    const files = {
      'package.json': JSON.stringify({ name: 'svc', type }),
      'src/package.json': '{"type":"commonjs"}',
      'src/price.ts': typed['src/price.ts'],
      'src/main.ts': typed['src/main.ts'].replace('./price.js', './price'),
      'compiler.cjs': `const ts = require(${JSON.stringify(fileURLToPath(import.meta.resolve('typescript')))});
const { readFileSync } = require('node:fs');
const { Module } = require('node:module');
Module._extensions['.ts'] = (module, fileName) => {
  const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, inlineSourceMap: true, inlineSources: true };
  module._compile(ts.transpileModule(readFileSync(fileName, 'utf8'), { fileName, compilerOptions }).outputText, fileName);
};`,
      'start.cjs': "require('./compiler.cjs');\nrequire('./src/main.ts');\n",
    };
    await patchWorks(await startService({ files, main: 'start.cjs', git: true }), 'src/price.ts', 'net * 2;', 'net * 3;');
  },
);
