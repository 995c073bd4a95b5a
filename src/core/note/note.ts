/**
 * Signed notes, C2SP `signed-note`: a text that ends in a newline, a blank line, and signature lines:
 *
 *     — <key name> base64(key ID ‖ signature)
 *
 * The signature covers the text with its final newline, not the blank line. Nothing in a note counts before it is opened
 * with keys that are known. Whoever carries a note may add lines, so signatures by unknown keys are ignored; a line that
 * bears a known key's name and ID and does not verify condemns the whole note. Parse and format are exact inverses: one
 * note has one spelling.
 */
import { concat, fromBase64, toBase64, utf8 } from '../bytes.ts';
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import type { Algorithm, VerifierKey } from './verifier-key.ts';
import { ED25519, hasControl, isKeyName, keyId, uint32, uint32Bytes } from './verifier-key.ts';

export type { Algorithm, VerifierKey } from './verifier-key.ts';
export { COSIGNATURE, ED25519, formatVerifierKey, keyId, parseVerifierKey } from './verifier-key.ts';

/** More signature lines than this are refused before any is verified; `signed-note` wants at least 16 to be taken. */
export const MAX_SIGNATURES = 16;

/** UTF-16 units in a note: 16 post-quantum signatures and a long text fit many times over. */
export const MAX_NOTE_LENGTH = 1_000_000;

export interface NoteSignature {
  name: string;
  /** uint32 */
  keyId: number;
  /** What the algorithm made, without the key ID; at least one byte. */
  signature: Uint8Array;
}

export interface Note {
  /** Ends in a newline. */
  text: string;
  signatures: readonly NoteSignature[];
}

export interface NoteVerifier {
  readonly name: string;
  readonly keyId: number;
  readonly algorithm: Algorithm;
  verify(text: Uint8Array, signature: Uint8Array): boolean | Promise<boolean>;
}

export interface NoteSigner {
  readonly name: string;
  readonly keyId: number;
  sign(text: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** Ed25519 of RFC 8032, given by whoever calls `core`. */
export type Ed25519Verify = (
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
) => boolean | Promise<boolean>;

export interface VerifiedSignature extends NoteSignature {
  verifier: NoteVerifier;
}

export interface OpenedNote {
  text: string;
  /** At least one; at most one per verifier, so that their number is the number of keys that signed. */
  verified: readonly VerifiedSignature[];
}

/**
 * Parses a note without judging it.
 * @throws RegistryError `malformed_note`
 */
export function parseNote(note: string): Note {
  if (note.length > MAX_NOTE_LENGTH) throw malformed('is longer than a million characters');
  const split = note.lastIndexOf('\n\n');
  if (split < 0) throw malformed('has no blank line before its signatures');
  const text = note.slice(0, split + 1);
  const signatures = parseSignatures(note.slice(split + 2));
  checkParts(text, signatures);
  return { text, signatures };
}

/**
 * Signature lines by themselves, as a log witness answers with them; judges nothing.
 * @throws RegistryError `malformed_note`
 */
export function parseSignatures(text: string): NoteSignature[] {
  const lines = text.split('\n');
  if (lines.pop() !== '') throw malformed('does not end in a newline');
  return lines.map(parseSignature);
}

/** The inverse of `parseSignatures` for signatures that a note can carry. */
export const formatSignatures = (signatures: readonly NoteSignature[]): string =>
  signatures.map(formatSignature).join('');

/**
 * The exact inverse of `parseNote`.
 * @throws RegistryError `malformed_note` for a text or signatures that no note can carry
 */
export function formatNote(text: string, signatures: readonly NoteSignature[]): string {
  checkParts(text, signatures);
  const note = `${text}\n${formatSignatures(signatures)}`;
  if (note.length > MAX_NOTE_LENGTH) throw malformed('is longer than a million characters');
  return note;
}

/** Signs a text, the signatures in the order of the signers. */
export async function signNote(text: string, signers: readonly NoteSigner[]): Promise<string> {
  const bytes = utf8(text);
  const signatures = await Promise.all(
    signers.map(async (signer) => ({
      name: signer.name,
      keyId: signer.keyId,
      signature: await signer.sign(bytes),
    })),
  );
  return formatNote(text, signatures);
}

/**
 * Judges a note against the keys that the reader knows.
 * @throws RegistryError `malformed_note`; `signature_invalid` when a line of a known key does not verify;
 * `checkpoint_untrusted` when no known key has signed; `invalid_input` when two verifiers share name and key ID
 */
export async function openNote(note: string, verifiers: readonly NoteVerifier[]): Promise<OpenedNote> {
  const { text, signatures } = parseNote(note);
  const known = indexVerifiers(verifiers);
  const bytes = utf8(text);
  const verified = new Map<NoteVerifier, VerifiedSignature>();
  for (const signature of signatures) {
    const verifier = known.get(keyLabel(signature));
    if (verifier === undefined) continue;
    if ((await verifier.verify(bytes, signature.signature)) !== true) {
      throw new RegistryError(
        'signature_invalid',
        `The signature of ${keyLabel(signature)} on the note does not verify.`,
      );
    }
    if (!verified.has(verifier)) verified.set(verifier, { ...signature, verifier });
  }
  if (verified.size === 0) {
    throw new RegistryError('checkpoint_untrusted', 'No key that is trusted has signed the note.', {
      fix: 'Get the verifier key of the log from a source you trust.',
    });
  }
  return { text, verified: [...verified.values()] };
}

/**
 * A verifier of plain Ed25519 signatures (type 01).
 * @throws RegistryError `invalid_input` for a key of another type
 */
export function ed25519Verifier(sha256: Sha256, key: VerifierKey, verify: Ed25519Verify): NoteVerifier {
  if (key.algorithm !== ED25519) {
    throw new RegistryError('invalid_input', `The key "${key.name}" is not for plain Ed25519 signatures.`);
  }
  return {
    name: key.name,
    keyId: keyId(sha256, key.name, ED25519, key.publicKey),
    algorithm: ED25519,
    verify: (text, signature) => signature.length === 64 && verify(key.publicKey, text, signature),
  };
}

/** A signer of plain Ed25519 signatures (type 01) from the public key and a function that holds the private one. */
export function ed25519Signer(
  sha256: Sha256,
  name: string,
  publicKey: Uint8Array,
  sign: NoteSigner['sign'],
): NoteSigner {
  return { name, keyId: keyId(sha256, name, ED25519, publicKey), sign };
}

function parseSignature(line: string): NoteSignature {
  const parts = /^\u2014 ([^ ]+) ([^ ]+)$/.exec(line);
  if (parts === null) throw malformed('has a signature line that does not read "\u2014 <key name> <base64>"');
  const [, name, base64] = parts as unknown as [string, string, string];
  let bytes: Uint8Array;
  try {
    bytes = fromBase64(base64);
  } catch (cause) {
    throw malformed('has a signature that is not canonical base64', cause);
  }
  if (bytes.length < 5) throw malformed('has a signature too short for a key ID and one more byte');
  return { name, keyId: uint32(bytes), signature: bytes.slice(4) };
}

function formatSignature({ name, keyId, signature }: NoteSignature): string {
  return `\u2014 ${name} ${toBase64(concat(uint32Bytes(keyId), signature))}\n`;
}

function checkParts(text: string, signatures: readonly NoteSignature[]): void {
  if (!text.endsWith('\n')) throw malformed('has a text that does not end in a newline');
  if (!text.isWellFormed()) throw malformed('is not Unicode');
  if (hasControl(text.replaceAll('\n', ''))) throw malformed('holds a control character');
  if (signatures.length === 0) throw malformed('has no signature');
  if (signatures.length > MAX_SIGNATURES) throw malformed(`has more than ${MAX_SIGNATURES} signatures`);
  for (const { name, keyId, signature } of signatures) {
    if (!isKeyName(name)) throw malformed('has a key name with a space, a "+" or a control character');
    if (!Number.isInteger(keyId) || keyId < 0 || keyId > 0xffffffff) throw malformed('has a key ID that is no uint32');
    if (signature.length === 0) throw malformed('has an empty signature');
  }
}

function indexVerifiers(verifiers: readonly NoteVerifier[]): Map<string, NoteVerifier> {
  const known = new Map<string, NoteVerifier>();
  for (const verifier of verifiers) {
    const label = keyLabel(verifier);
    if (known.has(label)) throw new RegistryError('invalid_input', `Two verifiers are both named ${label}.`);
    known.set(label, verifier);
  }
  return known;
}

/** A name holds no `+`, so no two keys share a label. */
function keyLabel({ name, keyId }: { name: string; keyId: number }): string {
  return `${name}+${keyId.toString(16).padStart(8, '0')}`;
}

function malformed(why: string, cause?: unknown): RegistryError {
  return new RegistryError('malformed_note', `The signed note ${why}.`, { cause });
}
