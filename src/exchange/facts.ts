/**
 * What disclosures are made from, and how answers are taken out of it. A value is what somebody stated, in words; nothing
 * is added up, guessed or taken over from one market or dataset to another.
 */
import type { Answer, Citation } from '../core/disclosure.ts';
import type { SOURCE_CATEGORIES } from '../core/registry/data-rights.ts';
import type { DatasetSource } from '../datasets/index.ts';
import type { ModelView } from '../models/index.ts';
import type { DataRightsView, MarketView } from '../protection/index.ts';

export interface Data {
  readonly dataset: DatasetSource;
  /** Undefined where its maker states nothing */
  readonly rights: DataRightsView | undefined;
}

export interface Facts {
  readonly log: string;
  readonly model: ModelView;
  /** What owners state of the model on the market, with their names; null where a name was erased */
  readonly provided: readonly { record: MarketView; provider: string | null }[];
  /** All that the registration names as trained on */
  readonly data: readonly Data[];
}

/** What somebody stated in words; undefined where it was not stated. */
type Stated = string | undefined;
type Recorded = Pick<MarketView, 'maker' | 'recordedIndex'> & { statement: string };

export const cite = (kind: string, { statement, recordedIndex, maker }: Recorded): Citation => ({
  kind,
  statement: statement as Citation['statement'],
  index: recordedIndex,
  maker,
});

export const modelOf = ({ model: { id, name, statement } }: Facts) => ({
  registration: id,
  name,
  statement: statement as Citation['statement'],
});

/** By those who provide the model on the market. */
export const byProvider = ({ provided }: Facts, read: (record: MarketView, provider: string) => Stated): Answer[] =>
  provided.flatMap(({ record, provider }) => {
    const value = read(record, provider === null ? `${record.maker} (name erased)` : `${provider} (${record.maker})`);
    return value === undefined ? [] : [{ dataset: null, value, from: [cite('market-record', record)] }];
  });

/** By the registration of the model itself. */
export const byRegistration = ({ model }: Facts, values: readonly string[]): Answer[] =>
  values.map((value) => ({ dataset: null, value, from: [cite('registration', model)] }));

/** Of each dataset what its maker states of it; a dataset of which it is not stated says so by itself. */
export const ofEach = (data: readonly Data[], read: (rights: DataRightsView) => Stated): Answer[] =>
  data.map(({ dataset, rights }) => {
    const value = rights && read(rights);
    const from = rights === undefined || value === undefined ? [] : [cite('data-rights', rights)];
    return { dataset: named(dataset), value: value ?? null, from };
  });

/** Of each dataset where it comes from and whose it is, as its own record tells. */
export const sourcesOf = (data: readonly Data[]): Answer[] =>
  data.map(({ dataset, rights }) => ({
    dataset: named(dataset),
    value: `${dataset.originUrl}; rights held by ${dataset.holder.name ?? 'somebody whose name was erased'}`,
    from: [cite('dataset', dataset), ...(rights === undefined ? [] : [cite('data-rights', rights)])],
  }));

export const ofCategory = ({ data }: Facts, category: (typeof SOURCE_CATEGORIES)[number] | undefined): Data[] =>
  data.filter(({ rights }) => rights?.sourceCategory === category);

const named = ({ id, name, version }: DatasetSource) => ({ id, name: `${name}, version ${version}` });

export const yesOrNo = (flag: boolean | undefined): Stated => (flag === undefined ? undefined : flag ? 'yes' : 'no');

export const listed = (items: readonly string[] | undefined): Stated => items?.join(', ');

export const sized = (modalities: MarketView['modalities']): Stated =>
  modalities?.map(({ modality, size }) => `${modality}: ${size ?? 'size not stated'}`).join('; ');

export const period = ({ collected }: DataRightsView): Stated =>
  collected && `${collected.from} to ${collected.to ?? 'now: the collection goes on'}`;

export const counted = ({ dataPoints }: DataRightsView): Stated => {
  if (dataPoints === undefined) return undefined;
  const { least, most } = dataPoints;
  return least === most ? String(least) : `${least} to ${most}`;
};
