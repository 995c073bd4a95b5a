import { z } from 'zod';
import { licenseTermsSchema } from '../core/licensing/license-terms.ts';
import { license } from '../core/registry/index.ts';
import type { LicenseBody } from '../core/registry/license.ts';
import type { Digest } from '../core/digest.ts';
import { digest, id } from '../core/statement/statement.ts';
import { signedWriteSchema, writeSchema } from '../ledger/index.ts';

export const offerLicenseSchema = writeSchema(license).meta({ id: 'OfferLicense' });

export const withdrawLicenseSchema = z
  .union([
    signedWriteSchema,
    z.strictObject({
      id: id('licensewithdrawal').optional().describe('Made by the client'),
      reason: z.string().max(500).default(''),
    }),
  ])
  .meta({ id: 'WithdrawLicense' });
export type WithdrawLicense = z.infer<typeof withdrawLicenseSchema>;

export const licenseParams = z.strictObject({ id: z.string().max(60) });
export const licenseQuery = z.strictObject({
  asset: z.string().max(60).optional().describe('Licenses on this model or dataset'),
  licensor: z.string().max(60).optional(),
  state: z.enum(['offered', 'ended']).optional(),
  after: z.coerce.number().int().nonnegative().optional().describe('Only licenses at higher indexes'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export type LicenseQuery = z.infer<typeof licenseQuery>;

const index = z.int().nonnegative();

export const licenseView = (license.body as unknown as z.ZodObject)
  .extend({
    id: id('license'),
    licensor: id('party'),
    version: z.int().positive().describe('How many versions there were up to this one'),
    state: z.enum(['offered', 'ended']).describe('Ended: replaced or withdrawn; it serves no new grant'),
    statement: digest,
    recordedIndex: index,
    endedIndex: index.nullable(),
  })
  .meta({ id: 'License' });
export interface LicenseView extends LicenseBody {
  id: string;
  licensor: string;
  version: number;
  state: 'ended' | 'offered';
  statement: Digest;
  recordedIndex: number;
  endedIndex: number | null;
}

export const templateView = z
  .strictObject({
    id: z.string(),
    title: z.string(),
    use: z.string().describe('When to use it'),
    expression: z.string(),
    terms: licenseTermsSchema,
    text: z.string().nullable().describe('Written from the terms; null where the SPDX list has the text'),
  })
  .meta({ id: 'LicenseTemplate' });
