/**
 * The first statement of every log: its name, the key that signs its checkpoints, and the registry as its first party.
 * It is signed by the key that it introduces, so the rest of the log has somebody to start from; a log that follows a
 * lost one names the last head of that one.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { parseP256Spki } from '../statement/public-key.ts';
import { digest, form, urn } from '../statement/statement.ts';
import { IN_FORCE } from './key.ts';
import { kind } from './kind.ts';
import { put } from './tables.ts';

const shape = {
  verifierKey: z.string().max(400).describe('The key of the checkpoints, as a C2SP signed-note verifier key'),
  spki: z.string().max(200).describe("The registry's own statement key (SPKI, DER, base64)"),
  nameCommitment: digest,
  previous: z
    .strictObject({ origin: z.string(), size: z.int().nonnegative(), root: digest })
    .nullable()
    .describe('The last known head of the log that this one follows, if it follows one'),
};

const logForm = form('log', shape, ({ maker }) => [urn(maker)]);
export type LogBody = z.infer<typeof logForm.body>;

export const log = kind(logForm, {
  reads: () => [],
  commitments: ({ maker }, { nameCommitment }) => [{ commitment: nameCommitment, partyId: maker }],
  judge({ common, body, spki, fingerprint }, _rows, place) {
    if (place.recordedIndex !== 0) {
      throw new RegistryError('forbidden', 'Only the first statement of a log introduces it.', {
        field: 'predicateType',
      });
    }
    parseP256Spki(body.spki, 'spki');
    if (body.spki !== spki) {
      throw new RegistryError('signature_invalid', 'The log is not signed by the key that it introduces.', {
        field: 'spki',
      });
    }
    return [
      put('party', {
        id: common.maker,
        kind: 'organization',
        roles: ['registrar'],
        nameCommitment: body.nameCommitment,
        keyed: true,
        ...place,
      }),
      put('log_key', { verifierKey: body.verifierKey, retiredIndex: null, ...place }),
      put('party_key', { fingerprint, partyId: common.maker, spki, ...IN_FORCE, ...place }),
    ];
  },
});
