/**
 * Signatures over models in the form of OpenSSF model signing v1.0 (github.com/ossf/model-signing-spec): an owner signs the
 * digests of a registered model's files, so that tools which know nothing of this registry verify them. The predicate is
 * theirs, with what makes it a statement of ours in members of its own, which they ignore.
 */
import { z } from 'zod';
import { concat } from '../bytes.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { formatDigest, parseDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import type { Common, StatementForm } from '../statement/statement.ts';
import { commonShape, digest, id } from '../statement/statement.ts';
import { kind, need, requireBasis, requireNew } from './kind.ts';
import { put } from './tables.ts';
import { heldBy } from './title.ts';

const bodySchema = z.strictObject({
  registration: id('registration').describe('The registered model'),
  name: z.string().min(1).max(200).describe('Of the model, as it is registered'),
  fileDigest: digest.describe('Of the model, as it is registered'),
  rootDigest: digest.describe("SHA-256 over the files' digests, as the model signing format has it"),
});
export type ModelSignatureBody = z.infer<typeof bodySchema>;

/** How the format calls the one file of a model that is no folder: its path from itself. */
const THE_FILE = '.';

const hex = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits');

const predicate = z.strictObject({
  serialization: z.strictObject({
    method: z.literal('files'),
    hash_type: z.literal('sha256'),
    allow_symlinks: z.literal(false),
  }),
  resources: z.tuple([z.strictObject({ name: z.literal(THE_FILE), algorithm: z.literal('sha256'), digest: hex })]),
  muniment_statement: z.strictObject(commonShape),
  muniment_signature: bodySchema.pick({ registration: true, name: true, rootDigest: true }),
});

/** What the verifiers of the format recompute: the digests of all files, one after the other. */
export const rootDigestOf = (sha256: Sha256, fileDigests: readonly Digest[]): Digest =>
  formatDigest(sha256(concat(...fileDigests.map((fileDigest) => parseDigest(fileDigest)))));

const openModelSigning: StatementForm<ModelSignatureBody> = {
  kind: 'model-signature',
  predicateType: 'https://model_signing/signature/v1.0',
  predicate,
  body: bodySchema,
  embed: (common: Common, { fileDigest, ...ours }): z.infer<typeof predicate> => ({
    serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false },
    resources: [{ name: THE_FILE, algorithm: 'sha256', digest: fileDigest.slice('sha256:'.length) }],
    muniment_statement: common,
    muniment_signature: ours,
  }),
  extract: ({ resources: [{ digest: fileDigest }], ...ours }: z.infer<typeof predicate>) => ({
    common: ours.muniment_statement,
    body: { ...ours.muniment_signature, fileDigest: `sha256:${fileDigest}` as const },
  }),
  subjects: (_, { name, rootDigest }) => [{ name, digest: rootDigest }],
};

export const modelSignature = kind(openModelSigning, {
  aboutTitle: true,
  coheres(sha256, { fileDigest, rootDigest }) {
    if (rootDigestOf(sha256, [fileDigest]) === rootDigest) return;
    throw new RegistryError('digest_mismatch', 'The root digest is not the one of the signed files.', {
      field: 'rootDigest',
    });
  },
  reads: ({ common, body }) => [
    ['model_signature', common.id],
    ['registration', body.registration],
    ['title', body.registration, common.maker],
  ],
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    requireNew(rows, 'model_signature', common.id);
    if (common.attestedBy !== undefined) {
      throw new RegistryError(
        'signature_required',
        "A model's signature is its owner's own; nobody else signs for it.",
        {
          field: 'attestedBy',
          fix: 'Make a key and register it: "muniment keygen --register".',
        },
      );
    }
    const registration = need(rows, 'registration', body.registration, 'registration');
    requireBasis(spoken, registration);
    if (heldBy(rows, body.registration, common.maker).num === 0n) {
      throw new RegistryError('forbidden', 'Only an owner signs a model.', { field: 'registration' });
    }
    if (registration.name !== body.name) {
      throw new RegistryError('invalid_input', `The model ${registration.id} has another name on record.`, {
        field: 'name',
      });
    }
    if (registration.fileDigest !== body.fileDigest) {
      throw new RegistryError('digest_mismatch', `The file is not the one on record as ${registration.id}.`, {
        field: 'fileDigest',
      });
    }
    const { id: signatureId, maker } = common;
    return [put('model_signature', { id: signatureId, registrationId: registration.id, maker, ...place })];
  },
});
