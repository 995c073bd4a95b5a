/**
 * What an instrument is about: the types of instrument, and the interests that they make beside title. Shares are of the
 * whole asset. A lien, an option and a priority hold rest on a share of whoever gave them; an exclusive license rests on
 * the whole asset.
 */
import { z } from 'zod';
import { ACTIONS } from '../licensing/actions.ts';
import type { Share } from '../share.ts';
import { NOTHING, parseShare, WHOLE } from '../share.ts';
import { id } from '../statement/statement.ts';
import { date } from './dates.ts';

const share = z.string().max(40).describe('Of the whole asset, an exact fraction such as 1/2');
const until = date.nullable().describe('The last day on which it stands; null for no end');
export const territorySchema = z
  .array(z.string().regex(/^[A-Z]{2}$/, 'must be ISO 3166-1 alpha-2'))
  .min(1)
  .max(250)
  .nullable()
  .describe('Null for everywhere');

const quorum = z
  .string()
  .max(40)
  .describe('The share whose holders must agree, e.g. 2/3; 0 for nobody besides the maker');

export const quorumsSchema = z.strictObject({
  assignment: quorum,
  pledge: quorum,
  option: quorum,
  'priority-hold': quorum,
  'exclusive-license': quorum,
});
export type Quorums = z.infer<typeof quorumsSchema>;

/** Each takes part of every asset, and needs rows to judge by. */
export const MAX_SUCCESSORS = 20;

/** Interests that one transmission passes on. */
export const MAX_TRANSMITTED = 50;

export const termsSchema = z.discriminatedUnion('type', [
  z
    .strictObject({
      type: z.literal('assignment'),
      share,
      under: id('instrument').nullable().describe('The option or priority hold that it fulfils'),
    })
    .describe('Passes a share on'),
  z.strictObject({ type: z.literal('pledge'), share, until }).describe('Makes a lien'),
  z.strictObject({ type: z.literal('option'), share, until }).describe('A right to be assigned the share'),
  z
    .strictObject({ type: z.literal('priority-hold'), share, until: date })
    .describe('Reserves a place for a deal; stands without being accepted'),
  z.strictObject({
    type: z.literal('exclusive-license'),
    actions: z.array(z.enum(ACTIONS)).min(1).max(ACTIONS.length),
    territory: territorySchema,
    fieldOfUse: z.string().min(1).max(500).nullable(),
    until,
  }),
  z
    .strictObject({
      type: z.literal('transmission'),
      succession: id('succession'),
      predecessor: id('party').describe("The succession's"),
      shares: z
        .array(z.strictObject({ party: id('party'), share }))
        .max(MAX_SUCCESSORS)
        .describe('What passes to whom, in the order of the successors; none where the predecessor holds no share'),
      interests: z
        .array(id('instrument'))
        .max(MAX_TRANSMITTED)
        .refine((all) => all.every((each, i) => i === 0 || all[i - 1]! < each), 'must be sorted, each once')
        .describe('What the predecessor holds in the shares of others, and passes to the first successor'),
    })
    .describe('Writes down for the asset what a succession has passed on; stands without being accepted'),
  z.strictObject({ type: z.literal('co-ownership'), quorums: quorumsSchema }).describe('Agreed on by all owners'),
]);
export type Terms = z.infer<typeof termsSchema>;
export type InstrumentType = Terms['type'];
export type ShareTerms = Extract<Terms, { share: string }>;
export type TransmissionTerms = Extract<Terms, { type: 'transmission' }>;
export type ExclusiveTerms = Extract<Terms, { type: 'exclusive-license' }>;

export const INSTRUMENT_TYPES = termsSchema.options.map(({ shape }) => shape.type.value) as [
  InstrumentType,
  ...InstrumentType[],
];

export const INTEREST_KINDS = ['lien', 'option', 'priority-hold', 'exclusive-license'] as const;
export type InterestKind = (typeof INTEREST_KINDS)[number];

/** @throws RegistryError `shares_invalid`, `share_too_fine` */
export const parseQuorum = (text: string, field?: string): Share => (text === '0' ? NOTHING : parseShare(text, field));

export const isOverShare = (terms: Terms): terms is ShareTerms => 'share' in terms;

/** The interest that an instrument makes; null for those that make none. */
export const interestKindOf = (type: InstrumentType): InterestKind | null =>
  ({
    assignment: null,
    transmission: null,
    'co-ownership': null,
    pledge: 'lien',
    option: 'option',
    'priority-hold': 'priority-hold',
    'exclusive-license': 'exclusive-license',
  })[type] as InterestKind | null;

/** Whether the counterparty must accept. */
export const needsAcceptance = (type: InstrumentType): boolean => type !== 'priority-hold' && type !== 'transmission';

/** Whether it passes shares on. */
export const isTransfer = (type: InstrumentType): boolean => type === 'assignment' || type === 'transmission';

/**
 * The share whose holders must agree where the owners agreed on nothing: everybody disposes of the own share alone, and
 * what binds the whole asset takes everybody.
 */
export const DEFAULT_QUORUMS: Readonly<Record<InstrumentType, Share>> = {
  assignment: NOTHING,
  transmission: NOTHING,
  pledge: NOTHING,
  option: NOTHING,
  'priority-hold': NOTHING,
  'exclusive-license': WHOLE,
  'co-ownership': WHOLE,
};

/**
 * Whether two licenses can meet in one act of use. Fields of use are words: two that are both given and differ are taken
 * to be different fields.
 */
export const overlaps = (
  a: Pick<ExclusiveTerms, 'actions' | 'fieldOfUse' | 'territory'>,
  b: Pick<ExclusiveTerms, 'actions' | 'fieldOfUse' | 'territory'>,
): boolean =>
  a.actions.some((action) => b.actions.includes(action)) &&
  (a.territory === null || b.territory === null || a.territory.some((each) => b.territory!.includes(each))) &&
  (a.fieldOfUse === null || b.fieldOfUse === null || a.fieldOfUse === b.fieldOfUse);
