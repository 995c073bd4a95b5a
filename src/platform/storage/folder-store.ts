/**
 * Artifacts in a folder of this machine, or one that several machines mount, sealed at rest (sealed-file.ts):
 * `sha256/<2 hex>/<64 hex>`, and `tmp/` for what is being written. A file gets its name only when it is whole, proven
 * and on the disk, so a kill or a full disk leaves nothing but a file in `tmp/`, which a later start removes.
 */
import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toHex } from '../../core/bytes.ts';
import type { Digest } from '../../core/digest.ts';
import { formatDigest, parseDigest } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import type { ByteSource } from '../../core/weights/byte-source.ts';
import { checkRange } from '../../core/weights/byte-source.ts';
import type { StoredArtifact } from './artifact-store.ts';
import { ArtifactStore } from './artifact-store.ts';
import { readFully } from './file-source.ts';
import type { SealedLayout } from './sealed-file.ts';
import { PLAIN_CHUNK, SEALED_CHUNK, SEAL_HEADER, Seal, damaged, layoutOf } from './sealed-file.ts';

export interface FolderStoreOptions {
  /** Made, for this user alone, when it is not there. */
  folder: string;
  /** 32 bytes */
  masterKey: Uint8Array;
  now?: () => number;
}

/** Chunks that a stream reads at a time: 1 MiB. */
const CHUNKS_PER_READ = 16;
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000;

export class FolderArtifactStore extends ArtifactStore {
  private constructor(
    private readonly folder: string,
    private readonly masterKey: Uint8Array,
  ) {
    super();
  }

  /**
   * Opens the store and removes what killed writers left there more than a day ago.
   * @throws RegistryError `configuration_invalid` when the master key has not 32 bytes
   */
  static async open({ folder, masterKey, now = Date.now }: FolderStoreOptions): Promise<FolderArtifactStore> {
    if (masterKey.length !== 32) {
      throw new RegistryError('configuration_invalid', `A master key has 32 bytes, not ${masterKey.length}.`);
    }
    await mkdir(join(folder, 'sha256'), { recursive: true, mode: 0o700 });
    await mkdir(join(folder, 'tmp'), { recursive: true, mode: 0o700 });
    await removeAbandoned(join(folder, 'tmp'), now() - ABANDONED_AFTER_MS);
    return new FolderArtifactStore(folder, masterKey);
  }

  async put(
    digest: Digest,
    content: AsyncIterable<Uint8Array>,
    check?: (content: ByteSource) => Promise<void>,
  ): Promise<{ bytes: number }> {
    const path = this.path(digest);
    const temporary = join(this.folder, 'tmp', `${randomUUID()}.part`);
    try {
      const file = await open(temporary, 'wx', 0o600);
      let written: { bytes: number; digest: Digest };
      try {
        written = await writeSealed(file, Seal.create(this.masterKey, digest), content);
        await file.sync();
      } finally {
        await file.close();
      }
      if (written.digest !== digest) {
        throw new RegistryError('digest_mismatch', `The content has the digest ${written.digest}, not ${digest}.`, {
          field: 'digest',
        });
      }
      await check?.(await this.openAt(temporary, digest));
      await this.publish(temporary, path);
      return { bytes: written.bytes };
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async open(digest: Digest): Promise<StoredArtifact> {
    return this.openAt(this.path(digest), digest);
  }

  private async openAt(path: string, digest: Digest): Promise<StoredArtifact> {
    const { size, chunks } = await this.withFile(path, digest, async (file) => {
      const { seal, layout } = await this.readSeal(file, digest);
      // The last chunk proves, by its mark, where the artifact ends.
      await openChunks(file, seal, layout, layout.chunks - 1, layout.chunks);
      return layout;
    });
    const read = async (offset: number, length: number): Promise<Uint8Array> => {
      checkRange(size, offset, length);
      const first = Math.floor(offset / PLAIN_CHUNK);
      const end = Math.min(chunks, Math.ceil((offset + length) / PLAIN_CHUNK));
      if (length === 0) return new Uint8Array(0);
      const plain = await this.withFile(path, digest, async (file) => {
        const { seal, layout } = await this.readSeal(file, digest);
        if (layout.size !== size) throw damaged(digest, 'changed its length while it was being read');
        return openChunks(file, seal, layout, first, end);
      });
      return plain.subarray(offset - first * PLAIN_CHUNK, offset - first * PLAIN_CHUNK + length);
    };
    const stream = async function* (start = 0, end = size): AsyncGenerator<Uint8Array, void, undefined> {
      checkRange(size, start, end - start);
      const step = CHUNKS_PER_READ * PLAIN_CHUNK;
      for (let at = start; at < end;) {
        // Up to the next multiple of the step, so that no chunk is opened twice.
        const next = Math.min(end, (Math.floor(at / step) + 1) * step);
        yield await read(at, next - at);
        at = next;
      }
    };
    return { size, read, stream };
  }

  async has(digest: Digest): Promise<boolean> {
    try {
      await access(this.path(digest));
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  async delete(digest: Digest): Promise<void> {
    const path = this.path(digest);
    try {
      await rm(path);
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    await syncFolder(dirname(path));
  }

  /** Only the hex of a checked digest gets into a path, so no name leads out of the folder. */
  private path(digest: Digest): string {
    const hex = toHex(parseDigest(digest, 'digest'));
    return join(this.folder, 'sha256', hex.slice(0, 2), hex);
  }

  /** Gives the file its name. Each folder on the way is synced, or a loss of power could take the name back. */
  private async publish(temporary: string, path: string): Promise<void> {
    const shelf = dirname(path);
    const made = await mkdir(shelf, { recursive: true, mode: 0o700 });
    await rename(temporary, path);
    await syncFolder(shelf);
    if (made !== undefined) await syncFolder(dirname(shelf));
  }

  private async withFile<T>(path: string, digest: Digest, use: (file: FileHandle) => Promise<T>): Promise<T> {
    let file: FileHandle;
    try {
      file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (cause) {
      if (!isMissing(cause)) throw cause;
      throw new RegistryError('not_found', `The artifact ${digest} is not stored here.`, { field: 'digest', cause });
    }
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  }

  private async readSeal(file: FileHandle, digest: Digest): Promise<{ seal: Seal; layout: SealedLayout }> {
    const { size } = await file.stat();
    const layout = layoutOf(digest, size);
    return { seal: Seal.fromHeader(this.masterKey, digest, await readFully(file, 0, SEAL_HEADER)), layout };
  }
}

async function writeSealed(
  file: FileHandle,
  seal: Seal,
  content: AsyncIterable<Uint8Array>,
): Promise<{ bytes: number; digest: Digest }> {
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafeSlow(PLAIN_CHUNK);
  let filled = 0;
  let index = 0;
  let bytes = 0;
  await file.appendFile(seal.header);
  for await (const piece of content) {
    hash.update(piece);
    bytes += piece.length;
    for (let at = 0; at < piece.length;) {
      // A full chunk is sealed only when more comes: the last one is marked, and nobody knows yet which that is.
      if (filled === PLAIN_CHUNK) {
        await file.appendFile(seal.seal(index++, chunk, false));
        filled = 0;
      }
      const taken = piece.subarray(at, at + PLAIN_CHUNK - filled);
      chunk.set(taken, filled);
      filled += taken.length;
      at += taken.length;
    }
  }
  await file.appendFile(seal.seal(index, chunk.subarray(0, filled), true));
  return { bytes, digest: formatDigest(hash.digest()) };
}

/** The plain bytes of chunks `first` to before `end`, which lie side by side in the file. */
async function openChunks(
  file: FileHandle,
  seal: Seal,
  { chunks, size }: SealedLayout,
  first: number,
  end: number,
): Promise<Buffer> {
  const plainEnd = Math.min(size, end * PLAIN_CHUNK);
  const plain = Buffer.allocUnsafeSlow(plainEnd - first * PLAIN_CHUNK);
  const length = plain.length + (end - first) * (SEALED_CHUNK - PLAIN_CHUNK);
  const sealed = await readFully(file, SEAL_HEADER + first * SEALED_CHUNK, length);
  for (let index = first; index < end; index++) {
    const at = (index - first) * SEALED_CHUNK;
    plain.set(
      seal.open(index, sealed.subarray(at, at + SEALED_CHUNK), index === chunks - 1),
      (index - first) * PLAIN_CHUNK,
    );
  }
  return plain;
}

async function removeAbandoned(folder: string, before: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    try {
      const { mtimeMs } = await stat(path);
      if (mtimeMs < before) await rm(path, { force: true });
    } catch (error) {
      // Another process may have finished or removed it meanwhile.
      if (!isMissing(error)) throw error;
    }
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
