/**
 * Every digest by which a file of weights can be looked up, in constant memory, on all cores: the file digest over all its
 * bytes and, for containers that can be read, the weight digests over its tensors. A model of several files is named by
 * its main one, and its file digest is over all of them.
 *
 * A file digest is serial and takes one core; the other ones hash the tensors meanwhile, so that all of a file is read
 * about once from the disk. A file that changed in the meantime is refused: its digests would be of two states.
 */
import { concat, utf8 } from '../../core/bytes.ts';
import type { Digest } from '../../core/digest.ts';
import { formatDigest } from '../../core/digest.ts';
import { rootOf } from '../../core/merkle/tree.ts';
import type { ByteSource } from '../../core/weights/byte-source.ts';
import { compareBytes } from '../../core/weights/compare-bytes.ts';
import type { Siblings, StoredTensor } from '../../core/weights/container.ts';
import { CHUNK_BYTES } from '../../core/weights/digest.ts';
import type { WeightsReport } from '../../core/weights/inspect.ts';
import { containerCalled, inspectWeights } from '../../core/weights/inspect.ts';
import { sha256 } from '../crypto.ts';
import { FileDigests } from './file-digests.ts';
import { HashPool } from './hash-pool.ts';
import type { Range } from './hash-ranges.ts';
import { HASH_BYTES, JOB_BYTES } from './hash-ranges.ts';
import { ModelFiles } from './model-files.ts';

export interface FileReport extends WeightsReport {
  fileDigest: Digest;
  /** That an OpenSSF model signature over the files names */
  rootDigest: Digest;
  /** Of all files. */
  bytes: number;
  files: number;
}

export interface HashOptions {
  /** Called with the bytes hashed and the bytes to hash, each as often as it is hashed. */
  onProgress?: (done: number, all: number) => void;
  threads?: number;
}

/**
 * @throws RegistryError `not_found`, `invalid_input`; `malformed_container`, `unsupported_container`; `state_conflict` when
 *   the file changes meanwhile
 */
export const hashFile = (path: string, options: HashOptions = {}): Promise<FileReport> =>
  hashAndRead(path, options, (report) => Promise.resolve(report));

/** Lets `read` have the tensors as well, while the files are open: what it reads is what was hashed. */
export async function hashAndRead<T>(
  path: string,
  options: HashOptions,
  read: (report: FileReport) => Promise<T>,
): Promise<T> {
  const files = new HashedFiles(path, true, options);
  return files.use(async () => {
    const report = await inspect(path, files);
    return read({ ...report, ...(await files.finish()) });
  });
}

/** The weight digests alone, for which all cores read different parts of the file. */
export async function hashWeights(path: string, options: HashOptions = {}): Promise<WeightsReport> {
  const files = new HashedFiles(path, false, options);
  return files.use(() => inspect(path, files));
}

async function inspect(path: string, files: HashedFiles): Promise<WeightsReport> {
  const container = containerCalled(path);
  return inspectWeights(await files.open(files.main), sha256, {
    siblings: files,
    hashStored: (tensors) => files.chunkRoots(tensors),
    ...(container === undefined ? {} : { container }),
  });
}

const PROGRESS_MS = 100;

class HashedFiles implements Siblings {
  readonly main: string;
  readonly #files: ModelFiles;
  readonly #pool: HashPool;
  readonly #counter = new BigInt64Array(new SharedArrayBuffer(8));
  /** Undefined where nobody wants them */
  readonly #digests: FileDigests | undefined;
  #toHash = 0;

  constructor(
    path: string,
    withDigests: boolean,
    private readonly options: HashOptions,
  ) {
    this.#files = new ModelFiles(path);
    this.main = this.#files.main;
    this.#pool = new HashPool(options.threads);
    if (withDigests) this.#digests = new FileDigests(this.#pool, this.#counter);
  }

  /** Tells of progress while `work` runs, and closes everything behind it. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    const tell = (): void => {
      const done = Number(Atomics.load(this.#counter, 0));
      if (done > 0) this.options.onProgress?.(done, this.#toHash);
    };
    const timer = setInterval(tell, PROGRESS_MS);
    try {
      const result = await work();
      tell();
      await this.#files.requireUnchanged();
      return result;
    } finally {
      clearInterval(timer);
      await this.#pool.close();
      await this.#digests?.settled();
      await this.#files.close();
    }
  }

  async open(name: string): Promise<ByteSource> {
    const isNew = !this.#files.opened.has(name);
    const file = await this.#files.open(name);
    if (isNew && this.#digests !== undefined) {
      this.#toHash += file.size;
      this.#digests.add(file);
    }
    return file;
  }

  /** Of tensors of which each stands in a file of the model. */
  async chunkRoots(tensors: readonly StoredTensor[]): Promise<Uint8Array[]> {
    const fds = new Map<ByteSource, number>([...this.#files.opened.values()].map((file) => [file, file.fd]));
    const ranges = tensors.map(({ source, offset, byteLength }): Range => {
      return { fd: fds.get(source!)!, offset: offset!, length: byteLength };
    });
    const all = ranges.reduce((sum, { length }) => sum + length, 0);
    this.#toHash += all;
    // All files are open.
    this.#digests?.start(this.#toHash);
    const jobs = jobsOf(ranges).map((leavesOf) => this.#pool.run({ leavesOf, counter: this.#counter }, all));
    const leaves = await Promise.all(jobs);
    return rootsOf(ranges, leaves);
  }

  /**
   * The root of an OpenSSF model signature (https://github.com/sigstore/model-transparency) is the digest over the SHA-256
   * of each file, in the order of their paths, compared part by part. Of several files it is their file digest, too.
   */
  async finish(): Promise<Pick<FileReport, 'bytes' | 'fileDigest' | 'files' | 'rootDigest'>> {
    // No name holds a NUL, and none sorts before it: so "a/b" stands before "a.b", as its folder does.
    const key = (path: string): Uint8Array => utf8(path.replaceAll('/', '\0'));
    const sorted = [...this.#files.opened].sort(([a], [b]) => compareBytes(key(a), key(b)));
    this.#digests!.start(this.#toHash);
    const digests = await Promise.all(sorted.map(([, file]) => this.#digests!.of(file)));
    const rootDigest = formatDigest(sha256(concat(...digests)));
    return {
      fileDigest: digests.length === 1 ? formatDigest(digests[0]!) : rootDigest,
      rootDigest,
      bytes: sorted.reduce((sum, [, { size }]) => sum + size, 0),
      files: digests.length,
    };
  }
}

/** Ranges cut at chunks, so that jobs are of one size; small ones are put together. */
function jobsOf(ranges: readonly Range[]): Range[][] {
  const jobs: Range[][] = [];
  let job: Range[] = [];
  let bytes = 0;
  for (const { fd, offset, length } of ranges) {
    for (let done = 0; done < length; done += JOB_BYTES) {
      const part = Math.min(JOB_BYTES, length - done);
      job.push({ fd, offset: offset + done, length: part });
      bytes += part;
      if (bytes < JOB_BYTES) continue;
      jobs.push(job);
      [job, bytes] = [[], 0];
    }
  }
  return job.length > 0 ? [...jobs, job] : jobs;
}

/** The jobs hashed all chunks of all ranges in order. */
function rootsOf(ranges: readonly Range[], hashed: readonly Uint8Array[]): Uint8Array[] {
  const leaves = hashed.flatMap((hashes) =>
    Array.from({ length: hashes.length / HASH_BYTES }, (_, i) => hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES)),
  );
  let at = 0;
  return ranges.map(({ length }) => rootOf(sha256, leaves.slice(at, (at += Math.ceil(length / CHUNK_BYTES)))));
}
