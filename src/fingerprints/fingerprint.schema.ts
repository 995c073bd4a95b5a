import { z } from 'zod';
import { fingerprintSchema } from '../core/fingerprint/document.ts';
import { fingerprint } from '../core/registry/index.ts';
import { digest, id } from '../core/statement/statement.ts';
import { writeSchema } from '../ledger/index.ts';

export const writeFingerprint = writeSchema(fingerprint).meta({ id: 'WriteFingerprint' });

const recordedIndex = z.int().nonnegative();

export const fingerprintView = z
  .strictObject({
    registration: z.string(),
    maker: z.string().describe('Who states it: an owner of the model, or the registrar'),
    statement: digest,
    recordedIndex: recordedIndex.describe('Of the statement of the fingerprint, not of the registration'),
    fingerprint: fingerprintSchema,
  })
  .meta({ id: 'FingerprintOnRecord' });
export type FingerprintView = z.infer<typeof fingerprintView>;

export const ofRegistration = z.strictObject({ registration: z.string().max(60) });

export const similarQuery = z
  .strictObject({
    fingerprint: fingerprintSchema.optional().describe('Of the model in hand'),
    registration: id('registration')
      .optional()
      .describe('As what it is on record; the fingerprint that is on record, too, where none is sent'),
    limit: z.int().min(0).max(50).default(10).describe('Candidates at most; 0 for no search'),
    strangersTo: z
      .array(id('registration'))
      .max(50)
      .default([])
      .describe('Models on record that it is compared with: to judge each by how near strangers come'),
    unrelated: z.int().min(0).max(200).default(200).describe('Strangers to each of them, at most, the oldest'),
  })
  .refine((query) => query.fingerprint !== undefined || query.registration !== undefined, {
    message: 'give a fingerprint or a registration',
    path: ['fingerprint'],
  })
  .meta({ id: 'SimilarQuery' });
export type SimilarQuery = z.infer<typeof similarQuery>;

export const similarView = z
  .strictObject({
    by: z.enum(['hnsw', 'scan']).describe('How candidates were found: by an index of pgvector, or among all'),
    candidates: z
      .array(
        fingerprintView.extend({
          nearness: z.number().min(-1).max(1).describe('Cosine of the retrieval vectors'),
          name: z.string(),
          modelDigest: digest,
          registeredIndex: recordedIndex,
        }),
      )
      .describe('The nearest first, each model once. Near is not related: evidence is computed from the fingerprints'),
    unrelated: z
      .array(
        fingerprintView.extend({
          registrant: z.string().describe('Who registered the model; three of one at most are strangers'),
          strangerTo: z.array(z.string()).describe('Which of those that were named'),
        }),
      )
      .describe(
        'The oldest first: on record before the two models that are compared, and declared related to neither of them',
      ),
  })
  .meta({ id: 'Similar' });
export type SimilarView = z.infer<typeof similarView>;
export type Candidate = SimilarView['candidates'][number];
export type Stranger = SimilarView['unrelated'][number];
