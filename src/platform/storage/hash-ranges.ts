/** Hashing ranges of open files, without awaiting anything: the work of a thread, and of the main one for small files. */
import { createHash, hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { CHUNK_BYTES } from '../../core/weights/digest.ts';

/** What one job hashes: enough that asking for it costs nothing, little enough that no thread is left waiting. */
export const JOB_BYTES = 16 * CHUNK_BYTES;
export const HASH_BYTES = 32;

export interface Range {
  readonly fd: number;
  readonly offset: number;
  readonly length: number;
}

export type HashJob =
  | { readonly leavesOf: readonly Range[]; readonly counter: BigInt64Array }
  | { readonly digestsOf: readonly Range[]; readonly counter: BigInt64Array };

/** Errors lose their class on the way out of a thread: a file that became shorter is an answer. */
export type Hashed = { readonly hashes: Uint8Array } | { readonly endedAt: number };

/** @returns SHA-256 of each range, or the leaf hashes (`core/weights/digest.ts`) of all chunks of all ranges, one after the other */
export default function hashRanges(job: HashJob): Hashed {
  try {
    const { counter } = job;
    return { hashes: 'digestsOf' in job ? digestsOf(job.digestsOf, counter) : leavesOf(job.leavesOf, counter) };
  } catch (error) {
    if (error instanceof EndOfFile) return { endedAt: error.at };
    throw error;
  }
}

class EndOfFile extends Error {
  constructor(readonly at: number) {
    super(`The file ended at ${at}.`);
  }
}

const LEAF_PREFIX = 0x00;

function leavesOf(ranges: readonly Range[], counter: BigInt64Array): Uint8Array {
  const count = ranges.reduce((sum, { length }) => sum + Math.ceil(length / CHUNK_BYTES), 0);
  const leaves = new Uint8Array(count * HASH_BYTES);
  const buffer = Buffer.allocUnsafeSlow(1 + CHUNK_BYTES);
  buffer[0] = LEAF_PREFIX;
  let at = 0;
  for (const { fd, offset, length } of ranges) {
    for (let done = 0; done < length; done += CHUNK_BYTES) {
      const chunk = buffer.subarray(0, 1 + Math.min(CHUNK_BYTES, length - done));
      readFully(fd, chunk.subarray(1), offset + done);
      leaves.set(hash('sha256', chunk, 'buffer'), at);
      at += HASH_BYTES;
      Atomics.add(counter, 0, BigInt(chunk.length - 1));
    }
  }
  return leaves;
}

function digestsOf(ranges: readonly Range[], counter: BigInt64Array): Uint8Array {
  const digests = new Uint8Array(ranges.length * HASH_BYTES);
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  for (const [i, { fd, offset, length }] of ranges.entries()) {
    const digest = createHash('sha256');
    for (let done = 0; done < length; done += CHUNK_BYTES) {
      const piece = buffer.subarray(0, Math.min(CHUNK_BYTES, length - done));
      readFully(fd, piece, offset + done);
      digest.update(piece);
      Atomics.add(counter, 0, BigInt(piece.length));
    }
    digests.set(digest.digest(), i * HASH_BYTES);
  }
  return digests;
}

function readFully(fd: number, into: Uint8Array, offset: number): void {
  for (let done = 0; done < into.length;) {
    const read = readSync(fd, into, done, into.length - done, offset + done);
    if (read === 0) throw new EndOfFile(offset + done);
    done += read;
  }
}
