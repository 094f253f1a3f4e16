/** What the writer asks of the file system, in one place, so that a test can make each of it fail. It runs in the worker: the service's event loop waits for none of it. */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';

export const realDisk = {
  open: openSync,
  close: closeSync,
  write: writeSync,
  read: readSync,
  fsync: fsyncSync,
  /** The bytes and the size, which is all that reading them takes; not the times. */
  datasync: fdatasyncSync,
  truncate: ftruncateSync,
  stat: statSync,
  fstat: fstatSync,
  mkdir: mkdirSync,
  rename: renameSync,
  unlink: unlinkSync,
};

export type Disk = typeof realDisk;

/** A new, renamed or removed file is durable only when its directory is. */
export function syncDirectory(disk: Disk, dir: string): void {
  const fd = disk.open(dir, 'r');
  try {
    disk.fsync(fd);
  } finally {
    disk.close(fd);
  }
}
