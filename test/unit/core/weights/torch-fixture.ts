/** Files as torch.save writes them, put together by hand, and what they could lie about. */
import { concat, utf8 } from '../../../../src/core/bytes.ts';
import type { Made } from './zip-fixture.ts';
import { zipOf } from './zip-fixture.ts';

/** Opcodes as latin-1. */
export const latin1 = (opcodes: string) => Uint8Array.from(opcodes, (c) => c.charCodeAt(0));
export const pickle = (opcodes: string) => latin1(`\x80\x02${opcodes}.`);

const text = (value: string) =>
  `X${String.fromCharCode(
    ...utf8(value)
      .length.toString(16)
      .padStart(8, '0')
      .match(/../g)!
      .map((h) => parseInt(h, 16))
      .reverse(),
  )}${String.fromCharCode(...utf8(value))}`;

/** As the pickler writes a number: as short as may be. */
export function number(value: number | bigint): string {
  if (typeof value === 'number' && value >= 0 && value < 256) return `K${String.fromCharCode(value)}`;
  const bytes = Array.from({ length: 9 }, (_, i) =>
    Number((BigInt.asUintN(72, BigInt(value)) >> BigInt(8 * i)) & 255n),
  );
  return `\x8a\x09${String.fromCharCode(...bytes)}`;
}

const tuple = (items: string[]) => `(${items.join('')}t`;

export interface Claimed {
  type?: string;
  key?: string;
  elements?: number;
  first?: number | bigint;
  shape?: (number | bigint)[];
  strides?: (number | bigint)[];
  /** Further opcodes, in the place of those of the storage, the function, or behind the hooks */
  storage?: string;
  rebuild?: string;
  more?: string;
}

/** A tensor of two floats, unless it is said to be another. */
export function tensor({
  type = 'torch\nFloatStorage',
  key = '0',
  elements = 2,
  first = 0,
  shape = [2],
  strides = [1],
  ...rest
}: Claimed = {}): string {
  const { rebuild = 'torch._utils\n_rebuild_tensor_v2', more = '' } = rest;
  const id = tuple([text('storage'), `c${type}\n`, text(key), text('cpu'), number(elements)]);
  const storage = rest.storage ?? `${id}Q`;
  const hooks = 'ccollections\nOrderedDict\n)R';
  const args = [storage, number(first), tuple(shape.map(number)), tuple(strides.map(number)), '\x89', hooks, more];
  return `c${rebuild}\n${tuple(args)}R`;
}

export const dict = (members: Record<string, string>) =>
  `}(${Object.entries(members)
    .map(([name, value]) => text(name) + value)
    .join('')}u`;

export interface ZipParts {
  object?: string;
  storages?: Record<string, Uint8Array>;
  version?: string | undefined;
  byteorder?: string;
  more?: Made[];
}

export const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

export function torchZip({
  object = dict({ w: tensor() }),
  storages = { 0: floats(1, 2) },
  version = '3\n',
  byteorder,
  more = [],
}: ZipParts = {}): Uint8Array {
  const made: Made[] = [{ name: 'a/data.pkl', data: pickle(object) }];
  if (byteorder !== undefined) made.push({ name: 'a/byteorder', data: utf8(byteorder) });
  for (const [key, data] of Object.entries(storages)) made.push({ name: `a/data/${key}`, data });
  if (version !== '') made.push({ name: 'a/version', data: utf8(version) });
  return zipOf(...made, ...more);
}

export const MAGIC = '\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19';

export interface LegacyParts {
  object?: string;
  keys?: string;
  storages?: Uint8Array[];
  version?: string;
}

const u64 = (value: number) => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
};

/** A storage as it stands in a legacy file. */
export const counted = (data: Uint8Array, width = 4, elements = data.length / width) => concat(u64(elements), data);

export function torchLegacy({
  object = dict({ w: tensor() }),
  keys = `]${text('0')}a`,
  storages = [counted(floats(1, 2))],
  version = 'M\xe9\x03',
}: LegacyParts = {}): Uint8Array {
  const sizes = `}${text('little_endian')}\x88s`;
  return concat(...[MAGIC, version, sizes, object, keys].map(pickle), ...storages);
}

export const listOf = (...keys: string[]) => `]${keys.map((key) => `${text(key)}a`).join('')}`;
