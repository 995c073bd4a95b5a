import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Digest } from '../../../../src/core/digest.ts';
import type { DataRightsBody } from '../../../../src/core/registry/data-rights.ts';
import {
  dataRights,
  dataset,
  marketRecord,
  protectionRecord,
  registration,
} from '../../../../src/core/registry/index.ts';
import type { MarketBody } from '../../../../src/core/registry/market-record.ts';
import type { ProtectionBody } from '../../../../src/core/registry/protection-record.ts';
import { newId } from '../../../../src/platform/crypto.ts';
import { heldDatasetOf, modelOf } from '../../../support/bodies.ts';
import { anyDigest, TestLog } from '../../../support/test-log.ts';

const refused = (code: string, field?: string) =>
  expect.objectContaining({ code, ...(field === undefined ? {} : { field }) });

let log: TestLog;
let [ada, ben, eve] = ['', '', ''];
let model: { id: string; statement: Digest };
let data: { id: string; statement: Digest };
beforeEach(() => {
  log = new TestLog();
  [ada, ben, eve] = [log.makeParty().id, log.makeParty().id, log.makeParty().id];
  const owners = [ada, ben].map((party) => ({ party, share: '1/2' }));
  model = log.speak(registration, by(ada), modelOf(ada, { owners }));
  data = log.speak(dataset, by(ada), heldDatasetOf(ada, [{ name: 'a', bytes: new Uint8Array(1) }]));
});

const by = (maker: string, ...basis: Digest[]) => ({ maker, basis, attestedBy: 'registry' as const });
const claim = (different: Partial<ProtectionBody> = {}): ProtectionBody => ({
  registration: model.id,
  jurisdiction: 'DE',
  legalBasis: 'copyright',
  status: 'asserted',
  ...different,
});
const protect = (maker: string, body = claim(), ...basis: Digest[]) =>
  log.speak(protectionRecord, by(maker, model.statement, ...basis), body);
const market = (body: Partial<MarketBody>, maker = ada, ...basis: Digest[]) =>
  log.speak(marketRecord, by(maker, model.statement, ...basis), {
    registration: model.id,
    jurisdiction: 'EU',
    ...body,
  });
const rights = (body: Partial<DataRightsBody> = {}, maker = ada, ...basis: Digest[]) =>
  log.speak(dataRights, by(maker, data.statement, ...basis), {
    dataset: data.id,
    sourceCategory: 'licensed',
    ...body,
  });
const standing = (maker: string, about: string, respect: string) => log.get('rights_standing', about, maker, respect);

describe('a protection record', () => {
  test("of the same right in the same country stands in the place of its maker's earlier one, which stays", () => {
    const first = protect(ada);
    const second = protect(ada, claim({ status: 'contested' }), first.statement);
    expect(standing(ada, model.id, 'protection-record:DE:copyright')).toMatchObject({ recordId: second.id });
    expect(log.get('rights_record', second.id)).toMatchObject({ supersedes: first.id });
    expect(log.get('rights_record', first.id)).toMatchObject({ supersedes: null, statement: first.statement });
  });

  test.each<[string, Partial<ProtectionBody>]>([
    ['another right', { legalBasis: 'contract' }],
    ['another jurisdiction', { jurisdiction: 'EU' }],
  ])('of %s stands beside it', (_, different) => {
    const first = protect(ada);
    protect(ada, claim(different));
    expect(standing(ada, model.id, 'protection-record:DE:copyright')).toMatchObject({ recordId: first.id });
  });

  test('by another owner supersedes nothing', () => {
    const first = protect(ada);
    const other = protect(ben, claim({ status: 'contested' }));
    expect(standing(ada, model.id, 'protection-record:DE:copyright')).toMatchObject({ recordId: first.id });
    expect(log.get('rights_record', other.id)).toMatchObject({ supersedes: null });
  });

  test('whose maker did not know the one that stands is refused, also where it names one before that', () => {
    const first = protect(ada);
    expect(() => protect(ada)).toThrow(refused('basis_stale', 'basis'));
    protect(ada, claim(), first.statement);
    expect(() => protect(ada, claim(), first.statement)).toThrow(refused('basis_stale', 'basis'));
  });

  test('that rests on no registration is refused', () => {
    expect(() => log.speak(protectionRecord, by(ada), claim())).toThrow(refused('basis_stale', 'basis'));
    const registration = newId('registration');
    expect(() => protect(ada, claim({ registration }))).toThrow(refused('not_found', 'registration'));
  });

  test('by somebody who owns no share is refused', () => {
    expect(() => protect(eve)).toThrow(refused('forbidden', 'maker'));
  });

  test.each(['upheld', 'rejected'] as const)('that says %s on the word of its maker alone is refused', (status) => {
    expect(() => protect(ada, claim({ status }))).toThrow(refused('authority_missing', 'authority'));
    expect(() => protect(ada, claim({ status, authority: 'BGH I ZR 1/26' }))).not.toThrow();
  });

  test.each([' ', '\n\t', '\u200b\u2060', '\u00a0\ufeff'])(
    'that names an authority which nobody can see is refused',
    (authority) => {
      expect(() => protect(ada, claim({ status: 'upheld', authority }))).toThrow(refused('invalid_input', 'authority'));
    },
  );

  test('of a disclosure that is still to come is refused', () => {
    expect(() => protect(ada, claim({ firstDisclosed: '2026-01-02' }))).toThrow(
      refused('date_invalid', 'firstDisclosed'),
    );
    expect(() => protect(ada, claim({ firstDisclosed: '2026-01-01' }))).not.toThrow();
  });

  test.each<[string, object, string]>([
    ['a country that is none', { jurisdiction: 'UK' }, 'jurisdiction'],
    ['a country in lower case', { jurisdiction: 'de' }, 'jurisdiction'],
    ['a day that is none', { firstDisclosed: '2025-02-30' }, 'firstDisclosed'],
    ['a right that is none', { legalBasis: 'finders-keepers' }, 'legalBasis'],
    ['an empty reference', { authority: '' }, 'authority'],
    ['a reference without end', { authority: 'x'.repeat(301) }, 'authority'],
    ['a member that nobody knows', { weights: 'secret' }, 'weights'],
  ])('with %s is refused', (_, different, field) => {
    expect(() => protect(ada, claim(different))).toThrow(refused('invalid_input', field));
  });

  test('under an id that is on record is refused', () => {
    const { id } = protect(ada);
    const common = { ...by(ben, model.statement), id };
    expect(() => log.speak(protectionRecord, common, claim())).toThrow(refused('already_exists', 'id'));
  });
});

describe('a market record', () => {
  test('stands for one market, and its later version in its place', () => {
    const first = market({ name: 'Digits' });
    const other = market({ jurisdiction: 'CN', filingNumber: '京-1' });
    const second = market({ name: 'Digits 2' }, ada, first.statement);
    expect(standing(ada, model.id, 'market-record:EU')).toMatchObject({ recordId: second.id });
    expect(standing(ada, model.id, 'market-record:CN')).toMatchObject({ recordId: other.id });
    expect(() => market({ name: 'Digits 3' }, ada, first.statement)).toThrow(refused('basis_stale', 'basis'));
  });

  test('by somebody who owns no share is refused', () => {
    expect(() => market({}, eve)).toThrow(refused('forbidden', 'maker'));
  });

  test('may name a day on which the model comes on the market, but no data and no assessment of the future', () => {
    expect(() => market({ placedOn: '2027-01-01' })).not.toThrow();
    expect(() => market({ jurisdiction: 'US', dataUntil: '2026-01-02' })).toThrow(refused('date_invalid', 'dataUntil'));
    const summary = { version: '1', updated: '2026-01-02' };
    expect(() => market({ jurisdiction: 'US', summary })).toThrow(refused('date_invalid', 'summary.updated'));
    const safetyAssessment = { report: anyDigest(), on: '2026-06-01', result: 'passed' };
    expect(() => market({ jurisdiction: 'CN', safetyAssessment })).toThrow(
      refused('date_invalid', 'safetyAssessment.on'),
    );
  });

  test('that names a modality twice is refused', () => {
    const modalities = [{ modality: 'text' as const, size: '1' }, { modality: 'text' as const }];
    expect(() => market({ modalities })).toThrow(refused('invalid_input', 'modalities'));
  });
});

describe('a record of data rights', () => {
  test('stands for the dataset, and its later version in its place', () => {
    const first = rights();
    expect(() => rights({ personalData: false })).toThrow(refused('basis_stale', 'basis'));
    const second = rights({ personalData: false }, ada, first.statement);
    expect(standing(ada, data.id, 'data-rights')).toMatchObject({ recordId: second.id });
  });

  test('by somebody else than the maker of the dataset is refused', () => {
    expect(() => rights({}, ben)).toThrow(refused('forbidden', 'dataset'));
  });

  test('of a dataset that is not on record is refused', () => {
    expect(() => rights({ dataset: newId('dataset') })).toThrow(refused('not_found', 'dataset'));
  });

  test.each<[string, Partial<DataRightsBody>, string, string]>([
    [
      'that ends before it begins',
      { collected: { from: '2025-02-01', to: '2025-01-31' } },
      'date_invalid',
      'collected.to',
    ],
    [
      'that begins later than it is stated',
      { collected: { from: '2026-01-02', to: null } },
      'date_invalid',
      'collected.from',
    ],
    [
      'that ends later than it is stated',
      { collected: { from: '2025-01-01', to: '2026-01-02' } },
      'date_invalid',
      'collected.to',
    ],
  ])('of a collection %s is refused', (_, body, code, field) => {
    expect(() => rights(body)).toThrow(refused(code, field));
  });

  test('of a collection of one day, or one that goes on, is taken', () => {
    const first = rights({ collected: { from: '2026-01-01', to: '2026-01-01' } });
    expect(() => rights({ collected: { from: '2026-01-01', to: null } }, ada, first.statement)).not.toThrow();
  });

  test('of a use that is still to come is refused', () => {
    expect(() => rights({ firstUsed: '2026-01-02' })).toThrow(refused('date_invalid', 'firstUsed'));
  });

  test('with more data points at least than at most is refused', () => {
    expect(() => rights({ dataPoints: { least: 2, most: 1 } })).toThrow(refused('invalid_input', 'dataPoints.most'));
  });

  test.each<[string, Partial<DataRightsBody>, string]>([
    ['a domain that is an address', { domains: ['https://example.org/'] }, 'domains.0'],
    ['a domain in upper case', { domains: ['Example.org'] }, 'domains.0'],
    [
      'more domains than a reader reads',
      { domains: Array.from({ length: 1001 }, (_, i) => `a${i}.example`) },
      'domains',
    ],
    ['a text without end', { annotation: 'x'.repeat(4001) }, 'annotation'],
    ['nothing in the place of a text', { optOut: '' }, 'optOut'],
  ])('with %s is refused', (_, body, field) => {
    expect(() => rights(body)).toThrow(refused('invalid_input', field));
  });
});
