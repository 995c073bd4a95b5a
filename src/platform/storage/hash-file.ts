/**
 * Every digest by which a file of weights can be looked up, from one reading of the file, in constant memory: the file
 * digest over all its bytes and, for containers that can be read, the weight digests over its tensors.
 */
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import type { Digest } from '../../core/digest.ts';
import { formatDigest } from '../../core/digest.ts';
import type { ByteSource } from '../../core/weights/byte-source.ts';
import { readPieces } from '../../core/weights/byte-source.ts';
import { CHUNK_BYTES } from '../../core/weights/digest.ts';
import type { WeightsReport } from '../../core/weights/inspect.ts';
import { inspectWeights } from '../../core/weights/inspect.ts';
import { sha256 } from '../crypto.ts';
import { openFileSource } from './file-source.ts';

export interface FileReport extends WeightsReport {
  fileDigest: Digest;
}

/**
 * @param onProgress called with the bytes read and the size of the file
 * @throws RegistryError `not_found`, `invalid_input`; `malformed_container` when the file is broken safetensors
 */
export async function hashFile(path: string, onProgress?: (bytes: number, size: number) => void): Promise<FileReport> {
  const file = await openFileSource(path);
  try {
    const whole = new HashingSource(file);
    const report = await inspectWeights(whole, sha256, {
      ...(path.toLowerCase().endsWith('.safetensors') ? { container: 'safetensors' } : {}),
      ...(onProgress === undefined ? {} : { onProgress: (bytes) => onProgress(bytes, file.size) }),
    });
    return { fileDigest: await whole.finish(onProgress), ...report };
  } finally {
    await file.close();
  }
}

/** Hashes a source while somebody else reads it from start to end; reading a part again hashes nothing twice. */
class HashingSource implements ByteSource {
  readonly size: number;
  private readonly hash: Hash = createHash('sha256');
  private hashed = 0;

  constructor(private readonly source: ByteSource) {
    this.size = source.size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = await this.source.read(offset, length);
    if (offset > this.hashed) throw new Error(`Bytes ${this.hashed} to ${offset} were left out of the file digest.`);
    const fresh = bytes.subarray(Math.max(0, Math.min(this.hashed - offset, length)));
    this.hash.update(fresh);
    this.hashed += fresh.length;
    return bytes;
  }

  /** Reads what nobody has read yet. */
  async finish(onProgress?: (bytes: number, size: number) => void): Promise<Digest> {
    let read = this.hashed;
    for await (const piece of readPieces(this, read, this.size, CHUNK_BYTES)) {
      read += piece.length;
      onProgress?.(read, this.size);
    }
    return formatDigest(this.hash.digest());
  }
}
