/** Every command on examples/rooms: TypeScript, compiled, with actors that it registers itself. */
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { transformSync } from 'esbuild';
import { everyCommand } from '../helpers/every-command.ts';

const root = path.resolve(import.meta.dirname, '../..');
const sources = path.join(root, 'examples/rooms/src');
const files = Object.fromEntries(readdirSync(sources).map((name) => [`src/${name}`, readFileSync(path.join(sources, name), 'utf8')]));

/** Says its port when asked, and hangs when told to. */
const main = `
import { createInterface } from 'node:readline';
const { log } = console;
let port = 0;
console.log = (line) => { log(line); if (String(line).startsWith('{"listening"')) { port = JSON.parse(line).listening; log('ready'); } };
function spin() { for (;;); }
createInterface({ input: process.stdin }).on('line', (line) => (line === 'hang' ? spin() : log(port)));
await import('./dist/server.js');
`;

function build(folder: string): void {
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  mkdirSync(path.join(folder, 'dist'));
  for (const [name, text] of Object.entries(files)) {
    const base = path.basename(name, '.ts');
    const { code, map } = transformSync(text, { loader: 'ts', sourcemap: 'external', sourcefile: `../src/${base}.ts`, format: 'esm' });
    writeFileSync(
      path.join(folder, 'dist', `${base}.js`),
      `${code.replace(/(from "\.\/[\w-]+)\.ts"/g, '$1.js"')}//# sourceMappingURL=${base}.js.map\n`,
    );
    writeFileSync(path.join(folder, 'dist', `${base}.js.map`), map);
  }
}

everyCommand({
  files: { ...files, 'main.js': main, '.gitignore': 'node_modules\ndist\n' },
  main: 'main.js',
  git: true,
  prepare: build,
  environment: { PORT: '0', LOT_SECONDS: '86400', ROOMS: 'lobby' },
  handler: 'src/http.ts:answer',
  below: 'src/room.ts:Room.snapshot',
  line: { text: 'return {', expression: 'this.name', value: 'lobby' },
  edit: { from: 'turnover: this.#turnover,', to: 'turnover: this.#turnover + 1,' },
  made: { name: 'Room', file: 'src/room.ts' },
  async drive(service) {
    const base = `http://127.0.0.1:${await service.ask('port')}`;
    return {
      call: async () => (await fetch(`${base}/rooms/lobby`)).text(),
      hang: () => service.write('hang'),
      close: () => undefined,
    };
  },
  actor: () => Promise.resolve({ id: 'room/lobby', type: 'Room', path: 'name', value: '"hall"', before: 'lobby' }),
});
