/** Which TCP ports a process listens on, from `/proc`: so that we speak to the inspector of that process and to nobody else. */
import { closeSync, openSync, readSync, readdirSync, readlinkSync } from 'node:fs';

export interface ListeningSocket {
  inode: string;
  host: string;
  port: number;
}

/** The kernel's number for a socket that listens. */
const listenState = '0A';
const pieceBytes = 65_536;

/** Every listening socket of the machine (of its network namespace), by whoever. */
export function listeningSockets(tables: readonly string[] = ['/proc/self/net/tcp', '/proc/self/net/tcp6']): ListeningSocket[] {
  return tables.flatMap((table) => listeningLines(table).map(parseLine));
}

/** Whether the socket is one of the process's own. */
export function holdsSocket(pid: number, inode: string): boolean {
  const wanted = `socket:[${inode}]`;
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === wanted;
    } catch {
      // Closed since the folder was listed.
      return false;
    }
  });
}

export function isLoopback(host: string): boolean {
  return host === '::1' || /^(::ffff:)?127\./.test(host);
}

/** The kernel lists those that listen first: a machine with many connections is not read to the end. */
function listeningLines(file: string): string[][] {
  let text = '';
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    // A machine without IPv6.
    return [];
  }
  try {
    const piece = Buffer.alloc(pieceBytes);
    for (;;) {
      const length = readSync(fd, piece, 0, pieceBytes, null);
      text += piece.toString('latin1', 0, length);
      const rows = text
        .slice(text.indexOf('\n') + 1, text.lastIndexOf('\n'))
        .split('\n')
        .map((line) => line.trim().split(/\s+/));
      const end = rows.findIndex(([, , , state]) => state !== listenState);
      if (end !== -1) return rows.slice(0, end);
      if (length === 0) return rows.filter(([, , , state]) => state === listenState);
    }
  } finally {
    closeSync(fd);
  }
}

function parseLine([, local = '', , , , , , , , inode = '']: string[]): ListeningSocket {
  const [address = '', port = ''] = local.split(':');
  return { inode, host: hostOf(address), port: Number.parseInt(port, 16) };
}

/** `0100007F` is 127.0.0.1: words of four bytes in the machine's order. */
function hostOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, 'hex')].reverse());
  if (bytes.length === 4) return bytes.join('.');
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  if (isMapped) return `::ffff:${bytes.slice(12).join('.')}`;
  if (bytes.slice(0, 15).every((byte) => byte === 0)) return bytes[15] === 1 ? '::1' : '::';
  return Array.from({ length: 8 }, (_, index) => (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16)).join(':');
}
