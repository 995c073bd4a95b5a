import { crc32, deflateRawSync } from 'node:zlib';
import { concat, utf8 } from '../../../../src/core/bytes.ts';

export interface Made {
  name: string;
  data: Uint8Array;
  deflate?: boolean;
  /** Lies */
  localName?: string;
  claims?: Partial<Record<'compressedSize' | 'crc' | 'flags' | 'method' | 'offset' | 'size', number>>;
}

const u16 = (n: number) => Uint8Array.of(n & 255, n >> 8);
const u32 = (n: number) => concat(u16(n & 65535), u16(n >>> 16));

/** A zip as APPNOTE 6.3.10 has it, of entries that may lie. */
export function zipOf(...entries: Made[]): Uint8Array {
  const files: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, data, deflate = false, localName = name, claims = {} } of entries) {
    const stored = deflate ? new Uint8Array(deflateRawSync(data)) : data;
    const { compressedSize = stored.length, size = data.length, crc = crc32(data), method = deflate ? 8 : 0 } = claims;
    const { flags = 0, offset = at } = claims;
    const common = concat(u16(20), u16(flags), u16(method), u32(0), u32(crc), u32(compressedSize), u32(size));
    const local = concat(u32(0x04034b50), common, u16(utf8(localName).length), u16(0), utf8(localName), stored);
    const named = concat(u16(utf8(name).length), u16(0), u16(0), u16(0), u16(0), u32(0), u32(offset), utf8(name));
    directory.push(concat(u32(0x02014b50), u16(20), common, named));
    files.push(local);
    at += local.length;
  }
  const listed = concat(...directory);
  const end = concat(
    u32(0x06054b50),
    u32(0),
    u16(entries.length),
    u16(entries.length),
    u32(listed.length),
    u32(at),
    u16(0),
  );
  return concat(...files, listed, end);
}
