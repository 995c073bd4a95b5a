/**
 * Data rights: where a dataset comes from and by which right it was collected and used, as the party says that put it on
 * record. The fields are those that the laws on disclosure ask for (`exchange`): each is stated or left out, and what is
 * left out is shown as not stated, never as "no".
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import type { Common } from '../statement/statement.ts';
import { digest, form, id, urn } from '../statement/statement.ts';
import { date } from '../title/dates.ts';
import { kind, need } from './kind.ts';
import type { Slot } from './rights-record.ts';
import { prose, requireNotAfter, slotReads, supersede } from './rights-record.ts';

/** Where data may come from; `private` was had from somebody else without a license of the right holders. */
export const SOURCE_CATEGORIES = ['public', 'licensed', 'private', 'crawled', 'user', 'synthetic', 'other'] as const;

export const MODALITIES = ['text', 'image', 'audio', 'video', 'other'] as const;

/** How much data of which kind. */
export const modalities = z
  .array(z.strictObject({ modality: z.enum(MODALITIES), size: prose(200).optional() }))
  .min(1)
  .max(MODALITIES.length)
  .refine((all) => new Set(all.map(({ modality }) => modality)).size === all.length, 'must name each modality once')
  .describe('With the size of each, for example "40 million images"');

const DOMAIN = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/;

const shape = {
  dataset: id('dataset'),
  sourceCategory: z.enum(SOURCE_CATEGORIES),
  authorization: digest.optional().describe('Of the document that permits the use'),
  lawfulOrigin: digest.optional().describe('Of the proof that the data was come by lawfully'),
  collected: z
    .strictObject({ from: date, to: date.nullable().describe('Null while the collection goes on') })
    .optional(),
  optOut: prose(4000).optional().describe('How those are heeded who do not want their data used'),
  personalData: z.boolean().optional().describe('Personal data as Regulation (EU) 2016/679 defines it'),
  personalInformation: z.boolean().optional().describe('As Cal. Civ. Code § 1798.140 (v) defines it'),
  aggregateConsumerInformation: z.boolean().optional().describe('As Cal. Civ. Code § 1798.140 (b) defines it'),
  modalities: modalities.optional(),
  dataPoints: z
    .strictObject({ least: z.int().nonnegative(), most: z.int().nonnegative() })
    .optional()
    .describe('How many; a range where the number is not exact'),
  dataTypes: prose(4000).optional().describe('What the data points are: labels, texts, pictures of what'),
  characteristics: prose(4000).optional().describe('Languages, regions, and what else marks the data'),
  purpose: prose(4000).optional().describe('How the data serves what the model is meant for'),
  protectedBy: z
    .array(z.enum(['copyright', 'trademark', 'patent']))
    .max(3)
    .optional()
    .describe('Rights that protect any of the data; none in the list: all of it is in the public domain'),
  acquired: z.enum(['purchased', 'licensed', 'neither']).optional(),
  cleaning: prose(4000).optional().describe('Cleaning, processing or other modification, and what it was for'),
  firstUsed: date.optional().describe('When the data was first used to develop a model'),
  crawlers: z.array(prose(200)).min(1).max(50).optional().describe('Names of the crawlers'),
  crawling: prose(4000).optional().describe('What the crawlers were for, how they behaved, and what they visited'),
  domains: z
    .array(z.string().regex(DOMAIN, 'must be a domain name in lower case'))
    .min(1)
    .max(1000)
    .optional()
    .describe('Those from which most was taken'),
  services: prose(4000).optional().describe('The services whose users the data comes from'),
  generators: z.array(prose(200)).min(1).max(50).optional().describe('The models that made synthetic data'),
  reservations: prose(4000).optional().describe('How reservations of rights were respected'),
  illegalContent: prose(4000).optional().describe('How illegal content was removed'),
  annotation: prose(4000).optional().describe('Who annotated the data, by which rules, and how that was checked'),
};

const dataRightsForm = form('data-rights', shape, (_, { dataset }) => [urn(dataset)]);
export type DataRightsBody = z.infer<typeof dataRightsForm.body>;

const slotOf = ({ dataset }: DataRightsBody): Slot => ({
  asset: 'dataset',
  about: dataset,
  respect: dataRightsForm.kind,
});

export const dataRights = kind(dataRightsForm, {
  reads: (spoken) => slotReads(spoken, slotOf(spoken.body)),
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    const changes = supersede(spoken, rows, place, slotOf(body));
    if (need(rows, 'dataset', body.dataset, 'dataset').maker !== common.maker) {
      throw new RegistryError('forbidden', 'Only the party that put a dataset on record states the rights in it.', {
        field: 'dataset',
      });
    }
    requireDates(common, body);
    if (body.dataPoints !== undefined && body.dataPoints.most < body.dataPoints.least) {
      throw new RegistryError('invalid_input', 'There cannot be fewer data points at most than at least.', {
        field: 'dataPoints.most',
      });
    }
    return changes;
  },
});

function requireDates(common: Common, { collected, firstUsed }: DataRightsBody): void {
  requireNotAfter(common, collected?.from, 'collected.from');
  requireNotAfter(common, collected?.to, 'collected.to');
  requireNotAfter(common, firstUsed, 'firstUsed');
  if (collected === undefined || collected.to === null || collected.to >= collected.from) return;
  throw new RegistryError('date_invalid', 'The collection ended before it began.', { field: 'collected.to' });
}
