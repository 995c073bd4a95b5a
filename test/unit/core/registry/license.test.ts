import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Digest } from '../../../../src/core/digest.ts';
import { LICENSE_TEMPLATES } from '../../../../src/core/licensing/license-templates.ts';
import { grant, license, licenseWithdrawal, registration } from '../../../../src/core/registry/index.ts';
import type { LicenseBody } from '../../../../src/core/registry/license.ts';
import { modelOf } from '../../../support/bodies.ts';
import { anyDigest, TestLog } from '../../../support/test-log.ts';

const refused = (code: string, field?: string) => expect.objectContaining({ code, ...(field && { field }) });

let log: TestLog;
let ada: string;
let ben: string;
let model: { id: string; statement: Digest };

const by = (maker: string, ...basis: Digest[]) => ({ maker, attestedBy: 'registry' as const, basis });
const perCall = LICENSE_TEMPLATES.find(({ id }) => id === 'per-call')!;
const bodyOf = (different: Partial<LicenseBody> = {}): LicenseBody => ({
  asset: model.id,
  name: perCall.title,
  expression: perCall.expression,
  textDigest: anyDigest(),
  terms: perCall.terms,
  replaces: null,
  ...different,
});
const offer = (different: Partial<LicenseBody> = {}, maker = ada, basis = [model.statement]) =>
  log.speak(license, by(maker, ...basis), bodyOf(different));

beforeEach(() => {
  log = new TestLog();
  [ada, ben] = [log.makeParty().id, log.makeParty().id];
  model = log.speak(registration, by(ada), modelOf(ada));
});

describe('a license', () => {
  test('is offered by an owner, with a text where the SPDX list has none, and terms that fit', () => {
    const { id } = offer();
    expect(log.get('license', id)).toMatchObject({ assetId: model.id, licensor: ada, version: 1, endedIndex: null });
    expect(() => offer({}, ben)).toThrow(refused('forbidden', 'maker'));
    expect(() => offer({ textDigest: null })).toThrow(refused('license_unknown', 'textDigest'));
    expect(() => offer({ expression: 'Apache 2' })).toThrow(refused('license_unknown', 'expression'));
    expect(() => offer({ expression: 'MIT' })).toThrow(refused('terms_contradictory', 'terms.termDays'));
    expect(() => offer({}, ada, [])).toThrow(refused('basis_stale'));
  });

  test('gives way to the version that replaces it, once', () => {
    const first = offer();
    const second = offer({ replaces: first.id }, ada, [model.statement, first.statement]);
    expect(log.get('license', first.id)).toMatchObject({ version: 1, endedIndex: expect.any(Number) });
    expect(log.get('license', second.id)).toMatchObject({ version: 2, endedIndex: null });
    const again = [model.statement, first.statement];
    expect(() => offer({ replaces: first.id }, ada, again)).toThrow(refused('state_conflict', 'replaces'));
    const other = log.speak(registration, by(ada), modelOf(ada));
    const elsewhere = [other.statement, second.statement];
    expect(() => offer({ asset: other.id, replaces: second.id }, ada, elsewhere)).toThrow(
      refused('invalid_input', 'replaces'),
    );
  });

  test('is withdrawn by an owner, once', () => {
    const { id, statement } = offer();
    const withdraw = (maker: string) =>
      log.speak(licenseWithdrawal, by(maker, statement), { license: id, reason: 'sold out' });
    expect(() => withdraw(ben)).toThrow(refused('forbidden'));
    withdraw(ada);
    expect(() => withdraw(ada)).toThrow(refused('state_conflict', 'license'));
  });
});

describe('a grant under a license', () => {
  const give = (offered: { id: string; statement: Digest }, different: object = {}) =>
    log.speak(grant, by(ada, model.statement, offered.statement), {
      registration: model.id,
      license: offered.id,
      licensee: ben,
      actions: ['infer'],
      constraints: { commercial: true, territory: null, fieldOfUse: null, maxCalls: 1000, seats: null },
      termsDigest: offered.statement,
      notBefore: '2026-01-01T00:00:00.000Z',
      expiresAt: '2026-12-31T00:00:00.000Z',
      sublicensing: false,
      acceptBy: '2999-01-01T00:00:00.000Z',
      ...different,
    });

  test('gives what the license offers and no more, on its very terms', () => {
    const offered = offer();
    expect(log.get('license_grant', give(offered).id)).toMatchObject({ document: { license: offered.id } });
    expect(() => give(offered, { actions: ['redistribute'] })).toThrow(refused('grant_too_wide', 'actions'));
    expect(() => give(offered, { termsDigest: anyDigest() })).toThrow(refused('digest_mismatch', 'termsDigest'));
  });

  test('is not given under one that has ended, or is on another model', () => {
    const offered = offer();
    offer({ replaces: offered.id }, ada, [model.statement, offered.statement]);
    expect(() => give(offered)).toThrow(refused('state_conflict', 'license'));
    const other = log.speak(registration, by(ada), modelOf(ada));
    const elsewhere = offer({ asset: other.id }, ada, [other.statement]);
    expect(() => give(elsewhere)).toThrow(refused('invalid_input', 'license'));
  });
});
