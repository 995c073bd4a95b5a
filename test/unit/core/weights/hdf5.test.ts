import { deflateSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { concat, utf8 } from '../../../../src/core/bytes.ts';
import { RegistryError } from '../../../../src/core/errors.ts';
import type { ByteSource } from '../../../../src/core/weights/byte-source.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import type { TensorInMemory } from '../../../../src/core/weights/digest.ts';
import { CHUNK_BYTES, weightDigestOf } from '../../../../src/core/weights/digest.ts';
import { openHdf5 } from '../../../../src/core/weights/hdf5.ts';
import { inspectWeights } from '../../../../src/core/weights/inspect.ts';
import { sha256 } from './fixture.ts';
import type { MadeDataset, MadeGroup } from './hdf5-fixture.ts';
import {
  F16,
  F32,
  filters,
  float32,
  floatType,
  hdf5Of,
  integerType,
  lying,
  stringType,
  u16,
  u32,
  u64,
} from './hdf5-fixture.ts';

const counted = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) % 256);
const floats = (...shape: number[]): MadeDataset => ({
  shape,
  datatype: float32,
  data: counted(4 * shape.reduce((product, n) => product * n, 1)),
});
const inspect = (bytes: Uint8Array) => inspectWeights(bytesSource(bytes), sha256, { container: 'hdf5' });

/** Names, types, shapes and bytes, in the order of the file */
async function read(bytes: Uint8Array): Promise<TensorInMemory[]> {
  const { tensors } = await openHdf5(bytesSource(bytes));
  const all: TensorInMemory[] = [];
  for (const tensor of tensors) {
    const { name, dtype, shape } = tensor;
    const parts: Uint8Array[] = [];
    for await (const piece of tensor.pieces()) parts.push(piece);
    all.push({ name, dtype, shape, data: concat(...parts) });
  }
  return all;
}

const one = async (dataset: MadeDataset): Promise<TensorInMemory> => (await read(hdf5Of({ w: dataset }).bytes))[0]!;

describe('an HDF5 file', () => {
  test('has a tensor for each dataset, named by its path, at its place in the file', async () => {
    const { bytes, at } = hdf5Of({ layers: { dense: { vars: { 0: floats(3, 5), 1: floats(5) } } }, s: floats() });
    const report = await inspect(bytes);
    const tensors = [
      { name: 'layers/dense/vars/0', dtype: 'F32' as const, shape: [3, 5], data: counted(60) },
      { name: 'layers/dense/vars/1', dtype: 'F32' as const, shape: [5], data: counted(20) },
      { name: 's', dtype: 'F32' as const, shape: [], data: counted(4) },
    ];
    expect(report).toMatchObject({ container: 'hdf5', ...weightDigestOf(sha256, tensors), parameters: 21 });
    expect(report.tensors.map(({ name, offset }) => [name, offset])).toEqual(
      tensors.map(({ name }) => [name, at.get(`${name}.data.data`)]),
    );
    expect(await inspectWeights(bytesSource(bytes), sha256)).toMatchObject({ container: 'hdf5' });
  });

  test("gives a whole Keras 2 model the names of its weights' file, and leaves what the optimizer kept", async () => {
    const layers = { dense: { dense: { 'bias:0': floats(2), 'kernel:0': floats(3, 2) } } };
    const whole = hdf5Of({ model_weights: layers, optimizer_weights: { m: floats(6) } });
    const alone = hdf5Of(layers);
    const keras3 = hdf5Of({ ...layers, optimizer: { vars: { 0: floats(1) } } });
    const { weightDigest } = await inspect(alone.bytes);
    expect(await inspect(whole.bytes)).toMatchObject({ weightDigest });
    expect(await inspect(keras3.bytes)).toMatchObject({ weightDigest });
  });

  test.each([
    ['I8', integerType(1, true), 1],
    ['U8', integerType(1), 1],
    ['I16', integerType(2, true), 2],
    ['U32', integerType(4), 4],
    ['I64', integerType(8, true), 8],
    ['F16', floatType(2, F16), 2],
    ['BF16', floatType(2, [16, 15, 7, 8, 0, 7, 127]), 2],
    ['F64', floatType(8, [64, 63, 52, 11, 0, 52, 1023]), 8],
    ['F8_E4M3', floatType(1, [8, 7, 3, 4, 0, 3, 7]), 1],
    ['F8_E5M2', floatType(1, [8, 7, 2, 5, 0, 2, 15]), 1],
  ])('knows %s by all fields of its datatype', async (dtype, datatype, width) => {
    expect(await one({ shape: [3], datatype, data: counted(3 * width) })).toMatchObject({
      dtype,
      data: counted(3 * width),
    });
  });

  test.each([
    [integerType(4, true, true), 4],
    [floatType(2, F16, true), 2],
    [floatType(4, F32, true), 4],
  ])('turns big endian numbers round', async (datatype, width) => {
    const data = counted(3 * width);
    const turned = concat(...[0, 1, 2].map((i) => data.slice(i * width, (i + 1) * width).reverse()));
    expect((await one({ shape: [3], datatype, data })).data).toEqual(turned);
  });

  test('leaves out text', async () => {
    const { bytes } = hdf5Of({ t: { shape: [2], datatype: stringType(3), data: utf8('abcdef') }, w: floats(2) });
    expect((await read(bytes)).map(({ name }) => name)).toEqual(['w']);
  });

  test('is zeros, or what the file says, where nothing was written', async () => {
    const fill: [number, Uint8Array] = [5, concat(Uint8Array.of(2, 2, 0, 1), u32(4), counted(4))];
    expect((await one({ shape: [3], datatype: float32 })).data).toEqual(new Uint8Array(12));
    const told = await one({ shape: [3], datatype: float32, messages: [fill] });
    expect(told.data).toEqual(concat(counted(4), counted(4), counted(4)));
  });

  test('is read in pieces of a mebibyte', async () => {
    const data = counted(5 * CHUNK_BYTES + 40);
    const { bytes } = hdf5Of({ w: { shape: [data.length / 4], datatype: float32, data } });
    const most = { read: 0 };
    const source = bytesSource(bytes);
    const watched: ByteSource = {
      size: source.size,
      read: (offset, length) => {
        most.read = Math.max(most.read, length);
        return source.read(offset, length);
      },
    };
    const expected = weightDigestOf(sha256, [{ name: 'w', dtype: 'F32', shape: [data.length / 4], data }]);
    expect(await inspectWeights(watched, sha256)).toMatchObject(expected);
    expect(most.read).toBe(CHUNK_BYTES);
  });
});

describe('chunks of a dataset', () => {
  const shape = [5, 6];
  const whole = counted(30);
  /** Rows of the chunk that begins at [top, left], with zeros past the end */
  const cut = (top: number, left: number, [height = 1, width = 1]: number[]): Uint8Array =>
    Uint8Array.from({ length: height * width }, (_, i) => {
      const [row, column] = [top + Math.floor(i / width), left + (i % width)];
      return row < 5 && column < 6 ? whole[row * 6 + column]! : 0;
    });
  const chunked = (chunk: number[], store: (data: Uint8Array) => Uint8Array = (data) => data): MadeDataset => {
    const chunks: { origin: number[]; data: Uint8Array }[] = [];
    for (let top = 0; top < 5; top += chunk[0]!) {
      for (let left = 0; left < 6; left += chunk[1]!) {
        chunks.push({ origin: [top, left], data: store(cut(top, left, chunk)) });
      }
    }
    return { shape, datatype: integerType(1), chunked: { chunk, elementBytes: 1, chunks } };
  };
  const deflated = (data: Uint8Array): Uint8Array => new Uint8Array(deflateSync(data));

  test.each([[[2, 4]], [[1, 1]], [[5, 6]], [[1, 4]], [[3, 6]], [[8, 8]]])('of %j are put in order', async (chunk) => {
    expect((await one(chunked(chunk))).data).toEqual(whole);
    expect((await one({ ...chunked(chunk, deflated), messages: [filters([1, 6])] })).data).toEqual(whole);
  });

  test('are read once each, and handed on some mebibytes at a time', async () => {
    const [rows, width, part] = [24, 1 << 20, 1 << 18];
    const chunks = Array.from({ length: (rows * width) / part }, (_, i) => {
      const origin = [Math.floor((i * part) / width), (i * part) % width];
      return { origin, data: new Uint8Array(part).fill(i) };
    });
    const datatype = integerType(1);
    const { bytes } = hdf5Of({
      w: { shape: [rows, width], datatype, chunked: { chunk: [1, part], elementBytes: 1, chunks } },
    });
    const source = bytesSource(bytes);
    const reads: number[] = [];
    const watched: ByteSource = {
      size: source.size,
      read: (offset, length) => {
        reads.push(length);
        return source.read(offset, length);
      },
    };
    const [tensor] = (await openHdf5(watched)).tensors;
    reads.length = 0;
    let at = 0;
    for await (const piece of tensor!.pieces()) {
      expect(piece.length).toBe(4 * width);
      for (let i = 0; i < piece.length; i += part) expect(piece[i]).toBe((at + i) / part);
      at += piece.length;
    }
    expect(at).toBe(rows * width);
    expect(reads).toEqual(chunks.map(() => part));
  });

  test('that were never written are zeros', async () => {
    const dataset = chunked([2, 6]);
    dataset.chunked!.chunks.splice(1, 1);
    expect((await one(dataset)).data).toEqual(concat(whole.subarray(0, 12), new Uint8Array(12), whole.subarray(24)));
  });

  test('are read without a filter that they did without', async () => {
    const dataset = { ...chunked([5, 6]), messages: [filters([1, 6])] };
    dataset.chunked!.chunks[0]!.mask = 1;
    expect((await one(dataset)).data).toEqual(whole);
  });

  test('are unshuffled', async () => {
    const data = counted(12);
    const shuffled = Uint8Array.from({ length: 12 }, (_, i) => data[(i % 3) * 4 + Math.floor(i / 3)]!);
    const chunks = [{ origin: [0], data: deflated(shuffled) }];
    const dataset = { shape: [3], datatype: float32, chunked: { chunk: [3], elementBytes: 4, chunks } };
    expect((await one({ ...dataset, messages: [filters([2, 4], [1, 6])] })).data).toEqual(data);
  });

  const gzip = { messages: [filters([1, 6])] };
  test.each<[string, MadeDataset, string]>([
    [
      'decompress to less than they are',
      { ...chunked([2, 4], (data) => deflated(data.subarray(1))), ...gzip },
      'malformed_container',
    ],
    [
      'decompress to more',
      { ...chunked([2, 4], (data) => deflated(concat(data, data))), ...gzip },
      'malformed_container',
    ],
    ['are bombs', { ...chunked([5, 6], () => deflated(new Uint8Array(1 << 20))), ...gzip }, 'malformed_container'],
    ['are not compressed where they say so', { ...chunked([2, 4]), ...gzip }, 'malformed_container'],
    ['end too early', { ...chunked([2, 4], (data) => deflated(data).subarray(0, -6)), ...gzip }, 'malformed_container'],
    ['are shorter than they are', chunked([2, 4], (data) => data.subarray(1)), 'malformed_container'],
    [
      'do not match their checksum',
      { ...chunked([2, 4], (data) => concat(data, u32(1))), messages: [filters([3])] },
      'malformed_container',
    ],
    ['went through an unknown filter', { ...chunked([2, 4]), messages: [filters([32_001])] }, 'unsupported_container'],
  ])('that %s are refused', async (_, dataset, code) => {
    await expect(inspect(hdf5Of({ w: dataset }).bytes)).rejects.toMatchObject({ code });
  });

  test.each<[string, number[], number[], string]>([
    ['larger than may be held', [2 ** 14, 2 ** 14], [2 ** 14, 2 ** 14], 'unsupported_container'],
    ['whose rows are larger than may be held', [2 ** 14, 2 ** 14], [2 ** 14, 1], 'unsupported_container'],
    ['of 2^62 bytes', [2 ** 20, 2 ** 20], [2 ** 31, 2 ** 31], 'unsupported_container'],
    ['in great number', [2 ** 21, 1], [1, 1], 'unsupported_container'],
    ['without bytes', [2 ** 20, 1], [1024, 1], 'malformed_container'],
  ])('%s are refused before anything is read', async (_, shape, chunk, code) => {
    const dataset = { shape, datatype: float32, chunked: { chunk, elementBytes: 4, chunks: [] } };
    await expect(inspect(hdf5Of({ w: dataset }).bytes)).rejects.toMatchObject({ code });
  });

  test.each<[string, string, Uint8Array]>([
    ['begins inside another', 'w.index.chunk0.origin', u64(1)],
    ['stands twice', 'w.index.chunk1.origin', concat(u64(0), u64(0))],
    ['lies past the end', 'w.index.chunk0.address', u64(2 ** 40)],
    ['is nowhere', 'w.index.chunk0.address', u64(0xffff_ffff_ffff_ffffn)],
    ['claims more bytes', 'w.index.chunk0.bytes', u32(2 ** 31)],
    ['is two', 'w.index.chunk1.address', u64(0)],
  ])('one of which %s are refused', async (what, field, value) => {
    const made = hdf5Of({ w: chunked([2, 4]) });
    const lie = what === 'is two' ? u64(made.at.get('w.chunk0.data')!) : value;
    await expect(inspect(lying(made, field, lie))).rejects.toMatchObject({ code: 'malformed_container' });
  });
});

describe('an HDF5 file that lies', () => {
  const made = hdf5Of({ g: { w: floats(3, 5) }, v: floats(2) });
  const address = (field: string): Uint8Array => u64(made.at.get(field)!);

  test.each<[string, string, () => Uint8Array]>([
    ['claims to be longer', 'superblock.end', () => u64(made.bytes.length + 1)],
    ['has its root past the end', 'superblock.root', () => u64(2 ** 50)],
    ['has its root at 2^63', 'superblock.root', () => u64(2n ** 63n)],
    ['has its root in the data', 'superblock.root', () => address('v.data.data')],
    ['has a B-tree that is its own child', '/.tree.level', () => Uint8Array.of(1)],
    ['has names outside of their heap', '/.symbols.v.name', () => u64(2 ** 20)],
    ['has a heap of 2^60 bytes', '/.heap.size', () => u64(2n ** 60n)],
    ['has more members than fit', '/.symbols.count', () => u16(65_535)],
    ['has a tensor of 2^60 rows', 'v.shape', () => u64(2n ** 60n)],
    ['has a tensor of 2^40 rows', 'v.shape', () => u64(2 ** 40)],
    ['has a tensor of another size', 'v.shape', () => u64(3)],
    ['has more axes than it lists', 'v.rank', () => Uint8Array.of(255)],
    ['has a tensor past its end', 'v.address', () => u64(made.bytes.length - 4)],
    ['has two tensors of the same bytes', 'v.address', () => address('g/w.data.data')],
    ['has a header past its end', 'v.headerSize', () => u32(2 ** 30)],
    ['has a datatype of no bytes', 'v.datatype', () => concat(float32.subarray(0, 4), u32(0))],
  ])('and %s is refused as malformed', async (_, field, value) => {
    await expect(inspect(lying(made, field, value()))).rejects.toMatchObject({
      code: 'malformed_container',
      field: expect.any(String),
    });
  });

  test.each<[string, MadeGroup]>([
    ['a soft link', { w: floats(2), x: { soft: true } }],
    ['two names for a dataset', { w: floats(2), x: { linkTo: 'w' } }],
    ['two names for a group', { g: { w: floats(2) }, x: { linkTo: 'g' } }],
    ['elements in another file', { w: { ...floats(2), messages: [[7, new Uint8Array(24)]] } }],
    ['a virtual dataset', { w: { ...floats(2), messages: [] } }],
    ['references', { w: { shape: [2], datatype: concat(Uint8Array.of(0x17, 0, 0, 0), u32(8)), data: counted(16) } }],
    ['opaque bytes', { w: { shape: [2], datatype: concat(Uint8Array.of(0x15, 0, 0, 0), u32(2)), data: counted(4) } }],
    [
      'floats that nobody computes with',
      { w: { shape: [2], datatype: floatType(4, [32, 31, 24, 7, 0, 24, 63]), data: counted(8) } },
    ],
    [
      'integers of 12 bits',
      { w: { shape: [2], datatype: concat(integerType(2).subarray(0, 8), u16(0), u16(12)), data: counted(4) } },
    ],
  ])('with %s is refused as unsupported, and told how to save it', async (what, group) => {
    const file = hdf5Of(group);
    const bytes = what === 'a virtual dataset' ? lying(file, 'w.layout', Uint8Array.of(3, 3)) : file.bytes;
    await expect(inspect(bytes)).rejects.toMatchObject({
      code: 'unsupported_container',
      field: expect.any(String),
      fix: expect.any(String),
    });
  });

  test('and has a group that is its own parent is refused', async () => {
    await expect(inspect(lying(made, 'g.symbols.w.object', address('/.version')))).rejects.toMatchObject({
      code: 'unsupported_container',
      field: 'g/w',
    });
  });

  test('that begins behind a user block is refused', async () => {
    await expect(inspect(concat(new Uint8Array(1024), made.bytes))).rejects.toMatchObject({
      code: 'unsupported_container',
      field: 'signature',
      fix: expect.any(String),
    });
  });

  test('that is a part of several is refused', async () => {
    await expect(inspect(lying(made, 'superblock.driver', u64(96)))).rejects.toMatchObject({
      code: 'unsupported_container',
    });
  });
});

describe('a file that h5py wrote', () => {
  const file = new URL('../../../vectors/weights/h5py.h5', import.meta.url);
  const bytes = new Uint8Array(readFileSync(file));
  const known = JSON.parse(readFileSync(new URL('../../../vectors/weights/h5py.json', import.meta.url), 'utf8')) as {
    digests: { weightDigest: string; namelessDigest: string };
  };
  const outcome = async (
    changed: Uint8Array,
    judge: (bytes: Uint8Array) => Promise<unknown> = inspect,
  ): Promise<string> => {
    try {
      await judge(changed);
      return 'read';
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      return error.code;
    }
  };

  test('has the digests that Python computed', async () => {
    expect(await inspect(bytes)).toMatchObject({
      ...known.digests,
      metadata: { keras_version: '3.0.0', backend: 'numpy' },
    });
  });

  test('is refused when it was cut, at every length', async () => {
    const outcomes = new Set<string>();
    for (let length = 0; length < bytes.length; length++) outcomes.add(await outcome(bytes.subarray(0, length)));
    expect([...outcomes]).toEqual(['malformed_container']);
  });

  test('is read or refused with any byte changed', async () => {
    const changed = new Uint8Array(bytes);
    const open = (file: Uint8Array) => openHdf5(bytesSource(file));
    let refused = 0;
    for (const [i, byte] of bytes.entries()) {
      changed[i] = byte ^ VALUES[i % VALUES.length]!;
      // Decompressing is slow and depends on few bytes.
      if ((await outcome(changed, i % 16 === 0 ? inspect : open)) !== 'read') refused++;
      changed[i] = byte;
    }
    expect(refused).toBeGreaterThan(bytes.length / 40);
  });
});

const VALUES = [0x01, 0x80, 0xff, 0x10, 0x7f];
