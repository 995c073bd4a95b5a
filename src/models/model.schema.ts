import { z } from 'zod';
import { CONTRIBUTOR_ROLES, contributorList } from '../core/registry/contributor.ts';
import { registration } from '../core/registry/index.ts';
import type { RegistrationBody } from '../core/registry/registration.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import { commonShape, digest } from '../core/statement/statement.ts';
import type { Write } from '../ledger/index.ts';
import { signedWriteSchema } from '../ledger/index.ts';

export const namedContributors = contributorList.describe(
  'Left out, those that the record of the run proposes; an empty list names none',
);

const plainSchema = (registration.body as unknown as z.ZodObject).extend({
  id: commonShape.id.optional(),
  contributors: namedContributors.optional(),
});

export const writeRegistrationSchema = z
  .union([signedWriteSchema, plainSchema])
  .meta({ id: 'WriteRegistration' }) as unknown as z.ZodType<Write<RegistrationBody>>;

/** One request writes no more than this many, so that it cannot keep the log to itself. */
const MAX_REGISTRATIONS = 500;

export const registerAllSchema = z
  .strictObject({ registrations: z.array(writeRegistrationSchema).min(1).max(MAX_REGISTRATIONS) })
  .meta({ id: 'WriteRegistrations' });

export const registeredAll = z
  .strictObject({
    results: z
      .array(
        z.union([
          z.strictObject({ receipt: receiptSchema }),
          z.strictObject({
            problem: z.looseObject({ code: z.string(), detail: z.string(), status: z.int() }).describe('RFC 9457'),
          }),
        ]),
      )
      .describe('In the order of the registrations'),
  })
  .meta({ id: 'RegisteredAll' });
export type RegisteredAll = z.infer<typeof registeredAll>;

const recordedShape = {
  id: z.string().describe('Of the registration'),
  modelDigest: digest.describe('Weight digest, or file digest where the container cannot be read'),
  maker: z.string(),
  precededBy: z.string().nullable().describe('An earlier registration of the same weights by another party'),
  artifactStored: z.boolean().describe('Whether the registry keeps the weights themselves'),
  statement: digest.describe('Payload digest of the statement that made the record'),
  recordedIndex: z.int().nonnegative(),
};

/** The registration's body as it stands on record. */
export const modelView = (registration.body as unknown as z.ZodObject).extend(recordedShape).meta({ id: 'Model' });
export type RecordedModel = RegistrationBody & {
  id: string;
  modelDigest: string;
  maker: string;
  precededBy: string | null;
  statement: string;
  recordedIndex: number;
};
export type ModelView = RecordedModel & { artifactStored: boolean };

/** What a party contributed to one model. */
export const contributionView = z
  .strictObject({
    registration: z.string(),
    name: z.string().describe('Of the model'),
    modelDigest: digest,
    roles: z.array(z.enum(CONTRIBUTOR_ROLES)),
    statement: digest,
    recordedIndex: z.int().nonnegative(),
  })
  .meta({ id: 'Contribution' });
export type ContributionView = z.infer<typeof contributionView>;

export const contributionParams = z.strictObject({ id: z.string().max(60) });
export const contributionQuery = z.strictObject({
  before: z.coerce.number().int().nonnegative().optional().describe('Only records at lower indexes'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export type ContributionQuery = z.infer<typeof contributionQuery>;

export const modelParams = z.strictObject({ id: z.string().max(60) });
export const modelQuery = z.strictObject({
  owner: z.string().max(60).optional(),
  before: z.coerce.number().int().nonnegative().optional().describe('Only records at lower indexes'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export type ModelQuery = z.infer<typeof modelQuery>;

/** A signature over the model's file that tools of OpenSSF model signing verify. */
export const modelSignatureView = z
  .strictObject({
    id: z.string(),
    maker: z.string().describe('The owner who signed'),
    statement: digest,
    recordedIndex: z.int().nonnegative(),
  })
  .meta({ id: 'ModelSignature' });
export type ModelSignatureView = z.infer<typeof modelSignatureView>;
