/**
 * Each disclosure against a golden copy, word for word: one model that was trained on two datasets, of which one is told
 * of and one is not. Where the golden copies come from stands beside them, in test/vectors/disclosures.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { Digest } from '../../../src/core/digest.ts';
import type { DisclosureDocument } from '../../../src/core/disclosure.ts';
import { citationsOf, disclosureDocument, formatMarkdown } from '../../../src/core/disclosure.ts';
import type { DatasetSource } from '../../../src/datasets/index.ts';
import { caAb2013 } from '../../../src/exchange/ca-ab-2013.ts';
import { cnFiling } from '../../../src/exchange/cn-filing.ts';
import { euTrainingSummary } from '../../../src/exchange/eu-training-summary.ts';
import type { Facts } from '../../../src/exchange/facts.ts';
import type { ModelView } from '../../../src/models/index.ts';
import type { DataRightsView, MarketView } from '../../../src/protection/index.ts';
import { modelOf } from '../../support/bodies.ts';

const digest = (hex: string): Digest => `sha256:${hex.repeat(64)}`;
const id = (kind: string, last: string) => `${kind}_${last.padStart(26, '0')}`;
const ACME = id('party', 'acme');
const HOLDER = { party: null, nameCommitment: digest('0') };

const recorded = (kind: string, last: string, hex: string, recordedIndex: number) => ({
  id: id(kind, last),
  maker: ACME,
  statement: digest(hex),
  recordedIndex,
});

const source = (name: string, hex: string, index: number, holder: string | null): DatasetSource => ({
  ...recorded('dataset', name, hex, index),
  name,
  version: '1',
  manifestDigest: digest('9'),
  originUrl: `https://data.example/${name}`,
  license: { expression: 'CC0-1.0', status: 'asserted' },
  holder: { ...HOLDER, name: holder },
  collection: null,
});

const rights: DataRightsView = {
  ...recorded('datarights', 'a', 'd', 5),
  supersedes: null,
  standing: true,
  dataset: id('dataset', 'faces'),
  sourceCategory: 'crawled',
  authorization: digest('7'),
  lawfulOrigin: digest('8'),
  collected: { from: '2024-01-01', to: null },
  optOut: 'robots.txt is read before each visit',
  personalData: true,
  personalInformation: true,
  aggregateConsumerInformation: false,
  modalities: [{ modality: 'image', size: '40 million images' }, { modality: 'text' }],
  dataPoints: { least: 40_000_000, most: 41_000_000 },
  dataTypes: 'photographs with captions',
  characteristics: 'captions in English',
  purpose: 'to tell faces from other things',
  protectedBy: ['copyright', 'trademark'],
  acquired: 'neither',
  cleaning: 'duplicates were removed, to spare training time',
  firstUsed: '2025-01-15',
  crawlers: ['AcmeBot/1.0'],
  crawling: 'collects pictures; at most one page a second; news sites',
  domains: ['news.example', 'pictures.example'],
  reservations: 'ai.txt and TDM headers are followed',
  illegalContent: 'hash lists of known material',
  annotation: 'three annotators for each picture',
};

const market = (jurisdiction: string): MarketView => ({
  ...recorded('marketrecord', jurisdiction.toLowerCase(), 'e', 6),
  supersedes: null,
  standing: true,
  registration: id('registration', 'm'),
  jurisdiction,
  name: 'Facer',
  summary: { version: '3, after https://acme.example/facer/2', updated: '2026-02-01' },
  versions: ['2.0', '2.1'],
  contact: 'ai-office@acme.example',
  dependencies: ['Facer 1'],
  placedOn: '2026-02-01',
  purpose: 'sorting of photo albums',
  modalities: [{ modality: 'image', size: '1 million to 1 billion images' }],
  dataUntil: '2025-12-31',
  trainedContinuously: false,
  sources: ['crawled', 'public'],
  synthetic: { used: false },
  userData: { ofModel: false, ofServices: false },
  codeOfPractice: true,
  algorithm: { name: '脸谱', type: '生成合成类' },
  filingNumber: '网信算备110000000000000000001号',
  selfAssessment: digest('4'),
  forPublication: '算法基本原理、运行机制和应用场景',
  service: { form: 'web page', field: 'photo albums' },
  safetyAssessment: { report: digest('6'), on: '2026-01-10', result: 'passed' },
});

const facts = (jurisdiction: string): Facts => ({
  log: 'log.example/1',
  model: {
    ...modelOf(ACME, { parents: [{ relation: 'fine-tuned-from', digest: digest('5') }] }),
    ...recorded('registration', 'm', 'a', 4),
    name: 'facer-2',
    modelDigest: digest('1'),
    precededBy: null,
    artifactStored: false,
  } satisfies ModelView,
  provided: [{ record: market(jurisdiction), provider: 'Acme Labs' }],
  data: [
    { dataset: source('digits', 'b', 2, 'Example'), rights: undefined },
    { dataset: source('faces', 'c', 3, null), rights },
  ],
});

const golden = (name: string) => readFileSync(new URL(`../../vectors/disclosures/${name}`, import.meta.url), 'utf8');

describe.each<[string, string, (facts: Facts) => DisclosureDocument]>([
  ['eu-training-summary', 'EU', euTrainingSummary],
  ['ca-ab-2013', 'US', caAb2013],
  ['cn-filing', 'CN', cnFiling],
])('%s', (name, jurisdiction, fill) => {
  const filled = fill(facts(jurisdiction));
  const { data, ...rest } = facts(jurisdiction);
  const silent = fill({ ...rest, provided: [], data: data.slice(0, 1) });

  test('is the golden copy as Markdown and as JSON', () => {
    expect(formatMarkdown(filled)).toBe(golden(`${name}.md`));
    expect(filled).toEqual(JSON.parse(golden(`${name}.json`)));
    expect(disclosureDocument.parse(filled)).toEqual(filled);
  });

  test('names for each value a statement that was given, and for none that is open', () => {
    const given = new Set(['a', 'b', 'c', 'd', 'e'].map(digest));
    for (const { from, value } of filled.sections.flatMap(({ questions }) => questions.flatMap((q) => q.answers))) {
      expect(from.length > 0).toBe(value !== null);
      for (const { statement } of from) expect(given).toContain(statement);
    }
    expect(citationsOf(filled).map(({ index }) => index)).toEqual([2, 3, 4, 5, 6]);
  });

  test('asks the same where nobody states anything, and tells only what stands on record anyway', () => {
    const asked = ({ sections }: DisclosureDocument) =>
      sections.map(({ number, title, questions }) => [number, title, questions.map(({ question }) => question)]);
    expect(asked(silent)).toEqual(asked(filled));
    expect(citationsOf(silent).map(({ kind }) => kind)).toEqual(['dataset', 'registration']);
    for (const { from, value } of silent.sections.flatMap(({ questions }) => questions.flatMap((q) => q.answers))) {
      expect(value === null || from.length > 0).toBe(true);
    }
  });
});

test('a name that was erased is told as erased, not as not stated', () => {
  const { provided, ...rest } = facts('EU');
  const { sections } = euTrainingSummary({ ...rest, provided: [{ ...provided[0]!, provider: null }] });
  expect(sections.find(({ number }) => number === '1.1')!.questions[0]!.answers[0]!.value).toBe(
    `${ACME} (name erased)`,
  );
});

test('a category of source that the provider does not list is answered with no, on its word', () => {
  const { sections } = euTrainingSummary(facts('EU'));
  const used = (number: string) => sections.find((section) => section.number === number)!.questions[0]!.answers[0];
  expect(used('2.3')!.value).toBe('yes');
  expect(used('2.4')).toMatchObject({ value: 'no', from: [{ kind: 'market-record', index: 6 }] });
});
