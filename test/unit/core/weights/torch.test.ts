import { describe, expect, test } from '@jest/globals';
import { concat, utf8 } from '../../../../src/core/bytes.ts';
import type { ByteSource } from '../../../../src/core/weights/byte-source.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import type { TensorInMemory } from '../../../../src/core/weights/digest.ts';
import { CHUNK_BYTES, weightDigestOf } from '../../../../src/core/weights/digest.ts';
import { containerCalled, inspectWeights } from '../../../../src/core/weights/inspect.ts';
import { sha256 } from './fixture.ts';
import type { Claimed, LegacyParts, ZipParts } from './torch-fixture.ts';
import {
  counted,
  dict,
  floats,
  latin1,
  listOf,
  MAGIC,
  pickle,
  tensor,
  torchLegacy,
  torchZip,
} from './torch-fixture.ts';

const inspect = (bytes: Uint8Array) => inspectWeights(bytesSource(bytes), sha256, { container: 'pytorch' });
const NAMED = { code: expect.stringMatching(/^(malformed|unsupported)_container$/) };

const w: TensorInMemory = { name: 'w', dtype: 'F32', shape: [2], data: floats(1, 2) };

describe('a PyTorch file', () => {
  test.each([
    ['zip', torchZip()],
    ['legacy', torchLegacy()],
    ['zip of another pickle protocol', torchZip({ object: `\x80\x04${dict({ w: tensor() })}` })],
  ])('of the format %s is told from its bytes and read', async (_, file) => {
    const report = await inspectWeights(bytesSource(file), sha256);
    expect(report).toMatchObject({ container: 'pytorch', parameters: 2, ...weightDigestOf(sha256, [w]) });
    expect(report.tensors[0]).toMatchObject({ name: 'w', source: expect.anything(), byteLength: 8 });
  });

  test('says what it is', async () => {
    expect((await inspect(torchZip({ byteorder: 'little' }))).metadata).toEqual({
      format: 'zip',
      version: '3',
      byteorder: 'little',
    });
    expect((await inspect(torchLegacy())).metadata).toEqual({ format: 'legacy', version: '1001' });
  });

  test('is what .pt, .pth and .ckpt are called, but not every .bin', () => {
    expect(['a.pt', 'a.PTH', 'a.ckpt', 'a.bin'].map(containerCalled)).toEqual([
      'pytorch',
      'pytorch',
      'pytorch',
      undefined,
    ]);
  });

  test('names its tensors by their path and counts each path', async () => {
    const ordered = `ccollections\nOrderedDict\n)R(${dict({ 'fc.weight': tensor() }).slice(2, -1)}u}b`;
    const object = dict({ model: ordered, list: `](${tensor()}${tensor()}e`, epoch: 'K\x03', pair: `${tensor()}\x85` });
    const { tensors } = await inspect(torchZip({ object }));
    expect(tensors.map(({ name }) => name).sort()).toEqual(['list.0', 'list.1', 'model.fc.weight', 'pair.0']);
  });

  test('has its parameters, and what its attributes hold, under the same paths', async () => {
    const parameter = `ctorch._utils\n_rebuild_parameter\n(${tensor()}\x88Nt`;
    const typed = `ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\nctorch.nn.parameter\nParameter\n${tensor()
      .replace(/^c.*\n.*\n/, '')
      .slice(0, -1)}Nt`;
    const object = dict({ a: `${parameter}R`, b: `${typed}R`, c: `cargparse\nNamespace\n)R${dict({ d: tensor() })}b` });
    const { tensors } = await inspect(torchZip({ object }));
    expect(tensors.map(({ name }) => name).sort()).toEqual(['a', 'b', 'c.d']);
  });

  test('puts views in order, shares storages and swaps big endian numbers', async () => {
    const data = floats(1, 2, 3, 4, 5, 6);
    const swapped = data.slice();
    for (let at = 0; at < data.length; at += 4) swapped.subarray(at, at + 4).reverse();
    const object = dict({
      t: tensor({ elements: 6, shape: [3, 2], strides: [1, 3] }),
      tail: tensor({ elements: 6, first: 4, shape: [2] }),
      spread: tensor({ elements: 6, first: 5, shape: [2, 2], strides: [0, 0] }),
    });
    const expected = weightDigestOf(sha256, [
      { name: 't', dtype: 'F32', shape: [3, 2], data: floats(1, 4, 2, 5, 3, 6) },
      { name: 'tail', dtype: 'F32', shape: [2], data: floats(5, 6) },
      { name: 'spread', dtype: 'F32', shape: [2, 2], data: floats(6, 6, 6, 6) },
    ]);
    expect(await inspect(torchZip({ object, storages: { 0: data }, byteorder: 'little' }))).toMatchObject(expected);
    expect(await inspect(torchZip({ object, storages: { 0: swapped }, byteorder: 'big' }))).toMatchObject(expected);
    expect(await inspect(torchLegacy({ object, storages: [counted(data)] }))).toMatchObject(expected);
  });

  test.each([
    ['float8_e4m3fn', 'F8_E4M3', 1],
    ['float8_e5m2fnuz', 'F8_E5M2FNUZ', 1],
    ['uint16', 'U16', 2],
    ['uint64', 'U64', 8],
  ] as const)('has %s in storages without a type', async (name, dtype, width) => {
    const data = Uint8Array.from({ length: 3 * width }, (_, i) => i);
    const storage = { type: 'torch.storage\nUntypedStorage', elements: data.length };
    const object = dict({
      w: tensor({ ...storage, shape: [3], rebuild: 'torch._utils\n_rebuild_tensor_v3', more: `ctorch\n${name}\n` }),
    });
    expect(await inspect(torchZip({ object, storages: { 0: data } }))).toMatchObject(
      weightDigestOf(sha256, [{ name: 'w', dtype, shape: [3], data }]),
    );
  });

  test('of 40 MiB is read in pieces no larger than a chunk', async () => {
    const data = new Uint8Array(40 * CHUNK_BYTES);
    const file = torchZip({
      object: dict({ w: tensor({ elements: data.length / 4, shape: [data.length / 4] }) }),
      storages: { 0: data },
    });
    let longest = 0;
    const source: ByteSource = {
      size: file.length,
      read: (offset, length) => {
        longest = Math.max(longest, length);
        return bytesSource(file).read(offset, length);
      },
    };
    expect(await inspectWeights(source, sha256)).toMatchObject({ parameters: data.length / 4 });
    expect(longest).toBeLessThanOrEqual(CHUNK_BYTES);
  });

  test.each<[string, Claimed]>([
    ['a shape that is larger than its storage', { shape: [3] }],
    ['a start behind its storage', { first: 2, shape: [1] }],
    ['a stride that leads out of its storage', { strides: [2] }],
    ['a negative start', { first: -1 }],
    ['a negative dimension', { shape: [-1] }],
    ['a negative stride', { first: 1, strides: [-1] }],
    ['a start past 2^53', { first: 2n ** 60n }],
    ['a stride past 2^53', { strides: [2n ** 60n] }],
    ['products past 2^53', { shape: [2 ** 40, 2 ** 40], strides: [0, 0] }],
    ['more strides than dimensions', { strides: [1, 1] }],
    ['fewer strides than dimensions', { shape: [1, 2] }],
    ['65 dimensions', { shape: Array<number>(65).fill(1), strides: Array<number>(65).fill(0) }],
    ['another number of elements than its storage', { elements: 3 }],
    ['a storage that is not there', { key: '1' }],
    ['a storage called by a way out', { key: '../0' }],
    ['a wider type than its storage', { type: 'torch\nDoubleStorage' }],
    ['a storage that has no type', { type: 'collections\nOrderedDict' }],
    ['a number for a storage', { storage: 'K\x00' }],
    ['a text for the identity of a storage', { storage: 'X\x01\x00\x00\x00aQ' }],
    ['a type that only storages without one need', { type: 'torch.storage\nUntypedStorage', elements: 8 }],
  ])('refuses %s', async (_, claims) => {
    const object = dict({ w: tensor(claims) });
    for (const file of [torchZip({ object }), torchLegacy({ object })])
      await expect(inspect(file)).rejects.toMatchObject(NAMED);
  });

  test.each<[string, string]>([
    [
      'made of itself',
      `ctorch._utils\n_rebuild_parameter\n(ctorch._utils\n_rebuild_parameter\n(${tensor()}\x88NtR\x88NtR`,
    ],
    ['made of nothing', 'ctorch._utils\n_rebuild_parameter\n)R'],
    ['changed after it was made', `${tensor()}}b`],
    ['filled after it was made', `${tensor()}K\x00K\x01s`],
    ['made by its class', 'ctorch\nTensor\nK\x03\x85R'],
    ['made by copyreg', 'ccopyreg\n_reconstructor\nctorch\nTensor\ncbuiltins\nobject\nN\x87R'],
    [
      'with other data among its attributes',
      `ctorch._utils\n_rebuild_parameter_with_state\n(${tensor()}\x88N${dict({ data: tensor() })}tR`,
    ],
    ['read as its conjugate', tensor({ more: dict({ conj: '\x88' }) })],
    ['under a key that is a tuple', `})${tensor()}s`],
  ])('refuses a tensor that is %s', async (_, opcodes) => {
    await expect(inspect(torchZip({ object: dict({ w: opcodes }) }))).rejects.toMatchObject(NAMED);
  });

  test('refuses small files that claim to be endless', async () => {
    const spread = dict({ w: tensor({ shape: [2 ** 40], strides: [0] }) });
    await expect(inspect(torchZip({ object: spread }))).rejects.toMatchObject({ code: 'unsupported_container' });
    const data = new Uint8Array(2 ** 20);
    const one = tensor({ elements: data.length, type: 'torch\nByteStorage', shape: [data.length] });
    const often = Array.from({ length: 200 }, (_, i) => [`w${i}`, one] as const);
    await expect(
      inspect(torchZip({ object: dict(Object.fromEntries(often)), storages: { 0: data } })),
    ).rejects.toMatchObject({ code: 'unsupported_container', message: expect.stringContaining('share storages') });
  });

  test('refuses two tensors of one name', async () => {
    const object = dict({ a: dict({ b: tensor() }), 'a.b': tensor() });
    await expect(inspect(torchZip({ object }))).rejects.toMatchObject({ code: 'malformed_container', field: 'a.b' });
  });

  test('is refused by the global that it uses, and runs nothing', async () => {
    const object = `cos\nsystem\n${tensor()}\x85R`;
    for (const file of [torchZip({ object }), torchLegacy({ object })]) {
      await expect(inspect(file)).rejects.toMatchObject({ code: 'unsupported_container', field: 'os.system' });
    }
  });

  test.each<[string, ZipParts, string]>([
    ['no version', { version: '' }, 'unsupported_container'],
    ['a version that is no number', { version: 'x' }, 'unsupported_container'],
    ['a version of the future', { version: '11' }, 'unsupported_container'],
    ['a version of 1 MiB', { version: '3'.repeat(2 ** 20) }, 'malformed_container'],
    ['an order of bytes that nobody knows', { byteorder: 'middle' }, 'malformed_container'],
    ['two pickles', { more: [{ name: 'b/data.pkl', data: pickle('N') }] }, 'malformed_container'],
    ['a script', { more: [{ name: 'a/constants.pkl', data: pickle(')') }] }, 'unsupported_container'],
    [
      'a compressed storage',
      { storages: {}, more: [{ name: 'a/data/0', data: floats(1, 2), deflate: true }] },
      'unsupported_container',
    ],
    ['no tensor', { object: '}' }, 'malformed_container'],
  ])('of the format zip with %s is refused', async (_, parts, code) => {
    await expect(inspect(torchZip(parts))).rejects.toMatchObject({ code });
  });

  test.each<[string, LegacyParts, string]>([
    ['another version', { version: 'M\xea\x03' }, 'unsupported_container'],
    ['keys that are no texts', { keys: ']K\x00a' }, 'malformed_container'],
    ['keys that are no list', { keys: 'N' }, 'malformed_container'],
    ['a key too few', { keys: ']', storages: [] }, 'malformed_container'],
    [
      'a key too many',
      { keys: listOf('0', '1'), storages: [counted(floats(1, 2)), counted(floats(1))] },
      'malformed_container',
    ],
    [
      'a key twice',
      { keys: listOf('0', '0'), storages: [counted(floats(1, 2)), counted(floats(1, 2))] },
      'malformed_container',
    ],
    ['a storage of another size', { storages: [counted(floats(1, 2), 4, 3)] }, 'malformed_container'],
    ['a storage of 2^53 - 1 elements', { storages: [counted(floats(1, 2), 4, 2 ** 53 - 1)] }, 'malformed_container'],
    ['a storage past the end', { storages: [counted(floats(1), 4, 2)] }, 'malformed_container'],
    ['something behind the storages', { storages: [counted(floats(1, 2)), Uint8Array.of(0)] }, 'malformed_container'],
    [
      'a storage of two types',
      { object: dict({ w: tensor(), v: tensor({ type: 'torch\nDoubleStorage' }) }) },
      'malformed_container',
    ],
  ])('of the legacy format with %s is refused', async (_, parts, code) => {
    await expect(inspect(torchLegacy(parts))).rejects.toMatchObject({ code });
  });

  test('of the tar format is named as not read', async () => {
    const tar = new Uint8Array(1024);
    tar.set(utf8('sys_info'));
    tar.set(utf8('ustar'), 257);
    await expect(inspectWeights(bytesSource(tar), sha256)).rejects.toMatchObject({
      code: 'unsupported_container',
      message: expect.stringContaining('0.1.10'),
    });
  });

  test.each([
    ['nothing', new Uint8Array(0)],
    ['text', utf8('weights')],
    ['another zip', torchZip().fill(0x62, 30, 31)],
    ['a pickle of another kind', pickle('K\x01')],
    ['only the magic number', pickle(MAGIC)],
    ['another number first', concat(pickle('K\x01'), latin1(MAGIC))],
  ])('that is %s is refused', async (_, bytes) => {
    await expect(inspect(bytes)).rejects.toMatchObject(NAMED);
  });

  test.each([
    ['zip', torchZip({ byteorder: 'little' })],
    ['legacy', torchLegacy()],
  ])('of the format %s, cut anywhere, is refused', async (_, file) => {
    for (let length = 0; length < file.length; length++) {
      await expect(inspect(file.subarray(0, length))).rejects.toMatchObject(NAMED);
    }
  });

  test.each([
    ['zip', torchZip({ byteorder: 'little' })],
    ['legacy', torchLegacy()],
  ])('of the format %s, with any byte changed, is read or refused by name', async (_, file) => {
    const seen = { read: 0, refused: 0 };
    for (let at = 0; at < file.length; at++) {
      for (const flip of [1, 0x10, 0x80, 0xff]) {
        const changed = file.slice();
        changed[at]! ^= flip;
        await inspect(changed).then(
          () => seen.read++,
          (error: unknown) => {
            expect(error).toMatchObject(NAMED);
            seen.refused++;
          },
        );
      }
    }
    expect(seen.refused).toBeGreaterThan(200);
    expect(seen.read).toBeGreaterThan(8);
  });
});
