/**
 * Timestamp requests, RFC 3161 §2.4.1: the digest of what is to be attested, a nonce, and the wish for the authority's
 * certificate inside the token, without which nobody could verify it later.
 */
import { Integer, Null, OctetString } from 'asn1js';
import { AlgorithmIdentifier, MessageImprint, TimeStampReq } from 'pkijs';
import { concat } from '../bytes.ts';
import { RegistryError } from '../errors.ts';
import { SHA256_OID } from './algorithms.ts';

export const REQUEST_TYPE = 'application/timestamp-query';
export const REPLY_TYPE = 'application/timestamp-reply';

export interface TimestampRequest {
  /** SHA-256 of the data, 32 bytes */
  readonly imprint: Uint8Array;
  /** Random bytes, 1 to 32: the reply must repeat them, so that no old reply passes for a new one */
  readonly nonce: Uint8Array;
  /** OID of the policy under which the authority must attest; its own choice without */
  readonly policy?: string | undefined;
}

/** @returns DER of the TimeStampReq @throws RegistryError `invalid_input` */
export function formatTimestampRequest({ imprint, nonce, policy }: TimestampRequest): Uint8Array {
  if (imprint.length !== 32) throw new RegistryError('invalid_input', 'A SHA-256 has 32 bytes.', { field: 'imprint' });
  const request = new TimeStampReq({
    version: 1,
    messageImprint: new MessageImprint({
      hashAlgorithm: new AlgorithmIdentifier({ algorithmId: SHA256_OID, algorithmParams: new Null() }),
      hashedMessage: new OctetString({ valueHex: imprint.slice() }),
    }),
    nonce: new Integer({ valueHex: unsigned(nonce) }),
    certReq: true,
    ...(policy === undefined ? {} : { reqPolicy: policy }),
  });
  return new Uint8Array(request.toSchema().toBER());
}

/** The contents of a DER INTEGER that is not negative: no needless zeroes in front, and one where the sign would be. */
export function unsigned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (bytes.length === 0 || bytes.length > 32) {
    throw new RegistryError('invalid_input', 'A nonce has 1 to 32 bytes.', { field: 'nonce' });
  }
  const first = bytes.findIndex((byte) => byte !== 0);
  const significant = first < 0 ? Uint8Array.of(0) : bytes.slice(first);
  return Uint8Array.from(significant[0]! & 0x80 ? concat(Uint8Array.of(0), significant) : significant);
}
