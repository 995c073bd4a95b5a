/** Signs heads of the log as checkpoints (C2SP tlog-checkpoint in a signed note, Ed25519). */
import { toHex } from '../core/bytes.ts';
import { formatCheckpoint } from '../core/note/checkpoint.ts';
import { formatNote } from '../core/note/note.ts';
import { ED25519, formatVerifierKey, keyId } from '../core/note/verifier-key.ts';
import { ed25519Signer, sha256 } from '../platform/crypto.ts';
import type { Head } from './anchor.ts';

/** Hex digits of the key's SHA-256 in the origin: enough that nobody finds another key for the same name. */
const FINGERPRINT_DIGITS = 32;

export class CheckpointSigner {
  /** `<log name>/<fingerprint of the key>`: unique for each log, and bound to its key. */
  readonly origin: string;
  /** The key in the form that verifiers are configured with. */
  readonly verifierKey: string;
  readonly #sign: (message: Uint8Array) => Uint8Array;
  readonly #keyId: number;

  constructor(logName: string, pkcs8: Buffer) {
    const { publicKey, sign } = ed25519Signer(pkcs8);
    this.origin = `${logName}/${toHex(sha256(publicKey)).slice(0, FINGERPRINT_DIGITS)}`;
    this.#keyId = keyId(sha256, this.origin, ED25519, publicKey);
    this.verifierKey = formatVerifierKey(sha256, this.origin, ED25519, publicKey);
    this.#sign = sign;
  }

  /** The signed note of a head. */
  sign({ size, root }: Head): string {
    const text = formatCheckpoint({ origin: this.origin, size, root, extensions: [] });
    return formatNote(text, [{ name: this.origin, keyId: this.#keyId, signature: this.#sign(Buffer.from(text)) }]);
  }
}
