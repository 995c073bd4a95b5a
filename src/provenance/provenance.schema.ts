import { z } from 'zod';
import { RegistryError } from '../core/errors.ts';
import type { Digest } from '../core/digest.ts';
import { DIGEST_PATTERN } from '../core/digest.ts';
import { STANDINGS } from '../core/licensing/relations.ts';
import { CONTRIBUTOR_ROLES } from '../core/registry/contributor.ts';
import { SEALED_SUBJECTS } from '../core/registry/sealed.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import { digest } from '../core/statement/statement.ts';
import { statedSchema } from '../sealed/index.ts';

export const hashParams = z.strictObject({ hash: z.string().max(100) });

/**
 * A digest as people paste it: with or without `sha256:` in front, in either case.
 * @throws RegistryError `digest_malformed`
 */
export function readHash(text: string): Digest {
  const lower = text.toLowerCase();
  const written = lower.startsWith('sha256:') ? lower : `sha256:${lower}`;
  if (DIGEST_PATTERN.test(written)) return written as Digest;
  throw new RegistryError('digest_malformed', `"${text.slice(0, 80)}" is not a SHA-256 digest.`, {
    field: 'hash',
    fix: 'Give 64 hex digits, as "sha256sum FILE" or "muniment hash FILE" print them.',
  });
}

const json = z.record(z.string(), z.json());

const ownerSchema = z.strictObject({
  party: z.string(),
  name: z.string().nullable(),
  share: z.string().describe('An exact fraction'),
  sinceIndex: z.int().nonnegative(),
});

const contributorSchema = z.strictObject({
  party: z.string(),
  name: z.string().nullable(),
  role: z.enum(CONTRIBUTOR_ROLES),
});

const matchSchema = z.strictObject({
  matched: z
    .enum(['file', 'weight', 'nameless', 'root'])
    .describe('Which digest of the model was asked for; the root is that of an OpenSSF model signature'),
  model: json.describe('The registration as it stands on record'),
  owners: z.array(ownerSchema),
  contributors: z.array(contributorSchema).describe('As the registration names them; they own nothing by that'),
  license: json,
  run: json.nullable(),
  datasets: z.array(json),
  parents: z
    .array(z.strictObject({ relation: z.string(), digest, standing: z.enum(STANDINGS) }))
    .describe('The standing is what the registry found when it checked the edge'),
  precededBy: z.string().nullable().describe('An earlier registration of the same weights by another party'),
  recordedAt: z.iso.datetime().describe("By the registry's clock; the order is told by the index"),
  receipts: z.strictObject({
    registration: receiptSchema,
    run: receiptSchema.nullable(),
    datasets: z.array(receiptSchema),
    transfers: z
      .array(z.array(receiptSchema))
      .nullable()
      .describe('Of each transfer in force its offer and what was done about it; null where the abstract has them'),
  }),
});

const possessionSchema = z.strictObject({
  sealed: z.string().describe('The sealed record'),
  maker: z.string(),
  subject: z.enum(SEALED_SUBJECTS),
  sealedIndex: z.int().nonnegative().describe('Its maker knew the digest before this entry'),
  openedIndex: z.int().nonnegative().describe('Where it was revealed'),
  stated: z.array(statedSchema).describe('Of a sealed title: all that its maker has revealed of what it stated then'),
  receipts: z.strictObject({
    sealed: receiptSchema,
    opening: receiptSchema.describe('Of the digest that was asked for'),
    others: z.array(receiptSchema).describe('Further openings of the same record, in log order'),
  }),
});

export const provenanceSchema = z
  .strictObject({
    query: z.strictObject({ digest }),
    checkpoint: z.string(),
    treeSize: z.int().positive(),
    witnesses: z.array(z.string()).describe("Names beside the log's own that signed the checkpoint"),
    matches: z.array(matchSchema).describe('In log order: who registered first comes first'),
    possessions: z
      .array(possessionSchema)
      .describe(
        'What was sealed and opened since: evidence of an earlier possession, which moves no title and no order',
      ),
  })
  .meta({ id: 'Provenance' });

export type Provenance = z.infer<typeof provenanceSchema>;
export type Possession = z.infer<typeof possessionSchema>;
export type ProvenanceMatch = z.infer<typeof matchSchema>;
