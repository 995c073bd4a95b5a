/**
 * The public summary of training content that Article 53 (1)(d) of Regulation (EU) 2024/1689 asks of providers of
 * general-purpose AI models, in the order of the Commission's template: its questions in our words, not its text. The template was
 * published on 2025-07-24 and adopted on 2025-12-05 with the same sections.
 */
import type { DisclosureDocument, Section } from '../core/disclosure.ts';
import { ask } from '../core/disclosure.ts';
import type { SOURCE_CATEGORIES } from '../core/registry/data-rights.ts';
import type { Facts } from './facts.ts';
import {
  byProvider,
  byRegistration,
  listed,
  modelOf,
  ofCategory,
  ofEach,
  period,
  sized,
  sourcesOf,
  yesOrNo,
} from './facts.ts';

export const EU_EDITION =
  'Template for the public summary of training content, European Commission, C(2025) 8311 final of 2025-12-05, published on 2025-07-24 as C(2025) 5235 final (Regulation (EU) 2024/1689, Article 53 (1)(d))';

export const euTrainingSummary = (facts: Facts): DisclosureDocument => ({
  title: 'Public summary of training content',
  edition: EU_EDITION,
  model: modelOf(facts),
  log: facts.log,
  sections: [...generalInformation(facts), ...sources(facts), ...processing(facts)],
});

function generalInformation(facts: Facts): Section[] {
  const { model, data } = facts;
  const parents = model.parents.map(({ relation, digest }) => `${relation} ${digest}`);
  return [
    {
      number: '0',
      title: 'Summary',
      questions: [
        ask(
          'Version, and where earlier ones are',
          byProvider(facts, ({ summary }) => summary?.version),
        ),
        ask(
          'Last update',
          byProvider(facts, ({ summary }) => summary?.updated),
        ),
      ],
    },
    {
      number: '1.1',
      title: 'Provider',
      questions: [
        ask(
          'Provider',
          byProvider(facts, (_, provider) => provider),
        ),
        ask(
          'Contact details of the provider',
          byProvider(facts, ({ contact }) => contact),
        ),
        ask(
          'Authorized representative',
          byProvider(facts, ({ representative }) => representative),
        ),
      ],
    },
    {
      number: '1.2',
      title: 'Model',
      questions: [
        ask(
          'Name of the model',
          byRegistration(facts, [model.name]),
          byProvider(facts, ({ name }) => name),
        ),
        ask(
          'Versions',
          byProvider(facts, ({ versions }) => listed(versions)),
        ),
        ask(
          'Model dependencies',
          byRegistration(facts, parents),
          byProvider(facts, ({ dependencies }) => listed(dependencies)),
        ),
        ask(
          'Date of placement on the Union market',
          byProvider(facts, ({ placedOn }) => placedOn),
        ),
      ],
    },
    {
      number: '1.3',
      title: 'Modalities, size and characteristics of the training data',
      questions: [
        ask(
          'Modalities and size of all training data',
          byProvider(facts, ({ modalities }) => sized(modalities)),
        ),
        ask(
          'Modalities and size of each dataset',
          ofEach(data, ({ modalities }) => sized(modalities)),
        ),
        ask(
          'Types of content',
          ofEach(data, ({ dataTypes }) => dataTypes),
        ),
        ask(
          'Latest date of data acquisition',
          byProvider(facts, ({ dataUntil }) => dataUntil),
        ),
        ask(
          'Continuously trained on new data after that date',
          byProvider(facts, ({ trainedContinuously }) => yesOrNo(trainedContinuously)),
        ),
        ask(
          'Linguistic and other characteristics',
          byProvider(facts, ({ characteristics }) => characteristics),
          ofEach(data, ({ characteristics }) => characteristics),
        ),
      ],
    },
  ];
}

function sources(facts: Facts): Section[] {
  const used = (category: (typeof SOURCE_CATEGORIES)[number]) =>
    ask(
      'Data of this kind was used',
      byProvider(facts, ({ sources }) => yesOrNo(sources?.includes(category))),
    );
  const datasets = (category: (typeof SOURCE_CATEGORIES)[number]) => [
    ask('Datasets on record', sourcesOf(ofCategory(facts, category))),
    ask(
      'Modalities',
      ofEach(ofCategory(facts, category), ({ modalities }) => sized(modalities)),
    ),
  ];
  const described = (category: (typeof SOURCE_CATEGORIES)[number]) =>
    ask(
      'Description of the data',
      ofEach(ofCategory(facts, category), ({ dataTypes }) => dataTypes),
    );
  const [crawled, uncategorized] = [ofCategory(facts, 'crawled'), ofCategory(facts, undefined)];
  return [
    {
      number: '2.1',
      title: 'Publicly available datasets',
      questions: [used('public'), ...datasets('public'), described('public')],
    },
    {
      number: '2.2.1',
      title: 'Private datasets licensed by rights holders',
      questions: [used('licensed'), ...datasets('licensed')],
    },
    {
      number: '2.2.2',
      title: 'Private datasets from other third parties',
      questions: [used('private'), ...datasets('private'), described('private')],
    },
    {
      number: '2.3',
      title: 'Data crawled and scraped from online sources',
      questions: [
        used('crawled'),
        ...datasets('crawled'),
        described('crawled'),
        ask(
          'Names of the crawlers',
          ofEach(crawled, ({ crawlers }) => listed(crawlers)),
        ),
        ask(
          'Purposes, behavior and sources of the crawlers',
          ofEach(crawled, ({ crawling }) => crawling),
        ),
        ask('Period of collection', ofEach(crawled, period)),
        ask(
          'Most relevant domain names',
          ofEach(crawled, ({ domains }) => listed(domains)),
        ),
      ],
    },
    {
      number: '2.4',
      title: 'User data',
      questions: [
        used('user'),
        ask(
          'Data from the use of the model was used',
          byProvider(facts, ({ userData }) => yesOrNo(userData?.ofModel)),
        ),
        ask(
          "Data from the use of the provider's other services and products was used",
          byProvider(facts, ({ userData }) => yesOrNo(userData?.ofServices)),
        ),
        ...datasets('user'),
        ask(
          'Services that collected it',
          ofEach(ofCategory(facts, 'user'), ({ services }) => services),
        ),
      ],
    },
    {
      number: '2.5',
      title: 'Synthetic data',
      questions: [
        used('synthetic'),
        ...datasets('synthetic'),
        ask(
          'Models that made it',
          ofEach(ofCategory(facts, 'synthetic'), ({ generators }) => listed(generators)),
        ),
      ],
    },
    {
      number: '2.6',
      title: 'Other sources',
      questions: [
        used('other'),
        ...datasets('other'),
        described('other'),
        ...(uncategorized.length === 0
          ? []
          : [ask('Datasets on record whose category of source is not stated', sourcesOf(uncategorized))]),
      ],
    },
  ];
}

const processing = (facts: Facts): Section[] => [
  {
    number: '3.1',
    title: 'Respect of reservations of rights',
    questions: [
      ask(
        'Signatory of the Code of Practice',
        byProvider(facts, ({ codeOfPractice }) => yesOrNo(codeOfPractice)),
      ),
      ask(
        'Measures',
        byProvider(facts, ({ reservations }) => reservations),
        ofEach(facts.data, ({ reservations }) => reservations),
      ),
      ask(
        'Handling of opt-outs',
        ofEach(facts.data, ({ optOut }) => optOut),
      ),
    ],
  },
  {
    number: '3.2',
    title: 'Removal of illegal content',
    questions: [
      ask(
        'Measures',
        byProvider(facts, ({ illegalContent }) => illegalContent),
        ofEach(facts.data, ({ illegalContent }) => illegalContent),
      ),
    ],
  },
  {
    number: '3.3',
    title: 'Other information',
    questions: [
      ask(
        'Personal data (Regulation (EU) 2016/679)',
        ofEach(facts.data, ({ personalData }) => yesOrNo(personalData)),
      ),
      ask(
        'Other',
        byProvider(facts, ({ other }) => other),
      ),
    ],
  },
];
