import { describe, expect, test } from '@jest/globals';
import { concat, utf8 } from '../../../../src/core/bytes.ts';
import type { ByteSource } from '../../../../src/core/weights/byte-source.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import { CHUNK_BYTES, weightDigestOf } from '../../../../src/core/weights/digest.ts';
import type { Dtype } from '../../../../src/core/weights/dtype.ts';
import { inspectWeights } from '../../../../src/core/weights/inspect.ts';
import { sha256 } from './fixture.ts';
import { filesOf, readOrRefused } from './read-or-refused.ts';

const counted = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + 1) % 251);
const f64 = (value: number) => new Uint8Array(Float64Array.of(value).buffer);
const data = counted(40);
const weights = [
  { name: 'dense/kernel', dtype: 'float32', shape: [2, 3] },
  { name: 'dense/bias', dtype: 'int32', shape: [3], group: 'optimizer' },
  { name: 'mask', dtype: 'bool', shape: [4] },
];
const expected = weightDigestOf(sha256, [
  { name: 'dense/kernel', dtype: 'F32', shape: [2, 3], data: data.subarray(0, 24) },
  { name: 'dense/bias', dtype: 'I32', shape: [3], data: data.subarray(24, 36) },
  { name: 'mask', dtype: 'BOOL', shape: [4], data: data.subarray(36) },
]);
const modelOf = (weightsManifest: unknown) =>
  utf8(JSON.stringify({ format: 'layers-model', generatedBy: 'x', modelTopology: { a: 1 }, weightsManifest }));
const inspect = (manifest: unknown, files: Record<string, Uint8Array>) =>
  inspectWeights(bytesSource(modelOf(manifest)), sha256, { siblings: filesOf(files) });
/** One group in one file. */
const inspectOne = (weight: object, bytes: Uint8Array) =>
  inspect([{ paths: ['a.bin'], weights: [{ name: 'w', ...weight }] }], { 'a.bin': bytes });

describe('a model of TensorFlow.js', () => {
  test('is told by its manifest, and has the digests of its weights', async () => {
    expect(
      await inspect([{ paths: ['group1-shard1of1.bin'], weights }], { 'group1-shard1of1.bin': data }),
    ).toMatchObject({
      container: 'tfjs',
      ...expected,
      metadata: { format: 'layers-model', generatedBy: 'x' },
      parameters: 13,
      tensors: [{ offset: 0 }, { offset: 24 }, { offset: 36 }],
    });
  });

  test('has one digest wherever its group is cut into files, and into groups', async () => {
    for (let first = 0; first <= data.length; first++) {
      for (const second of [first, Math.min(first + 1, 40), Math.min(first + 13, 40), 40]) {
        const files = { a: data.subarray(0, first), b: data.subarray(first, second), c: data.subarray(second) };
        expect(await inspect([{ paths: ['a', 'b', 'c'], weights }], files)).toMatchObject(expected);
      }
    }
    const groups = [
      { paths: ['a'], weights: weights.slice(0, 1) },
      { paths: ['b', 'sub/c'], weights: weights.slice(1) },
    ];
    const files = { a: data.subarray(0, 24), b: data.subarray(24, 30), 'sub/c': data.subarray(30) };
    expect(await inspect(groups, files)).toMatchObject(expected);
  });

  test.each<[string, Dtype, number]>([
    ['float32', 'F32', 4],
    ['int32', 'I32', 4],
    ['bool', 'BOOL', 1],
    ['complex64', 'C64', 8],
    ['float16', 'F16', 2],
    ['uint8', 'U8', 1],
    ['uint16', 'U16', 2],
  ])('holds %s', async (name, dtype, width) => {
    for (const [shape, count] of [
      [[3], 3],
      [[], 1],
      [[0, 2], 0],
    ] as const) {
      const bytes = counted(count * width);
      const whole = { name: 'w', dtype, shape, data: bytes };
      expect(await inspectOne({ dtype: name, shape }, bytes)).toMatchObject(weightDigestOf(sha256, [whole]));
    }
    expect(await inspect([{ paths: [], weights: [{ name: 'w', dtype: name, shape: [0] }] }], {})).toMatchObject(
      weightDigestOf(sha256, [{ name: 'w', dtype, shape: [0], data: new Uint8Array(0) }]),
    );
  });

  test.each([
    ['uint8', 'U8', 'float32', 3],
    ['uint16', 'U16', 'int32', 6],
  ] as const)(
    'quantized to %s keeps the integers, and the scale and the minimum as weights',
    async (to, dtype, from, n) => {
      const quantization = { dtype: to, scale: 0.1, min: -12.5, original_dtype: from };
      const report = await inspectOne({ dtype: from, shape: [3], quantization }, counted(n));
      const scaled = [
        { name: 'w', dtype, shape: [3], data: counted(n) },
        { name: 'w/scale', dtype: 'F64' as const, shape: [], data: f64(0.1) },
        { name: 'w/min', dtype: 'F64' as const, shape: [], data: f64(-12.5) },
      ];
      expect(report).toMatchObject(weightDigestOf(sha256, scaled));
      const other = await inspectOne(
        { dtype: from, shape: [3], quantization: { ...quantization, scale: 0.2 } },
        counted(n),
      );
      expect(other.weightDigest).not.toBe(report.weightDigest);
      expect(other.namelessDigest).not.toBe(report.namelessDigest);
    },
  );

  test('quantized to float16 is what is stored', async () => {
    const report = await inspectOne({ dtype: 'float32', shape: [3], quantization: { dtype: 'float16' } }, counted(6));
    expect(report).toMatchObject(weightDigestOf(sha256, [{ name: 'w', dtype: 'F16', shape: [3], data: counted(6) }]));
  });

  test('is read in pieces, also where a weight goes over several files', async () => {
    const length = 20 * CHUNK_BYTES;
    const bytes = counted(length);
    const parts = {
      a: bytes.subarray(0, 5_000_001),
      b: bytes.subarray(5_000_001, 5_000_003),
      c: bytes.subarray(5_000_003),
    };
    let longest = 0;
    const watched = (source: ByteSource): ByteSource => ({
      size: source.size,
      read: (at, count) => {
        longest = Math.max(longest, count);
        return source.read(at, count);
      },
    });
    const manifest = [{ paths: ['a', 'b', 'c'], weights: [{ name: 'w', dtype: 'float32', shape: [length / 4] }] }];
    const report = await inspectWeights(bytesSource(modelOf(manifest)), sha256, {
      siblings: { open: async (name) => watched(await filesOf(parts).open(name)) },
    });
    const whole = { name: 'w', dtype: 'F32' as const, shape: [length / 4], data: bytes };
    expect(report).toMatchObject(weightDigestOf(sha256, [whole]));
    expect(longest).toBe(CHUNK_BYTES);
  });

  test.each([
    ['text among its weights', { dtype: 'string', shape: [1] }, 'dtype'],
    ['another type', { dtype: 'float64', shape: [1] }, 'dtype'],
    ['a type that every object has', { dtype: 'constructor', shape: [1] }, 'dtype'],
    ['another quantization', { dtype: 'float32', shape: [8], quantization: { dtype: 'int4' } }, 'quantization.dtype'],
  ])('with %s is named as not read here', async (_, weight, field) => {
    await expect(inspectOne(weight, counted(8))).rejects.toMatchObject({
      code: 'unsupported_container',
      field: `weightsManifest.0.weights.0.${field}`,
    });
  });

  const uint8 = (more: object) => ({ dtype: 'float32', shape: [8], quantization: { dtype: 'uint8', ...more } });
  test.each<[string, object, string?]>([
    ['more bytes than its weights', { dtype: 'bool', shape: [7] }, 'weightsManifest.0.paths'],
    ['fewer bytes than its weights', { dtype: 'bool', shape: [9] }],
    ['a negative dimension', { dtype: 'bool', shape: [-8] }, 'weightsManifest.0.weights.0.shape'],
    ['half a dimension', { dtype: 'bool', shape: [8.5] }, 'weightsManifest.0.weights.0.shape'],
    ['a dimension of 2^53', { dtype: 'bool', shape: [2 ** 53] }, 'weightsManifest.0.weights.0.shape'],
    ['too large a shape', { dtype: 'bool', shape: [2 ** 40, 2 ** 40] }, 'weightsManifest.0.weights.0.shape'],
    [
      'too many dimensions',
      { dtype: 'bool', shape: Array.from({ length: 65 }, () => 1) },
      'weightsManifest.0.weights.0.shape',
    ],
    ['no shape', { dtype: 'bool' }, 'weightsManifest.0.weights.0.shape'],
    ['no type', { shape: [8] }, 'weightsManifest.0.weights.0.dtype'],
    ['no name', { name: null, dtype: 'bool', shape: [8] }, 'weightsManifest.0.weights.0.name'],
    ['no scale', uint8({ min: 0 }), 'weightsManifest.0.weights.0.quantization.scale'],
    ['no minimum', uint8({ scale: 1 }), 'weightsManifest.0.weights.0.quantization.min'],
    ['words for a scale', uint8({ scale: '1', min: 0 }), 'weightsManifest.0.weights.0.quantization.scale'],
    ['no quantization but its name', { ...uint8({}), quantization: null }, 'weightsManifest.0.weights.0.quantization'],
    [
      'whole numbers quantized to float16',
      { dtype: 'int32', shape: [4], quantization: { dtype: 'float16' } },
      'weightsManifest.0.weights.0.quantization.dtype',
    ],
  ])('with %s is refused', async (_, weight, field = 'weightsManifest.0.weights.0') => {
    await expect(inspectOne(weight, counted(8))).rejects.toMatchObject({ code: 'malformed_container', field });
  });

  const bools = (name: string, count: number) => ({ name, dtype: 'bool', shape: [count] });
  test.each<[string, unknown, string | undefined]>([
    ['no list of groups', {}, 'weightsManifest'],
    ['a group that is none', [[]], 'weightsManifest.0'],
    ['a group without files', [{ weights: [] }], 'weightsManifest.0.paths'],
    ['a group without weights', [{ paths: [] }], 'weightsManifest.0.weights'],
    ['a file that is no name', [{ paths: [1], weights: [] }], 'weightsManifest.0.paths.0'],
    ['a file twice', [{ paths: ['a', 'a'], weights: [bools('w', 16)] }], 'weightsManifest.0.paths.1'],
    [
      'a file in two groups',
      [
        { paths: ['a'], weights: [bools('w', 8)] },
        { paths: ['a'], weights: [bools('v', 8)] },
      ],
      'weightsManifest.1.paths.0',
    ],
    ['a weight twice', [{ paths: ['a'], weights: [bools('w', 4), bools('w', 4)] }], 'w'],
    [
      'a weight called as the scale of another',
      [
        {
          paths: ['a'],
          weights: [
            { name: 'w', dtype: 'float32', shape: [4], quantization: { dtype: 'uint8', scale: 1, min: 0 } },
            bools('w/scale', 4),
          ],
        },
      ],
      'w/scale',
    ],
    ['no weights', [], undefined],
  ])('with %s is refused', async (_, manifest, field) => {
    await expect(inspect(manifest, { a: counted(8) })).rejects.toMatchObject({ code: 'malformed_container', field });
  });

  test('without one of its files is refused, and where no other file is at hand', async () => {
    const manifest = [{ paths: ['a', 'b'], weights }];
    await expect(inspect(manifest, { a: data })).rejects.toMatchObject({ code: 'not_found' });
    await expect(inspectWeights(bytesSource(modelOf(manifest)), sha256)).rejects.toMatchObject({
      code: 'unsupported_container',
      field: 'a',
    });
  });

  test('with two manifests is refused', async () => {
    const model = concat(modelOf([{ paths: ['a'], weights }]).slice(0, -1), utf8(',"weightsManifest":[]}'));
    await expect(inspectWeights(bytesSource(model), sha256, { siblings: filesOf({ a: data }) })).rejects.toMatchObject({
      code: 'malformed_container',
      field: 'weightsManifest',
    });
  });

  test('cut anywhere, or with any byte changed, is read or refused by name', async () => {
    const quantization = { dtype: 'uint8', scale: 0.5, min: -1 };
    const model = modelOf([{ paths: ['a'], weights: [{ name: 'w', dtype: 'float32', shape: [40], quantization }] }]);
    for (let at = 0; at < model.length; at++) {
      expect(await readOrRefused(model.subarray(0, at), 'tfjs', filesOf({ a: data }))).toBe('refused');
      for (const flip of [1, 0x20, 0x80]) {
        const changed = Uint8Array.from(model);
        changed[at]! ^= flip;
        await readOrRefused(changed, 'tfjs', filesOf({ a: data }));
      }
    }
    for (let length = 0; length < data.length; length++) {
      expect(await readOrRefused(model, 'tfjs', filesOf({ a: data.subarray(0, length) }))).toBe('refused');
    }
  });
});
