/**
 * Small HDF5 files put together by hand, as File Format Specification 4.0 has them and h5py writes them by default:
 * superblock 0, version 1 headers, symbol tables, chunks in a version 1 B-tree. `at` tells where a field stands, so that
 * a test can make it lie.
 */
import { concat, utf8 } from '../../../../src/core/bytes.ts';

export interface MadeDataset {
  shape: number[];
  datatype: Uint8Array;
  /** As it stands, the elements of a contiguous dataset; `undefined` where nothing was written */
  data?: Uint8Array;
  chunked?: { chunk: number[]; elementBytes: number; chunks: { origin: number[]; data: Uint8Array; mask?: number }[] };
  /** Further messages, a filter pipeline say */
  messages?: [type: number, data: Uint8Array][];
}

export interface MadeGroup {
  [name: string]: MadeDataset | MadeGroup | { linkTo: string } | { soft: true };
}

export interface MadeFile {
  bytes: Uint8Array;
  /** Position of a field, by `<path>.<field>` */
  at: Map<string, number>;
}

const UNDEFINED = 0xffff_ffff_ffff_ffffn;

export const u16 = (n: number): Uint8Array => Uint8Array.of(n & 255, n >> 8);
export const u32 = (n: number): Uint8Array => concat(u16(n & 65535), u16(n >>> 16));
export const u64 = (n: bigint | number): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(n), true);
  return bytes;
};
const padded = (bytes: Uint8Array): Uint8Array => concat(bytes, new Uint8Array((8 - (bytes.length % 8)) % 8));

/** @param layout precision, sign, exponent at and bits, mantissa at and bits, bias */
export const floatType = (size: number, layout: readonly number[], bigEndian = false): Uint8Array => {
  const [precision = 0, sign = 0, ea = 0, eb = 0, ma = 0, mb = 0, bias = 0] = layout;
  const head = Uint8Array.of(0x11, 0x20 | (bigEndian ? 1 : 0), sign, 0);
  return concat(head, u32(size), u16(0), u16(precision), Uint8Array.of(ea, eb, ma, mb), u32(bias));
};
export const F16 = [16, 15, 10, 5, 0, 10, 15] as const;
export const F32 = [32, 31, 23, 8, 0, 23, 127] as const;
export const float32 = floatType(4, F32);
export const integerType = (size: number, signed = false, bigEndian = false): Uint8Array =>
  concat(Uint8Array.of(0x10, (bigEndian ? 1 : 0) | (signed ? 8 : 0), 0, 0), u32(size), u16(0), u16(8 * size));
export const stringType = (size: number): Uint8Array => concat(Uint8Array.of(0x13, 0, 0, 0), u32(size));
/** A filter pipeline of version 1 */
export const filters = (...ids: [id: number, ...parameters: number[]][]): [number, Uint8Array] => [
  0x0b,
  concat(
    Uint8Array.of(1, ids.length, 0, 0, 0, 0, 0, 0),
    ...ids.map(([id, ...parameters]) =>
      concat(
        u16(id),
        u16(0),
        u16(0),
        u16(parameters.length),
        ...parameters.map(u32),
        parameters.length % 2 === 1 ? u32(0) : new Uint8Array(0),
      ),
    ),
  ),
];

const isDataset = (member: object): member is MadeDataset => 'datatype' in member;

export function hdf5Of(root: MadeGroup): MadeFile {
  const parts: Uint8Array[] = [new Uint8Array(96)];
  let end = 96;
  const at = new Map<string, number>();
  const addresses = new Map<string, number>();
  /** Puts a structure of named fields at the end */
  const put = (path: string, fields: Record<string, Uint8Array>): number => {
    const address = end;
    for (const [name, bytes] of Object.entries(fields)) {
      at.set(`${path}.${name}`, end);
      parts.push(bytes);
      end += bytes.length;
    }
    const gap = (8 - (end % 8)) % 8;
    parts.push(new Uint8Array(gap));
    end += gap;
    return address;
  };
  const header = (path: string, messages: { type: number; fields: Record<string, Uint8Array> }[]): number => {
    const blocks = messages.map(({ type, fields }, i) => {
      const size = Object.values(fields).reduce((sum, { length }) => sum + length, 0);
      return {
        [`message${type}-${i}`]: concat(u16(type), u16(Math.ceil(size / 8) * 8), u32(0)),
        ...fields,
        [`pad${i}`]: new Uint8Array((8 - (size % 8)) % 8),
      };
    });
    const fields: Record<string, Uint8Array> = Object.assign({}, ...blocks) as Record<string, Uint8Array>;
    const size = Object.values(fields).reduce((sum, { length }) => sum + length, 0);
    return put(path, {
      version: Uint8Array.of(1, 0),
      messages: u16(messages.length),
      references: u32(1),
      headerSize: u32(size),
      reserved: u32(0),
      ...fields,
    });
  };

  const dataset = (path: string, { shape, datatype, data, chunked, messages = [] }: MadeDataset): number => {
    const layout =
      chunked === undefined
        ? {
            layout: Uint8Array.of(3, 1),
            address: data === undefined ? u64(UNDEFINED) : u64(put(`${path}.data`, { data })),
            size: u64(data?.length ?? 0),
          }
        : {
            layout: Uint8Array.of(3, 2),
            axes: Uint8Array.of(shape.length + 1),
            address: u64(chunkIndex(path, chunked)),
            chunk: concat(...chunked.chunk.map(u32)),
            elementBytes: u32(chunked.elementBytes),
          };
    const space = {
      space: Uint8Array.of(1),
      rank: Uint8Array.of(shape.length),
      spaceRest: new Uint8Array(6),
      shape: concat(...shape.map(u64)),
    };
    return header(path, [
      { type: 1, fields: space },
      { type: 3, fields: { datatype } },
      { type: 8, fields: layout },
      ...messages.map(([type, bytes]) => ({ type, fields: { [`extra${type}`]: bytes } })),
    ]);
  };

  const chunkIndex = (path: string, { chunks }: NonNullable<MadeDataset['chunked']>): number => {
    const entries = chunks.map(({ origin, data, mask = 0 }, i) => ({
      [`chunk${i}.bytes`]: u32(data.length),
      [`chunk${i}.mask`]: u32(mask),
      [`chunk${i}.origin`]: concat(...origin.map(u64), u64(0)),
      [`chunk${i}.address`]: u64(put(`${path}.chunk${i}`, { data })),
    }));
    return put(`${path}.index`, {
      signature: utf8('TREE'),
      type: Uint8Array.of(1),
      level: Uint8Array.of(0),
      entries: u16(chunks.length),
      siblings: concat(u64(UNDEFINED), u64(UNDEFINED)),
      ...(Object.assign({}, ...entries) as Record<string, Uint8Array>),
    });
  };

  const group = (path: string, members: MadeGroup): number => {
    const names = Object.keys(members).sort();
    const prefix = path === '/' ? '' : `${path}/`;
    const heapNames: Uint8Array[] = [new Uint8Array(8)];
    const symbols: Record<string, Uint8Array> = {};
    let heapEnd = 8;
    for (const name of names) {
      const member = members[name]!;
      const inner = `${prefix}${name}`;
      let address: bigint | number = UNDEFINED;
      if ('linkTo' in member) address = addresses.get(member.linkTo as string)!;
      else if (isDataset(member)) address = dataset(inner, member);
      else if (!('soft' in member)) address = group(inner, member);
      if (typeof address === 'number') addresses.set(inner, address);
      symbols[`${name}.name`] = u64(heapEnd);
      symbols[`${name}.object`] = u64(address);
      symbols[`${name}.cache`] = concat(u32('soft' in member ? 2 : 0), new Uint8Array(20));
      const text = padded(concat(utf8(name), Uint8Array.of(0)));
      heapNames.push(text);
      heapEnd += text.length;
    }
    const names_ = put(`${path}.names`, { names: concat(...heapNames) });
    const heap = put(`${path}.heap`, {
      signature: utf8('HEAP'),
      version: u32(0),
      size: u64(heapEnd),
      free: u64(1),
      address: u64(names_),
    });
    const node = put(`${path}.symbols`, {
      signature: utf8('SNOD'),
      version: u16(1),
      count: u16(names.length),
      ...symbols,
    });
    const tree = put(`${path}.tree`, {
      signature: utf8('TREE'),
      type: Uint8Array.of(0),
      level: Uint8Array.of(0),
      entries: u16(1),
      siblings: concat(u64(UNDEFINED), u64(UNDEFINED)),
      first: u64(0),
      child: u64(node),
      last: u64(8),
    });
    return header(path, [{ type: 0x11, fields: { tree: u64(tree), heap: u64(heap) } }]);
  };

  const rootAddress = group('/', root);
  const signature = Uint8Array.of(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a);
  let place = 0;
  const superblock = Object.entries({
    signature,
    version: Uint8Array.of(0),
    versions: Uint8Array.of(0, 0, 0, 0),
    offsetBytes: Uint8Array.of(8),
    lengthBytes: Uint8Array.of(8),
    rest: new Uint8Array(9),
    base: u64(0),
    free: u64(UNDEFINED),
    end: u64(end),
    driver: u64(UNDEFINED),
    rootName: u64(0),
    root: u64(rootAddress),
    cache: new Uint8Array(24),
  }).map(([name, bytes]) => {
    at.set(`superblock.${name}`, place);
    place += bytes.length;
    return bytes;
  });
  const bytes = concat(...parts);
  bytes.set(concat(...superblock));
  return { bytes, at };
}

/** The file with a field changed */
export function lying({ bytes, at }: MadeFile, field: string, value: Uint8Array): Uint8Array {
  const place = at.get(field);
  if (place === undefined) throw new Error(`There is no field ${field}: ${[...at.keys()].join(' ')}`);
  const changed = new Uint8Array(bytes);
  changed.set(value, place);
  return changed;
}
