/**
 * Market records: what whoever provides a model in a jurisdiction says of it there, where neither the model's registration
 * nor its data's records tell. Who the provider is stands in the title, by a name that can be erased; a contact stated
 * here stays for ever, so it should be an office and not a person.
 */
import { z } from 'zod';
import { jurisdiction } from '../jurisdiction.ts';
import { digest, form, id, urn } from '../statement/statement.ts';
import { date } from '../title/dates.ts';
import { modalities, SOURCE_CATEGORIES } from './data-rights.ts';
import { kind } from './kind.ts';
import type { Slot } from './rights-record.ts';
import { ownerReads, prose, requireNotAfter, respectOf, requireShare, slotReads, supersede } from './rights-record.ts';

const shape = {
  registration: id('registration'),
  jurisdiction,
  name: prose(200).optional().describe('By which the model is known there'),
  summary: z
    .strictObject({ version: prose(300), updated: date })
    .optional()
    .describe('Of the disclosure itself: its version, with where earlier ones are, and when it was last updated'),
  versions: z.array(prose(100)).min(1).max(50).optional(),
  contact: prose(500).optional().describe('Of the provider: an office, never a person; it is not erased'),
  representative: prose(500).optional().describe('An authorized representative, with contact'),
  dependencies: z.array(prose(300)).min(1).max(50).optional().describe('The models that it was made from'),
  placedOn: date.optional().describe('When it came, or comes, on the market there'),
  purpose: prose(4000).optional().describe('What it is meant for'),
  modalities: modalities.optional(),
  characteristics: prose(4000).optional().describe('Languages of all training data, and what else marks it'),
  dataUntil: date.optional().describe('When data for the training was last acquired'),
  trainedContinuously: z.boolean().optional().describe('Whether it is trained on new data after that'),
  sources: z
    .array(z.enum(SOURCE_CATEGORIES))
    .max(SOURCE_CATEGORIES.length)
    .optional()
    .describe('All categories of sources that data came from: what is not in the list was not used'),
  synthetic: z
    .strictObject({ used: z.boolean(), purpose: prose(4000).optional() })
    .optional()
    .describe('Whether its development used or uses the generation of synthetic data'),
  userData: z
    .strictObject({ ofModel: z.boolean(), ofServices: z.boolean() })
    .optional()
    .describe("Whether data from the use of the model, and of the provider's other services and products, was used"),
  codeOfPractice: z.boolean().optional().describe('Whether the provider signed the Code of Practice of the EU'),
  reservations: prose(4000).optional().describe('How reservations of rights are respected'),
  illegalContent: prose(4000).optional().describe('How illegal content is removed'),
  other: prose(4000).optional().describe('What else the provider wants to tell'),
  algorithm: z.strictObject({ name: prose(200), type: prose(200) }).optional(),
  filingNumber: prose(100).optional().describe('Under which an authority filed it'),
  selfAssessment: digest.optional().describe("Of the report on the provider's own assessment of the algorithm"),
  forPublication: prose(4000).optional().describe('What an authority is to publish of the algorithm'),
  service: z
    .strictObject({ form: prose(500), field: prose(500) })
    .optional()
    .describe('Its form and field of use'),
  safetyAssessment: z
    .strictObject({ report: digest.describe('Of the report'), on: date, result: prose(1000) })
    .optional(),
};

const marketForm = form('market-record', shape, (_, { registration }) => [urn(registration)]);
export type MarketBody = z.infer<typeof marketForm.body>;

const slotOf = ({ registration, jurisdiction }: MarketBody): Slot => ({
  asset: 'registration',
  about: registration,
  respect: respectOf(marketForm.kind, jurisdiction),
});

export const marketRecord = kind(marketForm, {
  aboutTitle: true,
  reads: (spoken) => [...slotReads(spoken, slotOf(spoken.body)), ownerReads(spoken, spoken.body.registration)],
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    const changes = supersede(spoken, rows, place, slotOf(body));
    requireShare(spoken, rows, body.registration);
    requireNotAfter(common, body.dataUntil, 'dataUntil');
    requireNotAfter(common, body.summary?.updated, 'summary.updated');
    requireNotAfter(common, body.safetyAssessment?.on, 'safetyAssessment.on');
    return changes;
  },
});
