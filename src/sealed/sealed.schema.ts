import { z } from 'zod';
import { fieldOpening, opening, sealed } from '../core/registry/index.ts';
import { SEALED_SUBJECTS } from '../core/registry/sealed.ts';
import { TITLE_FIELDS } from '../core/registry/sealed-title.ts';
import { digest } from '../core/statement/statement.ts';
import { writeSchema } from '../ledger/index.ts';

export const sealSchema = writeSchema(sealed).meta({ id: 'Seal' });
export const openSchema = writeSchema(opening).meta({ id: 'OpenSealed' });
export const openFieldsSchema = writeSchema(fieldOpening).meta({ id: 'OpenSealedFields' });

export const sealedParams = z.strictObject({ id: z.string().max(60) });

export const sealedQuery = z.strictObject({
  before: z.coerce.number().int().nonnegative().optional().describe('Only records at lower indexes'),
  limit: z.coerce.number().int().min(1).max(100).default(100),
});
export type SealedQuery = z.infer<typeof sealedQuery>;

/** A field of a sealed title that is open. */
export const statedSchema = z.strictObject({
  field: z.enum(TITLE_FIELDS),
  value: z.json().describe('Null where the maker had said nothing'),
  openedIndex: z.int().nonnegative().describe('Where it was revealed'),
});

export const sealedView = z
  .strictObject({
    id: z.string(),
    maker: z.string(),
    subject: z.enum(SEALED_SUBJECTS),
    commitment: digest,
    statement: digest,
    recordedIndex: z.int().nonnegative(),
    openedIndex: z.int().nullable().describe('The place in the log of the first opening; null while it is sealed'),
    digests: z.array(digest).describe('By which a look-up finds it, of those that were revealed'),
    fields: z.array(statedSchema).describe('Of a title: the fields that are open'),
  })
  .meta({ id: 'Sealed' });
export type SealedView = z.infer<typeof sealedView>;
