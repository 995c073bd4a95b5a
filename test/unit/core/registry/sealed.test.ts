import { beforeEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Digest } from '../../../../src/core/digest.ts';
import { KINDS, opening, registration, sealed } from '../../../../src/core/registry/index.ts';
import { sealCommitment } from '../../../../src/core/registry/sealed.ts';
import type { OpeningBody, SealedSecret } from '../../../../src/core/registry/sealed.ts';
import { formatStatement, parseStatement } from '../../../../src/core/statement/statement.ts';
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
const secretOf = (...digests: Digest[]): SealedSecret => ({
  subject: 'model',
  salt: newNonce(),
  digests: digests.sort(),
});
const commitmentOf = (maker: string, secret: SealedSecret, origin = ORIGIN) =>
  sealCommitment(sha256, { origin, maker }, secret);
const seal = (maker: string, secret: SealedSecret, commitment = commitmentOf(maker, secret)) =>
  log.speak(sealed, attested(maker), { subject: secret.subject, commitment });
const openingOf = (
  maker: string,
  id: string,
  secret: SealedSecret,
  change: Partial<OpeningBody> = {},
): OpeningBody => ({
  sealed: id,
  commitment: commitmentOf(maker, secret),
  ...secret,
  digests: [...secret.digests],
  ...change,
});

test.each(['sealed', 'opening'] as const)('a %s statement of before sealed titles is valid, byte for byte', (kind) => {
  const vectors = JSON.parse(readFileSync('test/vectors/sealed/whole.json', 'utf8')) as Record<typeof kind, string>;
  const payload = Buffer.from(vectors[kind]);
  const { form, common, body } = parseStatement(sha256, KINDS, payload);
  expect(form.kind).toBe(kind);
  expect(Buffer.from(formatStatement(sha256, form, common, body))).toEqual(payload);
  KINDS.get(form.predicateType)!.coheres?.(sha256, body as never, common);
});

describe('what is sealed', () => {
  test('is committed to in canonical JSON that anybody can write', () => {
    const secret: SealedSecret = { subject: 'model', salt: '00'.repeat(16), digests: [`sha256:${'a'.repeat(64)}`] };
    const text = `{"digests":["sha256:${'a'.repeat(64)}"],"maker":"${owner}","origin":"${ORIGIN}","salt":"${'00'.repeat(16)}","subject":"model","type":"muniment sealed v1"}`;
    expect(commitmentOf(owner, secret)).toBe(`sha256:${createHash('sha256').update(text).digest('hex')}`);
  });

  test('holds neither name nor digest, and is signed by a key that shows nobody', () => {
    const digest = anyDigest();
    const secret = secretOf(digest);
    const body = { subject: secret.subject, commitment: commitmentOf(owner, secret) };
    const { payload, spki } = log.draft(sealed, attested(owner), body);
    expect(Buffer.from(payload).toString()).not.toContain(digest.slice('sha256:'.length));
    expect(spki).not.toBe(log.registryKey.spki);
    const { id } = seal(owner, secret);
    expect([...log.rows.values()].filter((row) => JSON.stringify(row).includes(digest))).toEqual([]);
    expect(log.get('sealed', owner, id)).toMatchObject({ openedIndex: null, commitment: body.commitment });
  });

  test('may bear an id that another party used, which nobody learns by trying', () => {
    const other = log.makeParty().id;
    const { id } = seal(owner, secretOf(anyDigest()));
    const body = { subject: 'model' as const, commitment: anyDigest() };
    expect(() => log.speak(sealed, { ...attested(other), id }, body)).not.toThrow();
    expect(() => log.speak(sealed, { ...attested(owner), id }, body)).toThrow(refused('already_exists', 'id'));
  });
});

describe('an opening', () => {
  test('proves that its maker knew each digest before the sealed entry', () => {
    const [a, b] = [anyDigest(), anyDigest()];
    const secret = secretOf(a, b);
    const { id, statement } = seal(owner, secret);
    const sealedAt = log.statements.size - 1;
    log.speak(opening, attested(owner, [statement]), openingOf(owner, id, secret));
    for (const digest of [a, b]) {
      expect(log.get('possession', digest, owner, id)).toMatchObject({
        sealedIndex: sealedAt,
        recordedIndex: log.statements.size - 1,
      });
    }
    expect(log.get('sealed', owner, id)!.openedIndex).toBe(log.statements.size - 1);
  });

  test('moves no title and no order: who registered first stays first', () => {
    const thief = log.makeParty().id;
    const weights = {
      fileDigest: anyDigest(),
      weightDigest: anyDigest(),
      namelessDigest: anyDigest(),
      container: 'safetensors',
      bytes: 1,
      tensors: 1,
      parameters: 1,
    };
    const secret = secretOf(weights.weightDigest);
    const { id, statement } = seal(owner, secret);
    const model = (party: string) => ({
      name: 'm',
      weights,
      owners: [{ party, share: '1/1' }],
      license: { expression: 'Apache-2.0', textDigest: null },
      run: null,
      datasets: [],
      parents: [],
    });
    const theirs = log.speak(registration, attested(thief), model(thief));
    const before = new Map(log.rows);
    log.speak(opening, attested(owner, [statement]), openingOf(owner, id, secret));
    const changed = [...log.rows].filter(([key, row]) => before.get(key) !== row).map(([key]) => key.split(' ')[0]);
    expect(changed.sort()).toEqual(['possession', 'sealed']);
    const mine = log.speak(registration, attested(owner), model(owner));
    expect(log.get('registration', mine.id)!.precededBy).toBe(theirs.id);
    expect(log.get('first_of_model', weights.weightDigest)!.id).toBe(theirs.id);
  });

  test.each<[string, (secret: SealedSecret) => Partial<OpeningBody>, string]>([
    ['another salt', () => ({ salt: newNonce() }), 'digest_mismatch'],
    ['another digest', () => ({ digests: [anyDigest()] }), 'digest_mismatch'],
    ['a digest more', ({ digests }) => ({ digests: [...digests, anyDigest()].sort() }), 'digest_mismatch'],
    ['another subject', () => ({ subject: 'evidence' }), 'digest_mismatch'],
    ['digests in another order', ({ digests }) => ({ digests: [...digests].reverse() }), 'invalid_input'],
    ['a digest twice', ({ digests: [first] }) => ({ digests: [first!, first!] }), 'invalid_input'],
    ['no digest', () => ({ digests: [] }), 'invalid_input'],
  ])('is refused with %s', (_, change, code) => {
    const secret = secretOf(anyDigest(), anyDigest());
    const { id, statement } = seal(owner, secret);
    const body = openingOf(owner, id, secret, change(secret));
    expect(() => log.speak(opening, attested(owner, [statement]), body)).toThrow(refused(code));
    expect(log.get('sealed', owner, id)!.openedIndex).toBeNull();
  });

  test('is refused with a secret that was never sealed, though it fits together', () => {
    const { id, statement } = seal(owner, secretOf(anyDigest()));
    const body = openingOf(owner, id, secretOf(anyDigest()));
    expect(() => log.speak(opening, attested(owner, [statement]), body)).toThrow(
      refused('digest_mismatch', 'commitment'),
    );
  });

  test('of a commitment that was copied from another party or another log is refused', () => {
    const secret = secretOf(anyDigest());
    const thief = log.makeParty().id;
    for (const copied of [commitmentOf(owner, secret), commitmentOf(thief, secret, 'elsewhere.example/00')]) {
      const { id, statement } = seal(thief, secret, copied);
      const body = openingOf(thief, id, secret, { commitment: copied });
      expect(() => log.speak(opening, attested(thief, [statement]), body)).toThrow(
        refused('digest_mismatch', 'commitment'),
      );
    }
  });

  test('of what another party sealed answers like one of nothing', () => {
    const thief = log.makeParty().id;
    const secret = secretOf(anyDigest());
    const { id, statement } = seal(owner, secret);
    const told = (asked: string) => {
      try {
        log.speak(opening, attested(thief, [statement]), openingOf(thief, asked, secret));
      } catch (error) {
        return String(error).replace(asked, '<id>');
      }
      return 'recorded';
    };
    expect(told(id)).toContain('You have sealed nothing as <id>.');
    expect(told(id)).toBe(told(newId('sealed')));
  });

  test('happens once, and names the sealed statement', () => {
    const secret = secretOf(anyDigest());
    const { id, statement } = seal(owner, secret);
    const body = openingOf(owner, id, secret);
    expect(() => log.speak(opening, attested(owner), body)).toThrow(refused('basis_stale'));
    log.speak(opening, attested(owner, [statement]), body);
    expect(() => log.speak(opening, attested(owner, [statement]), body)).toThrow(refused('state_conflict', 'sealed'));
  });
});
