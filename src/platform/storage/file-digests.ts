/**
 * The SHA-256 of every file of a model, hashed while more are opened. A digest is serial, so a large file is a job of its
 * own; of small files a job takes many, since asking a thread for each would cost more than hashing it.
 */
import type { FileSource } from './file-source.ts';
import type { HashPool } from './hash-pool.ts';
import { WORTH_THREADS } from './hash-pool.ts';
import { HASH_BYTES, JOB_BYTES } from './hash-ranges.ts';

export class FileDigests {
  readonly #jobs: Promise<Uint8Array>[] = [];
  readonly #digests = new Map<FileSource, Promise<Uint8Array>>();
  #waiting: FileSource[] = [];
  #bytes = 0;

  constructor(
    private readonly pool: HashPool,
    private readonly counter: BigInt64Array,
  ) {}

  add(file: FileSource): void {
    this.#waiting.push(file);
    this.#bytes += file.size;
    if (this.#bytes >= WORTH_THREADS) this.start(this.#bytes);
  }

  /**
   * Hashes what waits for more.
   * @param bytes how much there is to hash in all, as far as it is known
   */
  start(bytes: number): void {
    let [job, size]: [FileSource[], number] = [[], 0];
    for (const file of this.#waiting) {
      job.push(file);
      size += file.size;
      if (size < JOB_BYTES) continue;
      this.#run(job, bytes);
      [job, size] = [[], 0];
    }
    if (job.length > 0) this.#run(job, bytes);
    [this.#waiting, this.#bytes] = [[], 0];
  }

  /** Of a file that was added, and started. @throws RegistryError `malformed_container` when it became shorter */
  of(file: FileSource): Promise<Uint8Array> {
    return this.#digests.get(file)!;
  }

  /** When nothing is read any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#jobs);
  }

  #run(files: readonly FileSource[], bytes: number): void {
    const digestsOf = files.map(({ fd, size }) => ({ fd, offset: 0, length: size }));
    const job = this.pool.run({ digestsOf, counter: this.counter }, bytes);
    this.#jobs.push(job);
    for (const [i, file] of files.entries()) {
      const digest = job.then((hashes) => hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
      // Thrown where it is awaited; a reader may fail before.
      digest.catch(() => undefined);
      this.#digests.set(file, digest);
    }
  }
}
