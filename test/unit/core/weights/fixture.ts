/** What the weights tests share: SHA-256 by node:crypto, the fixed vectors, and safetensors files put together by hand. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { concat, fromHex, utf8 } from '../../../../src/core/bytes.ts';
import type { Digest, Sha256 } from '../../../../src/core/digest.ts';
import type { TensorInMemory } from '../../../../src/core/weights/digest.ts';
import type { Dtype } from '../../../../src/core/weights/dtype.ts';

export const sha256: Sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

interface WrittenTensor {
  name: string;
  dtype: Dtype;
  shape: number[];
  hex?: string;
  counted?: number;
  chunkRoot: string;
  leafInput: string;
  leaf: string;
  namelessLeafInput: string;
  namelessLeaf: string;
}

interface WrittenVector {
  title: string;
  tensors: WrittenTensor[];
  weightDigest: Digest;
  namelessDigest: Digest;
}

const file = new URL('../../../vectors/weights/digest.json', import.meta.url);
const written = JSON.parse(readFileSync(file, 'utf8')) as { vectors: WrittenVector[] };

export const vectors = written.vectors.map(({ title, tensors, ...digests }) => ({
  title,
  digests,
  expected: tensors,
  tensors: tensors.map(({ name, dtype, shape, hex, counted }): TensorInMemory => {
    const data = hex === undefined ? countedBytes(counted ?? 0) : fromHex(hex);
    return { name, dtype, shape, data };
  }),
}));

function countedBytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + Math.floor(i / 251)) % 256);
}

/** A safetensors file with this header text, whatever it says, and this many bytes of data. */
export function containerOf(header: string | Uint8Array, dataBytes = 0, claimedLength?: bigint): Uint8Array {
  const text = typeof header === 'string' ? utf8(header) : header;
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, claimedLength ?? BigInt(text.length), true);
  return concat(length, text, new Uint8Array(dataBytes));
}
