import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Digest } from '../../../../src/core/digest.ts';
import { formatFingerprint } from '../../../../src/core/fingerprint/document.ts';
import type { Fingerprint } from '../../../../src/core/fingerprint/fingerprint.ts';
import { SCHEME } from '../../../../src/core/fingerprint/fingerprint.ts';
import { simHash } from '../../../../src/core/fingerprint/simhash.ts';
import { fingerprint, registration } from '../../../../src/core/registry/index.ts';
import { anyFingerprint } from '../../../support/fingerprints.ts';
import { modelOf } from '../../../support/bodies.ts';
import { TestLog } from '../../../support/test-log.ts';

let log: TestLog;
let owner: string;
let somebody: string;
let model: { id: string; statement: Digest };

beforeEach(() => {
  log = new TestLog();
  [owner, somebody] = [log.makeParty().id, log.makeParty().id];
  model = log.speak(registration, { maker: owner, attestedBy: 'registry' }, modelOf(owner));
});

function state(maker: string, made: Fingerprint, basis = [model.statement], of = model.id) {
  const attested = maker === log.registry ? {} : { attestedBy: 'registry' as const };
  return log.speak(
    fingerprint,
    { maker, basis, ...attested },
    { registration: of, fingerprint: formatFingerprint(made) },
  );
}

describe('a fingerprint', () => {
  test('is stated by an owner, and stands with what a search takes from it', () => {
    const made = anyFingerprint();
    const { statement } = state(owner, made);
    const { retrieval, layers, outputs } = formatFingerprint(made);
    expect(log.get('fingerprint', model.id, SCHEME, owner)).toEqual({
      registrationId: model.id,
      scheme: SCHEME,
      maker: owner,
      shape: '784-128-10',
      simhash: simHash(made.retrieval),
      retrieval,
      layers,
      outputs,
      statement,
      recordedIndex: expect.any(Number) as unknown,
    });
  });

  test("of the registrar stands beside the owner's", () => {
    state(owner, anyFingerprint());
    state(log.registry, anyFingerprint());
    expect(log.get('fingerprint', model.id, SCHEME, owner)).toBeDefined();
    expect(log.get('fingerprint', model.id, SCHEME, log.registry)).toBeDefined();
  });

  test('is stated once by each: weights do not change', () => {
    state(owner, anyFingerprint());
    expect(() => state(owner, anyFingerprint())).toThrow(expect.objectContaining({ code: 'already_exists' }));
  });

  test("of somebody else's model is refused", () => {
    expect(() => state(somebody, anyFingerprint())).toThrow(
      expect.objectContaining({ code: 'forbidden', field: 'registration' }),
    );
  });

  test('of a model that is not on record, or whose record it does not name, is refused', () => {
    const none = `registration_${'0'.repeat(26)}`;
    expect(() => state(owner, anyFingerprint(), [], none)).toThrow(expect.objectContaining({ code: 'not_found' }));
    expect(() => state(owner, anyFingerprint(), [])).toThrow(expect.objectContaining({ code: 'basis_stale' }));
  });

  test('that is none is refused by the member that says so', () => {
    const none = { ...anyFingerprint(), retrieval: new Int8Array(1024) };
    expect(() => state(owner, none)).toThrow(
      expect.objectContaining({ code: 'invalid_input', field: 'fingerprint.retrieval' }),
    );
  });
});
