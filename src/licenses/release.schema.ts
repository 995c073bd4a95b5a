import { z } from 'zod';
import type { LicenseText, Release, ReleaseBasis } from '../core/licensing/release.ts';
import { ASKED } from '../core/licensing/rules/rule.ts';
import type { RuleEdition } from '../core/licensing/rules/index.ts';
import { RULE_EDITIONS } from '../core/licensing/rules/index.ts';
import { date } from '../core/title/dates.ts';
import { digest } from '../core/statement/statement.ts';
import { finding, obligationsQuery, use } from './obligations.schema.ts';

export const releaseParams = z.strictObject({ id: z.string().max(60) });
export const releaseQuery = obligationsQuery.pick({ on: true, edition: true });
export type ReleaseQuery = z.infer<typeof releaseQuery>;

const part = z.strictObject({
  id: z.string().describe('Of a registration or dataset; the digest of a parent that is not on record'),
  name: z.string().nullable(),
  license: z.string().nullable(),
  textDigest: digest.nullable().describe('On record for the text of a license outside the SPDX list'),
  holder: z.string().nullable().describe('Who registered the model, or holds the rights in the data'),
  source: z.string().nullable().describe('Where data came from'),
});

export const releaseView = z
  .strictObject({
    on: date,
    edition: z.enum(RULE_EDITIONS),
    fit: z.boolean().describe('Whether nothing is missing'),
    missing: z.array(
      z.strictObject({
        what: z.enum([...ASKED, 'license', 'obstacle']),
        of: z.array(z.string()),
        text: z.string(),
        fix: z.string(),
      }),
    ),
    files: z.array(z.strictObject({ name: z.string(), text: z.string() })),
    texts: z
      .array(z.strictObject({ license: z.string(), text: z.string(), digest }))
      .describe('Of the licenses on the SPDX list that the files hold'),
    basis: z
      .strictObject({
        model: z.string(),
        use,
        parts: z.array(part),
        duties: z.array(finding),
        obstacles: z.array(finding),
        prohibitions: z.array(finding),
      })
      .describe('What the files are made of, and made again of with what the owner has'),
  })
  .meta({ id: 'Release' });
export interface ReleaseView extends Release {
  on: string;
  edition: RuleEdition;
  texts: LicenseText[];
  basis: ReleaseBasis;
}
