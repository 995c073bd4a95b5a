/**
 * DSSE 1.0 envelopes (github.com/secure-systems-lab/dsse, protocol.md): a payload, its type and one signature over
 * PAE(type, payload). The signature covers the exact bytes, so nothing is re-serialised between signing and checking.
 *
 * Muniment allows one signature an envelope: who else agrees says so in a statement of their own.
 */
import { z } from 'zod';
import { concat, fromBase64, toBase64, utf8 } from '../bytes.ts';
import { RegistryError } from '../errors.ts';

export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
export const ENVELOPE_TYPE = 'application/vnd.dsse.envelope.v1+json';
/** Bytes; a statement that is larger belongs into an artifact that it names by digest. */
export const MAX_PAYLOAD = 256 * 1024;

const base64 = (max: number) => z.string().max(max);

export const envelopeSchema = z
  .strictObject({
    payloadType: z.literal(PAYLOAD_TYPE),
    payload: base64(Math.ceil(MAX_PAYLOAD / 3) * 4).describe('The statement, canonical JSON, in base64'),
    signatures: z
      .array(
        z.strictObject({
          keyid: z.string().max(200).describe('SHA-256 of the public key (SPKI, DER) as sha256:<hex>'),
          sig: base64(200).describe('ECDSA P-256 with SHA-256 over PAE, DER, in base64'),
        }),
      )
      .length(1),
  })
  .meta({ id: 'Envelope', description: 'A statement signed by its maker (DSSE)' });

export type Envelope = z.infer<typeof envelopeSchema>;

export interface Signed {
  readonly payload: Uint8Array;
  /** DER */
  readonly signature: Uint8Array;
  /** SHA-256 of the signer's SPKI as `sha256:<hex>` */
  readonly keyId: string;
}

/** `"DSSEv1" SP len(type) SP type SP len(body) SP body`, lengths in bytes, in ASCII. */
export const pae = (payload: Uint8Array, payloadType = PAYLOAD_TYPE): Uint8Array =>
  concat(paeHead(payload, payloadType), payload);

/** What PAE puts in front of the payload. */
export function paeHead({ length }: Uint8Array, payloadType = PAYLOAD_TYPE): Uint8Array {
  const typeLength = payloadType === PAYLOAD_TYPE ? PAYLOAD_TYPE.length : utf8(payloadType).length;
  return utf8(`DSSEv1 ${typeLength} ${payloadType} ${length} `);
}

export function formatEnvelope({ payload, signature, keyId }: Signed): Envelope {
  return {
    payloadType: PAYLOAD_TYPE,
    payload: toBase64(payload),
    signatures: [{ keyid: keyId, sig: toBase64(signature) }],
  };
}

/** @throws RegistryError `malformed_statement` */
export function parseEnvelope(envelope: Envelope): Signed {
  const [only] = envelope.signatures;
  if (only === undefined) throw new RegistryError('malformed_statement', 'The envelope carries no signature.');
  return {
    payload: decode(envelope.payload, 'payload'),
    signature: decode(only.sig, 'signatures.0.sig'),
    keyId: only.keyid,
  };
}

function decode(text: string, field: string): Uint8Array {
  try {
    return fromBase64(text);
  } catch (cause) {
    throw new RegistryError('malformed_statement', `The envelope's ${field} is not base64.`, { field, cause });
  }
}
