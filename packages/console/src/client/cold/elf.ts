/** Where a symbol of a program lies: as much of ELF (64 bit, little endian) as that needs. Never writes, and knows nothing of processes. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

export interface ElfSymbols {
  /** The image is loaded at an address of the kernel's choice, and values are relative to it. */
  relocatable: boolean;
  values: bigint[];
}

/** `dynamic` symbols survive stripping; `local` ones only in a program that was not stripped. */
const sectionTypes = { local: 2, dynamic: 11 } as const;
const sectionHeaderBytes = 64;
const symbolBytes = 24;
/** Node's own tables have some 20 MB. */
const maxSectionBytes = 256 * 1024 * 1024;

/**
 * The values of all symbols with that name, or with it and a number that the linker put behind it (`name.0`).
 * @returns null where the file is no such ELF file, or has no such table.
 */
export function findSymbols(file: string, table: keyof typeof sectionTypes, name: string): ElfSymbols | null {
  const fd = openSync(file, 'r');
  try {
    const fileBytes = fstatSync(fd).size;
    const read = (offset: number, length: number): Buffer | null => {
      if (length > maxSectionBytes || offset + length > fileBytes) return null;
      const bytes = Buffer.alloc(length);
      return readSync(fd, bytes, 0, length, offset) === length ? bytes : null;
    };
    const head = read(0, 64);
    if (head === null || head.readUInt32BE(0) !== 0x7f454c46 || head[4] !== 2 || head[5] !== 1) return null;
    const headers = read(Number(head.readBigUInt64LE(40)), head.readUInt16LE(60) * sectionHeaderBytes);
    if (headers === null) return null;
    const section = (index: number): Buffer | null => {
      const at = index * sectionHeaderBytes;
      return read(Number(headers.readBigUInt64LE(at + 24)), Number(headers.readBigUInt64LE(at + 32)));
    };
    for (let index = 0; index < headers.length / sectionHeaderBytes; index += 1) {
      const at = index * sectionHeaderBytes;
      if (headers.readUInt32LE(at + 4) !== sectionTypes[table]) continue;
      const symbols = section(index);
      const names = section(headers.readUInt32LE(at + 40));
      if (symbols === null || names === null) return null;
      return { relocatable: head.readUInt16LE(16) === 3, values: valuesOf(symbols, offsetsOf(names, name)) };
    }
    return null;
  } finally {
    closeSync(fd);
  }
}

/** Where the name stands in a table of strings that each end with a zero. */
function offsetsOf(names: Buffer, name: string): Set<number> {
  const offsets = new Set<number>();
  const wanted = Buffer.from(`\0${name}`);
  for (let at = names.indexOf(wanted); at !== -1; at = names.indexOf(wanted, at + 1)) {
    const end = names.indexOf(0, at + wanted.length);
    const suffix = names.toString('latin1', at + wanted.length, end);
    if (/^(\.\d+)?$/.test(suffix)) offsets.add(at + 1);
  }
  return offsets;
}

function valuesOf(symbols: Buffer, offsets: Set<number>): bigint[] {
  const values: bigint[] = [];
  if (offsets.size === 0) return values;
  for (let at = 0; at + symbolBytes <= symbols.length; at += symbolBytes) {
    if (offsets.has(symbols.readUInt32LE(at))) values.push(symbols.readBigUInt64LE(at + 8));
  }
  return values;
}
