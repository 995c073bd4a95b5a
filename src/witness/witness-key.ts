/**
 * The key of a witness in a file: its verifier key in the first line, then the private key (PKCS #8 PEM, RFC 7468, which
 * allows text before it). A cosignature does not sign the witness's name, so one key must never serve under two names;
 * with the name in the file, nobody has to remember it.
 */
import { generateKeyPairSync } from 'node:crypto';
import { RegistryError } from '../core/errors.ts';
import { COSIGNATURE, formatVerifierKey, parseVerifierKey } from '../core/note/verifier-key.ts';
import { ed25519Signer, sha256 } from '../platform/crypto.ts';

export interface WitnessKey {
  readonly name: string;
  readonly publicKey: Uint8Array;
  /** As logs and readers are configured with it. */
  readonly verifierKey: string;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/** A fresh key. @throws RegistryError `invalid_input` for a name that no key can bear */
export function makeWitnessKey(name: string): { text: string; verifierKey: string } {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const verifierKey = formatVerifierKey(sha256, name, COSIGNATURE, ed25519Signer(pem).publicKey);
  return { text: `${verifierKey}\n${pem}`, verifierKey };
}

/** @throws RegistryError `configuration_invalid` for a file that is none, or whose two halves do not belong together */
export function readWitnessKey(text: string): WitnessKey {
  const [verifierKey, ...pem] = text.split('\n');
  try {
    const { name, algorithm, publicKey } = parseVerifierKey(sha256, verifierKey ?? '');
    const signer = ed25519Signer(pem.join('\n'));
    if (formatVerifierKey(sha256, name, algorithm, signer.publicKey) === verifierKey && algorithm === COSIGNATURE) {
      return { name, publicKey, verifierKey, sign: signer.sign };
    }
  } catch (cause) {
    throw wrong('The file holds no key of a witness.', cause);
  }
  throw wrong('The private key in the file is not that of the verifier key above it.');
}

const wrong = (sentence: string, cause?: unknown): RegistryError =>
  new RegistryError('configuration_invalid', sentence, {
    field: 'key',
    fix: 'Make one with "muniment keygen --witness NAME --out FILE".',
    cause,
  });
