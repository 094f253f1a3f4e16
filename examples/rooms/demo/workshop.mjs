/**
 * The temporary folder in which the demo happens: the service's own git repository, the operator's key, the runtime directory and the
 * journal. Nothing outside it is read or written but the checkout's node_modules, through a link.
 */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';

/** What of examples/rooms is the demo's, not the service's, or was made by a build. */
const notTheService = new Set(['demo', 'demo.mjs', 'node_modules', 'dist', '.keyhole']);

export class Workshop {
  constructor(root, rooms) {
    this.root = root;
    this.rooms = rooms;
    // Short: a socket's path has room for about a hundred characters.
    this.dir = realpathSync(mkdtempSync(join(tmpdir(), 'kh-')));
    this.repo = join(this.dir, 'rooms');
    this.fresh = join(this.dir, 'fresh');
    this.key = join(this.dir, 'alice');
    this.operators = join(this.dir, 'operators');
    this.journal = join(this.dir, 'journal');
    this.home = join(this.dir, 'home');
    this.runtime = join(this.dir, 'run');
    for (const dir of [this.home, this.runtime]) mkdirSync(dir, { mode: 0o700 });
    // The file mode mask may have taken bits away, never added any; the agent insists on exactly this.
    chmodSync(this.runtime, 0o700);
    // Also where the demo is told to end in the middle.
    process.on('exit', () => this.remove());
  }

  /** The environment of everything that runs in the workshop: the person's own settings, keys and git configuration stay out. */
  get env() {
    const kept = Object.fromEntries(
      ['TERM', 'LANG', 'LC_ALL', 'TMPDIR', 'TZ', 'NO_COLOR'].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
    );
    return {
      ...kept,
      PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
      HOME: this.home,
      XDG_RUNTIME_DIR: this.runtime,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_PAGER: 'cat',
      npm_config_loglevel: 'error',
      npm_config_update_notifier: 'false',
      KEYHOLE_IDENTITY: this.key,
    };
  }

  /** The service's environment, as it would stand in its unit file. */
  get serviceEnv() {
    return { KEYHOLE_SERVICE: 'rooms', KEYHOLE_OPERATORS: this.operators, KEYHOLE_JOURNAL_DIR: this.journal, PORT: '0', LOT_SECONDS: '15' };
  }

  copyService() {
    cpSync(this.rooms, this.repo, {
      recursive: true,
      filter: (source) => source === this.rooms || !(dirname(source) === this.rooms && notTheService.has(basename(source))),
    });
    this.link(this.repo);
  }

  /** What `npm install` would do for a service that has Keyhole among its dependencies. */
  link(checkout) {
    symlinkSync(join(this.root, 'node_modules'), join(checkout, 'node_modules'), 'dir');
  }

  writeOperators(publicKeyLine) {
    writeFileSync(this.operators, `name="alice",roles="patch" ${publicKeyLine.trim()}\n`, { mode: 0o600 });
  }

  /** Edits a file of the service's repository: exactly one place, or it throws. */
  edit(file, before, after) {
    const path = join(this.repo, file);
    const text = readFileSync(path, 'utf8');
    if (text.split(before).length !== 2) throw new Error(`${file} should hold ${JSON.stringify(before)} once`);
    writeFileSync(
      path,
      text.replace(before, () => after),
    );
  }

  remove() {
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}
