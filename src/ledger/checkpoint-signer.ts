/**
 * Signs heads of the log as checkpoints (C2SP tlog-checkpoint in a signed note, Ed25519), under every key that is in use:
 * one, or two while a key is being replaced.
 */
import { toHex } from '../core/bytes.ts';
import { formatCheckpoint } from '../core/note/checkpoint.ts';
import { formatNote } from '../core/note/note.ts';
import { ED25519, formatVerifierKey, keyId } from '../core/note/verifier-key.ts';
import { ed25519Signer, sha256 } from '../platform/crypto.ts';
import type { Head } from './anchor.ts';

/** Hex digits of the key's SHA-256 in the origin: enough that nobody finds another key for the same name. */
const FINGERPRINT_DIGITS = 32;

interface Key {
  /** In the form that verifiers are configured with */
  readonly verifierKey: string;
  readonly keyId: number;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

export class CheckpointSigner {
  /** `<log name>/<fingerprint of its first key>`: unique for each log. The name stays when keys are replaced. */
  readonly origin: string;
  readonly firstKey: string;
  #keys: readonly [Key, ...Key[]];

  /** @param pkcs8 the key that the log began with */
  constructor(logName: string, pkcs8: Buffer) {
    const { publicKey } = ed25519Signer(pkcs8);
    this.origin = `${logName}/${toHex(sha256(publicKey)).slice(0, FINGERPRINT_DIGITS)}`;
    this.#keys = [this.#key(pkcs8)];
    this.firstKey = this.verifierKey;
  }

  /** The key that has signed longest of those in use: every checkpoint bears its signature. */
  get verifierKey(): string {
    return this.#keys[0].verifierKey;
  }

  verifierKeyOf(pkcs8: Buffer): string {
    return this.#key(pkcs8).verifierKey;
  }

  /** Signs with these from now on, the oldest first. */
  use([oldest, ...newer]: readonly [Buffer, ...Buffer[]]): void {
    this.#keys = [this.#key(oldest), ...newer.map((pkcs8) => this.#key(pkcs8))];
  }

  /** The signed note of a head. */
  sign({ size, root }: Head): string {
    const text = formatCheckpoint({ origin: this.origin, size, root, extensions: [] });
    const bytes = Buffer.from(text);
    return formatNote(
      text,
      this.#keys.map(({ keyId, sign }) => ({ name: this.origin, keyId, signature: sign(bytes) })),
    );
  }

  #key(pkcs8: Buffer): Key {
    const { publicKey, sign } = ed25519Signer(pkcs8);
    return {
      verifierKey: formatVerifierKey(sha256, this.origin, ED25519, publicKey),
      keyId: keyId(sha256, this.origin, ED25519, publicKey),
      sign,
    };
  }
}
