import { z } from 'zod';
import { instrument } from '../core/registry/index.ts';
import type { InstrumentBody } from '../core/registry/instrument.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import { digest, id } from '../core/statement/statement.ts';
import { INSTRUMENT_ACTS, INSTRUMENT_STATES } from '../core/title/instrument-states.ts';
import type { InstrumentAct, InstrumentState } from '../core/title/instrument-states.ts';
import { date } from '../core/title/dates.ts';
import { INTEREST_KINDS, quorumsSchema, termsSchema } from '../core/title/terms.ts';
import type { Digest } from '../core/digest.ts';
import type { Opposition } from '../core/title/opposition.ts';
import { signedWriteSchema, writeSchema } from '../ledger/index.ts';
import type { ClaimsView, SameModelView } from './claim.schema.ts';
import { claimsView, oppositionView, sameModelView } from './claim.schema.ts';

export const offerSchema = writeSchema(instrument).meta({ id: 'OfferInstrument' });

export const actSchema = z
  .union([
    signedWriteSchema,
    z.strictObject({ act: z.enum(INSTRUMENT_ACTS), reason: z.string().min(1).max(500).nullable().default(null) }),
  ])
  .meta({ id: 'ActOnInstrument' });
export type Act = z.infer<typeof actSchema>;

const index = z.int().nonnegative();
const name = z.string().nullable().describe('As it stands now; null when it was erased');

const actView = z.strictObject({
  id: id('instrumentact'),
  act: z.enum(INSTRUMENT_ACTS),
  maker: id('party'),
  statement: digest,
  recordedIndex: index,
});

export const instrumentView = (instrument.body as unknown as z.ZodObject)
  .extend({
    id: id('instrument'),
    maker: id('party'),
    state: z.enum(INSTRUMENT_STATES),
    accepted: z.array(id('party')),
    consented: z.array(id('party')).describe('Others whose consent is on record'),
    statement: digest,
    recordedIndex: index.describe('Of the offer'),
    inForceIndex: index.nullable().describe('Of the statement that brought it into force'),
    endedIndex: index.nullable(),
    opposition: oppositionView.nullable().describe('How sure a transfer is; null for what is none, or not in force'),
    acts: z.array(actView).describe('In log order'),
  })
  .meta({ id: 'Instrument' });
export interface InstrumentView extends InstrumentBody {
  id: string;
  maker: string;
  state: InstrumentState;
  accepted: string[];
  consented: string[];
  statement: Digest;
  recordedIndex: number;
  inForceIndex: number | null;
  endedIndex: number | null;
  opposition: Opposition | null;
  acts: { id: string; act: InstrumentAct; maker: string; statement: Digest; recordedIndex: number }[];
}

export const instrumentParams = z.strictObject({ id: z.string().max(60) });
const limit = (most: number) => z.coerce.number().int().min(1).max(most).default(100);
export const instrumentQuery = z.strictObject({
  asset: z.string().max(60).optional(),
  party: z.string().max(60).optional().describe('Its maker or a counterparty'),
  state: z.enum(INSTRUMENT_STATES).optional(),
  before: z.coerce.number().int().nonnegative().optional().describe('Only offers at lower indexes'),
  limit: limit(1000),
});
export type InstrumentQuery = z.infer<typeof instrumentQuery>;

export const assetParams = z.strictObject({ asset: z.string().max(60) });

/** A day, and what was known: a tree size, or a time that stands for the tree published by then. */
export const momentQuery = z.strictObject({
  effective: date.optional().describe('Whose title on this day; today where none is given'),
  known: z
    .union([z.coerce.number().int().positive(), z.iso.datetime(), date])
    .optional()
    .describe('A tree size, or a time that stands for the tree published by then; all entries where none is given'),
});
export type MomentQuery = z.infer<typeof momentQuery>;

const change = z.strictObject({
  instrument: z.string().nullable().describe('Null for the first record of the asset'),
  effectiveFrom: date,
  index,
});

const ownerView = z.strictObject({
  party: id('party'),
  name,
  share: z.string().describe('An exact fraction'),
  since: change.describe('What made it an owner'),
  changed: change.describe('What changed its share last'),
  opposition: oppositionView.describe('How sure what its share came by is: the least sure of it'),
});

const interestView = z.strictObject({
  instrument: id('instrument'),
  kind: z.enum(INTEREST_KINDS),
  grantor: id('party'),
  holder: id('party'),
  terms: termsSchema,
  effectiveFrom: date,
  recordedIndex: index,
});
export type InterestView = z.infer<typeof interestView>;

const momentView = { effective: date, known: index.describe('How many entries of the log count') };

export const titleView = z
  .strictObject({
    asset: z.string(),
    ...momentView,
    existsFrom: date,
    owners: z.array(ownerView).describe('The largest share first; nobody before the asset was on record'),
    interests: z.array(interestView).describe('What rests on the title, in log order'),
    quorums: quorumsSchema.nullable().describe('What the owners agreed on, as it stands now'),
    opposition: oppositionView.describe('How sure the first record is, on which all title rests'),
    claims: claimsView.describe('What others claim, beside the title and no part of it'),
    sameModel: z
      .array(sameModelView)
      .describe('All registrations of the same weights or file, this one among them, in log order; of a dataset none'),
  })
  .meta({ id: 'Title' });
export interface TitleView extends Omit<z.infer<typeof titleView>, 'claims' | 'sameModel'> {
  claims: ClaimsView;
  sameModel: SameModelView[];
}

export const abstractQuery = z.strictObject({
  after: z.coerce.number().int().nonnegative().optional().describe('Only instruments in force at higher indexes'),
  limit: limit(10_000),
  receipts: z
    .enum(['true', 'false'])
    .default('false')
    .describe('With the proof of each statement, at most 100 instruments'),
});
export type AbstractQuery = z.infer<typeof abstractQuery>;

const abstractLine = instrumentView.extend({
  gaps: z.array(z.string()).describe('What the instrument leaves open, in words'),
  receipts: z.array(receiptSchema).optional().describe('Of the offer and each act, in log order'),
});

export const abstractView = z
  .strictObject({
    asset: z.string(),
    known: index,
    first: z.strictObject({
      maker: id('party'),
      owners: z.array(z.strictObject({ party: id('party'), share: z.string() })),
      existsFrom: date,
      statement: digest,
      recordedIndex: index,
      receipt: receiptSchema.optional(),
    }),
    instruments: z.array(abstractLine).describe('In the order in which they came into force'),
    next: index.nullable().describe('`after` of the next page; null at the end'),
  })
  .meta({ id: 'AbstractOfTitle' });

export const portfolioQuery = momentQuery.extend({
  after: z.string().max(60).optional().describe('Only what comes after this id'),
  limit: limit(500),
});
export type PortfolioQuery = z.infer<typeof portfolioQuery>;

export const portfolioView = z
  .strictObject({
    party: id('party'),
    ...momentView,
    titles: z.array(z.strictObject({ asset: z.string(), name: z.string(), share: z.string() })),
    next: z.string().nullable(),
  })
  .meta({ id: 'Portfolio' });
export type PortfolioView = z.infer<typeof portfolioView>;

const heldInterest = interestView.extend({ asset: z.string(), name: z.string() });
export type HeldInterest = z.infer<typeof heldInterest>;

export const heldInterestsView = z
  .strictObject({
    party: id('party'),
    ...momentView,
    interests: z.array(heldInterest),
    next: z.string().nullable(),
  })
  .meta({ id: 'HeldInterests' });
export type HeldInterestsView = z.infer<typeof heldInterestsView>;
