/**
 * What a registry answers about a digest: all places where public statements name it, up to the entry that the map
 * covers, and why it must be all. The root stands in a statement of the log, whose receipt comes along; so the answer is
 * judged with the log's key alone, and kept as evidence should the registry ever tell something else.
 */
import { z } from 'zod';
import { fromBase64, toBase64 } from '../bytes.ts';
import { receiptSchema } from '../statement/receipt.ts';
import { digest } from '../statement/statement.ts';
import type { MapClaim } from './map.ts';
import { KEY_BITS } from './map.ts';

const hash = z.string().length(44);
/** What one answer lists; more public statements than this about one digest have no proof in one piece. */
export const MAX_PLACES = 100_000;

export const mapAnswerSchema = z
  .strictObject({
    digest,
    asOf: z.int().positive().describe('The map covers the entries below this one'),
    entries: z
      .array(z.int().nonnegative())
      .max(MAX_PLACES)
      .describe('Indexes of all public statements that name the digest, in log order; none: it is proved absent'),
    keys: z.int().nonnegative().describe('Digests in the map'),
    proof: z.strictObject({
      other: z
        .strictObject({ key: hash, value: hash })
        .nullable()
        .describe('Of an absent digest: the leaf of the other one at the end of its way; base64'),
      path: z
        .array(
          z.strictObject({
            bit: z
              .int()
              .min(0)
              .max(KEY_BITS - 1),
            hash,
          }),
        )
        .max(KEY_BITS)
        .describe('From the leaf up: where each node parts, and the hash on its other side, base64'),
    }),
    receipt: receiptSchema.describe('Of the statement that put the root of the map on record'),
    audit: z
      .strictObject({
        auditor: z.string().nullable().describe('Its name, as the registry tells it'),
        receipt: receiptSchema,
      })
      .nullable()
      .describe('The last audit of the map by anybody but the registry'),
  })
  .meta({ id: 'MapAnswer', description: 'All public statements about a digest, or proof that there is none' });

export type MapAnswer = z.infer<typeof mapAnswerSchema>;

export const formatClaim = ({ digest, entries, proof }: MapClaim): Pick<MapAnswer, 'digest' | 'entries' | 'proof'> => ({
  digest,
  entries: [...entries],
  proof: {
    other: proof.other && { key: toBase64(proof.other.key), value: toBase64(proof.other.value) },
    path: proof.path.map(({ bit, hash }) => ({ bit, hash: toBase64(hash) })),
  },
});

/** @throws RegistryError `invalid_input` for a hash that is not canonical base64 */
export const parseClaim = ({ digest, entries, proof }: MapAnswer): MapClaim => ({
  digest,
  entries,
  proof: {
    other: proof.other && { key: fromBase64(proof.other.key), value: fromBase64(proof.other.value) },
    path: proof.path.map(({ bit, hash }) => ({ bit, hash: fromBase64(hash) })),
  },
});
