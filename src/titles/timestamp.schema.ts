import { z } from 'zod';
import type { DocumentTimestampBody } from '../core/registry/document-timestamp.ts';
import { documentTimestampId, timestampReply } from '../core/registry/document-timestamp.ts';
import { documentTimestamp } from '../core/registry/index.ts';
import type { Digest } from '../core/digest.ts';
import { commonShape, digest } from '../core/statement/statement.ts';

export const recordTimestampSchema = z
  .strictObject({ id: commonShape.id.optional(), documentDigest: digest, timestamp: timestampReply })
  .meta({ id: 'RecordDocumentTimestamp' });
export type RecordTimestamp = z.infer<typeof recordTimestampSchema>;

export const timestampParams = z.strictObject({ id: z.string().max(60) });
export const timestampQuery = z.strictObject({
  document: digest,
  after: z.coerce.number().int().nonnegative().optional().describe('Only timestamps recorded at higher indexes'),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});
export type TimestampQuery = z.infer<typeof timestampQuery>;

const recorded = {
  id: documentTimestampId,
  statement: digest,
  recordedIndex: z.int().nonnegative(),
};

export const timestampView = (documentTimestamp.body as unknown as z.ZodObject)
  .extend(recorded)
  .meta({ id: 'DocumentTimestamp' });
export interface TimestampView extends DocumentTimestampBody {
  id: string;
  statement: Digest;
  recordedIndex: number;
}

/** As a claim shows it: without the reply, which `GET /v1/document-timestamps/{id}` gives. */
export const claimTimestampView = (documentTimestamp.body as unknown as z.ZodObject)
  .omit({ timestamp: true, documentDigest: true })
  .extend(recorded);
export type ClaimTimestampView = Omit<TimestampView, 'documentDigest' | 'timestamp'>;
