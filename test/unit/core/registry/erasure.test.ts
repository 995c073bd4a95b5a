import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Digest } from '../../../../src/core/digest.ts';
import type { ErasureBody } from '../../../../src/core/registry/commitment.ts';
import { commit, commitmentsOf, disclosureSchema } from '../../../../src/core/registry/commitment.ts';
import { manifestOf } from '../../../../src/core/registry/dataset.ts';
import { dataset, erasure, party } from '../../../../src/core/registry/index.ts';
import { readSpoken } from '../../../../src/core/registry/spoken.ts';
import { newNonce, sha256 } from '../../../../src/platform/crypto.ts';
import { anyDigest, TestLog } from '../../../support/test-log.ts';

const refused = (code: string) => expect.objectContaining({ code });

let log: TestLog;
let owner: { id: string; statement: Digest };
let name: Digest;
beforeEach(() => {
  log = new TestLog();
  owner = log.makeParty();
  name = log.get('party', owner.id)!.nameCommitment;
});

const attested = (maker: string, basis: Digest[]) => ({ maker, basis, attestedBy: 'registry' as const });
const erasing = (...commitments: Digest[]): ErasureBody => ({ commitments, reason: 'asked-by-subject' });
const dataOf = (nameCommitment: Digest | null, holder: string | null = null) => ({
  name: 'd',
  version: '1',
  ...manifestOf(sha256, [{ name: 'a', bytes: 1, digest: anyDigest() }]),
  originUrl: 'https://example.org/d',
  license: { expression: 'CC-BY-SA-3.0', status: 'asserted' as const },
  holder: { party: holder, nameCommitment },
  collection: null,
});

describe('a commitment', () => {
  test('is SHA-256 over salt and value, so that a name alone tells nothing', () => {
    const salt = '00112233445566778899aabbccddeeff';
    // printf '00112233445566778899aabbccddeeff' | xxd -r -p | cat - <(printf 'Ada') | sha256sum
    expect(commit(sha256, salt, 'Ada')).toBe('sha256:f8c8e0315afc2e65199ffe7cd3c57d160ee71121a13fc68d30a1fdf8e7752c21');
    expect(commit(sha256, newNonce(), 'Ada')).not.toBe(commit(sha256, newNonce(), 'Ada'));
    expect(disclosureSchema.safeParse({ value: 'Ada', salt: salt.slice(2) }).success).toBe(false);
  });

  test('is kept with the party that may have its value erased', () => {
    expect(log.get('commitment', name)).toMatchObject({ partyId: owner.id, erasedIndex: null });
    const holder = anyDigest();
    log.speak(dataset, attested(owner.id, []), dataOf(holder));
    expect(log.get('commitment', holder)).toMatchObject({ partyId: owner.id, erasedIndex: null });
  });

  test('of another statement is refused, or its value would come under the hand of whoever copied it', () => {
    const thief = log.makeParty();
    expect(() => log.speak(dataset, attested(thief.id, []), dataOf(name))).toThrow(refused('already_exists'));
    const copied = { kind: 'person' as const, roles: [], nameCommitment: name };
    expect(() => log.speak(party, { maker: log.registry }, copied)).toThrow(refused('already_exists'));
  });

  test('takes the place of a name wherever there is no party on record', () => {
    expect(() => log.draft(dataset, { maker: owner.id }, dataOf(null))).toThrow(refused('invalid_input'));
    expect(() => log.draft(dataset, { maker: owner.id }, dataOf(anyDigest(), owner.id))).toThrow(
      refused('invalid_input'),
    );
    const { payload, spki } = log.draft(dataset, { maker: owner.id }, dataOf(null, owner.id));
    expect(commitmentsOf(readSpoken(sha256, payload, spki))).toEqual([]);
  });
});

describe('an erasure', () => {
  test('is made by the party whose value it is, or by the registrar', () => {
    log.speak(erasure, attested(owner.id, [owner.statement]), erasing(name));
    expect(log.get('commitment', name)).toMatchObject({ erasedIndex: log.statements.size - 1, recordedIndex: 1 });
    const other = log.makeParty();
    const theirs = log.get('party', other.id)!.nameCommitment;
    log.speak(erasure, { maker: log.registry, basis: [other.statement] }, erasing(theirs));
    expect(log.get('commitment', theirs)!.erasedIndex).toBe(log.statements.size - 1);
  });

  test("answers alike about another party's value and one that is not there", () => {
    const thief = log.makeParty();
    const told = (commitment: Digest) => {
      try {
        log.speak(erasure, attested(thief.id, [owner.statement]), erasing(commitment));
      } catch (error) {
        return String(error).replace(commitment, '<it>');
      }
      return 'recorded';
    };
    expect(told(name)).toContain('There is no value under <it> that you may erase.');
    expect(told(name)).toBe(told(anyDigest()));
    expect(log.get('commitment', name)!.erasedIndex).toBeNull();
  });

  test('happens once, of each value once, and names what it stands on', () => {
    const basis = attested(owner.id, [owner.statement]);
    expect(() => log.speak(erasure, attested(owner.id, []), erasing(name))).toThrow(refused('basis_stale'));
    expect(() => log.speak(erasure, basis, erasing(name, name))).toThrow(refused('invalid_input'));
    log.speak(erasure, basis, erasing(name));
    expect(() => log.speak(erasure, basis, erasing(name))).toThrow(refused('state_conflict'));
  });

  test('of several values is refused whole when one of them is refused', () => {
    const mine = anyDigest();
    const made = log.speak(dataset, attested(owner.id, []), dataOf(mine));
    const basis = attested(owner.id, [owner.statement, made.statement]);
    expect(() => log.speak(erasure, basis, erasing(mine, anyDigest()))).toThrow(refused('not_found'));
    expect(log.get('commitment', mine)!.erasedIndex).toBeNull();
    log.speak(erasure, basis, erasing(mine, name));
    expect(log.get('commitment', mine)!.erasedIndex).not.toBeNull();
  });

  test('gives a reason out of a list, so that no word of it is personal', () => {
    const body = { commitments: [name], reason: 'Ada asked for it' } as never;
    expect(() => log.draft(erasure, { maker: owner.id }, body)).toThrow(refused('invalid_input'));
  });
});
