/**
 * SHA-256 digests and how they are written: `sha256:` and 64 lower-case hex digits. `core` computes no hash by itself:
 * whoever calls it hands in a synchronous `Sha256` (node:crypto on the server, noble in the browser).
 */
import { fromHex, toHex } from './bytes.ts';
import { RegistryError } from './errors.ts';

/** SHA-256 over the concatenation of its arguments; 32 bytes. */
export type Sha256 = (...parts: readonly Uint8Array[]) => Uint8Array;

/** `sha256:<64 lower-case hex digits>` */
export type Digest = `sha256:${string}`;

export const DIGEST_PATTERN = /^sha256:[0-9a-f]{64}$/;

export function formatDigest(hash: Uint8Array): Digest {
  if (hash.length !== 32) throw new RegistryError('digest_malformed', `A SHA-256 has 32 bytes, not ${hash.length}.`);
  return `sha256:${toHex(hash)}`;
}

/**
 * The 32 bytes that a written digest stands for.
 * @throws RegistryError `digest_malformed`
 */
export function parseDigest(text: string, field?: string): Uint8Array {
  if (!DIGEST_PATTERN.test(text)) {
    throw new RegistryError('digest_malformed', `"${text.slice(0, 80)}" is not a SHA-256 digest.`, {
      ...(field === undefined ? {} : { field }),
      fix: 'Write it as "sha256:" and 64 lower-case hex digits.',
    });
  }
  return fromHex(text.slice('sha256:'.length));
}
