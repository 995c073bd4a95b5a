import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../../src/core/bytes.ts';
import { leafHash } from '../../../../src/core/merkle/tree.ts';
import type { Dtype } from '../../../../src/core/weights/dtype.ts';
import type { TensorInMemory } from '../../../../src/core/weights/digest.ts';
import {
  CHUNK_BYTES,
  namelessLeafInput,
  tensorLeafInput,
  weightDigest,
  weightDigestOf,
} from '../../../../src/core/weights/digest.ts';
import { sha256, vectors } from './fixture.ts';

const tensor = (name: string, data: number[], dtype: Dtype = 'U8', shape = [data.length]): TensorInMemory => ({
  name,
  dtype,
  shape,
  data: Uint8Array.from(data),
});

const streamed = (tensors: TensorInMemory[], pieceSize: number) =>
  tensors.map(({ data, ...head }) => ({
    ...head,
    pieces: function* () {
      for (let at = 0; at < data.length; at += pieceSize) yield data.subarray(at, at + pieceSize);
    },
  }));

describe('the weight digest', () => {
  describe.each(vectors)('of $title', ({ tensors, expected, digests }) => {
    test('is the one that the second implementation computed', () => {
      expect(weightDigestOf(sha256, tensors)).toEqual(digests);
    });

    test.each(expected)('has the leaf of "$name" byte by byte', (leaf) => {
      const hashed = { ...tensors.find(({ name }) => name === leaf.name)!, chunkRoot: fromHex(leaf.chunkRoot) };
      expect(toHex(tensorLeafInput(hashed))).toBe(leaf.leafInput);
      expect(toHex(leafHash(sha256, tensorLeafInput(hashed)))).toBe(leaf.leaf);
      expect(toHex(namelessLeafInput(hashed))).toBe(leaf.namelessLeafInput);
      expect(toHex(leafHash(sha256, namelessLeafInput(hashed)))).toBe(leaf.namelessLeaf);
    });

    test.each([1000, 65_537, CHUNK_BYTES, 3 * CHUNK_BYTES + 5])('is the same in pieces of %i bytes', async (size) => {
      expect(await weightDigest(sha256, streamed(tensors, size))).toEqual(digests);
    });
  });

  test('differs in each vector', () => {
    expect(new Set(vectors.map(({ digests }) => digests.weightDigest)).size).toBe(vectors.length);
  });

  test('does not depend on the order in which tensors come', () => {
    const [a, b, c] = [tensor('a', [1]), tensor('b', [2]), tensor('c', [3])];
    expect(weightDigestOf(sha256, [c, a, b])).toEqual(weightDigestOf(sha256, [a, b, c]));
  });

  test('survives renaming in its nameless form only', () => {
    const before = weightDigestOf(sha256, [tensor('a', [1]), tensor('b', [2])]);
    const after = weightDigestOf(sha256, [tensor('layer.1', [1]), tensor('layer.0', [2])]);
    expect(after.namelessDigest).toBe(before.namelessDigest);
    expect(after.weightDigest).not.toBe(before.weightDigest);
  });

  test('of one tensor is never its nameless digest', () => {
    const { weightDigest, namelessDigest } = weightDigestOf(sha256, [tensor('', [1])]);
    expect(weightDigest).not.toBe(namelessDigest);
  });

  test('keeps equal tensors apart from one of them', () => {
    const one = weightDigestOf(sha256, [tensor('a', [1])]);
    const two = weightDigestOf(sha256, [tensor('a', [1]), tensor('b', [1])]);
    expect(two.namelessDigest).not.toBe(one.namelessDigest);
  });

  test('changes with every single flipped bit', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.nat(), (data, place) => {
        const bit = place % (8 * data.length);
        const flipped = data.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        const before = weightDigestOf(sha256, [{ ...tensor('t', []), shape: [data.length], data }]);
        const after = weightDigestOf(sha256, [{ ...tensor('t', []), shape: [data.length], data: flipped }]);
        expect(after.weightDigest).not.toBe(before.weightDigest);
        expect(after.namelessDigest).not.toBe(before.namelessDigest);
      }),
    );
  });

  test('changes when a byte moves from one tensor to the next', () => {
    expect(weightDigestOf(sha256, [tensor('a', [1, 2]), tensor('b', [3])])).not.toEqual(
      weightDigestOf(sha256, [tensor('a', [1]), tensor('b', [2, 3])]),
    );
  });

  test('changes when the shape is transposed over the same bytes', () => {
    const data = [1, 2, 3, 4, 5, 6];
    expect(weightDigestOf(sha256, [tensor('a', data, 'U8', [2, 3])])).not.toEqual(
      weightDigestOf(sha256, [tensor('a', data, 'U8', [3, 2])]),
    );
  });

  test.each<[string, TensorInMemory[], string | undefined]>([
    ['no tensor at all, which would make all empty files one model', [], undefined],
    ['two tensors of one name', [tensor('a', [1]), tensor('b', [2]), tensor('a', [3])], 'a'],
    ['fewer bytes than the shape needs', [tensor('a', [1, 2], 'U8', [3])], 'a'],
    ['more bytes than the shape needs', [tensor('a', [1, 2], 'U8', [1])], 'a'],
    ['a name with a lone surrogate', [tensor('\ud800', [1])], '\ud800'],
    ['a shape past 2^53', [tensor('a', [1], 'U8', [2 ** 40, 2 ** 40])], 'a'],
    ['a row of half a block', [tensor('a', Array<number>(18).fill(1), 'Q4_0', [2, 16])], 'a'],
  ])('refuses %s', async (_, tensors, field) => {
    const refusal = expect.objectContaining({ code: 'malformed_container', field });
    expect(() => weightDigestOf(sha256, tensors)).toThrow(refusal);
    await expect(weightDigest(sha256, streamed(tensors, 100))).rejects.toThrow(refusal);
  });
});

describe('hashing chunks elsewhere', () => {
  const data = Uint8Array.from({ length: 5 * CHUNK_BYTES + 1 }, (_, i) => i % 253);
  const tensors: TensorInMemory[] = [{ name: 't', dtype: 'U8', shape: [data.length], data }];

  test('may finish in any order and holds no more chunks than allowed', async () => {
    let open = 0;
    let most = 0;
    const digests = await weightDigest(sha256, streamed(tensors, 12_345), {
      chunksInFlight: 3,
      hashChunk: async (chunk) => {
        most = Math.max(most, ++open);
        await new Promise((resolve) => setTimeout(resolve, (chunk[0]! % 5) * 4));
        open--;
        return leafHash(sha256, chunk);
      },
    });
    expect(digests).toEqual(weightDigestOf(sha256, tensors));
    expect(most).toBe(3);
  });

  test('gives the same digest by WebCrypto', async () => {
    const digests = await weightDigest(sha256, streamed(tensors, CHUNK_BYTES), {
      hashChunk: async (chunk) => {
        const prefixed = new Uint8Array(1 + chunk.length);
        prefixed.set(chunk, 1);
        return new Uint8Array(await crypto.subtle.digest('SHA-256', prefixed));
      },
    });
    expect(digests).toEqual(weightDigestOf(sha256, tensors));
  });

  test('fails with the error of the hasher', async () => {
    const failing = weightDigest(sha256, streamed(tensors, CHUNK_BYTES), {
      hashChunk: (chunk) => (chunk.length === 1 ? Promise.reject(new Error('lost')) : leafHash(sha256, chunk)),
    });
    await expect(failing).rejects.toThrow('lost');
  });
});
