/**
 * Where agents of this user announce themselves, for the console to find. The folder is ours alone: a folder that somebody else could write to would let him put his own
 * socket where an operator expects the service's.
 */
import { chmodSync, lstatSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { Announcement } from './door-config.ts';

export type { Announcement } from './door-config.ts';

/** `$XDG_RUNTIME_DIR/keyhole`, else a folder of this user's under the system's temporary folder. */
export function runtimeDir({ XDG_RUNTIME_DIR }: NodeJS.ProcessEnv = process.env): string {
  if (XDG_RUNTIME_DIR !== undefined && XDG_RUNTIME_DIR !== '') return path.join(XDG_RUNTIME_DIR, 'keyhole');
  return path.join(tmpdir(), `keyhole-${process.getuid?.() ?? 'user'}`);
}

/**
 * Makes the folder, mode 0700, or checks the one that is there.
 * @throws {Error} where it belongs to another user or others may enter it.
 */
export function ownRuntimeDir(dir = runtimeDir()): string {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const wrong = notOurs(dir);
  if (wrong !== null) throw new Error(wrong);
  return dir;
}

function notOurs(dir: string): string | null {
  const stat = lstatSync(dir);
  if (!stat.isDirectory()) return `${dir} is not a folder`;
  if (stat.uid !== process.getuid?.()) return `${dir} belongs to another user`;
  if ((stat.mode & 0o077) !== 0) return `${dir} can be entered by others: it must have mode 0700`;
  return null;
}

/** Agents of this machine that are alive. What their processes left behind is removed. */
export function listAnnouncements(env: NodeJS.ProcessEnv = process.env): Announcement[] {
  const dir = runtimeDir(env);
  let names: string[];
  try {
    if (notOurs(dir) !== null) return [];
    names = readdirSync(dir);
  } catch {
    // No folder: no agent has ever announced itself.
    return [];
  }
  const found: Announcement[] = [];
  for (const name of names) {
    if (!name.endsWith('.json')) continue;
    const announcement = readAnnouncement(path.join(dir, name));
    if (announcement === null) continue;
    if (isAlive(announcement.pid)) {
      found.push(announcement);
      continue;
    }
    rmSync(path.join(dir, name), { force: true });
    const [, socket = ''] = /^unix:(.*)$/s.exec(announcement.address) ?? [];
    if (path.dirname(socket) === dir) rmSync(socket, { force: true });
  }
  return found.sort((a, b) => (a.name === b.name ? a.pid - b.pid : a.name < b.name ? -1 : 1));
}

/** Writes an announcement so that a reader never sees half of one. */
export function announce(dir: string, announcement: Announcement): void {
  const file = announcementFile(dir, announcement);
  writeFileSync(`${file}.new`, JSON.stringify(announcement), { mode: 0o600 });
  chmodSync(`${file}.new`, 0o600);
  renameSync(`${file}.new`, file);
}

export function withdraw(dir: string, announcement: Announcement): void {
  rmSync(announcementFile(dir, announcement), { force: true });
}

function announcementFile(dir: string, { name, pid }: Announcement): string {
  return path.join(dir, `${name}.${pid}.json`);
}

function readAnnouncement(file: string): Announcement | null {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as Partial<Announcement> | null;
    const whole = typeof value?.name === 'string' && Number.isInteger(value.pid) && typeof value.address === 'string';
    return whole ? (value as Announcement) : null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}
