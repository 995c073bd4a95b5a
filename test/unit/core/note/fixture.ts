/** What the note tests share: Ed25519 by node:crypto and keys that are the same in every run. */
import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { cosignatureSigner, cosignatureVerifier } from '../../../../src/core/note/cosignature.ts';
import type { Ed25519Verify, NoteSigner, NoteVerifier } from '../../../../src/core/note/note.ts';
import {
  COSIGNATURE,
  ED25519,
  ed25519Signer,
  ed25519Verifier,
  formatVerifierKey,
} from '../../../../src/core/note/note.ts';
import { sha256 } from '../merkle/fixture.ts';

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

export const verifyEd25519: Ed25519Verify = (publicKey, message, signature) =>
  verify(
    null,
    message,
    createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' }),
    signature,
  );

export interface Party {
  publicKey: Uint8Array;
  signer: NoteSigner;
  verifier: NoteVerifier;
}

/** A signer and its verifier, the key made from a byte. */
export function party(name: string, seed: number): Party {
  const { key, publicKey } = keyPair(seed);
  return {
    publicKey,
    signer: ed25519Signer(sha256, name, publicKey, (text) => new Uint8Array(sign(null, text, key))),
    verifier: ed25519Verifier(sha256, { name, algorithm: ED25519, publicKey }, verifyEd25519),
  };
}

export interface Cosigner {
  publicKey: Uint8Array;
  /** Signs at a time, in seconds since 1970. */
  signer: (time: number) => NoteSigner;
  verifier: NoteVerifier;
  /** As verifiers are configured with it. */
  verifierKey: string;
}

/** A log witness, its key made from a byte. */
export function cosigner(name: string, seed: number): Cosigner {
  const { key, publicKey } = keyPair(seed);
  return {
    publicKey,
    signer: (time) => cosignatureSigner(sha256, name, publicKey, (text) => new Uint8Array(sign(null, text, key)), time),
    verifier: cosignatureVerifier(sha256, { name, algorithm: COSIGNATURE, publicKey }, verifyEd25519),
    verifierKey: formatVerifierKey(sha256, name, COSIGNATURE, publicKey),
  };
}

function keyPair(seed: number): { key: KeyObject; publicKey: Uint8Array } {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, Buffer.alloc(32, seed)]), format: 'der', type: 'pkcs8' });
  const publicKey = new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32));
  return { key, publicKey };
}
