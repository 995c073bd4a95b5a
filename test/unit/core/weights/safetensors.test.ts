import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fromUtf8, toHex, utf8 } from '../../../../src/core/bytes.ts';
import type { ByteSource } from '../../../../src/core/weights/byte-source.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import type { Dtype } from '../../../../src/core/weights/dtype.ts';
import { DTYPES, tensorBytes } from '../../../../src/core/weights/dtype.ts';
import { MAX_TENSORS } from '../../../../src/core/weights/limits.ts';
import type { Tensor } from '../../../../src/core/weights/safetensors.ts';
import { readSafetensorsHeader, writeSafetensors } from '../../../../src/core/weights/safetensors.ts';
import { containerOf } from './fixture.ts';

const read = (bytes: Uint8Array) => readSafetensorsHeader(bytesSource(bytes));
const entry = (dtype: string, shape: string, offsets: string) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;

describe('reading a safetensors header', () => {
  test('reads the example of the format description', async () => {
    const header = '{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}';
    expect(await read(containerOf(header, 16))).toEqual({
      tensors: [{ name: 'test', dtype: 'I32', shape: [2, 2], offset: 8 + header.length, byteLength: 16 }],
      metadata: {},
      dataOffset: 8 + header.length,
    });
  });

  test('gives tensors in the order of their bytes, empty ones and scalars included', async () => {
    const header = `{ "b" :${entry('F32', '[]', '[0,4]')},\n"__metadata__":{"by":"me","__proto__":"x"},
      "zero":${entry('F64', '[3,0]', '[0, 0]')},"a":${entry('U8', '[3]', '[4,7]')}}   `;
    const { tensors, metadata } = await read(containerOf(header, 7));
    expect(tensors.map(({ name }) => name)).toEqual(['zero', 'b', 'a']);
    expect(Object.entries(metadata)).toEqual([
      ['by', 'me'],
      ['__proto__', 'x'],
    ]);
  });

  test('reads escaped names as what they spell', async () => {
    const { tensors } = await read(containerOf(`{"\\u00e9\\ud83d\\ude00\\"":${entry('U8', '[1]', '[0,1]')}}`, 1));
    expect(tensors[0]!.name).toBe('é😀"');
  });

  test.each(DTYPES)('knows the dtype %s', async (dtype) => {
    const bytes = tensorBytes(dtype, [8], 't');
    const { tensors } = await read(containerOf(`{"t":${entry(dtype, '[8]', `[0,${bytes}]`)}}`, bytes));
    expect(tensors).toEqual([expect.objectContaining({ dtype, byteLength: bytes })]);
  });

  test.each<[attack: string, bytes: Uint8Array, field: string, sentence: RegExp]>([
    ['an empty file', new Uint8Array(0), 'headerLength', /too short/],
    ['seven bytes', new Uint8Array(7), 'headerLength', /too short/],
    ['a header of 2^63 bytes', containerOf('{}', 0, 2n ** 63n), 'headerLength', /9223372036854775808/],
    ['a header of 2^64 − 1 bytes', containerOf('{}', 0, 2n ** 64n - 1n), 'headerLength', /18446744073709551615/],
    ['a header of 100,000,001 bytes', containerOf('{}', 0, 100_000_001n), 'headerLength', /at most 100000000/],
    ['a header longer than the file', containerOf('{}', 5, 8n), 'headerLength', /8 bytes but has only 15/],
    ['a header of no bytes', containerOf(''), 'header', /start with/],
    ['a header that is an array', containerOf('[]'), 'header', /start with/],
    ['a header that starts with a blank', containerOf(' {}'), 'header', /start with/],
    ['a header with a byte order mark', containerOf('\ufeff{}'), 'header', /start with/],
    ['a header that is not UTF-8', containerOf(Uint8Array.of(0x7b, 0xff, 0x7d)), 'header', /not UTF-8/],
    ['a header that breaks off', containerOf('{"a":{"dtype":"U8"'), 'a', /not well-formed/],
    ['a string that does not end', containerOf('{"a'), 'header', /does not end/],
    ['text after the header', containerOf('{}{}'), 'header', /text after/],
    ['zero bytes as padding', containerOf('{}\0\0'), 'header', /text after/],
    ['a trailing comma', containerOf(`{"a":${entry('U8', '[0]', '[0,0]')},}`), 'header', /a string is missing/],
    ['a comment', containerOf('{/**/}'), 'header', /a string is missing/],
    [
      'a tensor named twice, with different contents',
      containerOf(`{"a":${entry('U8', '[1]', '[0,1]')},"a":${entry('U8', '[1]', '[1,2]')}}`, 2),
      'header',
      /"a" stands twice/,
    ],
    [
      'a tensor named twice, once in escapes',
      containerOf(`{"a":${entry('U8', '[1]', '[0,1]')},"\\u0061":${entry('U8', '[1]', '[1,2]')}}`, 2),
      'header',
      /"a" stands twice/,
    ],
    [
      'a member of a tensor given twice',
      containerOf('{"a":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}}'),
      'a',
      /"dtype" stands twice/,
    ],
    ['metadata given twice', containerOf('{"__metadata__":{},"__metadata__":{}}'), 'header', /stands twice/],
    ['a name twice in the metadata', containerOf('{"__metadata__":{"a":"1","a":"2"}}'), '__metadata__', /twice/],
    ['metadata that is a number', containerOf('{"__metadata__":{"a":1}}'), '__metadata__.a', /a string is missing/],
    ['metadata that nests', containerOf('{"__metadata__":{"a":{}}}'), '__metadata__.a', /a string is missing/],
    ['metadata that is a list', containerOf('{"__metadata__":[]}'), '__metadata__', /"\{" is missing/],
    ['metadata that is null', containerOf('{"__metadata__":null}'), '__metadata__', /"\{" is missing/],
    ['a tensor that is null', containerOf('{"a":null}'), 'a', /"\{" is missing/],
    ['a tensor without dtype', containerOf('{"a":{"shape":[],"data_offsets":[0,1]}}', 1), 'a.dtype', /no dtype/],
    ['a tensor without shape', containerOf('{"a":{"dtype":"U8","data_offsets":[0,1]}}', 1), 'a.shape', /no shape/],
    ['a tensor without offsets', containerOf('{"a":{"dtype":"U8","shape":[]}}', 1), 'a.data_offsets', /no two/],
    ['a single offset', containerOf(`{"a":${entry('U8', '[]', '[0]')}}`, 1), 'a.data_offsets', /no two/],
    ['three offsets', containerOf(`{"a":${entry('U8', '[]', '[0,1,1]')}}`, 1), 'a.data_offsets', /more than 2/],
    [
      'a member that the format does not have',
      containerOf('{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"hidden":"x"}}', 1),
      'a.hidden',
      /no member "hidden"/,
    ],
    ['an unknown dtype', containerOf(`{"a":${entry('F128', '[]', '[0,1]')}}`, 1), 'a.dtype', /"F128" is unknown/],
    ['a dtype from the prototype', containerOf(`{"a":${entry('toString', '[]', '[0,1]')}}`, 1), 'a.dtype', /unknown/],
    ['a dtype that is a number', containerOf('{"a":{"dtype":8}}'), 'a.dtype', /a string is missing/],
    ['a negative dimension', containerOf(`{"a":${entry('U8', '[-1]', '[0,1]')}}`, 1), 'a.shape', /"-1"/],
    ['a fractional dimension', containerOf(`{"a":${entry('U8', '[1.5]', '[0,1]')}}`, 1), 'a.shape', /"1\.5"/],
    ['1.0 for 1', containerOf(`{"a":${entry('U8', '[1.0]', '[0,1]')}}`, 1), 'a.shape', /"1\.0"/],
    ['an exponent', containerOf(`{"a":${entry('U8', '[1e0]', '[0,1]')}}`, 1), 'a.shape', /"1e0"/],
    ['a leading zero', containerOf(`{"a":${entry('U8', '[01]', '[0,1]')}}`, 1), 'a.shape', /"01"/],
    ['minus zero', containerOf(`{"a":${entry('U8', '[-0]', '[0,0]')}}`), 'a.shape', /"-0"/],
    ['NaN', containerOf(`{"a":${entry('U8', '[NaN]', '[0,1]')}}`, 1), 'a.shape', /"NaN"/],
    ['Infinity', containerOf(`{"a":${entry('U8', '[Infinity]', '[0,1]')}}`, 1), 'a.shape', /"Infinity"/],
    ['a dimension as a string', containerOf(`{"a":${entry('U8', '["1"]', '[0,1]')}}`, 1), 'a.shape', /something else/],
    ['a nested shape', containerOf(`{"a":${entry('U8', '[[1]]', '[0,1]')}}`, 1), 'a.shape', /something else/],
    [
      'a dimension of 2^53, where doubles begin to round',
      containerOf(`{"a":${entry('U8', '[9007199254740992]', '[0,1]')}}`, 1),
      'a.shape',
      /larger than 2\^53 - 1/,
    ],
    [
      'a shape whose product overflows 64 bits to a small number',
      containerOf(`{"a":${entry('U8', '[4294967296,4294967297]', '[0,1]')}}`, 1),
      'a.shape',
      /too large to count/,
    ],
    [
      'a shape whose bytes overflow',
      containerOf(`{"a":${entry('F64', '[9007199254740991]', '[0,1]')}}`, 1),
      'a.shape',
      /too large to count/,
    ],
    ['65 dimensions', containerOf(`{"a":${entry('U8', `[${'1,'.repeat(64)}1]`, '[0,1]')}}`, 1), 'a.shape', /than 64/],
    [
      'a size that differs from the shape',
      containerOf(`{"a":${entry('F32', '[2]', '[0,4]')}}`, 4),
      'a.data_offsets',
      /8/,
    ],
    ['half a byte', containerOf(`{"a":${entry('F4', '[3]', '[0,2]')}}`, 2), 'a.shape', /whole bytes/],
    ['an end before the beginning', containerOf(`{"a":${entry('U8', '[0]', '[1,0]')}}`, 1), 'a.data_offsets', /before/],
    ['a tensor past the end', containerOf(`{"a":${entry('U8', '[5]', '[0,5]')}}`, 4), 'a.data_offsets', /past the 4/],
    [
      'tensors that overlap by a byte',
      containerOf(`{"a":${entry('U8', '[2]', '[0,2]')},"b":${entry('U8', '[2]', '[1,3]')}}`, 3),
      'b.data_offsets',
      /overlaps/,
    ],
    [
      'two tensors on the same bytes',
      containerOf(`{"a":${entry('U8', '[2]', '[0,2]')},"b":${entry('U8', '[2]', '[0,2]')}}`, 2),
      'b.data_offsets',
      /overlaps/,
    ],
    [
      'a hole between tensors, room for a second model',
      containerOf(`{"a":${entry('U8', '[1]', '[0,1]')},"b":${entry('U8', '[1]', '[2,3]')}}`, 3),
      'b.data_offsets',
      /1 bytes before the tensor are nobody's/,
    ],
    ['a hole at the start', containerOf(`{"a":${entry('U8', '[1]', '[1,2]')}}`, 2), 'a.data_offsets', /nobody's/],
    ['bytes after the last tensor', containerOf(`{"a":${entry('U8', '[1]', '[0,1]')}}`, 3), 'data', /last 2 bytes/],
    ['data without any tensor', containerOf('{}', 1), 'data', /last 1 bytes/],
    ['a name with a lone surrogate', containerOf('{"\\ud800":{}}'), 'header', /lone surrogate/],
    ['a bare line feed in a name', containerOf('{"a\n":{}}'), 'header', /control character/],
    ['an escape that JSON does not know', containerOf('{"\\x41":{}}'), 'header', /escape/],
    ['an escape that breaks off', containerOf('{"\\'), 'header', /does not end/],
  ])('refuses %s', async (_, bytes, field, sentence) => {
    await expect(read(bytes)).rejects.toMatchObject({
      name: 'RegistryError',
      code: 'malformed_container',
      field,
      message: expect.stringMatching(sentence) as unknown,
    });
  });

  test('refuses nesting of a million levels without recursing into it', async () => {
    for (const place of ['{"a":', '{"__metadata__":', '{"a":{"shape":', '{"a":{"x":']) {
      await expect(read(containerOf(place + '['.repeat(1_000_000)))).rejects.toMatchObject({
        code: 'malformed_container',
      });
    }
  });

  test('refuses more tensors than it keeps', async () => {
    const many = Array.from({ length: MAX_TENSORS + 1 }, (_, i) => `"${i}":${entry('U8', '[0]', '[0,0]')}`);
    await expect(read(containerOf(`{${many.join(',')}}`))).rejects.toMatchObject({
      code: 'malformed_container',
      message: 'The header names more than 250000 tensors.',
    });
  });

  test('reads nothing but the length of a file that claims a huge header', async () => {
    const reads: number[] = [];
    const bytes = containerOf('{}', 0, 2n ** 40n);
    const source: ByteSource = {
      size: 2 ** 50,
      read: (offset, length) => {
        reads.push(length);
        return Promise.resolve(bytes.subarray(offset, offset + length));
      },
    };
    await expect(readSafetensorsHeader(source)).rejects.toMatchObject({ code: 'malformed_container' });
    expect(reads).toEqual([8]);
  });

  test('keeps its messages short whatever the file names a tensor', async () => {
    const header = `{"${'n'.repeat(100_000)}":${entry('X'.repeat(100_000), '[]', '[0,1]')}}`;
    const error = await read(containerOf(header, 1)).catch((error: Error & { field?: string }) => error);
    expect(`${(error as Error).message}${(error as { field?: string }).field}`.length).toBeLessThan(300);
  });

  test('answers every damaged file with its one error, never with another', async () => {
    const good = writeSafetensors(
      [
        { name: 'a', dtype: 'F32', shape: [2], data: new Uint8Array(8) },
        { name: 'b', dtype: 'U8', shape: [3], data: new Uint8Array(3) },
      ],
      { by: 'test' },
    );
    const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(damage, fc.nat(good.length), async (bytes, kept) => {
        const bad = good.slice(0, kept % 2 === 0 ? good.length : kept);
        for (const [at, value] of bytes) bad[at] = value;
        const error: unknown = await read(bad).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (error !== undefined) expect(error).toMatchObject({ code: 'malformed_container' });
      }),
      { numRuns: 2000 },
    );
  });
});

describe('writing safetensors', () => {
  const tensors: Tensor[] = [
    { name: 'small', dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
    { name: 'z', dtype: 'F32', shape: [1], data: Uint8Array.of(0, 0, 128, 63) },
    { name: 'ä', dtype: 'F32', shape: [], data: Uint8Array.of(4, 5, 6, 7) },
    { name: 'none', dtype: 'F64', shape: [0], data: new Uint8Array(0) },
  ];

  test('writes the same bytes whatever the order of tensors and metadata', () => {
    const one = writeSafetensors(tensors, { a: '1', b: '2' });
    const other = writeSafetensors([...tensors].reverse(), { b: '2', a: '1' });
    expect(toHex(other)).toBe(toHex(one));
  });

  test('writes wide types first, then by name, and pads the header to 8 bytes', () => {
    const bytes = writeSafetensors(tensors, { ü: '"' });
    const header =
      '{"__metadata__":{"ü":"\\""},"none":{"dtype":"F64","shape":[0],"data_offsets":[0,0]},' +
      '"z":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"ä":{"dtype":"F32","shape":[],"data_offsets":[4,8]},' +
      '"small":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}';
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    expect(fromUtf8(bytes.subarray(8, 8 + length)).trimEnd()).toBe(header);
    expect([...bytes.subarray(8 + length)]).toEqual([0, 0, 128, 63, 4, 5, 6, 7, 1, 2, 3]);
    expect(length - utf8(header).length).toBeLessThan(8);
  });

  test('is read back as it was given', async () => {
    const anyTensor = fc
      .tuple(fc.constantFrom<Dtype>('U8', 'F16', 'F32', 'I64'), fc.array(fc.nat(4), { maxLength: 3 }))
      .map(([dtype, shape]) => ({ dtype, shape, data: new Uint8Array(tensorBytes(dtype, shape, '')).fill(9) }));
    const named = fc.dictionary(
      fc.string({ unit: 'grapheme' }).filter((name) => name !== '__metadata__'),
      anyTensor,
    );
    const anyMetadata = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }));
    await fc.assert(
      fc.asyncProperty(named, anyMetadata, async (byName, metadata) => {
        const given = Object.entries(byName).map(([name, tensor]) => ({ name, ...tensor }));
        const bytes = writeSafetensors(given, metadata);
        const header = await read(bytes);
        expect(Object.entries(header.metadata).sort()).toEqual(Object.entries(metadata).sort());
        const found = header.tensors.map(({ name, dtype, shape, offset, byteLength }) => ({
          name,
          dtype,
          shape,
          data: bytes.slice(offset, offset + byteLength),
        }));
        const byNames = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
        expect(found.sort(byNames)).toEqual(given.sort(byNames));
      }),
    );
  });

  test.each<[string, Tensor[], Record<string, string>]>([
    ['two tensors of one name', [tensors[0]!, tensors[0]!], {}],
    ['a tensor called __metadata__', [{ ...tensors[0]!, name: '__metadata__' }], {}],
    ['data that does not fit the shape', [{ ...tensors[0]!, shape: [4] }], {}],
    ['a name with a lone surrogate', [{ ...tensors[0]!, name: '\udc00' }], {}],
    ['metadata with a lone surrogate', [], { a: '\udc00' }],
  ])('refuses %s', (_, given, metadata) => {
    expect(() => writeSafetensors(given, metadata)).toThrow(expect.objectContaining({ code: 'malformed_container' }));
  });
});
