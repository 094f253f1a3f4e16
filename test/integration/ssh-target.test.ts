/** `ssh://` targets: what ssh is told, what comes through, and what does not. With a program that stands in for ssh, and with a real sshd where there is one. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { consoleProgram, runConsole, type Finished } from '../helpers/console-process.ts';
import { answering, journalOf, newFolder, newKey, startService, type Service } from '../helpers/service.ts';

let service: Service;
let folder: string;
/** What the stand-in was called with, a word a line. */
let calledWith: string;
/** How `keyhole` is called at the far end. */
const far = `${process.execPath} ${consoleProgram}`;

beforeAll(async () => {
  service = await startService({
    files: { 'main.js': `globalThis.answerOfAll = 42; const answer = () => 'here';${answering}` },
    main: 'main.js',
    roles: 'patch',
  });
  folder = newFolder();
  calledWith = path.join(folder, 'words');
  // Runs the command here, with nothing of the near end's environment but what the far end would have.
  const script = `#!/bin/sh
printf '%s\\n' "$@" > ${calledWith}
echo 'Welcome to this machine'
for last in "$@"; do :; done
XDG_RUNTIME_DIR=${service.env['XDG_RUNTIME_DIR']} KEYHOLE_IDENTITY= KEYHOLE_TARGET= exec sh -c "$last"
`;
  writeFileSync(path.join(folder, 'ssh'), script, { mode: 0o755 });
});

/** An operator on another machine: his key, and no runtime directory with this service in it. */
function keyhole(words: string[], more: NodeJS.ProcessEnv = {}): Promise<Finished> {
  const env = {
    ...service.env,
    PATH: `${folder}:${process.env['PATH']}`,
    XDG_RUNTIME_DIR: path.join(folder, 'elsewhere'),
    KEYHOLE_SSH_COMMAND: far,
    ...more,
  };
  return runConsole(words, { env });
}

describe('through a program that stands in for ssh', () => {
  test('an evaluation; ssh gets its options, then --, then the host', async () => {
    const done = await keyhole(['eval', 'ssh://alice@db1.example.org:2222/svc', 'answerOfAll', '--json']);
    expect(done.json(), done.stderr).toMatchObject({ ok: true, value: 42 });
    const words = readFileSync(calledWith, 'utf8').trimEnd().split('\n');
    expect(words.slice(words.indexOf('-p'))).toEqual(['-p', '2222', '-l', 'alice', '--', 'db1.example.org', `${far} bridge -- 'svc'`]);
    for (const option of ['ForwardAgent=no', 'ForwardX11=no', 'ClearAllForwardings=yes']) expect(words).toContain(option);
    expect(words).toContain('-T');
  });

  test('by name and pid, and by pid; the login is that of the socket there', async () => {
    for (const name of [`svc#${service.pid}`, String(service.pid)]) {
      const done = await keyhole(['eval', `ssh://db1/${name}`, 'answerOfAll', '--json']);
      expect(done.json(), done.stderr).toMatchObject({ value: 42 });
    }
    const logins = journalOf(service).filter(({ kind, event }) => kind === 'session' && event === 'open');
    const { message } = (logins.at(-1) as { login: { message: string } }).login;
    expect(message).toContain(JSON.stringify(`unix:${String(service.env['XDG_RUNTIME_DIR'])}/keyhole/svc.${service.pid}.sock`));
  });

  test('a large answer and a large request come through whole', async () => {
    const done = await keyhole(['eval', 'ssh://db1/svc', `${JSON.stringify('x'.repeat(100_000))}.length`, '--json']);
    expect(done.json(), done.stderr).toMatchObject({ value: 100_000 });
  });

  test('what the far end says is what is reported, with its code', async () => {
    const none = await keyhole(['eval', 'ssh://db1/other', '1', '--json']);
    expect(none.code).toBe(3);
    expect(none.json()).toMatchObject({ error: { code: 'NO_TARGET', message: 'there is no agent other on this machine' } });
  });

  test('no keyhole there, no ssh here, an ssh that fails: each says so', async () => {
    const missing = await keyhole(['eval', 'ssh://db1/svc', '1'], { KEYHOLE_SSH_COMMAND: '/nowhere/keyhole' });
    expect(missing.code).toBe(3);
    expect(missing.stderr).toContain('there is no keyhole on that machine');
    expect(missing.stderr).toContain('KEYHOLE_SSH_COMMAND');
    const failing = newFolder();
    writeFileSync(path.join(failing, 'ssh'), '#!/bin/sh\necho "ssh: Could not resolve hostname db1: \\033[31mName" >&2\nexit 255\n', { mode: 0o755 });
    const failed = await keyhole(['eval', 'ssh://db1/svc', '1'], { PATH: `${failing}:${process.env['PATH']}` });
    expect(failed.code).toBe(3);
    expect(failed.stderr).toContain('Could not resolve hostname db1');
    expect(failed.stderr).not.toContain('\u001B');
    const silent = newFolder();
    writeFileSync(path.join(silent, 'ssh'), '#!/bin/sh\nhead -c 200000 /dev/zero\nsleep 60\n', { mode: 0o755 });
    const noise = await keyhole(['eval', 'ssh://db1/svc', '1'], { PATH: `${silent}:${process.env['PATH']}` });
    expect(noise.stderr).toContain('what answers there is not Keyhole');
  });

  test('the far end that leads somewhere else is noticed: it can not prove the host key, or not that name', async () => {
    const lying = newFolder();
    const real = `unix:${String(service.env['XDG_RUNTIME_DIR'])}/keyhole/svc.${service.pid}.sock`;
    const say = (said: object): void => {
      const script = [
        `process.stdout.write('keyhole-bridge ' + ${JSON.stringify(JSON.stringify(said))} + '\\n');`,
        `const socket = require('node:net').connect(${JSON.stringify(real.slice('unix:'.length))});`,
        `process.stdin.pipe(socket).pipe(process.stdout);`,
      ];
      writeFileSync(path.join(lying, 'relay.cjs'), script.join('\n'));
    };
    writeFileSync(path.join(lying, 'ssh'), `#!/bin/sh\nexec ${process.execPath} ${path.join(lying, 'relay.cjs')}\n`, { mode: 0o755 });
    const dial = (): Promise<Finished> => keyhole(['eval', 'ssh://db1/svc', 'answerOfAll', '--json'], { PATH: `${lying}:${process.env['PATH']}` });
    say({ address: real, service: 'svc', hostKey: null });
    expect((await dial()).json()).toMatchObject({ value: 42 });
    say({ address: 'unix:/run/other.sock', service: 'svc', hostKey: null });
    expect((await dial()).json()).toMatchObject({ error: { code: 'HOST_KEY' } });
    say({ address: real, service: 'other', hostKey: null });
    expect((await dial()).json()).toMatchObject({ error: { code: 'HOST_KEY' } });
    say({ address: real, service: 'svc', hostKey: newKey(newFolder(), 'other').publicKey });
    expect((await dial()).json()).toMatchObject({ error: { code: 'HOST_KEY' } });
    say({ address: 5 });
    expect((await dial()).json()).toMatchObject({ error: { code: 'BAD_FRAME' } });
  });

  test('a target that would be an option is refused before ssh is run', async () => {
    const done = await keyhole(['eval', 'ssh://-oProxyCommand=touch${IFS}x/svc', '1', '--json'], { PATH: '/nonexistent' });
    expect(done.json()).toMatchObject({ error: { code: 'USAGE' } });
  });

  test('a name that begins with a dash is a name', async () => {
    const done = await keyhole(['eval', 'ssh://db1/--help', '1', '--json']);
    expect(done.json()).toMatchObject({ error: { code: 'NO_TARGET', message: 'there is no agent --help on this machine' } });
  });

  test('a bridge ends when ssh does, and leaves no session', async () => {
    const before = journalOf(service).filter(({ event }) => event === 'close').length;
    await keyhole(['eval', 'ssh://db1/svc', 'answerOfAll']);
    await expect.poll(() => journalOf(service).filter(({ event }) => event === 'close').length, { timeout: 10_000 }).toBeGreaterThan(before);
  });
});

describe('through a real sshd', () => {
  const sshd = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((file) => existsSync(file));

  test('an evaluation', async (context) => {
    const program = sshd ?? context.skip('there is no sshd on this machine (apt install openssh-server)');
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
    const home = newFolder();
    const host = newKey(home, 'host');
    const user = newKey(home, 'user');
    writeFileSync(path.join(home, 'authorized'), `${user.publicKey}\n`, { mode: 0o600 });
    const port = await new Promise<number>((resolve) => {
      const probe = createServer().listen(0, '127.0.0.1', () => {
        const { port } = probe.address() as { port: number };
        probe.close(() => resolve(port));
      });
    });
    const config = [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${host.file}`,
      `AuthorizedKeysFile ${path.join(home, 'authorized')}`,
      'StrictModes no',
      'UsePAM no',
      `PidFile ${path.join(home, 'pid')}`,
      `SetEnv XDG_RUNTIME_DIR=${service.env['XDG_RUNTIME_DIR']}`,
    ];
    writeFileSync(path.join(home, 'sshd_config'), `${config.join('\n')}\n`);
    const server = spawn(program, ['-D', '-e', '-f', path.join(home, 'sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    server.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    try {
      await expect.poll(() => log, { timeout: 10_000 }).toContain('Server listening');
      const known = path.join(home, 'known');
      writeFileSync(known, `[127.0.0.1]:${port} ${host.publicKey}\n`);
      // Its own configuration: ssh reads it from the password database's home, so a wrapper names it, as ~/.ssh/config would.
      const wrapper = newFolder();
      const near = path.join(home, 'ssh_config');
      writeFileSync(
        near,
        `Host db1\n  HostName 127.0.0.1\n  Port ${port}\n  IdentityFile ${user.file}\n  IdentitiesOnly yes\n  UserKnownHostsFile ${known}\n`,
      );
      writeFileSync(path.join(wrapper, 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F ${near} "$@"\n`);
      chmodSync(path.join(wrapper, 'ssh'), 0o755);
      const done = await keyhole(['eval', 'ssh://db1/svc', 'answerOfAll', '--json'], { PATH: `${wrapper}:${process.env['PATH']}` });
      expect(done.stdout, `${done.stderr}${log}`).not.toBe('');
      expect(done.json()).toMatchObject({ ok: true, value: 42 });
    } finally {
      server.kill();
    }
  });
});
