import { z } from 'zod';
import { dataset } from '../core/registry/index.ts';
import { digest } from '../core/statement/statement.ts';
import { writeSchema } from '../ledger/index.ts';

export const writeDatasetSchema = writeSchema(dataset).meta({ id: 'WriteDataset' });
export type DatasetBody = z.infer<typeof dataset.body>;

/** What stands on record, and where. */
export const recordedShape = {
  id: z.string(),
  maker: z.string(),
  statement: digest.describe('Payload digest of the statement that made the record'),
  recordedIndex: z.int().nonnegative(),
};

export const datasetView = (dataset.body as unknown as z.ZodObject).extend(recordedShape).meta({ id: 'Dataset' });
export type DatasetView = DatasetBody & { id: string; maker: string; statement: string; recordedIndex: number };

export const datasetParams = z.strictObject({ id: z.string().max(60) });
export const datasetFileParams = z.strictObject({ id: z.string().max(60), digest });
export const datasetQuery = z.strictObject({ manifest: digest.optional() });
