import { z } from 'zod';
import { disclosureSchema } from '../core/registry/commitment.ts';
import { dataset } from '../core/registry/index.ts';
import { commonShape, digest, id } from '../core/statement/statement.ts';
import type { SignedWrite } from '../ledger/index.ts';
import { signedWriteSchema } from '../ledger/index.ts';

const body = dataset.body as unknown as z.ZodObject;
export type DatasetBody = z.infer<typeof dataset.body>;

/** As its maker tells it: the registry commits to the name of a holder who is not on record. */
const holderSchema = z
  .strictObject({
    party: id('party').nullable().default(null),
    name: disclosureSchema.shape.value.nullable().default(null).describe('Of a holder who is not on record'),
  })
  .refine(({ party, name }) => (party === null) !== (name === null), {
    message: 'the holder is a party on record, or a name',
  });

const plainSchema = body.extend({ id: commonShape.id.optional(), holder: holderSchema });
export type PlainDataset = Omit<DatasetBody, 'holder'> & {
  id?: string | undefined;
  holder: z.infer<typeof holderSchema>;
};
export type WriteDataset = SignedWrite | PlainDataset;

export const writeDatasetSchema = z
  .union([signedWriteSchema, plainSchema])
  .meta({ id: 'WriteDataset' }) as unknown as z.ZodType<WriteDataset>;

/** What stands on record, and where. */
export const recordedShape = {
  id: z.string(),
  maker: z.string(),
  statement: digest.describe('Payload digest of the statement that made the record'),
  recordedIndex: z.int().nonnegative(),
};

const holderView = z.strictObject({
  party: z.string().nullable(),
  nameCommitment: digest.nullable(),
  name: z.string().nullable().describe('Null when the name was erased'),
});

export const datasetView = body.extend({ ...recordedShape, holder: holderView }).meta({ id: 'Dataset' });
export type DatasetView = Omit<DatasetBody, 'holder'> & {
  id: string;
  maker: string;
  statement: string;
  recordedIndex: number;
  holder: z.infer<typeof holderView>;
};

/** Where a dataset comes from; a thousand of them fit into one answer. */
export type DatasetSource = Omit<DatasetView, 'files'>;

export const datasetParams = z.strictObject({ id: z.string().max(60) });
export const datasetFileParams = z.strictObject({ id: z.string().max(60), digest });
export const datasetQuery = z.strictObject({ manifest: digest.optional() });
