import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { concat, fromHex, utf8 } from '../../../../src/core/bytes.ts';
import type { ByteSource } from '../../../../src/core/weights/byte-source.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import { CHUNK_BYTES, weightDigestOf } from '../../../../src/core/weights/digest.ts';
import type { Dtype } from '../../../../src/core/weights/dtype.ts';
import { containerCalled, inspectWeights } from '../../../../src/core/weights/inspect.ts';
import { BAND_BYTES, MAX_STRIDED_BYTES } from '../../../../src/core/weights/strided.ts';
import { sha256 } from './fixture.ts';
import { headerOf, npyOf } from './npy-fixture.ts';
import { readOrRefused } from './read-or-refused.ts';

const inspect = (file: Uint8Array) => inspectWeights(bytesSource(file), sha256, { container: 'npy' });
const digestOf = (dtype: Dtype, shape: number[], data: Uint8Array) =>
  weightDigestOf(sha256, [{ name: 'arr_0', dtype, shape, data }]);
const counted = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + 1) % 251);

/** The bytes of NumPy 1.26: numpy.save of numpy.arange(6, dtype='<f4').reshape(2, 3) */
const BY_NUMPY = concat(
  fromHex('934e554d5059 0100 7600'.replaceAll(' ', '')),
  utf8(`{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }${' '.repeat(58)}\n`),
  fromHex('000000000000803f0000004000004040000080400000a040'),
);

describe('a .npy file', () => {
  test('is told by its first bytes, and holds one tensor, which is called arr_0', async () => {
    expect(BY_NUMPY.length).toBe(128 + 24);
    expect(await inspectWeights(bytesSource(BY_NUMPY), sha256)).toMatchObject({
      container: 'npy',
      ...digestOf('F32', [2, 3], BY_NUMPY.subarray(128)),
      tensors: [{ name: 'arr_0', offset: 128, byteLength: 24 }],
      parameters: 6,
    });
    expect(containerCalled('weights.NPY')).toBe('npy');
  });

  test.each([1, 2, 3])('of version %i is read', async (version) => {
    const file = npyOf(headerOf('<i2', [3]), counted(6), version);
    expect(await inspect(file)).toMatchObject(digestOf('I16', [3], counted(6)));
  });

  test.each<[string, Dtype, number]>([
    ['|b1', 'BOOL', 1],
    ['|u1', 'U8', 1],
    ['<i1', 'I8', 1],
    ['<u2', 'U16', 2],
    ['<i2', 'I16', 2],
    ['<f2', 'F16', 2],
    ['<u4', 'U32', 4],
    ['<i4', 'I32', 4],
    ['<f4', 'F32', 4],
    ['<u8', 'U64', 8],
    ['<i8', 'I64', 8],
    ['<f8', 'F64', 8],
    ['<c8', 'C64', 8],
  ])('holds elements of %s', async (descr, dtype, width) => {
    const data = counted(3 * width);
    expect(await inspect(npyOf(headerOf(descr, [3]), data))).toMatchObject(digestOf(dtype, [3], data));
    const scalar = counted(width);
    expect(await inspect(npyOf(headerOf(descr, []), scalar))).toMatchObject(digestOf(dtype, [], scalar));
    expect(await inspect(npyOf(headerOf(descr, [0, 3], true), new Uint8Array(0)))).toMatchObject(
      digestOf(dtype, [0, 3], new Uint8Array(0)),
    );
  });

  test('in big endian has the digest of the same numbers in little endian, complex ones too', async () => {
    const little = fromHex('000102030405060708090a0b0c0d0e0f');
    for (const [descr, dtype, big] of [
      ['>u2', 'U16', '01000302050407060908 0b0a0d0c0f0e'],
      ['>f4', 'F32', '03020100070605040b0a09080f0e0d0c'],
      ['>i8', 'I64', '07060504030201000f0e0d0c0b0a0908'],
      ['>c8', 'C64', '03020100070605040b0a09080f0e0d0c'],
      ['>u1', 'U8', '000102030405060708090a0b0c0d0e0f'],
    ] as const) {
      const shape = [16 / (dtype === 'U8' ? 1 : dtype === 'U16' ? 2 : dtype === 'F32' ? 4 : 8)];
      const file = npyOf(headerOf(descr, shape), fromHex(big.replaceAll(' ', '')));
      expect(await inspect(file)).toMatchObject(digestOf(dtype, shape, little));
    }
  });

  test('in Fortran order has the digest of the same array in C order, of any rank and in either endianness', async () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 0, maxLength: 5 });
    const types = fc.constantFrom<[string, Dtype, number]>(
      ['u1', 'U8', 1],
      ['i2', 'I16', 2],
      ['f4', 'F32', 4],
      ['c8', 'C64', 8],
    );
    await fc.assert(
      fc.asyncProperty(shapes, types, fc.boolean(), async (shape, [type, dtype, width], bigEndian) => {
        const scalar = dtype === 'C64' ? 4 : width;
        const elements = shape.reduce((product, n) => product * n, 1);
        const rowMajor = counted(elements * width);
        const columnMajor = new Uint8Array(rowMajor.length);
        for (let at = 0; at < elements; at++) {
          // From the place in C order to the indexes, and on to the place in Fortran order.
          let [rest, to, step] = [at, 0, elements];
          for (const dimension of shape.toReversed()) {
            step /= dimension;
            to += (rest % dimension) * step;
            rest = Math.floor(rest / dimension);
          }
          for (let byte = 0; byte < width; byte++) {
            const from = bigEndian ? byte - (byte % scalar) + scalar - 1 - (byte % scalar) : byte;
            columnMajor[to * width + byte] = rowMajor[at * width + from]!;
          }
        }
        const file = npyOf(headerOf(`${bigEndian ? '>' : '<'}${type}`, shape, true), columnMajor);
        expect(await inspect(file)).toMatchObject(digestOf(dtype, shape, rowMajor));
      }),
    );
  });

  test.each([
    ['near each other', [1000, 3, 3000]],
    ['far from each other', [1_100_000, 2, 4]],
  ])('that is larger than a band is turned around in bounded memory, with columns %s', async (_, shape) => {
    const [first = 1, second = 1, third = 1] = shape;
    const elements = first * second * third;
    const start = npyOf(headerOf('<f8', shape, true), new Uint8Array(0));
    expect(8 * elements).toBeGreaterThan(BAND_BYTES);
    let longest = 0;
    // An element says its own place in C order.
    const source: ByteSource = {
      size: start.length + 8 * elements,
      read: async (offset, length) => {
        longest = Math.max(longest, length);
        if (offset < start.length) return Promise.resolve(start.subarray(offset, offset + length));
        const numbers = new Float64Array(length / 8);
        const place = (offset - start.length) / 8;
        let [a, b, c] = [place % first, Math.floor(place / first) % second, Math.floor(place / first / second)];
        for (let i = 0; i < numbers.length; i++) {
          numbers[i] = (a * second + b) * third + c;
          if (++a < first) continue;
          a = 0;
          if (++b < second) continue;
          b = 0;
          c++;
        }
        return Promise.resolve(new Uint8Array(numbers.buffer));
      },
    };
    const inOrder = new Float64Array(elements);
    for (let place = 0; place < elements; place++) inOrder[place] = place;
    expect(await inspectWeights(source, sha256)).toMatchObject(digestOf('F64', shape, new Uint8Array(inOrder.buffer)));
    expect(longest).toBeLessThanOrEqual(8 * CHUNK_BYTES);
  });

  test('in Fortran order is named as not read here when it is too large', async () => {
    const shape = [2, MAX_STRIDED_BYTES / 2 + 1];
    const start = npyOf(headerOf('|u1', shape, true), new Uint8Array(0));
    const size = start.length + shape.reduce((product, n) => product * n, 1);
    const source = { size, read: (at: number, length: number) => Promise.resolve(start.slice(at, at + length)) };
    await expect(inspectWeights(source, sha256)).rejects.toMatchObject({
      code: 'unsupported_container',
      field: 'arr_0',
      fix: expect.stringContaining('ascontiguousarray'),
    });
  });

  test.each([
    ['as Python 2 wrote it', "{'descr': '<i2', 'fortran_order': False, 'shape': (3L,), }"],
    ['in any order, in other quotes', `{"shape":(3,),"fortran_order":False,"descr":"<i2"}`],
    ['over several lines', "{ 'descr' : '<i2',\n\t'fortran_order' : False,\r\n'shape' : ( 3 , ) }  \n"],
  ])('is read with a header %s', async (_, header) => {
    expect(await inspect(npyOf(header, counted(6)))).toMatchObject(digestOf('I16', [3], counted(6)));
  });

  test.each([
    ['a call', "{'descr': '<i2', 'fortran_order': False, 'shape': tuple([3])}", 'shape'],
    ['a call around it', "dict(descr='<i2', fortran_order=False, shape=(3,))", 'header'],
    ['a sum', "{'descr': '<i2', 'fortran_order': False, 'shape': (1+2,)}", 'shape'],
    ['a power', "{'descr': '<i2', 'fortran_order': False, 'shape': (9**9**9,)}", 'shape'],
    ['a list for the shape', "{'descr': '<i2', 'fortran_order': False, 'shape': [3]}", 'shape'],
    ['a number for the shape', "{'descr': '<i2', 'fortran_order': False, 'shape': (3)}", 'shape'],
    ['a negative dimension', "{'descr': '<i2', 'fortran_order': False, 'shape': (-3,)}", 'shape'],
    ['a dimension with a point', "{'descr': '<i2', 'fortran_order': False, 'shape': (3.0,)}", 'shape'],
    ['an octal dimension', "{'descr': '<i2', 'fortran_order': False, 'shape': (03,)}", 'shape'],
    ['a dimension of 2^53', "{'descr': '<i2', 'fortran_order': False, 'shape': (9007199254740992,)}", 'shape'],
    ['too large a shape', headerOf('<i2', [2 ** 40, 2 ** 40]), 'shape'],
    [
      'too many dimensions',
      headerOf(
        '<i2',
        Array.from({ length: 65 }, () => 1),
      ),
      'shape',
    ],
    ['a shape of more bytes', headerOf('<i2', [4]), 'shape'],
    ['a shape of fewer bytes, which leaves room for another model', headerOf('<i2', [2]), 'shape'],
    ['a number for a truth value', "{'descr': '<i2', 'fortran_order': 0, 'shape': (3,)}", 'fortran_order'],
    ['no descr', "{'fortran_order': False, 'shape': (3,)}", 'descr'],
    ['no order', "{'descr': '<i2', 'shape': (3,)}", 'fortran_order'],
    ['no shape', "{'descr': '<i2', 'fortran_order': False}", 'shape'],
    ['a number for the type', "{'descr': 2, 'fortran_order': False, 'shape': (3,)}", 'descr'],
    ['an escape', "{'descr': '<i\\x32', 'fortran_order': False, 'shape': (3,)}", 'descr'],
    ['a name twice', "{'shape': (3,), 'shape': (1,), 'descr': '<i2', 'fortran_order': False}", 'shape'],
    ['another member', "{'descr': '<i2', 'fortran_order': False, 'shape': (3,), '__proto__': (1,)}", '__proto__'],
    ['a string that does not end', "{'descr': '<i2, 'fortran_order'", 'header'],
    ['text behind it', `${headerOf('<i2', [3])}# more`, 'header'],
    ['nothing in it', '', 'header'],
    ['a comma alone', '{,}', 'header'],
  ])('is refused with %s in its header', async (_, header, field) => {
    await expect(inspect(npyOf(header, counted(6)))).rejects.toMatchObject({ code: 'malformed_container', field });
  });

  test.each([
    ['|O', 'descr'],
    ['O', 'descr'],
    ['<U5', 'descr'],
    ['|S6', 'descr'],
    ['|V2', 'descr'],
    ['<f16', 'descr'],
    ['<c16', 'descr'],
    ['<M8[ns]', 'descr'],
    ['=i2', 'descr'],
    ['|i2', 'descr'],
    ['i2', 'descr'],
    ['constructor', 'descr'],
  ])('of %s is named as not read here', async (descr, field) => {
    await expect(inspect(npyOf(headerOf(descr, [3]), counted(6)))).rejects.toMatchObject({
      code: 'unsupported_container',
      field,
      fix: expect.any(String),
    });
  });

  test.each([
    ['of structures', "{'descr': [('a', '<i2')], 'fortran_order': False, 'shape': (3,)}", 1, 'descr'],
    ['of a later version', headerOf('<i2', [3]), 4, 'version'],
  ])('%s is named as not read here', async (_, header, version, field) => {
    const file = npyOf(header, counted(6), version);
    await expect(inspect(file)).rejects.toMatchObject({ code: 'unsupported_container', field });
  });

  test('says of a pickle that it is one', async () => {
    await expect(inspect(npyOf(headerOf('|O', [1]), utf8('cos\nsystem\n.')))).rejects.toThrow(/pickle/);
  });

  test('is refused when its header is longer than the file, or than is believed', async () => {
    for (const claimed of [7, 65_536, 2 ** 32 - 1]) {
      const file = npyOf('{}    ', new Uint8Array(0), 2);
      new DataView(file.buffer).setUint32(8, claimed, true);
      await expect(inspect(file)).rejects.toMatchObject({ code: 'malformed_container', field: 'header' });
    }
  });

  test('cut anywhere is refused', async () => {
    for (let length = 0; length < BY_NUMPY.length; length++) {
      expect([length, await readOrRefused(BY_NUMPY.subarray(0, length), 'npy')]).toEqual([length, 'refused']);
    }
  });

  test('with any byte changed is read or refused by name, never otherwise', async () => {
    for (let at = 0; at < BY_NUMPY.length; at++) {
      for (const flip of [1, 4, 0x80, 0xff]) {
        const changed = Uint8Array.from(BY_NUMPY);
        changed[at]! ^= flip;
        // What is neither magic, version nor header is only another number.
        if ((await readOrRefused(changed, 'npy')) === 'refused') expect(at).toBeLessThan(128);
      }
    }
  });

  test('with anything for a header is read or refused by name', async () => {
    const token = fc.constantFrom(
      '{',
      '}',
      '(',
      ')',
      ',',
      ':',
      "'descr'",
      "'shape'",
      "'fortran_order'",
      'True',
      "'<i2'",
      '3',
      'L',
      ' ',
      '\\',
      '[',
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.array(token, { maxLength: 20 })), async (header) => {
        await readOrRefused(npyOf(typeof header === 'string' ? header : header.join(''), counted(6)), 'npy');
      }),
      { numRuns: 500 },
    );
  });
});
