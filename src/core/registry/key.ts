/**
 * Signing keys of parties, from registration to end. The private half never leaves its owner; what is registered is the
 * public half with proof that whoever registers it can sign with it. A key belongs to one party for ever.
 *
 * The proof is a signature over a text that names log, party and key, so it cannot be taken from elsewhere. Whether it
 * verifies is checked with the statement's own signature; the first key of a party is attested by the registry, a
 * further one must be signed by a key that the party already has.
 *
 * Any key in force ends any other of its party, so that a lost or stolen one is ended by those that are left. What it
 * signed before its end stays valid, whatever date it wears; nothing that it signed counts from there on. A thief may try
 * the same with the key that he has: the log decides who came first, and a party is never left without any key.
 */
import { z } from 'zod';
import { fromBase64, utf8 } from '../bytes.ts';
import type { Digest } from '../digest.ts';
import { formatDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { parseP256Spki } from '../statement/public-key.ts';
import { digest, form, urn } from '../statement/statement.ts';
import type { Rows } from './kind.ts';
import { kind, need } from './kind.ts';
import { requireUnspent } from './one-time-key.ts';
import type { Tables } from './tables.ts';
import { put } from './tables.ts';

const shape = {
  spki: z.string().max(200).describe('ECDSA P-256 public key (SPKI, DER, base64)'),
  fingerprint: digest,
  possession: z.string().max(200).describe('Signature by the new key over the possession text (DER, base64)'),
};

/** How a key begins. */
export const IN_FORCE = { revokedIndex: null, revokedReason: null, successor: null };

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
        put('party_key', { fingerprint: body.fingerprint, partyId: party.id, spki: body.spki, ...IN_FORCE, ...place }),
        put('party', { ...party, keyed: true }),
      ];
    },
  },
);

export const END_REASONS = ['lost', 'compromised', 'superseded'] as const;
export type EndReason = (typeof END_REASONS)[number];

const revocationShape = {
  fingerprint: digest.describe('The key that signs nothing from this statement on'),
  reason: z.enum(END_REASONS),
  successor: digest.nullable().describe('A key of the party in force that goes on in its place, where there is one'),
};
const revocationForm = form('key-revocation', revocationShape, ({ maker }, { fingerprint }) => [
  { name: urn(maker), digest: fingerprint },
]);
export type KeyRevocationBody = z.infer<typeof revocationForm.body>;

export const keyRevocation = kind(revocationForm, {
  reads: ({ body: { fingerprint, successor } }) => [
    ['party_key', fingerprint],
    ...(successor === null ? [] : [['party_key', successor] as const]),
  ],
  judge({ common: { maker }, body, speaker }, rows, { recordedIndex }) {
    const { fingerprint, reason, successor } = body;
    const ended = requireInForce(rows, maker, fingerprint, 'fingerprint');
    if (ended.recordedIndex === 0) {
      throw new RegistryError('forbidden', 'The key that introduces the log signs for the registry to its end.', {
        field: 'fingerprint',
        fix: 'If it leaked, begin another log: "muniment new-log".',
      });
    }
    if (successor === fingerprint) {
      throw new RegistryError('invalid_input', 'A key is not its own successor.', { field: 'successor' });
    }
    if (successor !== null) requireInForce(rows, maker, successor, 'successor');
    else if (speaker.fingerprint === fingerprint) {
      throw new RegistryError('last_key', 'A key ends itself only where it names another that goes on.', {
        field: 'successor',
        fix: 'Register the successor first and name it, or sign with another key of the party.',
      });
    }
    return [put('party_key', { ...ended, revokedIndex: recordedIndex, revokedReason: reason, successor })];
  },
});

/** @throws RegistryError `not_found`, `forbidden` for another party's, `state_conflict` for one that has ended */
function requireInForce(rows: Rows, partyId: string, fingerprint: Digest, field: string): Tables['party_key'] {
  const row = need(rows, 'party_key', fingerprint, field);
  if (row.partyId !== partyId) {
    throw new RegistryError('forbidden', `The key ${fingerprint} belongs to another party.`, { field });
  }
  if (row.revokedIndex === null) return row;
  throw new RegistryError('state_conflict', `The key ${fingerprint} was ended by entry ${row.revokedIndex}.`, {
    field,
  });
}
