/**
 * Signing keys of parties. The private half never leaves its owner; what is registered is the public half with proof
 * that whoever registers it can sign with it. A key belongs to one party for ever.
 *
 * The proof is a signature over a text that names log, party and key, so it cannot be taken from elsewhere. Whether it
 * verifies is checked with the statement's own signature; the first key of a party is attested by the registry, a
 * further one must be signed by a key that the party already has.
 */
import { z } from 'zod';
import { fromBase64, utf8 } from '../bytes.ts';
import { formatDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { parseP256Spki } from '../statement/public-key.ts';
import { digest, form, urn } from '../statement/statement.ts';
import { kind, need } from './kind.ts';
import { requireUnspent } from './one-time-key.ts';
import { put } from './tables.ts';

const shape = {
  spki: z.string().max(200).describe('ECDSA P-256 public key (SPKI, DER, base64)'),
  fingerprint: digest,
  possession: z.string().max(200).describe('Signature by the new key over the possession text (DER, base64)'),
};

export const possessionText = (origin: string, partyId: string, fingerprint: string): Uint8Array =>
  utf8(`muniment key possession v1\n${origin}\n${partyId}\n${fingerprint}\n`);

export const key = kind(
  form('key', shape, ({ maker }, body) => [{ name: urn(maker), digest: body.fingerprint }]),
  {
    reads: ({ common, body }) => [
      ['party', common.maker],
      ['party_key', body.fingerprint],
      ['one_time_key', body.fingerprint],
    ],
    coheres(sha256, { spki, fingerprint }) {
      // Or somebody could occupy the name of a key that is not theirs.
      if (formatDigest(sha256(fromBase64(spki))) === fingerprint) return;
      throw new RegistryError('digest_mismatch', 'The fingerprint is not the one of the key.', {
        field: 'fingerprint',
      });
    },
    signatures: ({ common, body }) => [
      {
        spki: body.spki,
        message: possessionText(common.origin, common.maker, body.fingerprint),
        signature: body.possession,
        field: 'possession',
      },
    ],
    judge({ common, body }, rows, place) {
      parseP256Spki(body.spki, 'spki');
      if (rows.get('party_key', body.fingerprint) !== undefined) {
        throw new RegistryError('already_exists', 'The key is already on record.', {
          field: 'spki',
          fix: 'Make a new key.',
        });
      }
      requireUnspent(rows, body.fingerprint, 'spki');
      const party = need(rows, 'party', common.maker, 'maker');
      return [
        put('party_key', { fingerprint: body.fingerprint, partyId: party.id, spki: body.spki, ...place }),
        put('party', { ...party, keyed: true }),
      ];
    },
  },
);
