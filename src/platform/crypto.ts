/** Node's cryptography in the shapes that `core` asks for. Keys are parsed once and kept: parsing costs more than verifying. */
import type { KeyObject } from 'node:crypto';
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { fromBase64, toHex } from '../core/bytes.ts';
import type { Sha256 } from '../core/digest.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { makeId } from '../core/identifier.ts';
import type { VerifyP256 } from '../core/registry/spoken.ts';
import { parseP256Spki } from '../core/statement/public-key.ts';
import type { TimestampCrypto } from '../core/time/index.ts';

/** Where small parts of one input are put side by side. */
const joined = new Uint8Array(4096);

export const sha256: Sha256 = (...parts) => {
  // For small inputs, which are nearly all there are, the one-shot call and bytes by way of a string take a third of the
  // time: a buffer that comes from the library costs more than the hash in it.
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return Buffer.from(hash('sha256', only, 'binary'), 'binary');
  let length = 0;
  for (const part of parts) length += part.length;
  if (length <= joined.length) {
    let at = 0;
    for (const part of parts) {
      joined.set(part, at);
      at += part.length;
    }
    return Buffer.from(hash('sha256', joined.subarray(0, length), 'binary'), 'binary');
  }
  const hasher = createHash('sha256');
  for (const part of parts) hasher.update(part);
  return hasher.digest();
};

export const newId = (kind: string): string => makeId(kind, randomBytes(16));
export const newNonce = (): string => toHex(randomBytes(16));

const MAX_CACHED_KEYS = 10_000;
const keys = new Map<string, KeyObject>();

/** @throws RegistryError `invalid_input` when the text is no P-256 key, or its point is not on the curve */
export function p256Key(spki: string, field = 'spki'): KeyObject {
  const known = keys.get(spki);
  if (known !== undefined) return known;
  const der = parseP256Spki(spki, field);
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
  } catch (cause) {
    throw new RegistryError('invalid_input', 'The key is not a point on the curve P-256.', { field, cause });
  }
  if (keys.size >= MAX_CACHED_KEYS) keys.clear();
  keys.set(spki, key);
  return key;
}

/** @throws RegistryError as `p256Key` does */
export const verifyP256 = (spki: string, message: Uint8Array, signature: Uint8Array): boolean =>
  verify('sha256', message, p256Key(spki), signature);

/** The same on libuv's threads: a check takes 70 µs, a seventh of which stays with the caller's thread. */
export const verifyP256OnThread: VerifyP256 = (spki, message, signature) => {
  const key = p256Key(spki);
  return new Promise((resolve, reject) => {
    verify('sha256', message, key, signature, (error, valid) => {
      if (error === null) resolve(valid);
      else reject(error);
    });
  });
};

export const verifyEd25519 = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
  verify(null, message, ed25519Key(publicKey), signature);

/** RFC 8410: SubjectPublicKeyInfo of an Ed25519 key is this prefix and the 32 bytes. */
const ED25519_SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const ed25519Keys = new Map<string, KeyObject>();

function ed25519Key(publicKey: Uint8Array): KeyObject {
  const name = toHex(publicKey);
  const known = ed25519Keys.get(name);
  if (known !== undefined) return known;
  const key = createPublicKey({ key: Buffer.concat([ED25519_SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' });
  ed25519Keys.set(name, key);
  return key;
}

/** A P-256 key that signs statements; DER signatures. */
export interface StatementKey {
  /** SPKI, DER, base64 */
  readonly spki: string;
  /** `sha256:<hex>` of the SPKI */
  readonly keyId: string;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

export function makeP256(): { pkcs8: Buffer; pem: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return {
    pkcs8: privateKey.export({ format: 'der', type: 'pkcs8' }),
    pem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

/** A fresh key that lives in memory alone. */
export const newStatementKey = (): StatementKey =>
  keyOf(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey);

/** @throws RegistryError `invalid_input` unless the key is a P-256 private key (PKCS #8, DER or PEM) */
export function statementKey(pkcs8: Buffer | string): StatementKey {
  const key = privateKey(pkcs8);
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new RegistryError('invalid_input', 'The private key is not an ECDSA P-256 key.', {
      fix: 'Make one with "muniment keygen".',
    });
  }
  return keyOf(key);
}

function keyOf(key: KeyObject): StatementKey {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('base64');
  return { spki, keyId: formatDigest(sha256(fromBase64(spki))), sign: (message) => sign('sha256', message, key) };
}

function privateKey(pkcs8: Buffer | string): KeyObject {
  try {
    return typeof pkcs8 === 'string'
      ? createPrivateKey(pkcs8)
      : createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw new RegistryError('invalid_input', 'The private key cannot be read (PKCS #8 is expected).', { cause });
  }
}

export function makeEd25519(): Buffer {
  return generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' });
}

/**
 * An Ed25519 key that signs checkpoints: its 32 public bytes, and 64-byte signatures.
 * @throws RegistryError `invalid_input` unless the key is an Ed25519 private key (PKCS #8, DER or PEM)
 */
export function ed25519Signer(pkcs8: Buffer | string): {
  publicKey: Uint8Array;
  sign: (message: Uint8Array) => Uint8Array;
} {
  const key = privateKey(pkcs8);
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new RegistryError('invalid_input', 'The private key is not an Ed25519 key.');
  }
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return { publicKey: spki.subarray(ED25519_SPKI_PREFIX.length), sign: (message) => sign(null, message, key) };
}

/** What authorities of outside time sign with. Curves and RSA keys weaker than these verify nothing. */
const TIMESTAMP_CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];
const TIMESTAMP_RSA_BITS = 2048;

export const timestampCrypto: TimestampCrypto = {
  hash: (name, bytes) => createHash(name).update(bytes).digest(),
  verify(scheme, hashName, spki, message, signature) {
    let key: KeyObject;
    try {
      key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    } catch {
      // A key that nobody can read, or a point that is not on its curve: nothing verifies under it.
      return false;
    }
    const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
    const fits =
      scheme === 'ecdsa'
        ? key.asymmetricKeyType === 'ec' && TIMESTAMP_CURVES.includes(namedCurve)
        : key.asymmetricKeyType === 'rsa' && modulusLength >= TIMESTAMP_RSA_BITS;
    return fits && verify(hashName, message, key, signature);
  },
};
