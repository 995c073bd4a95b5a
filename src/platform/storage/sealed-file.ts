/**
 * The format of an artifact at rest: AES-256-GCM (NIST SP 800-38D) over chunks of 64 KiB, so that any part can be read
 * without the rest, chained as STREAM does it (Hoang, Reyhanitabar, Rogaway, Vizár 2015; as Tink and age use it).
 *
 *   file    "MUNIART1" ‖ salt (32 bytes) ‖ noncePrefix (7 bytes) ‖ sealed chunks
 *   key     HKDF-SHA-256 (RFC 5869) of the master key, this salt, info "muniment artifact v1" ‖ 00 ‖ digest (32 bytes)
 *   nonce   noncePrefix ‖ chunk index (u32, big endian) ‖ 01 for the last chunk, 00 for the others
 *   sealed  ciphertext ‖ tag (16 bytes), the file's first 47 bytes as additional data
 *
 * Every chunk but the last holds exactly 64 KiB; only an empty artifact has an empty last chunk. Whoever can write to
 * the disk can still delete an artifact, but no more: a flipped bit fails the tag, a chunk moved, doubled or left out
 * fails by its index, a file cut after a chunk fails because its end is not marked last, a chunk or a whole file of
 * another artifact fails because its key is another, and an older file of the same digest holds the same bytes.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { utf8 } from '../../core/bytes.ts';
import type { Digest } from '../../core/digest.ts';
import { parseDigest } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';

export const PLAIN_CHUNK = 65_536;
export const SEALED_CHUNK = PLAIN_CHUNK + 16;
export const SEAL_HEADER = 47;

const MAGIC = Buffer.from('MUNIART1', 'latin1');
const SALT_BYTES = 32;
const TAG_BYTES = 16;
/** The index is a u32. */
const MAX_CHUNKS = 2 ** 32;

/** Seals and opens the chunks of one file. */
export class Seal {
  private constructor(
    private readonly digest: Digest,
    /** The file's first bytes. */
    readonly header: Buffer,
    private readonly key: Buffer,
  ) {}

  static create(masterKey: Uint8Array, digest: Digest): Seal {
    const header = Buffer.concat([MAGIC, randomBytes(SEAL_HEADER - MAGIC.length)]);
    return new Seal(digest, header, deriveKey(masterKey, header, digest));
  }

  /** @throws RegistryError `artifact_damaged` when these bytes begin no sealed file */
  static fromHeader(masterKey: Uint8Array, digest: Digest, header: Buffer): Seal {
    if (header.length !== SEAL_HEADER || !header.subarray(0, MAGIC.length).equals(MAGIC)) {
      throw damaged(digest, 'does not begin as an artifact does');
    }
    return new Seal(digest, header, deriveKey(masterKey, header, digest));
  }

  seal(index: number, plain: Uint8Array, last: boolean): Buffer {
    const cipher = createCipheriv('aes-256-gcm', this.key, this.nonce(index, last)).setAAD(this.header);
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  /**
   * The chunk's plain bytes.
   * @throws RegistryError `artifact_damaged` when they are not what was sealed at this place
   */
  open(index: number, sealed: Uint8Array, last: boolean): Buffer {
    const decipher = createDecipheriv('aes-256-gcm', this.key, this.nonce(index, last), { authTagLength: TAG_BYTES });
    const tag = sealed.length - TAG_BYTES;
    try {
      decipher.setAAD(this.header).setAuthTag(sealed.subarray(tag));
      return Buffer.concat([decipher.update(sealed.subarray(0, tag)), decipher.final()]);
    } catch (cause) {
      throw damaged(this.digest, `was altered or cut in its chunk ${index}`, cause);
    }
  }

  private nonce(index: number, last: boolean): Buffer {
    if (index >= MAX_CHUNKS) {
      throw new RegistryError('payload_too_large', `An artifact holds at most ${MAX_CHUNKS * PLAIN_CHUNK} bytes.`);
    }
    const nonce = Buffer.alloc(12);
    this.header.copy(nonce, 0, MAGIC.length + SALT_BYTES);
    nonce.writeUInt32BE(index, 7);
    nonce[11] = last ? 1 : 0;
    return nonce;
  }
}

export interface SealedLayout {
  /** Bytes of content. */
  size: number;
  chunks: number;
}

/**
 * What a sealed file of this many bytes holds, not yet proven.
 * @throws RegistryError `artifact_damaged` when no sealed file has this length
 */
export function layoutOf(digest: Digest, fileSize: number): SealedLayout {
  const sealed = fileSize - SEAL_HEADER;
  const chunks = Math.ceil(sealed / SEALED_CHUNK);
  const lastChunk = sealed - (chunks - 1) * SEALED_CHUNK;
  const wellCut = sealed > 0 && lastChunk >= TAG_BYTES && (chunks === 1 || lastChunk > TAG_BYTES);
  if (!wellCut) throw damaged(digest, 'has a length that no artifact has');
  return { size: sealed - chunks * TAG_BYTES, chunks };
}

export function damaged(digest: Digest, why: string, cause?: unknown): RegistryError {
  return new RegistryError('artifact_damaged', `The artifact ${digest} ${why}.`, {
    fix: 'Restore it from a copy; its digest shows whether the copy is right. Check that the master key is the right one.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function deriveKey(masterKey: Uint8Array, header: Buffer, digest: Digest): Buffer {
  const salt = header.subarray(MAGIC.length, MAGIC.length + SALT_BYTES);
  const info = Buffer.concat([utf8('muniment artifact v1\0'), parseDigest(digest)]);
  return Buffer.from(hkdfSync('sha256', masterKey, salt, info, 32));
}
