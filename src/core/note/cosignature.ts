/**
 * Cosignatures of log witnesses, C2SP `tlog-cosignature`, signature type 04 (Ed25519). A witness says: at this time, this
 * was the largest tree of the log that I have seen, and it extends every one that I saw before. It signs
 *
 *     cosignature/v1
 *     time 1679315147
 *     <text of the checkpoint, newline at the end>
 *
 * and the payload of its line in the note is `u64be time ‖ 64-byte signature`. The first line keeps a cosignature from
 * passing for a plain signature of the same key. The time stands outside the signed text, so whoever carries the note may
 * try another one: it is signed along. Only checkpoints are cosigned, never a text that somebody made up.
 */
import { concat, fromUtf8, utf8 } from '../bytes.ts';
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { parseCheckpoint } from './checkpoint.ts';
import type { Ed25519Verify, NoteSigner, NoteVerifier } from './note.ts';
import type { VerifierKey } from './verifier-key.ts';
import { COSIGNATURE, keyId } from './verifier-key.ts';

export interface Cosignature {
  /** Seconds since 1970, below 2^53. */
  time: number;
  /** 64 bytes, RFC 8032. */
  signature: Uint8Array;
}

const TIME_SIZE = 8;
const SIGNATURE_SIZE = 64;

/** The payload of a cosignature's line. @throws RegistryError `malformed_note` */
export function formatCosignature({ time, signature }: Cosignature): Uint8Array {
  checkTime(time);
  if (signature.length !== SIGNATURE_SIZE) throw malformed(`has a signature of ${signature.length} bytes`);
  const seconds = new Uint8Array(TIME_SIZE);
  new DataView(seconds.buffer).setBigUint64(0, BigInt(time));
  return concat(seconds, signature);
}

/** The exact inverse of `formatCosignature`. @throws RegistryError `malformed_note` */
export function parseCosignature(payload: Uint8Array): Cosignature {
  if (payload.length !== TIME_SIZE + SIGNATURE_SIZE) throw malformed(`has ${payload.length} bytes, not 72`);
  const time = Number(new DataView(payload.buffer, payload.byteOffset).getBigUint64(0));
  checkTime(time);
  return { time, signature: payload.slice(TIME_SIZE) };
}

/**
 * The bytes that a cosignature signs.
 * @param text of a checkpoint, newline at the end, without the blank line
 * @throws RegistryError `malformed_note` for a time that is none, or a text that is no checkpoint
 */
export function cosignedMessage(time: number, text: string): Uint8Array {
  checkTime(time);
  parseCheckpoint(text);
  return utf8(`cosignature/v1\ntime ${time}\n${text}`);
}

/**
 * A verifier of Ed25519 cosignatures (type 04).
 * @throws RegistryError `invalid_input` for a key of another type
 */
export function cosignatureVerifier(sha256: Sha256, key: VerifierKey, verify: Ed25519Verify): NoteVerifier {
  if (key.algorithm !== COSIGNATURE) {
    throw new RegistryError('invalid_input', `The key "${key.name}" is not for Ed25519 cosignatures.`);
  }
  return {
    name: key.name,
    keyId: keyId(sha256, key.name, COSIGNATURE, key.publicKey),
    algorithm: COSIGNATURE,
    verify: (text, payload) => {
      const { time, signature } = parseCosignature(payload);
      return verify(key.publicKey, cosignedMessage(time, fromUtf8(text)), signature);
    },
  };
}

/**
 * A signer of Ed25519 cosignatures (type 04).
 * @param time seconds since 1970 at which the witness signs
 */
export function cosignatureSigner(
  sha256: Sha256,
  name: string,
  publicKey: Uint8Array,
  sign: NoteSigner['sign'],
  time: number,
): NoteSigner {
  return {
    name,
    keyId: keyId(sha256, name, COSIGNATURE, publicKey),
    sign: async (text) => formatCosignature({ time, signature: await sign(cosignedMessage(time, fromUtf8(text))) }),
  };
}

function checkTime(time: number): void {
  if (!Number.isSafeInteger(time) || time < 0) throw malformed('has a time that is not whole seconds below 2^53');
}

function malformed(why: string): RegistryError {
  return new RegistryError('malformed_note', `The cosignature ${why}.`);
}
