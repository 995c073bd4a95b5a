/**
 * The documentation of training data that California's Assembly Bill 2013 asks of developers of generative AI systems, in
 * the order of Cal. Civ. Code § 3111 (a): its questions in our words.
 */
import type { DisclosureDocument, Section } from '../core/disclosure.ts';
import { ask } from '../core/disclosure.ts';
import type { DataRightsView } from '../protection/index.ts';
import type { Facts } from './facts.ts';
import {
  byProvider,
  byRegistration,
  counted,
  listed,
  modelOf,
  ofCategory,
  ofEach,
  period,
  sourcesOf,
  yesOrNo,
} from './facts.ts';

export const CA_EDITION =
  'Assembly Bill 2013 (Chapter 817, Statutes of 2024), Cal. Civ. Code § 3111 (a), in force from 2025-01-01, documentation due from 2026-01-01';

export const caAb2013 = (facts: Facts): DisclosureDocument => ({
  title: 'Training data transparency: documentation under California AB 2013',
  edition: CA_EDITION,
  model: modelOf(facts),
  log: facts.log,
  sections: [
    {
      number: '(0)',
      title: 'System and developer',
      questions: [
        ask(
          'Name of the system',
          byRegistration(facts, [facts.model.name]),
          byProvider(facts, ({ name }) => name),
        ),
        ask(
          'Developer',
          byProvider(facts, (_, provider) => provider),
        ),
        ask(
          'Intended purpose of the system',
          byProvider(facts, ({ purpose }) => purpose),
        ),
      ],
    },
    ...datasets(facts),
    {
      number: '(12)',
      title: 'Synthetic data generation',
      questions: [
        ask(
          'Used, or continuously used, in the development',
          byProvider(facts, ({ synthetic }) => yesOrNo(synthetic?.used)),
        ),
        ask(
          'What it is needed for',
          byProvider(facts, ({ synthetic }) => synthetic?.purpose),
        ),
        ask('Synthetic datasets on record', sourcesOf(ofCategory(facts, 'synthetic'))),
      ],
    },
  ],
});

function datasets({ data }: Facts): Section[] {
  const section = (
    number: string,
    title: string,
    question: string,
    read: (rights: DataRightsView) => string | undefined,
  ) => ({
    number,
    title,
    questions: [ask(question, ofEach(data, read))],
  });
  return [
    { number: '(1)', title: 'Sources or owners', questions: [ask('Source and owner', sourcesOf(data))] },
    section('(2)', 'Purpose', 'How the data furthers the intended purpose', ({ purpose }) => purpose),
    section('(3)', 'Number of data points', 'Number, or range', counted),
    section('(4)', 'Types of data points', 'Types', ({ dataTypes }) => dataTypes),
    section('(5)', 'Intellectual property', 'Protected by copyright, trademark or patent', ({ protectedBy }) =>
      protectedBy?.length === 0 ? 'no: all of it is in the public domain' : listed(protectedBy),
    ),
    section('(6)', 'Purchase or license', 'Purchased or licensed by the developer', ({ acquired }) =>
      acquired === 'neither' ? 'neither purchased nor licensed' : acquired,
    ),
    section('(7)', 'Personal information', 'Included (§ 1798.140 (v))', ({ personalInformation }) =>
      yesOrNo(personalInformation),
    ),
    section('(8)', 'Aggregate consumer information', 'Included (§ 1798.140 (b))', ({ aggregateConsumerInformation }) =>
      yesOrNo(aggregateConsumerInformation),
    ),
    section(
      '(9)',
      'Cleaning, processing or other modification',
      'What was done, and what for',
      ({ cleaning }) => cleaning,
    ),
    section('(10)', 'Period of collection', 'Period', period),
    section('(11)', 'First use', 'Date of first use in the development', ({ firstUsed }) => firstUsed),
  ];
}
