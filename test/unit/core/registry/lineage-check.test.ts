import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Digest } from '../../../../src/core/digest.ts';
import type { Relation } from '../../../../src/core/licensing/relations.ts';
import { lineageCheck, registration } from '../../../../src/core/registry/index.ts';
import type { LineageCheckBody } from '../../../../src/core/registry/lineage-check.ts';
import type { RegistrationBody } from '../../../../src/core/registry/registration.ts';
import { modelOf } from '../../../support/bodies.ts';
import { anyDigest, TestLog } from '../../../support/test-log.ts';

let log: TestLog;
let [owner, somebody]: string[] = [];
let parent: RegistrationBody['weights'];
let child: RegistrationBody['weights'];
let made: { id: string; statement: Digest };

function register(maker: string, parents: RegistrationBody['parents'] = []) {
  const body = modelOf(maker, { parents });
  const attestedBy = maker === log.registry ? {} : { attestedBy: 'registry' as const };
  return { body, ...log.speak(registration, { maker, basis: [], ...attestedBy }, body) };
}

const edge = (digest: Digest, relation: Relation) => ({ digest, relation });

beforeEach(() => {
  log = new TestLog();
  [owner, somebody] = [log.makeParty().id, log.makeParty().id];
  parent = register(owner).body.weights;
  const registered = register(owner, [
    edge(parent.weightDigest!, 'quantized-from'),
    edge(parent.weightDigest!, 'fine-tuned-from'),
    edge(LATE, 'merged-from'),
  ]);
  child = registered.body.weights;
  made = registered;
});

const LATE = anyDigest();

const body = (different: Partial<LineageCheckBody> = {}): LineageCheckBody => ({
  registration: made.id,
  relation: 'quantized-from',
  parent: parent.weightDigest!,
  method: 'conversion-replay',
  finding: 'contradicted',
  compared: { child: child.fileDigest, parent: parent.fileDigest },
  score: null,
  pValue: null,
  n: null,
  evidence: { conversions: ['F32 to Q8_0'] },
  tool: { name: 'muniment', version: '1' },
  ...different,
});

const byRegistry = (different: Partial<LineageCheckBody> = {}, basis: Digest[] = [made.statement]) =>
  log.speak(lineageCheck, { maker: log.registry, basis }, body(different));
/** Rows of a table */
const rows = (table: string): object[] =>
  [...log.rows].filter(([key]) => key.startsWith(`${table} `)).map(([, row]) => row);
const standing = () => rows('lineage_standing');

describe('a check of a lineage', () => {
  test('decides how the edge stands where it is the registry’s, the newest each time', () => {
    expect(standing()).toEqual([]);
    byRegistry();
    expect(standing()).toMatchObject([
      { registrationId: made.id, relation: 'quantized-from', standing: 'contradicted' },
    ]);
    byRegistry({ finding: 'confirmed', parent: parent.fileDigest });
    expect(standing()).toMatchObject([{ registrationId: made.id, relation: 'quantized-from', standing: 'confirmed' }]);
    byRegistry({ finding: 'unexplained', parent: parent.namelessDigest! });
    expect(standing()).toMatchObject([{ registrationId: made.id, relation: 'quantized-from', standing: 'declared' }]);
  });

  test('is kept and decides nothing where it is anybody else’s', () => {
    for (const maker of [owner!, somebody!]) {
      log.speak(
        lineageCheck,
        { maker, basis: [made.statement], attestedBy: 'registry' },
        body({ finding: 'confirmed' }),
      );
    }
    expect(standing()).toEqual([]);
    expect(rows('lineage_check')).toHaveLength(2);
  });

  test('decides nothing where the registry checks what it registered itself', () => {
    made = register(log.registry, [edge(parent.weightDigest!, 'quantized-from')]);
    child = (made as ReturnType<typeof register>).body.weights;
    byRegistry({ finding: 'confirmed' });
    expect(standing()).toEqual([]);
  });

  test('speaks of a parent that was named before it was on record', () => {
    byRegistry({ relation: 'merged-from', parent: LATE, compared: { child: child.weightDigest!, parent: LATE } });
    expect(standing()).toMatchObject([{ relation: 'merged-from', parent: LATE, standing: 'contradicted' }]);
  });

  test.each<[string, Partial<LineageCheckBody>]>([
    ['a relation that is not declared', { relation: 'pruned-from' }],
    ['a parent that is not declared', { parent: anyDigest() }],
    ['a parent of another relation', { parent: LATE }],
  ])('is refused for %s', (_, different) => {
    expect(() => byRegistry(different)).toThrow(expect.objectContaining({ code: 'not_found', field: 'parent' }));
  });

  test('is refused for other files than those of the edge', () => {
    const own = { child: child.fileDigest, parent: parent.fileDigest };
    for (const [field, compared] of [
      ['compared.child', { ...own, child: anyDigest() }],
      ['compared.child', { ...own, child: parent.fileDigest }],
      ['compared.parent', { ...own, parent: child.fileDigest }],
    ] as const) {
      expect(() => byRegistry({ compared })).toThrow(expect.objectContaining({ code: 'digest_mismatch', field }));
    }
  });

  const byFingerprint = (different: Partial<LineageCheckBody> = {}) =>
    byRegistry({
      relation: 'fine-tuned-from',
      method: 'fingerprint',
      finding: 'confirmed',
      score: 6.5,
      pValue: 0.01,
      n: 99,
      ...different,
    });

  test('has a score where it is a fingerprint, and only there', () => {
    for (const without of [{ n: null }, { method: 'conversion-replay' }] as const) {
      expect(() => byFingerprint(without)).toThrow(expect.objectContaining({ code: 'invalid_input', field: 'score' }));
    }
    byFingerprint();
    expect(standing()).toMatchObject([{ registrationId: made.id, relation: 'fine-tuned-from', standing: 'confirmed' }]);
  });

  test.each<[string, string, Partial<LineageCheckBody>]>([
    ['tell a quantization', 'method', { relation: 'quantized-from' }],
    [
      'tell a quantization, not even that it may be none',
      'method',
      { relation: 'quantized-from', finding: 'unexplained' },
    ],
    ['contradict', 'finding', { finding: 'contradicted', pValue: 1 }],
    ['confirm at a larger level', 'pValue', { pValue: 0.0101 }],
    ['confirm against few models', 'pValue', { pValue: 0.001, n: 98 }],
  ])('may not %s by a fingerprint', (_, field, different) => {
    expect(() => byFingerprint(different)).toThrow(expect.objectContaining({ code: 'invalid_input', field }));
  });

  test('takes a fingerprint that shows too little as unexplained', () => {
    byFingerprint();
    byFingerprint({ finding: 'unexplained', pValue: 0.2, n: 4 });
    expect(standing()).toMatchObject([{ relation: 'fine-tuned-from', standing: 'declared' }]);
  });

  test('names the registration that it speaks of', () => {
    expect(() => byRegistry({}, [])).toThrow(expect.objectContaining({ code: 'basis_stale' }));
  });
});
