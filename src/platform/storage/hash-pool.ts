/** Threads that hash ranges of open files, where there is enough to hash that starting them pays. */
import { availableParallelism } from 'node:os';
import type { Piscina } from 'piscina';
import { RegistryError } from '../../core/errors.ts';
import type { Hashed, HashJob } from './hash-ranges.ts';
import hashRanges from './hash-ranges.ts';

/** Two threads take 60 ms to start, in which 100 MiB are hashed. */
export const WORTH_THREADS = 64 << 20;

export class HashPool {
  #pool: Promise<Piscina<HashJob, Hashed>> | undefined;

  constructor(private readonly threads = availableParallelism()) {}

  /**
   * @param bytes how much there is to hash in all
   * @throws RegistryError `malformed_container` when a file became shorter
   */
  async run(job: HashJob, bytes: number): Promise<Uint8Array> {
    if (bytes >= WORTH_THREADS && this.threads > 1) this.#pool ??= startThreads(this.threads);
    const hashed = this.#pool === undefined ? hashRanges(job) : await (await this.#pool).run(job);
    if ('hashes' in hashed) return hashed.hashes;
    throw new RegistryError('malformed_container', `The file ended at ${hashed.endedAt} while it was being read.`);
  }

  /** Jobs under way are given up. */
  async close(): Promise<void> {
    await (await this.#pool)?.destroy();
  }
}

async function startThreads(threads: number): Promise<Piscina<HashJob, Hashed>> {
  const { Piscina } = await import('piscina');
  // The extension is what the built file has: threads run built files.
  return new Piscina({
    filename: new URL('./hash-ranges.js', import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
  });
}
