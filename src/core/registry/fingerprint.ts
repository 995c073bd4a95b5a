/**
 * Fingerprints on record: an owner of a model, or the registrar, states the fingerprint of its weights, so that near
 * copies of it are found. The registry does not see the weights, so a fingerprint counts as its maker's word; whoever
 * holds the weights computes it again. It follows from weights that never change: each maker states one of a model and
 * scheme, once, and those of several makers stand beside each other. A thief may state one, too, and later in the log.
 */
import type { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { fingerprintSchema, parseFingerprint } from '../fingerprint/document.ts';
import { simHash } from '../fingerprint/simhash.ts';
import { form, id, urn } from '../statement/statement.ts';
import { isRegistry } from './authority.ts';
import { kind, need, requireBasis } from './kind.ts';
import { put } from './tables.ts';
import { heldBy } from './title.ts';

const shape = {
  registration: id('registration').describe('The registered model'),
  fingerprint: fingerprintSchema,
};

const fingerprintForm = form('fingerprint', shape, (_, { registration }) => [urn(registration)]);
export type FingerprintBody = z.infer<typeof fingerprintForm.body>;

export const fingerprint = kind(fingerprintForm, {
  aboutTitle: true,
  reads: ({ common, body }) => [
    ['fingerprint', body.registration, body.fingerprint.scheme, common.maker],
    ['registration', body.registration],
    ['title', body.registration, common.maker],
  ],
  judge(spoken, rows, place) {
    const { maker } = spoken.common;
    const { fingerprint: document } = spoken.body;
    const registration = need(rows, 'registration', spoken.body.registration, 'registration');
    requireBasis(spoken, registration);
    const isOwner = heldBy(rows, registration.id, maker).num !== 0n;
    if (!isOwner && !isRegistry(need(rows, 'party', maker, 'maker'))) {
      throw new RegistryError('forbidden', 'Only an owner of the model or the registrar states its fingerprint.', {
        field: 'registration',
      });
    }
    const { scheme, shape } = document;
    if (rows.get('fingerprint', registration.id, scheme, maker) !== undefined) {
      throw new RegistryError('already_exists', `Your fingerprint of ${registration.id} is already on record.`, {
        field: 'registration',
        fix: 'Use the one that is on record: weights do not change, nor does their fingerprint.',
      });
    }
    const { retrieval } = parseFingerprint(document, 'fingerprint.');
    return [
      put('fingerprint', {
        registrationId: registration.id,
        scheme,
        maker,
        shape,
        simhash: simHash(retrieval),
        retrieval: document.retrieval,
        layers: document.layers,
        outputs: document.outputs,
        ...place,
      }),
    ];
  },
});
