import { beforeEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import type { Digest } from '../../../../src/core/digest.ts';
import type { FieldOpeningBody } from '../../../../src/core/registry/field-opening.ts';
import { fieldOpening, opening, sealed } from '../../../../src/core/registry/index.ts';
import { sealCommitment } from '../../../../src/core/registry/sealed.ts';
import type { OpenedField, TitleField, TitleSecret } from '../../../../src/core/registry/sealed-title.ts';
import {
  commitmentOf,
  openField,
  TITLE_FIELDS,
  TITLE_LEAVES,
  titleCommitment,
} from '../../../../src/core/registry/sealed-title.ts';
import { newId, newNonce, sha256 } from '../../../../src/platform/crypto.ts';
import { anyDigest, ORIGIN, TestLog } from '../../../support/test-log.ts';

const refused = (code: string, field?: string) =>
  expect.objectContaining({ code, ...(field === undefined ? {} : { field }) });

let log: TestLog;
let owner: string;
beforeEach(() => {
  log = new TestLog();
  owner = log.makeParty().id;
});

const attested = (maker: string, basis: Digest[] = []) => ({ maker, basis, attestedBy: 'registry' as const });
const by = (maker: string, origin = ORIGIN) => ({ origin, maker });
const salts = () => Array.from({ length: TITLE_LEAVES }, newNonce);
const everything = (): TitleSecret => ({
  salts: salts(),
  values: {
    name: 'digits',
    fileDigest: anyDigest(),
    weightDigest: anyDigest(),
    namelessDigest: anyDigest(),
    owners: [{ party: owner, share: '1/1' }],
    license: { expression: 'Apache-2.0', textDigest: null },
    parents: [{ digest: anyDigest(), relation: 'fine-tuned-from' }],
    datasets: [anyDigest()],
    instrument: anyDigest(),
    note: 'made at work',
  },
});
const seal = (maker: string, secret: TitleSecret, commitment = titleCommitment(sha256, by(maker), secret)) => ({
  ...log.speak(sealed, attested(maker), { subject: 'title', commitment }),
  commitment,
});
type Sealed = ReturnType<typeof seal>;
const openingOf = (
  maker: string,
  { id, commitment }: Pick<Sealed, 'commitment' | 'id'>,
  secret: TitleSecret,
  ...fields: TitleField[]
): FieldOpeningBody => ({
  sealed: id,
  commitment,
  fields: fields.map((field) => openField(sha256, by(maker), secret, field)),
});
const open = (maker: string, { statement }: Pick<Sealed, 'statement'>, body: FieldOpeningBody) =>
  log.speak(fieldOpening, attested(maker, [statement]), body);

describe('a sealed title', () => {
  test('is committed to in canonical JSON and a tree that anybody can write', () => {
    const secret = everything();
    const hash = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
    const leaf = (place: number, field: string, value: string) => {
      const text = `{"field":${field},"maker":"${owner}","origin":"${ORIGIN}","salt":"${secret.salts[place]}","type":"muniment sealed field v1","value":${value}}`;
      return hash(Buffer.of(0), hash(Buffer.from(text)));
    };
    const { values } = secret;
    let level = [
      leaf(0, '"name"', '"digits"'),
      leaf(1, '"fileDigest"', `"${values.fileDigest}"`),
      leaf(2, '"weightDigest"', `"${values.weightDigest}"`),
      leaf(3, '"namelessDigest"', `"${values.namelessDigest}"`),
      leaf(4, '"owners"', `[{"party":"${owner}","share":"1/1"}]`),
      leaf(5, '"license"', '{"expression":"Apache-2.0","textDigest":null}'),
      leaf(6, '"parents"', `[{"digest":"${values.parents![0]!.digest}","relation":"fine-tuned-from"}]`),
      leaf(7, '"datasets"', `["${values.datasets![0]}"]`),
      leaf(8, '"instrument"', `"${values.instrument}"`),
      leaf(9, '"note"', '"made at work"'),
      ...[10, 11, 12, 13, 14, 15].map((place) => leaf(place, 'null', 'null')),
    ];
    while (level.length > 1) {
      level = level.flatMap((left, i) => (i % 2 === 0 ? [hash(Buffer.of(1), left, level[i + 1]!)] : []));
    }
    expect(titleCommitment(sha256, by(owner), secret)).toBe(`sha256:${level[0]!.toString('hex')}`);
  });

  test('tells neither what it says nor how much, in the entry, in the payload and in every row', () => {
    const full = everything();
    const empty = { salts: salts(), values: {} };
    const drafts = [full, empty].map((secret) =>
      log.draft(sealed, attested(owner), {
        subject: 'title',
        commitment: titleCommitment(sha256, by(owner), secret),
      }),
    );
    const random = /sha256:[0-9a-f]{64}|"(?:nonce|oneTimeKey|signature|sha256)":"[^"]*"|sealed[_:][0-9a-z]{26}/g;
    const [said, silent] = drafts.map(({ payload }) => Buffer.from(payload).toString().replaceAll(random, ''));
    expect(said).toBe(silent);
    expect(drafts.map(({ spki }) => spki)).not.toContain(log.registryKey.spki);
    seal(owner, full);
    const rows = JSON.stringify([...log.rows.values()]);
    const { owners, ...values } = full.values;
    const hidden = [...Object.values(values), owners!.map(({ share }) => ({ share }))].map((value) =>
      JSON.stringify(value),
    );
    expect([...hidden, ...full.salts].filter((text) => rows.includes(text))).toEqual([]);
  });

  test('gives every field, filled or not, a proof of the same form', () => {
    const secret = { salts: salts(), values: { note: 'only this' } };
    const commitment = titleCommitment(sha256, by(owner), secret);
    for (const field of TITLE_FIELDS) {
      const opened = openField(sha256, by(owner), secret, field);
      expect(opened.proof).toHaveLength(4);
      expect(commitmentOf(sha256, by(owner), opened)).toBe(commitment);
    }
  });

  test('changes its commitment with every salt, value, log and maker', () => {
    const secret = everything();
    const all = [
      titleCommitment(sha256, by(owner), secret),
      titleCommitment(sha256, by(newId('party')), secret),
      titleCommitment(sha256, by(owner, 'elsewhere.example/00'), secret),
      ...secret.salts.map((_, i) =>
        titleCommitment(sha256, by(owner), { ...secret, salts: secret.salts.with(i, newNonce()) }),
      ),
      ...TITLE_FIELDS.map((field) =>
        titleCommitment(sha256, by(owner), { ...secret, values: { ...secret.values, [field]: undefined } }),
      ),
    ];
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('an opening of fields', () => {
  test('reveals those alone, over several statements, and proves that their digests were known before', () => {
    const secret = everything();
    const { values } = secret;
    const record = seal(owner, secret);
    const sealedAt = log.statements.size - 1;
    open(owner, record, openingOf(owner, record, secret, 'weightDigest', 'owners'));
    const firstAt = log.statements.size - 1;
    expect(log.get('sealed', owner, record.id)!.openedIndex).toBe(firstAt);
    expect(log.get('possession', values.weightDigest!, owner, record.id)).toMatchObject({
      subject: 'title',
      sealedIndex: sealedAt,
      recordedIndex: firstAt,
    });
    expect(log.get('sealed_field', owner, record.id, 'owners')!.value).toBe(JSON.stringify(values.owners));
    expect(log.get('sealed_field', owner, record.id, 'license')).toBeUndefined();
    expect(log.get('possession', values.fileDigest!, owner, record.id)).toBeUndefined();
    const { changes } = open(owner, record, openingOf(owner, record, secret, 'license', 'instrument'));
    expect(changes.map(({ table }) => table)).toEqual(['sealed_field', 'sealed_field', 'possession']);
    expect(log.get('sealed', owner, record.id)!.openedIndex).toBe(firstAt);
  });

  test('of parents and data gives nobody possession of what is others', () => {
    const secret = everything();
    const record = seal(owner, secret);
    const { changes } = open(owner, record, openingOf(owner, record, secret, 'parents', 'datasets'));
    expect(changes.filter(({ table }) => table === 'possession')).toEqual([]);
  });

  test('of all fields shows also that nothing was said about the others', () => {
    const secret = { salts: salts(), values: { note: 'only this' } };
    const record = seal(owner, secret);
    open(owner, record, openingOf(owner, record, secret, ...TITLE_FIELDS));
    expect(TITLE_FIELDS.map((field) => log.get('sealed_field', owner, record.id, field)!.value)).toEqual([
      ...Array.from({ length: 9 }, () => 'null'),
      '"only this"',
    ]);
  });

  const flip = (hash: string) => `${hash.startsWith('A') ? 'B' : 'A'}${hash.slice(1)}`;
  test.each<[string, (opened: OpenedField) => object, string, string | undefined]>([
    ['another salt', () => ({ salt: newNonce() }), 'proof_invalid', 'fields.0'],
    ['another value', () => ({ value: anyDigest() }), 'proof_invalid', 'fields.0'],
    ['nothing where something was said', () => ({ value: null }), 'proof_invalid', 'fields.0'],
    ['the name of another field', () => ({ field: 'fileDigest' }), 'proof_invalid', 'fields.0'],
    ...[0, 1, 2, 3].map((i): [string, (opened: OpenedField) => object, string, string] => [
      `hash ${i} of its proof forged`,
      ({ proof }) => ({ proof: proof.with(i, flip(proof[i]!)) }),
      'proof_invalid',
      'fields.0',
    ]),
    ['hashes in another order', ({ proof }) => ({ proof: proof.toReversed() }), 'proof_invalid', 'fields.0'],
    ['a hash too few', ({ proof }) => ({ proof: proof.slice(1) }), 'invalid_input', undefined],
    ['a hash too many', ({ proof }) => ({ proof: [...proof, proof[0]!] }), 'invalid_input', undefined],
    ['an unknown field', () => ({ field: 'price' }), 'invalid_input', 'fields.0.field'],
    ['a value of another form', () => ({ value: ['x'] }), 'invalid_input', undefined],
  ])('is refused with %s', (_, change, code, field) => {
    const secret = everything();
    const record = seal(owner, secret);
    const body = openingOf(owner, record, secret, 'weightDigest');
    const opened = { ...body.fields[0]!, ...change(body.fields[0]!) };
    expect(() => open(owner, record, { ...body, fields: [opened] })).toThrow(refused(code, field));
    expect(log.get('sealed', owner, record.id)!.openedIndex).toBeNull();
  });

  test.each<[string, Partial<TitleSecret['values']>, string, string]>([
    ['shares that do not add up', { owners: [{ party: newId('party'), share: '1/2' }] }, 'shares_invalid', 'owners'],
    ['no license', { license: { expression: 'my own', textDigest: null } }, 'license_unknown', 'license'],
    [
      'a license without its text',
      { license: { expression: 'LicenseRef-mine', textDigest: null } },
      'license_unknown',
      'license',
    ],
  ])('is refused with %s, though that was sealed', (_, values, code, field) => {
    const secret = { salts: salts(), values };
    const record = seal(owner, secret);
    const body = openingOf(owner, record, secret, field as TitleField);
    expect(() => open(owner, record, body)).toThrow(refused(code));
  });

  test('is refused for a field twice, and for fields in another order', () => {
    const secret = everything();
    const record = seal(owner, secret);
    for (const fields of [['name', 'name'] as const, ['note', 'name'] as const, []]) {
      expect(() => open(owner, record, openingOf(owner, record, secret, ...fields))).toThrow(refused('invalid_input'));
    }
  });

  test('happens once for a field, and names the sealed statement', () => {
    const secret = everything();
    const record = seal(owner, secret);
    const body = openingOf(owner, record, secret, 'name', 'note');
    expect(() => log.speak(fieldOpening, attested(owner), body)).toThrow(refused('basis_stale'));
    open(owner, record, body);
    expect(() => open(owner, record, openingOf(owner, record, secret, 'owners', 'note'))).toThrow(
      refused('state_conflict', 'fields.1.field'),
    );
  });

  test('does not reveal one digest under two names over two entries, where a look-up would show one of them', () => {
    const digest = anyDigest();
    const secret = { salts: salts(), values: { fileDigest: digest, instrument: digest } };
    const record = seal(owner, secret);
    open(owner, record, openingOf(owner, record, secret, 'fileDigest'));
    expect(() => open(owner, record, openingOf(owner, record, secret, 'instrument'))).toThrow(
      refused('state_conflict', 'fields'),
    );
    const again = seal(owner, secret);
    open(owner, again, openingOf(owner, again, secret, 'fileDigest', 'instrument'));
    expect(log.get('possession', digest, owner, again.id)).toBeDefined();
  });

  test('of a title that was never sealed is refused, though it fits together', () => {
    const record = seal(owner, everything());
    const other = everything();
    const commitment = titleCommitment(sha256, by(owner), other);
    const body = openingOf(owner, { ...record, commitment }, other, 'name');
    expect(() => open(owner, record, body)).toThrow(refused('digest_mismatch', 'commitment'));
  });

  test('of a commitment that was copied from another party or another log is refused', () => {
    const secret = everything();
    const thief = log.makeParty().id;
    for (const [maker, origin] of [
      [owner, ORIGIN],
      [thief, 'elsewhere.example/00'],
    ] as const) {
      const copied = titleCommitment(sha256, by(maker, origin), secret);
      const record = seal(thief, secret, copied);
      const fields = [openField(sha256, by(maker, origin), secret, 'weightDigest')];
      const body = { sealed: record.id, commitment: copied, fields };
      expect(() => open(thief, record, body)).toThrow(refused('proof_invalid', 'fields.0'));
    }
  });

  test('of what another party sealed answers like one of nothing', () => {
    const secret = everything();
    const thief = log.makeParty().id;
    const record = seal(owner, secret);
    const own = { id: record.id, commitment: titleCommitment(sha256, by(thief), secret) };
    const told = (id: string) => {
      try {
        open(thief, record, openingOf(thief, { ...own, id }, secret, 'name'));
      } catch (error) {
        return String(error).replace(id, '<id>');
      }
      return 'recorded';
    };
    expect(told(record.id)).toContain('You have sealed nothing as <id>.');
    expect(told(record.id)).toBe(told(newId('sealed')));
  });

  test('is of a title alone, and a title opens in no other way', () => {
    const digests = [anyDigest()];
    const secret = { subject: 'model' as const, salt: newNonce(), digests };
    const commitment = sealCommitment(sha256, by(owner), secret);
    const whole = log.speak(sealed, attested(owner), { subject: 'title', commitment });
    expect(() =>
      log.speak(opening, attested(owner, [whole.statement]), { sealed: whole.id, commitment, ...secret }),
    ).toThrow(refused('digest_mismatch', 'commitment'));
    const title = everything();
    const root = titleCommitment(sha256, by(owner), title);
    const { id, statement } = log.speak(sealed, attested(owner), { subject: 'model', commitment: root });
    const body = openingOf(owner, { id, commitment: root }, title, 'name');
    expect(() => open(owner, { statement }, body)).toThrow(refused('digest_mismatch', 'commitment'));
  });
});
