/**
 * Listens on a Unix socket that nobody else could ever connect to, or put there in our place. It is made inside a fresh folder of mode 0700, gets mode 0600 there, and is then linked to
 * its path: Node makes sockets as the umask says, and a worker thread may not change that.
 */
import { chmodSync, linkSync, lstatSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import * as path from 'node:path';
import { socketBinding } from '../protocol/index.ts';
import type { Place } from './place.ts';

/** What the operating system takes for a socket's path (108 with its end on Linux, 104 on macOS). */
const maxSocketPathBytes = 103;

/** The one Host of a request on it. */
const authority = 'keyhole';

/** @throws {Error} where something stands there that is not a socket left over by us. */
export async function listenOnSocket(server: Server, socketPath: string): Promise<Place> {
  if (Buffer.byteLength(socketPath) > maxSocketPathBytes) {
    throw new Error(`the socket's path ${socketPath} has more than ${maxSocketPathBytes} bytes; set XDG_RUNTIME_DIR to a shorter folder`);
  }
  const dir = path.dirname(socketPath);
  checkFolder(dir);
  await removeStale(socketPath);
  const nursery = mkdtempSync(path.join(dir, '.k'));
  try {
    const made = path.join(nursery, 's');
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(made, () => {
        server.off('error', reject);
        resolve();
      });
    });
    chmodSync(made, 0o600);
    // A second name, and not another place: of two agents that come at once the second one hears that there is one.
    linkSync(made, socketPath);
  } catch (thrown) {
    server.close();
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') throw new Error(`${socketPath}: somebody listens on it already`, { cause: thrown });
    throw thrown;
  } finally {
    rmSync(nursery, { recursive: true, force: true });
  }
  const { ino } = lstatSync(socketPath);
  const address = socketBinding(realpathSync(socketPath));
  return {
    address,
    authorities: () => [authority],
    binding: () => address,
    remove: () => {
      // Somebody may have taken the path over since.
      if (lstatSync(socketPath, { throwIfNoEntry: false })?.ino === ino) rmSync(socketPath, { force: true });
    },
  };
}

/** Whoever may write to the folder may put another socket where operators expect ours. */
function checkFolder(dir: string): void {
  const stat = statSync(dir, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) throw new Error(`${dir}, where the socket should be, is not a folder`);
  if (stat.uid !== process.getuid?.() && stat.uid !== 0) throw new Error(`${dir}, where the socket should be, belongs to another user`);
  const isSticky = (stat.mode & 0o1000) !== 0;
  if ((stat.mode & 0o022) !== 0 && !isSticky) throw new Error(`others may write to ${dir}, where the socket should be: chmod go-w ${dir}`);
}

/** A socket of ours that nobody answers on is left over from a process that died. Anything else stays. */
async function removeStale(socketPath: string): Promise<void> {
  const stat = lstatSync(socketPath, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (stat.isSymbolicLink()) throw new Error(`${socketPath} is a symbolic link: remove it, or listen elsewhere`);
  if (!stat.isSocket()) throw new Error(`${socketPath} is there, and not a socket: remove it, or listen elsewhere`);
  if (stat.uid !== process.getuid?.()) throw new Error(`${socketPath} is a socket of another user`);
  const why = await new Promise<string>((resolve) => {
    const probe = connect(socketPath);
    probe.once('connect', () => {
      probe.destroy();
      resolve('somebody listens on it already');
    });
    probe.once('error', ({ code }: NodeJS.ErrnoException) => {
      resolve(code === 'ECONNREFUSED' || code === 'ENOENT' ? '' : `who listens on it can't be told (${code})`);
    });
  });
  if (why !== '') throw new Error(`${socketPath}: ${why}`);
  // While it was asked another agent may have replaced it.
  const now = lstatSync(socketPath, { throwIfNoEntry: false });
  if (now?.ino !== stat.ino || now.ctimeMs !== stat.ctimeMs) return;
  rmSync(socketPath, { force: true });
}
