/** Where artifacts are kept, named by their SHA-256. Abstract so that it serves as the injection token. */
import type { ByteSource } from '../../core/weights/byte-source.ts';
import type { Digest } from '../../core/digest.ts';

export interface StoredArtifact extends ByteSource {
  /** The bytes from `start` to before `end`; the whole artifact unless told. */
  stream(start?: number, end?: number): AsyncGenerator<Uint8Array, void, undefined>;
}

export abstract class ArtifactStore {
  /**
   * Stores what has the digest that it is named by; storing it again changes nothing.
   * @param check sees the whole content before it is stored; what it throws refuses it
   * @throws RegistryError `digest_mismatch` when the content is another, and then nothing is stored
   */
  abstract put(
    digest: Digest,
    content: AsyncIterable<Uint8Array>,
    check?: (content: ByteSource) => Promise<void>,
  ): Promise<{ bytes: number }>;
  /** @throws RegistryError `not_found`, `artifact_damaged` */
  abstract open(digest: Digest): Promise<StoredArtifact>;
  abstract has(digest: Digest): Promise<boolean>;
  abstract delete(digest: Digest): Promise<void>;
}
