import { z } from 'zod';
import { jurisdiction } from '../core/jurisdiction.ts';
import type { DataRightsBody } from '../core/registry/data-rights.ts';
import { dataRights, marketRecord, protectionRecord } from '../core/registry/index.ts';
import type { MarketBody } from '../core/registry/market-record.ts';
import type { ProtectionBody } from '../core/registry/protection-record.ts';
import type { Digest } from '../core/digest.ts';
import { digest } from '../core/statement/statement.ts';
import { writeSchema } from '../ledger/index.ts';

export const writeProtection = writeSchema(protectionRecord).meta({ id: 'WriteProtectionRecord' });
export const writeMarket = writeSchema(marketRecord).meta({ id: 'WriteMarketRecord' });
export const writeDataRights = writeSchema(dataRights).meta({ id: 'WriteDataRights' });

const recordedShape = {
  id: z.string(),
  maker: z.string(),
  supersedes: z.string().nullable().describe('The earlier record in whose place this one stood'),
  standing: z.boolean().describe('False where the maker has made a later one'),
  statement: digest,
  recordedIndex: z.int().nonnegative(),
};

export interface RightsRecorded {
  id: string;
  maker: string;
  supersedes: string | null;
  standing: boolean;
  statement: Digest;
  recordedIndex: number;
}

const viewOf = (kind: { body: z.ZodType }, name: string) =>
  (kind.body as z.ZodObject).extend(recordedShape).meta({ id: name });

export const protectionView = viewOf(protectionRecord, 'ProtectionRecord');
export const marketView = viewOf(marketRecord, 'MarketRecord');
export const dataRightsView = viewOf(dataRights, 'DataRights');
export type ProtectionView = ProtectionBody & RightsRecorded;
export type MarketView = MarketBody & RightsRecorded;
export type DataRightsView = DataRightsBody & RightsRecorded;

const pageShape = {
  maker: z.string().max(60).optional(),
  history: z.enum(['yes', 'no']).default('no').describe('Whether superseded records are listed, too'),
  before: z.coerce.number().int().nonnegative().optional().describe('Only records at lower indexes'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
};
export type Page = z.infer<z.ZodObject<typeof pageShape>>;

export const ofRegistration = z.strictObject({
  registration: z.string().max(60),
  jurisdiction: jurisdiction.optional(),
  ...pageShape,
});
export type OfRegistration = z.infer<typeof ofRegistration>;

export const ofDataset = z.strictObject({ dataset: z.string().max(60), ...pageShape });
export type OfDataset = z.infer<typeof ofDataset>;
