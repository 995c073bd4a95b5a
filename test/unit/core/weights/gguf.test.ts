import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { concat, fromHex, utf8 } from '../../../../src/core/bytes.ts';
import { RegistryError } from '../../../../src/core/errors.ts';
import type { ByteSource } from '../../../../src/core/weights/byte-source.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import type { Siblings } from '../../../../src/core/weights/container.ts';
import { CHUNK_BYTES, weightDigestOf } from '../../../../src/core/weights/digest.ts';
import type { Dtype } from '../../../../src/core/weights/dtype.ts';
import { tensorBytes } from '../../../../src/core/weights/dtype.ts';
import { gguf, MAX_ENTRIES, MAX_HEADER_BYTES } from '../../../../src/core/weights/gguf.ts';
import { containerCalled, inspectWeights } from '../../../../src/core/weights/inspect.ts';
import { MAX_TENSORS } from '../../../../src/core/weights/limits.ts';
import { sha256 } from './fixture.ts';
import type { MadeGguf } from './gguf-fixture.ts';
import { entry, ggufOf, text, u32, u64, uint16, uint32 } from './gguf-fixture.ts';

const alone: Siblings = { open: () => Promise.reject(new Error('no other file is wanted')) };
const open = (bytes: Uint8Array) => gguf.open(bytesSource(bytes), alone);
const counted = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7) % 256);

const small: MadeGguf = {
  metadata: [
    entry('general.architecture', 8, text('llama')),
    entry('general.name', 8, text('ä 😀')),
    uint32('llama.block_count', 2),
    entry('tokenizer.ggml.tokens', 9, concat(u32(8), u64(2), text('a'), text('bc'))),
  ],
  tensors: [
    { name: 'w', dimensions: [3, 2], type: 0, data: counted(24) },
    { name: 'b', dimensions: [5], data: counted(5) },
    { name: 'q', dimensions: [64, 2], type: 2, data: counted(72) },
  ],
};

describe('reading GGUF', () => {
  test('reads a file written out byte by byte', async () => {
    const bytes = fromHex(
      [
        '47475546 03000000 0100000000000000 0100000000000000',
        '0c00000000000000 67656e6572616c2e6e616d65 08000000 0200000000000000 6869',
        '0100000000000000 77 02000000 0300000000000000 0200000000000000 18000000 0000000000000000',
        '00'.repeat(29),
        '010203040506',
      ]
        .join('')
        .replaceAll(' ', ''),
    );
    const { tensors, metadata } = await open(bytes);
    expect(metadata).toEqual({ 'general.name': 'hi' });
    expect(tensors).toEqual([
      expect.objectContaining({ name: 'w', dtype: 'I8', shape: [2, 3], offset: bytes.length - 6, byteLength: 6 }),
    ]);
  });

  test.each([2, 3])('finds the digests of a file of version %i', async (version) => {
    const bytes = ggufOf({ ...small, version });
    expect(await inspectWeights(bytesSource(bytes), sha256)).toMatchObject({
      container: 'gguf',
      ...weightDigestOf(sha256, [
        { name: 'w', dtype: 'F32', shape: [2, 3], data: counted(24) },
        { name: 'b', dtype: 'I8', shape: [5], data: counted(5) },
        { name: 'q', dtype: 'Q4_0', shape: [2, 64], data: counted(72) },
      ]),
      metadata: { 'general.architecture': 'llama', 'general.name': 'ä 😀', 'llama.block_count': '2' },
      parameters: 6 + 5 + 128,
    });
  });

  test('knows every type of a value, and leaves out lists and what is long', async () => {
    const float = new Uint8Array(new Float64Array([0.1]).buffer);
    const metadata = [
      entry('u8', 0, Uint8Array.of(200)),
      entry('i8', 1, Uint8Array.of(200)),
      entry('u16', 2, Uint8Array.of(0xff, 0xff)),
      entry('i16', 3, Uint8Array.of(0xff, 0xff)),
      entry('u32', 4, u32(2 ** 32 - 1)),
      entry('i32', 5, u32(2 ** 32 - 1)),
      entry('f32', 6, new Uint8Array(new Float32Array([0.5]).buffer)),
      entry('bool', 7, Uint8Array.of(1)),
      entry('u64', 10, u64(2n ** 64n - 1n)),
      entry('i64', 11, u64(2n ** 64n - 1n)),
      entry('f64', 12, float),
      entry('__proto__', 8, text('kept')),
      entry('long', 8, text('x'.repeat(65_536))),
      entry('ints', 9, concat(u32(4), u64(3), u32(1), u32(2), u32(3))),
      entry(
        'many',
        9,
        concat(u32(8), u64(30_000), ...Array.from({ length: 30_000 }, (_, i) => text('x'.repeat(i % 9)))),
      ),
      entry('behind', 0, Uint8Array.of(9)),
      entry('none', 9, concat(u32(8), u64(0))),
    ];
    const found = await open(ggufOf({ metadata }));
    expect(Object.entries(found.metadata)).toEqual([
      ['u8', '200'],
      ['i8', '-56'],
      ['u16', '65535'],
      ['i16', '-1'],
      ['u32', '4294967295'],
      ['i32', '-1'],
      ['f32', '0.5'],
      ['bool', 'true'],
      ['u64', '18446744073709551615'],
      ['i64', '-1'],
      ['f64', '0.1'],
      ['__proto__', 'kept'],
      ['behind', '9'],
    ]);
  });

  test.each<[type: number, dtype: Dtype]>([
    [0, 'F32'],
    [1, 'F16'],
    [3, 'Q4_1'],
    [6, 'Q5_0'],
    [14, 'Q6_K'],
    [19, 'IQ1_S'],
    [25, 'I16'],
    [26, 'I32'],
    [27, 'I64'],
    [28, 'F64'],
    [30, 'BF16'],
    [34, 'TQ1_0'],
    [39, 'MXFP4'],
  ])('reads the ggml type %i as %s', async (type, dtype) => {
    const byteLength = tensorBytes(dtype, [3, 256], 't');
    const { tensors } = await open(
      ggufOf({ tensors: [{ name: 't', dimensions: [256, 3], type, data: counted(byteLength) }] }),
    );
    expect(tensors).toEqual([expect.objectContaining({ dtype, shape: [3, 256], byteLength })]);
  });

  test.each([1, 8, 64, 65_536])('reads data that is aligned to %i bytes', async (alignment) => {
    const bytes = ggufOf({ ...small, metadata: [uint32('general.alignment', alignment)], alignment });
    const { tensors } = await open(bytes);
    expect(tensors.map(({ name, offset }) => [name, offset! % alignment])).toEqual([
      ['w', 0],
      ['b', 0],
      ['q', 0],
    ]);
  });

  test('reads tensors described in another order than they lie, empty ones, scalars, and a file that ends with its data', async () => {
    const bytes = ggufOf({
      tensors: [
        { name: 'second', dimensions: [4], data: counted(4), claims: { offset: 32 } },
        { name: 'first', dimensions: [], data: counted(1), claims: { offset: 0 } },
        { name: 'empty', dimensions: [0, 7], type: 0, claims: { offset: 0 } },
      ],
    });
    const { tensors } = await open(bytes.subarray(0, bytes.length - 32 + 4));
    expect(tensors.map(({ name, shape }) => [name, shape])).toEqual([
      ['empty', [7, 0]],
      ['first', []],
      ['second', [4]],
    ]);
  });

  test.each<[attack: string, file: MadeGguf | Uint8Array, field: string, sentence: RegExp, code?: string]>([
    ['another magic', utf8('GGML and so on'), 'magic', /"GGUF"/],
    ['version 0', ggufOf({ version: 0 }), 'version', /version 0/, 'unsupported_container'],
    ['version 1', ggufOf({ version: 1 }), 'version', /version 1/, 'unsupported_container'],
    ['a version to come', ggufOf({ version: 4 }), 'version', /version 4/, 'unsupported_container'],
    ['big endian', ggufOf({ version: 0x03000000 }), 'version', /big endian/, 'unsupported_container'],
    ['2^63 tensors', { claims: { tensors: 2n ** 63n } }, 'tensorCount', /9223372036854775808/],
    ['more tensors than are read', { claims: { tensors: BigInt(MAX_TENSORS) + 1n } }, 'tensorCount', /at most/],
    ['more tensors than there are', { claims: { tensors: 3n } }, 'tensors', /past the/],
    ['2^64 − 1 metadata', { claims: { metadata: 2n ** 64n - 1n } }, 'metadataCount', /18446744073709551615/],
    ['more metadata than are read', { claims: { metadata: BigInt(MAX_ENTRIES) + 1n } }, 'metadataCount', /at most/],
    ['a key of 2^63 bytes', { metadata: [concat(u64(2n ** 63n), u32(8))] }, 'metadata', /9223372036854775808/],
    ['a key past the end', { metadata: [concat(u64(60_000), u32(8))] }, 'metadata', /60000 bytes/],
    ['a key that is too long', { metadata: [concat(u64(65_536), u32(8))] }, 'metadata', /at most 65535/],
    ['no key', { metadata: [uint32('', 1)] }, 'metadata', /empty/],
    ['a key that is not UTF-8', { metadata: [concat(text(Uint8Array.of(0xff)), u32(0))] }, 'metadata', /UTF-8/],
    ['a key twice', { metadata: [uint32('a', 1), entry('a', 0, Uint8Array.of(1))] }, 'a', /stands twice/],
    ['a value of type 13', { metadata: [entry('a', 13, u64(0))] }, 'a', /type 13/],
    ['a value of a type from the prototype', { metadata: [entry('a', 2 ** 32 - 1, u64(0))] }, 'a', /type 4294967295/],
    ['a string that is not UTF-8', { metadata: [entry('a', 8, text(Uint8Array.of(0xc0)))] }, 'a', /UTF-8/],
    ['a string past the end', { metadata: [entry('a', 8, u64(70_000))] }, 'a', /70000 bytes/],
    ['a boolean of 2', { metadata: [entry('a', 7, Uint8Array.of(2))] }, 'a', /neither true nor false/],
    ['a list of 2^63 numbers', { metadata: [entry('a', 9, concat(u32(4), u64(2n ** 63n)))] }, 'a', /2\^53/],
    [
      'a list of 2^53 − 1 numbers',
      { metadata: [entry('a', 9, concat(u32(12), u64(2n ** 53n - 1n)))] },
      'a',
      /past the/,
    ],
    ['a list of 2^53 − 1 strings', { metadata: [entry('a', 9, concat(u32(8), u64(2n ** 53n - 1n)))] }, 'a', /past the/],
    ['a list of things of type 99', { metadata: [entry('a', 9, concat(u32(99), u64(0)))] }, 'a', /type 99/],
    [
      'lists in lists',
      { metadata: [entry('a', 9, concat(u32(9), u64(1), u32(4), u64(0)))] },
      'a',
      /Lists of lists/,
      'unsupported_container',
    ],
    ['an alignment of 0', { metadata: [uint32('general.alignment', 0)] }, 'general.alignment', /power of two/],
    ['an alignment of 24', { metadata: [uint32('general.alignment', 24)] }, 'general.alignment', /power of two/],
    ['an alignment of 2^31', { metadata: [uint32('general.alignment', 2 ** 31)] }, 'general.alignment', /up to 65536/],
    ['an alignment in words', { metadata: [entry('general.alignment', 8, text('32'))] }, 'general.alignment', /power/],
    [
      'a list of alignments',
      { metadata: [entry('general.alignment', 9, concat(u32(4), u64(1), u32(32)))] },
      'general.alignment',
      /power of two/,
    ],
    ['a name of 1,001 bytes', { tensors: [{ name: 'x'.repeat(1001), dimensions: [1] }] }, 'tensors', /at most 1000/],
    ['65 dimensions', { tensors: [{ name: 'a', dimensions: Array<number>(65).fill(1) }] }, 'a', /65 dimensions/],
    [
      '2^32 − 1 dimensions',
      concat(utf8('GGUF'), u32(3), u64(1), u64(0), text('a'), u32(2 ** 32 - 1)),
      'a',
      /at most 64/,
    ],
    ['a negative dimension', { tensors: [{ name: 'a', dimensions: [2n ** 64n - 1n] }] }, 'a', /2\^53/],
    ['dimensions that overflow', { tensors: [{ name: 'a', dimensions: [2n ** 33n, 2n ** 33n] }] }, 'a', /too large/],
    [
      'a type that ggml gave up',
      { tensors: [{ name: 'a', dimensions: [1], type: 4 }] },
      'a',
      /type 4/,
      'unsupported_container',
    ],
    [
      'a type to come',
      { tensors: [{ name: 'a', dimensions: [1], type: 99 }] },
      'a',
      /type 99/,
      'unsupported_container',
    ],
    [
      'rows of half a block',
      { tensors: [{ name: 'a', dimensions: [16, 2], type: 2, data: counted(18) }] },
      'a',
      /whole blocks of 32/,
    ],
    [
      'a scalar in blocks',
      { tensors: [{ name: 'a', dimensions: [], type: 2, data: counted(18) }] },
      'a',
      /whole blocks/,
    ],
    [
      'an offset out of alignment',
      { tensors: [{ name: 'a', dimensions: [1], data: counted(1), claims: { offset: 1 } }] },
      'a',
      /alignment/,
    ],
    ['an offset of 2^63', { tensors: [{ name: 'a', dimensions: [1], claims: { offset: 2n ** 63n } }] }, 'a', /2\^53/],
    [
      'an offset past the end',
      { tensors: [{ name: 'a', dimensions: [1], claims: { offset: 2 ** 40 } }] },
      'a',
      /nobody/,
    ],
    [
      'a tensor past the end',
      { tensors: [{ name: 'a', dimensions: [33], data: counted(32) }] },
      'a',
      /past the 32 bytes/,
    ],
    [
      'two tensors in one place',
      {
        tensors: [
          { name: 'a', dimensions: [4], data: counted(4) },
          { name: 'b', dimensions: [4], claims: { offset: 0 } },
        ],
      },
      'b',
      /overlaps/,
    ],
    [
      'room between two tensors',
      {
        tensors: [
          { name: 'a', dimensions: [4], data: counted(40) },
          { name: 'b', dimensions: [4], data: counted(4) },
        ],
      },
      'b',
      /32 bytes before the tensor are nobody/,
    ],
    [
      'bytes behind the last tensor',
      { tensors: [{ name: 'a', dimensions: [4], data: counted(4) }], tail: counted(29) },
      'data',
      /last 1 bytes/,
    ],
  ])('refuses %s', async (_, file, field, sentence, code = 'malformed_container') => {
    const bytes = file instanceof Uint8Array ? file : ggufOf(file);
    const error = await open(bytes).then(
      () => undefined,
      (thrown: unknown) => thrown as RegistryError,
    );
    expect(error).toMatchObject({ code, field });
    expect(error!.message).toMatch(sentence);
    if (code === 'unsupported_container') expect(error!.fix).toEqual(expect.any(String));
  });

  test('refuses two tensors of one name', async () => {
    const tensor = { name: 'a', dimensions: [4], data: counted(4) };
    const twice = inspectWeights(bytesSource(ggufOf({ tensors: [tensor, tensor] })), sha256);
    await expect(twice).rejects.toMatchObject({ code: 'malformed_container', field: 'a' });
  });

  test('refuses a file cut anywhere, unless only what aligns the end is gone', async () => {
    const bytes = ggufOf(small);
    const { tensors } = await open(bytes);
    const end = tensors.at(-1)!.offset! + tensors.at(-1)!.byteLength;
    for (let length = 0; length < bytes.length; length++) {
      const cut = inspectWeights(bytesSource(bytes.subarray(0, length)), sha256, { container: 'gguf' });
      if (length >= end) await cut;
      else await expect(cut).rejects.toMatchObject({ code: 'malformed_container' });
    }
  });

  test('reads or refuses by name a file of which any bytes were changed', async () => {
    const good = ggufOf(small);
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    const seen = { read: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const bad = good.slice();
        for (const [place, value] of changes) bad[place] = value;
        try {
          await inspectWeights(bytesSource(bad), sha256, { container: 'gguf' });
          seen.read++;
        } catch (error) {
          expect(error).toBeInstanceOf(RegistryError);
          expect(['malformed_container', 'unsupported_container']).toContain((error as RegistryError).code);
          seen.refused++;
        }
      }),
      { numRuns: 2000 },
    );
    expect(seen.read).toBeGreaterThan(100);
    expect(seen.refused).toBeGreaterThan(100);
  });

  test('ends soon with a list of strings as long as a header may be', async () => {
    const start = concat(utf8('GGUF'), u32(3), u64(0), u64(1), entry('a', 9, concat(u32(8), u64(2n ** 50n))));
    // A source of zero bytes, which are strings of no length, without end.
    const endless: ByteSource = {
      size: 2 ** 40,
      read: (offset, length) => {
        const bytes = new Uint8Array(length);
        if (offset < start.length) bytes.set(start.subarray(offset, offset + length));
        return Promise.resolve(bytes);
      },
    };
    await expect(gguf.open(endless, alone)).rejects.toMatchObject({
      code: 'malformed_container',
      field: 'a',
      message: expect.stringContaining(`${MAX_HEADER_BYTES}`),
    });
  });

  test('reads a large file in pieces', async () => {
    const data = new Uint8Array(5 * CHUNK_BYTES + 32);
    const bytes = ggufOf({ ...small, tensors: [{ name: 'a', dimensions: [data.length], data }] });
    const lengths: number[] = [];
    const source = bytesSource(bytes);
    const watched: ByteSource = {
      size: bytes.length,
      read: (offset, length) => {
        lengths.push(length);
        return source.read(offset, length);
      },
    };
    await inspectWeights(watched, sha256);
    expect(Math.max(...lengths)).toBe(CHUNK_BYTES);
    // The data once, the header by windows, and a few bytes to tell what it is.
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBeLessThan(bytes.length + 140_000);
  });
});

describe('reading GGUF in shards', () => {
  const shard = (no: number, count: number, all: number, name: string): Uint8Array =>
    ggufOf({
      metadata: [
        ...(no === 0 ? [entry('general.name', 8, text('cut'))] : []),
        uint16('split.no', no),
        uint16('split.count', count),
        entry('split.tensors.count', 5, u32(all)),
      ],
      tensors: [{ name, dimensions: [4], data: utf8(name.padEnd(4)) }],
    });
  const [first, second, third] = [shard(0, 3, 3, 'a'), shard(1, 3, 3, 'b'), shard(2, 3, 3, 'c')];
  const folder = (main: string | undefined, files: Record<string, Uint8Array>): Siblings => ({
    ...(main === undefined ? {} : { main }),
    open: (name) => {
      const bytes = files[name];
      if (bytes === undefined) return Promise.reject(new RegistryError('not_found', `There is no file "${name}".`));
      return Promise.resolve(bytesSource(bytes));
    },
  });
  const names = ['m-00001-of-00003.gguf', 'm-00002-of-00003.gguf', 'm-00003-of-00003.gguf'] as const;
  const inspect = (siblings?: Siblings, main = first) =>
    inspectWeights(bytesSource(main), sha256, siblings === undefined ? {} : { siblings });

  test('finds the digests over all of them', async () => {
    const report = await inspect(folder(names[0], { [names[1]]: second, [names[2]]: third }));
    const tensors = ['a', 'b', 'c'].map((name) => ({
      name,
      dtype: 'I8' as const,
      shape: [4],
      data: utf8(name.padEnd(4)),
    }));
    expect(report).toMatchObject({ ...weightDigestOf(sha256, tensors), metadata: { 'general.name': 'cut' } });
  });

  test.each<[string, Siblings | undefined, Uint8Array, object]>([
    ['a shard that is alone', undefined, first, { code: 'unsupported_container', field: 'split.no' }],
    ['the second shard', folder(names[1], {}), second, { code: 'unsupported_container', field: 'split.no' }],
    ['shards under other names', folder('model.gguf', {}), first, { code: 'unsupported_container' }],
    ['a shard that is missing', folder(names[0], { [names[1]]: second }), first, { code: 'not_found' }],
    [
      'shards in another order',
      folder(names[0], { [names[1]]: third, [names[2]]: second }),
      first,
      { code: 'malformed_container', field: names[1] },
    ],
    [
      'a shard of another number of shards',
      folder(names[0], { [names[1]]: second, [names[2]]: shard(2, 4, 3, 'c') }),
      first,
      { code: 'malformed_container', field: names[2] },
    ],
    [
      'a file that says nothing of shards among them',
      folder(names[0], { [names[1]]: ggufOf(small), [names[2]]: third }),
      first,
      { code: 'malformed_container', field: names[1] },
    ],
    [
      'another number of tensors than the first claims',
      folder(names[0], { [names[1]]: second, [names[2]]: third }),
      shard(0, 3, 4, 'a'),
      { code: 'malformed_container', field: 'split.tensors.count' },
    ],
    [
      'a tensor of one name in two shards',
      folder(names[0], { [names[1]]: second, [names[2]]: shard(2, 3, 3, 'a') }),
      first,
      { code: 'malformed_container', field: 'a' },
    ],
    [
      'a number of shards in words',
      undefined,
      ggufOf({ metadata: [entry('split.count', 8, text('3'))] }),
      { code: 'malformed_container', field: 'split.count' },
    ],
  ])('refuses %s', async (_, siblings, main, error) => {
    await expect(inspect(siblings, main)).rejects.toMatchObject(error);
  });
});

test('a file called .gguf is read as one', () => {
  expect(containerCalled('Model-Q4_0.GGUF')).toBe('gguf');
});
