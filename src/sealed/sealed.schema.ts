import { z } from 'zod';
import { opening, sealed } from '../core/registry/index.ts';
import { SEALED_SUBJECTS } from '../core/registry/sealed.ts';
import { digest } from '../core/statement/statement.ts';
import { writeSchema } from '../ledger/index.ts';

export const sealSchema = writeSchema(sealed).meta({ id: 'Seal' });
export const openSchema = writeSchema(opening).meta({ id: 'OpenSealed' });

export const sealedParams = z.strictObject({ id: z.string().max(60) });

export const sealedView = z
  .strictObject({
    id: z.string(),
    maker: z.string(),
    subject: z.enum(SEALED_SUBJECTS),
    commitment: digest,
    statement: digest,
    recordedIndex: z.int().nonnegative(),
    openedIndex: z.int().nullable().describe("The opening's place in the log; null while it is sealed"),
    digests: z.array(digest).describe('What the opening revealed'),
  })
  .meta({ id: 'Sealed' });
export type SealedView = z.infer<typeof sealedView>;
