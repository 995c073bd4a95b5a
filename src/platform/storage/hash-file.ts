/**
 * Every digest by which a file of weights can be looked up, from one reading, in constant memory: the file digest over
 * all its bytes and, for containers that can be read, the weight digests over its tensors. A model of several files is
 * named by its main one, and its file digest is over all of them.
 */
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { fromHex, utf8 } from '../../core/bytes.ts';
import type { Digest } from '../../core/digest.ts';
import { formatDigest } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import { compareBytes } from '../../core/weights/compare-bytes.ts';
import type { ByteSource } from '../../core/weights/byte-source.ts';
import { readPieces } from '../../core/weights/byte-source.ts';
import type { Siblings } from '../../core/weights/container.ts';
import { CHUNK_BYTES } from '../../core/weights/digest.ts';
import type { WeightsReport } from '../../core/weights/inspect.ts';
import { containerCalled, inspectWeights } from '../../core/weights/inspect.ts';
import { sha256 } from '../crypto.ts';
import type { FileSource } from './file-source.ts';
import { openFileSource } from './file-source.ts';

export interface FileReport extends WeightsReport {
  fileDigest: Digest;
  /** Of all files. */
  bytes: number;
  files: number;
}

/**
 * @param onProgress called with the bytes read and the size of all files
 * @throws RegistryError `not_found`, `invalid_input`; `malformed_container`, `unsupported_container`
 */
export async function hashFile(path: string, onProgress?: (bytes: number, size: number) => void): Promise<FileReport> {
  const files = new ModelFiles(dirname(path), onProgress);
  try {
    const container = containerCalled(path);
    const report = await inspectWeights(await files.open(basename(path)), sha256, {
      siblings: files,
      ...(container === undefined ? {} : { container }),
    });
    return { ...report, ...(await files.finish()) };
  } finally {
    await files.close();
  }
}

/** More files than the largest models have, fewer than a process may hold open. */
const MAX_FILES = 1000;

class ModelFiles implements Siblings {
  readonly #files = new Map<string, { source: HashingSource; file: FileSource }>();
  #read = 0;
  #size = 0;

  constructor(
    private readonly folder: string,
    private readonly onProgress: (bytes: number, size: number) => void = () => undefined,
  ) {}

  async open(name: string): Promise<ByteSource> {
    const known = this.#files.get(name);
    if (known !== undefined) return known.source;
    if (this.#files.size === MAX_FILES) {
      throw new RegistryError('malformed_container', `The model names more than ${MAX_FILES} files.`);
    }
    const file = await openFileSource(join(this.folder, inFolder(name)));
    const source = new HashingSource(file, (bytes) => {
      this.#read += bytes;
      this.onProgress(this.#read, this.#size);
    });
    this.#size += file.size;
    this.#files.set(name, { source, file });
    return source;
  }

  /**
   * Reads what nobody has read yet. The digest of several files is that over the SHA-256 of each, in the order of their
   * names: the root of an OpenSSF model signature over them (https://github.com/sigstore/model-transparency).
   */
  async finish(): Promise<Pick<FileReport, 'bytes' | 'fileDigest' | 'files'>> {
    const sorted = [...this.#files].sort(([a], [b]) => compareBytes(utf8(a), utf8(b)));
    const digests: Digest[] = [];
    for (const [, { source }] of sorted) digests.push(await source.finish());
    const [only, ...more] = digests;
    const root = createHash('sha256');
    for (const digest of digests) root.update(fromHex(digest.slice('sha256:'.length)));
    return {
      fileDigest: more.length === 0 ? only! : formatDigest(root.digest()),
      bytes: this.#size,
      files: digests.length,
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#files.values()].map(({ file }) => file.close()));
  }
}

/** @throws RegistryError `malformed_container` for a path that is no plain one below the folder */
function inFolder(name: string): string {
  const parts = name.split('/');
  if (name.length <= 1000 && parts.every((part) => /^[^\\:\0]+$/.test(part) && part !== '.' && part !== '..'))
    return name;
  throw new RegistryError(
    'malformed_container',
    'A file of the model is named by a path that leads out of its folder.',
    {
      field: name.slice(0, 80),
    },
  );
}

/** What is left out between two reads is read for the file digest up to this much, and otherwise at the end. */
const MAX_GAP = 4 * CHUNK_BYTES;

/** Hashes a source while somebody else reads it, mostly from start to end; what is read twice is hashed once. */
class HashingSource implements ByteSource {
  readonly size: number;
  readonly #hash: Hash = createHash('sha256');
  #hashed = 0;

  constructor(
    private readonly source: ByteSource,
    private readonly onHashed: (bytes: number) => void,
  ) {
    this.size = source.size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const gap = offset - this.#hashed;
    if (length > 0 && gap > 0 && gap <= MAX_GAP) await this.#fill(offset);
    const bytes = await this.source.read(offset, length);
    if (offset <= this.#hashed) this.#update(bytes.subarray(Math.min(this.#hashed - offset, length)));
    return bytes;
  }

  /** Reads what nobody has read yet. */
  async finish(): Promise<Digest> {
    await this.#fill(this.size);
    return formatDigest(this.#hash.digest());
  }

  async #fill(end: number): Promise<void> {
    for await (const piece of readPieces(this.source, this.#hashed, end, CHUNK_BYTES)) this.#update(piece);
  }

  #update(fresh: Uint8Array): void {
    if (fresh.length === 0) return;
    this.#hash.update(fresh);
    this.#hashed += fresh.length;
    this.onHashed(fresh.length);
  }
}
