/**
 * What is in a file of weights: its container, its tensors and their digests, read in one pass in the order of the
 * bytes and in constant memory, so that a caller can hash the whole file in the same pass.
 */
import type { Digest, Sha256 } from '../digest.ts';
import type { ByteSource } from './byte-source.ts';
import { readPieces } from './byte-source.ts';
import type { WeightDigestOptions } from './digest.ts';
import { CHUNK_BYTES, weightDigest } from './digest.ts';
import { elementCount } from './dtype.ts';
import type { TensorInfo } from './safetensors.ts';
import { looksLikeSafetensors, readSafetensorsHeader } from './safetensors.ts';

export type Container = 'safetensors' | 'unknown';

export interface WeightsReport {
  container: Container;
  /** null when the container is unknown: such weights are known by their file digest only. */
  weightDigest: Digest | null;
  namelessDigest: Digest | null;
  /** In the order of their bytes. */
  tensors: TensorInfo[];
  metadata: Record<string, string>;
  /** Elements of all tensors together. */
  parameters: number;
  /** Size of the file. */
  bytes: number;
}

export interface InspectOptions extends WeightDigestOptions {
  /** What the caller knows the container to be, by the file's name; a file that is not one is then refused. */
  container?: 'safetensors';
  /** Called with the number of bytes read so far. */
  onProgress?: (bytes: number) => void;
}

/**
 * Reads `source` from start to end, each byte of the data once.
 * @throws RegistryError `malformed_container` when it is safetensors, or said to be, and broken
 */
export async function inspectWeights(
  source: ByteSource,
  sha256: Sha256,
  { container, onProgress, ...hashing }: InspectOptions = {},
): Promise<WeightsReport> {
  if (container === undefined && !(await looksLikeSafetensors(source))) {
    return {
      container: 'unknown',
      weightDigest: null,
      namelessDigest: null,
      tensors: [],
      metadata: {},
      parameters: 0,
      bytes: source.size,
    };
  }
  const { tensors, metadata, dataOffset } = await readSafetensorsHeader(source);
  onProgress?.(dataOffset);
  const streams = tensors.map(({ name, dtype, shape, offset, byteLength }) => ({
    name,
    dtype,
    shape,
    pieces: async function* () {
      let read = offset;
      for await (const piece of readPieces(source, offset, offset + byteLength, CHUNK_BYTES)) {
        yield piece;
        read += piece.length;
        onProgress?.(read);
      }
    },
  }));
  const digests = await weightDigest(sha256, streams, hashing);
  const parameters = tensors.reduce((sum, { shape }) => sum + (elementCount(shape) ?? 0), 0);
  return { container: 'safetensors', ...digests, tensors, metadata, parameters, bytes: source.size };
}
