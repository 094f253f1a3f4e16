/** Stand-in for the door's announcements until they are merged. */
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Announcement } from './door-config.ts';

export type { Announcement } from './door-config.ts';

export function runtimeDir(): string {
  const base = process.env['XDG_RUNTIME_DIR'];
  return base === undefined || base === '' ? join(tmpdir(), `keyhole-${userInfo().uid}`) : join(base, 'keyhole');
}

export function listAnnouncements(): Announcement[] {
  const dir = runtimeDir();
  try {
    return readdirSync(dir)
      .filter((name) => name.endsWith('.json'))
      .map((name) => JSON.parse(readFileSync(join(dir, name), 'utf8')) as Announcement);
  } catch {
    return [];
  }
}
