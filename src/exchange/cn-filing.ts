/**
 * The record that a filing of a generative AI service in China rests on: who provides which algorithm (Provisions on
 * Algorithm Recommendation, Article 24), the corpus with proof of its lawful origin and its annotation, and the safety
 * assessment (Interim Measures for Generative AI Services, Articles 7, 8 and 17).
 */
import type { DisclosureDocument } from '../core/disclosure.ts';
import { ask } from '../core/disclosure.ts';
import type { DataRightsView } from '../protection/index.ts';
import type { Facts } from './facts.ts';
import { byProvider, byRegistration, counted, modelOf, ofEach, period, sized, sourcesOf, yesOrNo } from './facts.ts';

export const CN_EDITION =
  'Interim Measures for the Administration of Generative AI Services, in force from 2023-08-15, Articles 7, 8 and 17; Provisions on the Administration of Algorithm Recommendation, in force from 2022-03-01, Article 24';

export const cnFiling = (facts: Facts): DisclosureDocument => ({
  title: 'Filing record of a generative AI service (CN)',
  edition: CN_EDITION,
  model: modelOf(facts),
  log: facts.log,
  sections: [
    {
      number: '1',
      title: 'Provider and service',
      questions: [
        ask(
          'Provider',
          byProvider(facts, (_, provider) => provider),
        ),
        ask(
          'Contact details',
          byProvider(facts, ({ contact }) => contact),
        ),
        ask(
          'Name of the model',
          byRegistration(facts, [facts.model.name]),
          byProvider(facts, ({ name }) => name),
        ),
        ask(
          'Form of the service',
          byProvider(facts, ({ service }) => service?.form),
        ),
        ask(
          'Field of use',
          byProvider(facts, ({ service }) => service?.field),
        ),
      ],
    },
    {
      number: '2',
      title: 'Algorithm',
      questions: [
        ask(
          'Name of the algorithm',
          byProvider(facts, ({ algorithm }) => algorithm?.name),
        ),
        ask(
          'Type of the algorithm',
          byProvider(facts, ({ algorithm }) => algorithm?.type),
        ),
        ask(
          'Filing number',
          byProvider(facts, ({ filingNumber }) => filingNumber),
        ),
        ask(
          "Report on the provider's own assessment of the algorithm",
          byProvider(facts, ({ selfAssessment }) => selfAssessment),
        ),
        ask(
          'Content for publication',
          byProvider(facts, ({ forPublication }) => forPublication),
        ),
      ],
    },
    {
      number: '3',
      title: 'Training corpus',
      questions: [
        ask('Sources', sourcesOf(facts.data)),
        ask(
          'Category of source',
          ofEach(facts.data, ({ sourceCategory }) => sourceCategory),
        ),
        ask('Number of data points', ofEach(facts.data, counted)),
        ask(
          'Modalities and size',
          ofEach(facts.data, ({ modalities }) => sized(modalities)),
        ),
        ask('Period of collection', ofEach(facts.data, period)),
        ask('Proof of lawful origin', ofEach(facts.data, proofs)),
        ask(
          'Personal data',
          ofEach(facts.data, ({ personalData }) => yesOrNo(personalData)),
        ),
      ],
    },
    {
      number: '4',
      title: 'Annotation',
      questions: [
        ask(
          'Annotators, rules and checks',
          ofEach(facts.data, ({ annotation }) => annotation),
        ),
      ],
    },
    {
      number: '5',
      title: 'Safety assessment',
      questions: [
        ask(
          'Assessment',
          byProvider(
            facts,
            ({ safetyAssessment: found }) => found && `${found.on}: ${found.result} (report ${found.report})`,
          ),
        ),
      ],
    },
  ],
});

function proofs({ lawfulOrigin, authorization }: DataRightsView): string | undefined {
  const told = [
    ...(lawfulOrigin === undefined ? [] : [`proof ${lawfulOrigin}`]),
    ...(authorization === undefined ? [] : [`authorization ${authorization}`]),
  ];
  return told.length === 0 ? undefined : told.join(', ');
}
