/**
 * Key IDs and the text form of a verifier key, C2SP `signed-note` (*Signatures*) as golang.org/x/mod/sumdb/note writes
 * it: `<name>+<key ID in hex>+base64(type ‖ public key)`. It is what a trust file holds, so what it names must be exact:
 * the ID must be that of the key, and a key that could be forged under is refused when it is read.
 */
import { concat, fromBase64, fromHex, toBase64, toHex, utf8 } from '../bytes.ts';
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { checkEd25519Key } from './ed25519-key.ts';

/** Signature type 01: Ed25519 over the note's text. */
export const ED25519 = 0x01 as const;

/** Signature type 04: a timestamped Ed25519 cosignature of a log witness (C2SP `tlog-cosignature`). */
export const COSIGNATURE = 0x04 as const;

/** The signature types taken here; the keys of both are 32-byte Ed25519 keys. */
export type Algorithm = typeof ED25519 | typeof COSIGNATURE;

export interface VerifierKey {
  /** Not empty, without Unicode spaces and without `+`; for a log the same as its origin. */
  name: string;
  algorithm: Algorithm;
  /** 32 bytes, RFC 8032. */
  publicKey: Uint8Array;
}

/** The uint32 that begins `SHA-256(name ‖ 0A ‖ type ‖ public key)`. */
export function keyId(sha256: Sha256, name: string, algorithm: Algorithm, publicKey: Uint8Array): number {
  return uint32(sha256(utf8(name), Uint8Array.of(0x0a, algorithm), publicKey));
}

/** @throws RegistryError `invalid_input` for a name or key that may not be used */
export function formatVerifierKey(sha256: Sha256, name: string, algorithm: Algorithm, publicKey: Uint8Array): string {
  checkKey({ name, algorithm, publicKey });
  const id = toHex(uint32Bytes(keyId(sha256, name, algorithm, publicKey)));
  return `${name}+${id}+${toBase64(concat(Uint8Array.of(algorithm), publicKey))}`;
}

/**
 * The exact inverse of `formatVerifierKey`.
 * @throws RegistryError `invalid_input`
 */
export function parseVerifierKey(sha256: Sha256, text: string): VerifierKey {
  const parts = /^([^+]+)\+([0-9a-f]{8})\+([^\n]+)$/.exec(text);
  if (parts === null) throw malformed('A verifier key reads <name>+<8 lower-case hex digits>+<base64>.');
  const [, name, id, material] = parts as unknown as [string, string, string, string];
  const [algorithm, ...publicKey] = fromBase64(material);
  const key = { name, algorithm: algorithm as Algorithm, publicKey: Uint8Array.from(publicKey) };
  checkKey(key);
  if (keyId(sha256, name, key.algorithm, key.publicKey) !== uint32(fromHex(id))) {
    throw malformed('The key ID does not belong to the key and its name.');
  }
  return key;
}

/** A key name as `signed-note` allows it: not empty, no Unicode space, no `+`, no control character. */
export function isKeyName(name: string): boolean {
  return name !== '' && name.isWellFormed() && !/[\p{White_Space}+]/u.test(name) && !hasControl(name);
}

/** Whether a text holds an ASCII control character, those below U+0020. */
export function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 0x20) return true;
  return false;
}

/** The big-endian number in the first four bytes. */
export function uint32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
}

export function uint32Bytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function checkKey({ name, algorithm, publicKey }: VerifierKey): void {
  if (!isKeyName(name)) throw malformed('A key name is not empty and holds neither spaces nor "+".');
  if (algorithm !== ED25519 && algorithm !== COSIGNATURE) {
    throw malformed(`Signature type ${String(algorithm)} is not one of Ed25519 (1) and Ed25519 cosignature (4).`);
  }
  checkEd25519Key(publicKey);
}

function malformed(sentence: string): RegistryError {
  return new RegistryError('invalid_input', sentence, { field: 'verifierKey' });
}
