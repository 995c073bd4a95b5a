import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { concat, fromHex, toHex, utf8 } from '../../../../src/core/bytes.ts';
import { RegistryError } from '../../../../src/core/errors.ts';
import type { ByteSource } from '../../../../src/core/weights/byte-source.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import type { Siblings, StoredTensor } from '../../../../src/core/weights/container.ts';
import { CHUNK_BYTES, weightDigestOf } from '../../../../src/core/weights/digest.ts';
import { containerCalled, inspectWeights } from '../../../../src/core/weights/inspect.ts';
import { MAX_DEPTH, MAX_MODEL_BYTES, onnx } from '../../../../src/core/weights/onnx.ts';
import { sha256 } from './fixture.ts';
import {
  attribute,
  external,
  graphOf,
  message,
  modelOf,
  node,
  number,
  onnxOf,
  packed,
  raw,
  tag,
  tensor,
  text,
  varint,
} from './onnx-fixture.ts';

const folder = (files: Record<string, Uint8Array> = {}): Siblings => ({
  open: (name) => {
    const bytes = files[name];
    if (bytes === undefined) return Promise.reject(new RegistryError('not_found', `There is no file "${name}".`));
    return Promise.resolve(bytesSource(bytes));
  },
});
const open = (bytes: Uint8Array, files?: Record<string, Uint8Array>) => onnx.open(bytesSource(bytes), folder(files));
const counted = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7) % 256);

async function dataOf(tensor: StoredTensor): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of tensor.pieces()) pieces.push(piece);
  return toHex(concat(...pieces));
}

/** Name, shape and data of each tensor, in hex. */
async function contents(bytes: Uint8Array, files?: Record<string, Uint8Array>): Promise<Record<string, string>> {
  const { tensors } = await open(bytes, files);
  return Object.fromEntries(await Promise.all(tensors.map(async (one) => [one.name, await dataOf(one)] as const)));
}

const [FLOAT, UINT8, INT8, UINT16, INT32, INT64, FLOAT16, DOUBLE] = [1, 2, 3, 4, 6, 7, 10, 11];
const [UINT32, UINT64, COMPLEX64, UINT4, INT2, FLOAT6] = [12, 13, 14, 21, 26, 27];

const author = message(14, text(1, 'author'), text(2, 'me'));
const small = modelOf(
  concat(
    message(1, node('c', 'Constant', attribute('value', message(5, tensor('', INT8, [2], raw(counted(2))))))),
    graphOf(tensor('w', FLOAT, [2, 3], raw(counted(24))), tensor('n', INT64, [2], packed(7, [-1, 300]))),
  ),
  author,
);

describe('reading ONNX', () => {
  test('reads a file written out byte by byte', async () => {
    const bytes = fromHex('0807' + '3a0f' + '2a0d' + '08021003' + '420177' + '4a020506' + '6200');
    expect(await open(bytes)).toMatchObject({
      tensors: [{ name: 'w', dtype: 'I8', shape: [2], offset: 15, byteLength: 2 }],
      metadata: { ir_version: '7' },
    });
  });

  test('finds the digests of a model, under any name', async () => {
    expect(await inspectWeights(bytesSource(small), sha256)).toMatchObject({
      container: 'onnx',
      ...weightDigestOf(sha256, [
        { name: 'c', dtype: 'I8', shape: [2], data: counted(2) },
        { name: 'w', dtype: 'F32', shape: [2, 3], data: counted(24) },
        { name: 'n', dtype: 'I64', shape: [2], data: fromHex('ffffffffffffffff2c01000000000000') },
      ]),
      metadata: { ir_version: '10', producer_name: 'hand', 'metadata_props.author': 'me' },
      parameters: 10,
    });
    expect(containerCalled('Model.ONNX')).toBe('onnx');
  });

  test.each<[what: string, list: Uint8Array, type: number, dims: number[], data: string]>([
    ['floats', message(4, fromHex('0000803f000000c0')), FLOAT, [2], '0000803f000000c0'],
    ['complex floats', message(4, fromHex('0000803f000000c0')), COMPLEX64, [1], '0000803f000000c0'],
    ['doubles', message(10, fromHex('000000000000f03f')), DOUBLE, [], '000000000000f03f'],
    [
      'floats one by one',
      concat(tag(4, 5), fromHex('0000803f'), tag(4, 5), fromHex('000000c0')),
      FLOAT,
      [2],
      '0000803f000000c0',
    ],
    [
      'floats in two parts',
      concat(message(4, fromHex('0000803f')), message(4, fromHex('000000c0'))),
      FLOAT,
      [2],
      '0000803f000000c0',
    ],
    ['int32', packed(5, [1, -1, 2 ** 31 - 1, -(2 ** 31)]), INT32, [4], '01000000ffffffffffffff7f00000080'],
    ['int32 one by one', concat(number(5, 1), number(5, -2)), INT32, [2], '01000000feffffff'],
    ['int32 packed and one by one', concat(packed(5, [1, 2]), number(5, 3)), INT32, [3], '010000000200000003000000'],
    ['bytes', packed(5, [0, 255]), UINT8, [2], '00ff'],
    ['signed bytes', packed(5, [-128, 127]), INT8, [2], '807f'],
    ['uint16', packed(5, [65_535, 1]), UINT16, [2], 'ffff0100'],
    ['half floats as bit patterns', packed(5, [0x3c00, 0xc000]), FLOAT16, [2], '003c00c0'],
    ['int64', packed(7, [-1, 2n ** 62n]), INT64, [2], 'ffffffffffffffff0000000000000040'],
    ['uint64', packed(11, [2n ** 64n - 1n, 2n ** 33n]), UINT64, [2], 'ffffffffffffffff0000000002000000'],
    ['uint32', packed(11, [2 ** 32 - 1]), UINT32, [1], 'ffffffff'],
    ['half bytes', packed(5, [0x21, 0x43]), UINT4, [4], '2143'],
    ['an odd number of half bytes, with something behind them', packed(5, [0x21, 0xf3]), UINT4, [3], '2103'],
    ['quarters of bytes, with something behind them', packed(5, [0xff]), INT2, [3], '3f'],
    ['raw half bytes, with something behind them', raw(fromHex('21f3')), UINT4, [3], '2103'],
    ['raw elements of six bits', raw(fromHex('ffffff')), FLOAT6, [3], 'ffff03'],
    ['nothing', raw(new Uint8Array(0)), FLOAT, [0, 4], ''],
    ['nothing at all', new Uint8Array(0), FLOAT, [0], ''],
  ])('reads %s', async (_, list, type, dims, data) => {
    expect(await contents(onnxOf(tensor('t', type, dims, list)))).toEqual({ t: data });
  });

  test('reads dimensions that stand one by one, and fields in any order', async () => {
    const backwards = concat(raw(counted(6)), text(8, 't'), number(2, INT8), number(1, 2), number(1, 3));
    expect((await open(onnxOf(backwards))).tensors).toMatchObject([{ name: 't', shape: [2, 3] }]);
  });

  test('names what stands in graphs of nodes, functions and the training by its path', async () => {
    const one = (name: string, value: number): Uint8Array => tensor(name, UINT8, [1], raw(Uint8Array.of(value)));
    const constant = (output: string, value: number): Uint8Array =>
      message(1, node(output, 'Constant', attribute('value', message(5, one('ignored', value)))));
    const inner = concat(constant('c', 3), graphOf(one('w', 4)));
    const graph = concat(
      graphOf(one('w', 1)),
      constant('c', 2),
      message(1, node('y', 'If', attribute('then_branch', message(6, inner)), attribute('axis', number(3, 1)))),
      message(1, node('z', 'Loop', attribute('bodies', message(11, inner), message(11, graphOf(one('w', 5)))))),
      message(1, node('p', 'Pad', attribute('value', message(5, one('', 6))))),
      message(1, concat(text(2, ''), text(3, 'called'), message(5, attribute('a', message(10, one('', 7)))))),
      message(1, node('', 'Nameless', attribute('a', message(5, one('', 8))))),
    );
    const body = concat(
      text(1, 'F'),
      text(10, 'dom'),
      message(7, node('k', 'Constant', attribute('value', message(5, one('', 9))))),
    );
    const training = message(20, message(1, graphOf(one('i', 11))), message(2, graphOf(one('m', 12))));
    const overload = concat(body, text(13, 'o'), message(11, attribute('default', message(5, one('', 10)))));
    expect(await contents(modelOf(graph, training, message(25, body), message(25, overload)))).toEqual({
      w: '01',
      c: '02',
      'y/then_branch/c': '03',
      'y/then_branch/w': '04',
      'z/bodies/0/c': '03',
      'z/bodies/0/w': '04',
      'z/bodies/1/w': '05',
      'p/value': '06',
      'called/a/0': '07',
      '5/a': '08',
      'training_info/0/initialization/i': '0b',
      'training_info/0/algorithm/m': '0c',
      'functions/dom:F/k': '09',
      'functions/dom:F:o/k': '09',
      'functions/dom:F:o/default': '0a',
    });
  });

  test('reads a name and an operator that stand behind the attributes of their node', async () => {
    const value = message(5, tensor('', UINT8, [1], raw(counted(1))));
    const late = concat(message(5, concat(value, text(1, 'value'))), text(4, 'Constant'), text(2, 'late'));
    expect(await contents(modelOf(message(1, late)))).toEqual({ late: '00' });
  });

  test('reads data that lies in other files', async () => {
    const [data, part] = [counted(100), Uint8Array.of(9, 8, 0xf3)];
    const checksum = createHash('sha1').update(data).digest('hex');
    const model = onnxOf(
      tensor('a', INT8, [4], external({ location: 'w.data', offset: '64', length: '4', checksum })),
      tensor('b', INT8, [3], external({ location: 'w.data', checksum: checksum.toUpperCase(), basepath: '/tmp' })),
      tensor('c', UINT4, [5], external({ location: 'sub/part' })),
    );
    const files = { 'w.data': data, 'sub/part': part };
    expect(await contents(model, files)).toEqual({ a: 'c0c7ced5', b: '00070e', c: '090803' });
    const { tensors } = await open(model, files);
    expect(tensors.map(({ offset }) => offset)).toEqual([64, 0, undefined]);
  });

  const w = tensor('w', INT8, [4], raw(counted(4)));
  const elsewhere = (entries: Record<string, string>): Uint8Array => onnxOf(tensor('w', INT8, [4], external(entries)));
  const data = raw(counted(4));

  test.each<[attack: string, file: Uint8Array, field: string, sentence: RegExp, code?: string]>([
    ['a model without a graph', number(1, 10), 'model', /no graph/],
    ['a graph twice', modelOf(graphOf(w), message(7, graphOf(w))), 'model', /"graph" stands twice/],
    ['raw data twice', onnxOf(concat(w, data)), 'graph', /"raw_data" stands twice/],
    ['a name twice', onnxOf(concat(w, text(8, 'v'))), 'graph', /"name" stands twice/],
    ['a type twice', onnxOf(concat(w, number(2, 2))), 'graph', /"data_type" stands twice/],
    ['raw data that is a number', onnxOf(tensor('w', INT8, [1], number(9, 1))), 'graph', /wire type varint/],
    ['a graph that is a number', concat(number(1, 10), number(7, 1)), 'model', /wire type varint/],
    ['a group', concat(number(1, 10), tag(9, 3), tag(9, 4)), 'model', /wire type that is not used/],
    ['the wire type 7', concat(number(1, 10), tag(9, 7)), 'model', /not used/],
    ['the field 0', concat(number(1, 10), Uint8Array.of(0x00, 0x00)), 'model', /no field 0/],
    ['the field 2^40', concat(number(1, 10), varint(2n ** 43n), varint(0)), 'model', /no field/],
    ['a number of 65 bits', concat(tag(1, 0), new Uint8Array(9).fill(0xff), Uint8Array.of(2)), 'model', /64 bits/],
    ['a number without end', concat(tag(1, 0), new Uint8Array(30).fill(0xff)), 'model', /64 bits/],
    ['a number that breaks off', concat(tag(1, 0), Uint8Array.of(0x80)), 'model', /breaks off/],
    [
      'a field of 2^63 bytes',
      concat(number(1, 10), tag(7, 2), varint(2n ** 63n)),
      'model',
      /claims 9223372036854776000/,
    ],
    ['a field past the message', concat(number(1, 10), tag(7, 2), varint(3), tag(5, 2), varint(9)), 'model', /left/],
    ['a tensor past its graph', modelOf(concat(tag(5, 2), varint(99), w)), 'graph', /99 bytes where/],
    [
      '1,001 metadata',
      modelOf(graphOf(w), ...Array<Uint8Array>(1001).fill(author)),
      'metadata_props',
      /more than 1000/,
    ],
    ['an initializer without a name', onnxOf(tensor('', INT8, [4], data)), 'graph', /no name/],
    [
      'a name that is not UTF-8',
      onnxOf(concat(tensor('', INT8, [4], data), message(8, Uint8Array.of(0xff)))),
      'graph',
      /UTF-8/,
    ],
    ['a name of 65,536 bytes', onnxOf(tensor('x'.repeat(65_536), INT8, [4], data)), 'graph', /at most 65535/],
    ['no type', onnxOf(concat(packed(1, [4]), text(8, 'w'), data)), 'w', /type 0/],
    ['a type to come', onnxOf(tensor('w', 99, [4], data)), 'w', /type 99/],
    ['a type of 2^64 − 1', onnxOf(concat(packed(1, [4]), number(2, -1), text(8, 'w'), data)), 'w', /type/],
    ['strings', onnxOf(tensor('w', 8, [1], text(6, 'a'))), 'w', /STRING/, 'unsupported_container'],
    ['strings of another type', onnxOf(tensor('w', INT8, [1], text(6, 'a'))), 'w', /STRING/, 'unsupported_container'],
    ['complex doubles', onnxOf(tensor('w', 15, [1], raw(counted(16)))), 'w', /COMPLEX128/, 'unsupported_container'],
    [
      'a list of six bits',
      onnxOf(tensor('w', FLOAT6, [4], packed(5, [1, 2, 3, 4]))),
      'w',
      /six bits/,
      'unsupported_container',
    ],
    ['segments', onnxOf(concat(w, message(3, number(1, 0)))), 'graph', /segments/, 'unsupported_container'],
    ['a sparse initializer', modelOf(message(15, message(1, w))), 'graph', /Sparse/, 'unsupported_container'],
    [
      'a sparse tensor in an attribute',
      modelOf(message(1, node('y', 'Constant', attribute('sparse_value', message(22, message(1, w)))))),
      'y/sparse_value',
      /Sparse/,
      'unsupported_container',
    ],
    ['a negative dimension', onnxOf(tensor('w', INT8, [-1], data)), 'w', /dimension -1/],
    ['dimensions that overflow', onnxOf(tensor('w', INT8, [2 ** 40, 2 ** 40], data)), 'w', /too large/],
    ['65 dimensions', onnxOf(tensor('w', INT8, Array<number>(65).fill(1), data)), 'graph', /more than 64/],
    [
      'a list of dimensions without end',
      onnxOf(tensor('w', INT8, Array<number>(700).fill(1), data)),
      'graph',
      /more than 64/,
    ],
    ['too little raw data', onnxOf(tensor('w', INT8, [5], data)), 'w', /takes 5 bytes, not 4/],
    ['too much raw data', onnxOf(tensor('w', INT8, [3], data)), 'w', /takes 3 bytes, not 4/],
    ['no data', onnxOf(tensor('w', INT8, [3])), 'w', /takes 3 bytes, not 0/],
    ['data in two places', onnxOf(concat(w, packed(5, [1, 2, 3, 4]))), 'w', /two places/],
    ['data in two lists', onnxOf(tensor('w', INT8, [1], packed(5, [1]), packed(7, [1]))), 'w', /two places/],
    ['data here and elsewhere', onnxOf(concat(w, external({ location: 'w.data' }))), 'w', /two places/],
    [
      'data in the list of another type',
      onnxOf(tensor('w', FLOAT, [1], packed(5, [1]))),
      'w',
      /FLOAT cannot stand in int32_data/,
    ],
    ['data elsewhere, nobody says where', onnxOf(tensor('w', INT8, [4], number(14, 1))), 'w', /contradicted/],
    ['data elsewhere and not', onnxOf(tensor('w', INT8, [4], message(13, text(1, 'location')))), 'w', /contradicted/],
    ['data in a third place', onnxOf(concat(w, number(14, 2))), 'graph', /location 2/],
    ['no location', elsewhere({ offset: '0' }), 'w', /not named/],
    ['a negative offset', elsewhere({ location: 'w.data', offset: '-1' }), 'w', /"-1"/],
    ['an offset past the end', elsewhere({ location: 'w.data', offset: '97' }), 'w', /ends at 101, past the 100/],
    ['an offset of 2^60', elsewhere({ location: 'w.data', offset: `${2n ** 60n}` }), 'w', /1152921504606846976/],
    ['an offset in hex', elsewhere({ location: 'w.data', offset: '0x10' }), 'w', /"0x10"/],
    ['another length', elsewhere({ location: 'w.data', length: '5' }), 'w', /takes 4 bytes, not 5/],
    ['another checksum', elsewhere({ location: 'w.data', checksum: '00'.repeat(20) }), 'w', /SHA-1/],
    ['a file that is not there', elsewhere({ location: 'gone' }), '', /no file "gone"/, 'not_found'],
    [
      'two locations',
      onnxOf(
        tensor('w', INT8, [4], message(13, text(1, 'location'), text(2, 'w.data')), external({ location: 'w.data' })),
      ),
      'w',
      /stands twice/,
    ],
    [
      'two tensors in one place of another file',
      onnxOf(
        tensor('v', INT8, [8], external({ location: 'w.data', offset: '0' })),
        tensor('w', INT8, [4], external({ location: 'w.data', offset: '4' })),
      ),
      'w',
      /overlaps/,
    ],
  ])('refuses %s', async (_, file, field, sentence, code = 'malformed_container') => {
    const error = await open(file, { 'w.data': counted(100) }).then(
      () => undefined,
      (thrown: unknown) => thrown as RegistryError,
    );
    expect(error).toMatchObject({ code, ...(field === '' ? {} : { field }) });
    expect(error!.message).toMatch(sentence);
    if (code === 'unsupported_container') expect(error!.fix).toEqual(expect.any(String));
  });

  test.each<[what: string, list: Uint8Array, type: number, dims: number[]]>([
    ['a byte of 256', packed(5, [256]), UINT8, [1]],
    ['a byte of −129', packed(5, [-129]), INT8, [1]],
    ['a half float of 17 bits', packed(5, [2 ** 16]), FLOAT16, [1]],
    ['an unsigned number of 33 bits', packed(11, [2 ** 32]), UINT32, [1]],
    ['a number that breaks off', message(7, Uint8Array.of(0x80)), INT64, [1]],
    ['a number of 65 bits', message(7, new Uint8Array(9).fill(0xff), Uint8Array.of(2)), INT64, [1]],
    ['a number of 80 bits', message(7, new Uint8Array(11).fill(0x80), Uint8Array.of(1)), INT64, [1]],
    ['a float that breaks off', concat(message(4, new Uint8Array(2)), message(4, new Uint8Array(2))), FLOAT, [1]],
    ['more numbers than elements', packed(5, [1, 2, 3]), INT32, [2]],
    ['fewer numbers than elements', packed(5, [1]), INT32, [2]],
    ['more elements than there can be', packed(5, [1]), INT32, [2 ** 30, 2 ** 15]],
  ])('refuses %s in a list, once it is hashed', async (_, list, type, dims) => {
    const hashed = inspectWeights(bytesSource(onnxOf(tensor('t', type, dims, list))), sha256, { container: 'onnx' });
    await expect(hashed).rejects.toMatchObject({ code: 'malformed_container', field: 't' });
  });

  test('refuses two tensors of one name, one of them a constant', async () => {
    const constant = message(1, node('w', 'Constant', attribute('value', message(5, w))));
    const twice = inspectWeights(bytesSource(modelOf(concat(constant, graphOf(w)))), sha256);
    await expect(twice).rejects.toMatchObject({ code: 'malformed_container', field: 'w' });
  });

  test(`reads graphs in each other ${MAX_DEPTH} deep, and refuses more`, async () => {
    const nested = (depth: number): Uint8Array => {
      let graph = graphOf(w);
      for (let i = 1; i < depth; i++) graph = message(1, node('y', 'If', attribute('b', message(6, graph))));
      return modelOf(graph);
    };
    expect((await open(nested(MAX_DEPTH))).tensors[0]!.name).toBe(`${'y/b/'.repeat(MAX_DEPTH - 1)}w`);
    for (const depth of [MAX_DEPTH + 1, 5000]) {
      await expect(open(nested(depth))).rejects.toMatchObject({ code: 'malformed_container' });
    }
  });

  test('refuses long names that many tensors share, before they fill the memory', async () => {
    const many = graphOf(...Array<Uint8Array>(1700).fill(tensor('w', INT8, [1], raw(counted(1)))));
    const path = message(1, node('y'.repeat(60_000), 'If', attribute('b', message(6, many))));
    await expect(open(modelOf(path))).rejects.toMatchObject({
      code: 'malformed_container',
      message: expect.stringContaining('too long'),
    });
  });

  test('refuses a file that no reader of protobuf takes', async () => {
    const endless: ByteSource = { size: MAX_MODEL_BYTES + 1, read: () => Promise.reject(new Error('is not read')) };
    await expect(onnx.open(endless, folder())).rejects.toMatchObject({ code: 'malformed_container' });
  });

  test('refuses or reads a file cut anywhere', async () => {
    for (let length = 0; length < small.length; length++) {
      const cut = inspectWeights(bytesSource(small.subarray(0, length)), sha256, { container: 'onnx' });
      // Behind the graph it is another model, and whole.
      if (length === small.length - author.length) await cut;
      else await expect(cut).rejects.toMatchObject({ code: 'malformed_container' });
    }
  });

  test('reads or refuses by name a file of which any bytes were changed', async () => {
    const lists = onnxOf(
      tensor('a', INT32, [3], packed(5, [1, -2, 70_000])),
      tensor('b', UINT4, [3], packed(5, [1, 2])),
      tensor('c', INT8, [4], external({ location: 'w.data', offset: '8', length: '4' })),
    );
    const change = fc.tuple(fc.nat(255), fc.nat(255));
    const seen = { read: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(change, { minLength: 1, maxLength: 3 }), async (first, changes) => {
        const bad = (first ? small : lists).slice();
        for (const [place, value] of changes) bad[place % bad.length] = value;
        const siblings = folder({ 'w.data': counted(100) });
        try {
          await inspectWeights(bytesSource(bad), sha256, { container: 'onnx', siblings });
          seen.read++;
        } catch (error) {
          expect(error).toBeInstanceOf(RegistryError);
          expect(['malformed_container', 'unsupported_container', 'not_found']).toContain(
            (error as RegistryError).code,
          );
          seen.refused++;
        }
      }),
      { numRuns: 2000 },
    );
    expect(seen.read).toBeGreaterThan(100);
    expect(seen.refused).toBeGreaterThan(100);
  });

  test('reads large data in pieces, raw or listed, and the rest of the file by a window', async () => {
    const bytes = onnxOf(
      tensor('raw', INT8, [3 * CHUNK_BYTES + 5], raw(new Uint8Array(3 * CHUNK_BYTES + 5))),
      tensor('listed', INT64, [3 * CHUNK_BYTES], message(7, new Uint8Array(3 * CHUNK_BYTES).fill(1))),
    );
    const lengths: number[] = [];
    const source = bytesSource(bytes);
    const watched: ByteSource = {
      size: bytes.length,
      read: (offset, length) => {
        lengths.push(length);
        return source.read(offset, length);
      },
    };
    const { tensors } = await inspectWeights(watched, sha256);
    expect(Math.max(...lengths)).toBe(CHUNK_BYTES);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBeLessThan(bytes.length + 200_000);
    for await (const piece of tensors[1]!.pieces()) expect(piece.length).toBeLessThanOrEqual(CHUNK_BYTES);
  });

  test.each<[string, Uint8Array]>([
    ['text that begins with a backspace', utf8('\b\n: graphs and so on')],
    ['a SavedModel', concat(number(1, 1), message(2, counted(40)))],
    ['fields without end', concat(number(1, 1), ...Array<Uint8Array>(100).fill(number(90, 1)), message(7))],
    ['a graph past the end', concat(number(1, 1), tag(7, 2), varint(100))],
    ['three bytes', number(1, 300)],
  ])('does not take %s for a model', async (_, bytes) => {
    expect(await inspectWeights(bytesSource(bytes), sha256)).toMatchObject({ container: 'unknown' });
  });
});
