import { beforeEach, describe, expect, test } from '@jest/globals';
import { utf8 } from '../../../../src/core/bytes.ts';
import { canonicalize } from '../../../../src/core/canonical-json.ts';
import type { Digest } from '../../../../src/core/digest.ts';
import { dataset, grant, grantAct, key, party, registration, run } from '../../../../src/core/registry/index.ts';
import { manifestOf } from '../../../../src/core/registry/dataset.ts';
import { possessionText } from '../../../../src/core/registry/key.ts';
import type { RegistrationBody } from '../../../../src/core/registry/registration.ts';
import { readSpoken, verifySpoken } from '../../../../src/core/registry/spoken.ts';
import { pae } from '../../../../src/core/statement/dsse.ts';
import { newId, sha256, verifyP256 } from '../../../../src/platform/crypto.ts';
import type { Key } from '../../../support/test-log.ts';
import { anyDigest, makeKey, ORIGIN, TestLog } from '../../../support/test-log.ts';

const refused = (code: string) => expect.objectContaining({ code });

let log: TestLog;
beforeEach(() => {
  log = new TestLog();
});

function registerKey(partyId: string, made: Key = makeKey(), options: { signer?: Key; possession?: Uint8Array } = {}) {
  const possession = options.possession ?? made.sign(possessionText(ORIGIN, partyId, made.keyId));
  const common = { maker: partyId, ...(options.signer ? {} : { attestedBy: 'registry' as const }) };
  const fingerprint = made.keyId as Digest;
  const body = { spki: made.spki, fingerprint, possession: Buffer.from(possession).toString('base64') };
  log.speak(key, common, body, options.signer ?? log.registryKey);
  return made;
}

const body = (owner: string, change: Partial<RegistrationBody> = {}): RegistrationBody => ({
  name: 'm',
  weights: {
    fileDigest: anyDigest(),
    weightDigest: anyDigest(),
    namelessDigest: anyDigest(),
    container: 'safetensors',
    bytes: 1,
    tensors: 1,
    parameters: 1,
  },
  owners: [{ party: owner, share: '1/1' }],
  license: { expression: 'Apache-2.0', textDigest: null },
  run: null,
  datasets: [],
  parents: [],
  ...change,
});

const attested = (maker: string, basis: Digest[] = []) => ({ maker, basis, attestedBy: 'registry' as const });

describe('who may speak for whom', () => {
  test('the registry attests for a party without a key, and never again once it has one', () => {
    const owner = log.makeParty();
    log.speak(registration, attested(owner.id), body(owner.id));
    const own = registerKey(owner.id);
    expect(() => log.speak(registration, attested(owner.id), body(owner.id))).toThrow(refused('signature_required'));
    expect(() => log.speak(registration, { maker: owner.id }, body(owner.id), own)).not.toThrow();
  });

  test('refuses a party that signs for another', () => {
    const [owner, thief] = [log.makeParty(), log.makeParty()];
    const key = registerKey(thief.id);
    expect(() => log.speak(registration, { maker: owner.id }, body(owner.id), key)).toThrow(
      refused('signature_invalid'),
    );
  });

  test('refuses a party that claims the registry attested', () => {
    const [owner, thief] = [log.makeParty(), log.makeParty()];
    const key = registerKey(thief.id);
    expect(() => log.speak(registration, attested(owner.id), body(owner.id), key)).toThrow(
      refused('signature_invalid'),
    );
  });

  test('refuses a key that is not on record', () => {
    const owner = log.makeParty();
    expect(() => log.speak(registration, { maker: owner.id }, body(owner.id), makeKey())).toThrow(
      refused('signature_invalid'),
    );
  });

  test('refuses a statement made for another log', () => {
    const owner = log.makeParty();
    expect(() => log.speak(registration, { ...attested(owner.id), origin: 'else.where/0' }, body(owner.id))).toThrow(
      refused('signature_invalid'),
    );
  });

  test('refuses a statement that builds on one that is not on record', () => {
    const owner = log.makeParty();
    expect(() => log.speak(registration, attested(owner.id, [anyDigest()]), body(owner.id))).toThrow(
      refused('basis_stale'),
    );
  });

  test('refuses a party that makes parties', () => {
    const owner = log.makeParty();
    const made = { kind: 'person' as const, roles: [], nameCommitment: anyDigest() };
    expect(() => log.speak(party, attested(owner.id), made)).toThrow(refused('forbidden'));
  });

  test('refuses a second first statement', () => {
    const other = new TestLog();
    const [first] = other.statements.keys();
    expect(first).toMatch(/^sha256:/);
    expect(() => new TestLog().speak(run as never, { maker: log.registry }, {} as never)).toThrow();
  });
});

describe('keys', () => {
  test('refuses a key without proof that its owner has it', () => {
    const owner = log.makeParty();
    const stolen = makeKey();
    const wrong = makeKey().sign(possessionText(ORIGIN, owner.id, stolen.keyId));
    expect(() => registerKey(owner.id, stolen, { possession: wrong })).toThrow(refused('signature_invalid'));
  });

  test('refuses a proof of possession made for another party', () => {
    const [owner, thief] = [log.makeParty(), log.makeParty()];
    const made = makeKey();
    const taken = made.sign(possessionText(ORIGIN, owner.id, made.keyId));
    expect(() => registerKey(thief.id, made, { possession: taken })).toThrow(refused('signature_invalid'));
  });

  test('a key belongs to one party for ever', () => {
    const [owner, other] = [log.makeParty(), log.makeParty()];
    const made = registerKey(owner.id);
    expect(() => registerKey(other.id, made)).toThrow(refused('already_exists'));
  });

  test('a further key is signed by one that the party has', () => {
    const owner = log.makeParty();
    const first = registerKey(owner.id);
    expect(() => registerKey(owner.id)).toThrow(refused('signature_required'));
    expect(() => registerKey(owner.id, makeKey(), { signer: first })).not.toThrow();
  });
});

describe('registrations', () => {
  test('two parties register the same weights: both stay, the second is marked with the first', () => {
    const [owner, other] = [log.makeParty(), log.makeParty()];
    const { weights } = body(owner.id);
    const first = log.speak(registration, attested(owner.id), body(owner.id, { weights }));
    const second = log.speak(registration, attested(other.id), body(other.id, { weights }));
    expect(log.get('registration', first.id)!.precededBy).toBeNull();
    expect(log.get('registration', second.id)!.precededBy).toBe(first.id);
    expect(log.get('first_of_file', weights.fileDigest)!.id).toBe(first.id);
  });

  test('the same file is marked with who had it first, whether its container was read or not', () => {
    const [owner, other] = [log.makeParty(), log.makeParty()];
    const { weights } = body(owner.id);
    const unread = { ...weights, weightDigest: null, namelessDigest: null, tensors: null, parameters: null };
    const first = log.speak(registration, attested(owner.id), body(owner.id, { weights }));
    const second = log.speak(registration, attested(other.id), body(other.id, { weights: unread }));
    expect(log.get('registration', second.id)!.precededBy).toBe(first.id);
  });

  test('the same weights under other tensor names are marked with who had them first', () => {
    const [owner, thief] = [log.makeParty(), log.makeParty()];
    const { weights } = body(owner.id);
    const first = log.speak(registration, attested(owner.id), body(owner.id, { weights }));
    const renamed = { ...weights, fileDigest: anyDigest(), weightDigest: anyDigest() };
    const second = log.speak(registration, attested(thief.id), body(thief.id, { weights: renamed }));
    expect(log.get('registration', second.id)!.precededBy).toBe(first.id);
    const third = log.speak(
      registration,
      attested(thief.id),
      body(thief.id, { weights: { ...renamed, weightDigest: anyDigest() } }),
    );
    expect(log.get('registration', third.id)!.precededBy).toBe(first.id);
  });

  test('a parent is the first registration of any of its digests, where it is on record already', () => {
    const [owner, other] = [log.makeParty(), log.makeParty()];
    const { weights } = body(owner.id);
    const first = log.speak(registration, attested(owner.id), body(owner.id, { weights }));
    log.speak(registration, attested(other.id), body(other.id, { weights }));
    const digests = [weights.fileDigest, weights.weightDigest!, weights.namelessDigest!, anyDigest()];
    const parents = digests.map((digest) => ({ digest, relation: 'merged-from' as const }));
    const child = log.speak(registration, attested(other.id), body(other.id, { parents }));
    const { recordedIndex } = log.get('registration', first.id)!;
    const named = digests.map((_, position) => log.get('relation', child.id, String(position))!.parentIndex);
    expect(named).toEqual([recordedIndex, recordedIndex, recordedIndex, null]);
    expect(log.get('registration', child.id)!.parents).toEqual({
      'merged-from': [recordedIndex, recordedIndex, recordedIndex, digests[3]],
    });
  });

  test('the first registration of a digest knows whether a relation named it before', () => {
    const [owner, other] = [log.makeParty(), log.makeParty()];
    const { weights } = body(owner.id);
    const parents = [{ digest: weights.fileDigest, relation: 'fine-tuned-from' as const }];
    const awaitedOf = (different: Partial<RegistrationBody>, by = owner) =>
      log.get('registration', log.speak(registration, attested(by.id), body(by.id, different)).id)!.awaited;
    expect(awaitedOf({ parents })).toEqual([]);
    expect(awaitedOf({ weights })).toEqual([weights.fileDigest]);
    expect(awaitedOf({ weights, parents }, other)).toEqual([]);
    expect(awaitedOf({ parents })).toEqual([]);

    const lying = body(owner.id).weights;
    awaitedOf({ parents: [{ digest: lying.weightDigest!, relation: 'fine-tuned-from' }] });
    const claimed = {
      ...lying,
      weightDigest: anyDigest(),
      namelessDigest: lying.weightDigest,
      fileDigest: anyDigest(),
    };
    expect(awaitedOf({ weights: claimed })).toEqual([lying.weightDigest]);
    expect(awaitedOf({ weights: lying })).toEqual([]);

    const own = body(owner.id).weights;
    expect(awaitedOf({ weights: own, parents: [{ digest: own.weightDigest!, relation: 'converted-from' }] })).toEqual([
      own.weightDigest,
    ]);
  });

  test('one party registers the same weights once', () => {
    const owner = log.makeParty();
    const wanted = body(owner.id);
    log.speak(registration, attested(owner.id), wanted);
    expect(() => log.speak(registration, attested(owner.id), wanted)).toThrow(refused('already_registered'));
  });

  test.each<[string, (owner: string) => Partial<RegistrationBody>, string]>([
    ['shares that do not add up', (owner) => ({ owners: [{ party: owner, share: '1/2' }] }), 'shares_invalid'],
    ['an owner who is not on record', () => ({ owners: [{ party: newId('party'), share: '1/1' }] }), 'not_found'],
    ['an unknown license', () => ({ license: { expression: 'Apache-9', textDigest: null } }), 'license_unknown'],
    [
      'a license of its own without a text',
      () => ({ license: { expression: 'LicenseRef-Acme', textDigest: null } }),
      'license_unknown',
    ],
    ['a run that is not on record', () => ({ run: newId('run') }), 'not_found'],
    ['a dataset that is not on record', () => ({ datasets: [newId('dataset')] }), 'not_found'],
  ])('refuses %s', (_, change, code) => {
    const owner = log.makeParty();
    const before = log.rows.size;
    expect(() => log.speak(registration, attested(owner.id), body(owner.id, change(owner.id)))).toThrow(refused(code));
    expect(log.rows.size).toBe(before);
  });

  test('refuses a maker who is no owner', () => {
    const [owner, other] = [log.makeParty(), log.makeParty()];
    expect(() => log.speak(registration, attested(other.id), body(owner.id))).toThrow(refused('forbidden'));
  });

  test('must name the statements that made its datasets', () => {
    const owner = log.makeParty();
    const { files, manifestDigest } = manifestOf(sha256, [{ name: 'a', bytes: 1, digest: anyDigest() }]);
    const made = log.speak(dataset, attested(owner.id), {
      name: 'd',
      version: '1',
      files,
      manifestDigest,
      originUrl: 'https://example.org/d',
      license: { expression: 'CC-BY-SA-3.0', status: 'asserted' },
      holder: { party: null, nameCommitment: anyDigest() },
      collection: null,
    });
    const wanted = body(owner.id, { datasets: [made.id] });
    expect(() => log.speak(registration, attested(owner.id), wanted)).toThrow(refused('basis_stale'));
    expect(() => log.speak(registration, attested(owner.id, [made.statement]), wanted)).not.toThrow();
  });
});

describe('datasets', () => {
  const data = (name: string, version: string) => ({
    name,
    version,
    ...manifestOf(sha256, [{ name: 'a', bytes: 1, digest: anyDigest() }]),
    originUrl: 'https://example.org/d',
    license: { expression: 'CC-BY-SA-3.0', status: 'asserted' as const },
    holder: { party: null, nameCommitment: anyDigest() },
    collection: null,
  });

  test('a name and version of one party stand for one set of files', () => {
    const [owner, other] = [log.makeParty(), log.makeParty()];
    log.speak(dataset, attested(owner.id), data('digits', '1'));
    expect(() => log.speak(dataset, attested(owner.id), data('digits', '1'))).toThrow(refused('already_registered'));
    log.speak(dataset, attested(owner.id), data('digits', '2'));
    log.speak(dataset, attested(other.id), data('digits', '1'));
  });

  test('blanks in names do not make two datasets one', () => {
    const owner = log.makeParty();
    log.speak(dataset, attested(owner.id), data('a', 'b c'));
    expect(() => log.speak(dataset, attested(owner.id), data('a b', 'c'))).not.toThrow();
  });
});

describe('grants', () => {
  const terms = (registrationId: string, licensee: string) => ({
    registration: registrationId,
    licensee,
    actions: ['infer' as const],
    constraints: { commercial: false, territory: null, fieldOfUse: null, maxCalls: null, seats: null },
    termsDigest: anyDigest(),
    notBefore: '2026-01-01T00:00:00.000Z',
    expiresAt: null,
    sublicensing: false,
    acceptBy: '2999-01-01T00:00:00.000Z',
  });

  test('only an owner gives a license, and only an owner takes it back', () => {
    const [owner, consumer] = [log.makeParty(), log.makeParty()];
    const model = log.speak(registration, attested(owner.id), body(owner.id));
    const wanted = terms(model.id, consumer.id);
    expect(() => log.speak(grant, attested(consumer.id, [model.statement]), wanted)).toThrow(refused('forbidden'));
    const given = log.speak(grant, attested(owner.id, [model.statement]), wanted);

    const act = (maker: string, act: 'accept' | 'terminate') =>
      log.speak(grantAct, attested(maker, [given.statement]), {
        ...{ grant: given.id, licensor: owner.id, licensee: consumer.id, reason: '', effectiveAt: null },
        act,
      });
    expect(() => act(owner.id, 'accept')).toThrow(refused('forbidden'));
    act(consumer.id, 'accept');
    const stranger = log.makeParty().id;
    expect(() => act(stranger, 'terminate')).toThrow(refused('forbidden'));
    act(owner.id, 'terminate');
    expect(log.get('license_grant', given.id)!.endsAt).not.toBeNull();
    expect(() => act(owner.id, 'terminate')).toThrow(refused('state_conflict'));
  });

  test('a termination with notice is put off by neither side, and may come sooner', () => {
    const [owner, consumer] = [log.makeParty().id, log.makeParty().id];
    const model = log.speak(registration, attested(owner), body(owner));
    const given = log.speak(grant, attested(owner, [model.statement]), terms(model.id, consumer));
    const act = (maker: string, act: 'accept' | 'terminate', effectiveAt: string | null = null) =>
      log.speak(grantAct, attested(maker, [given.statement]), {
        ...{ grant: given.id, licensor: owner, licensee: consumer, reason: '', act, effectiveAt },
      });
    const endsAt = () => log.get('license_grant', given.id)!.endsAt;
    act(consumer, 'accept');
    act(owner, 'terminate', '2998-02-01T00:00:00.000Z');
    for (const side of [consumer, owner]) {
      expect(() => act(side, 'terminate', '2998-02-01T00:00:00.001Z')).toThrow(refused('state_conflict'));
    }
    expect(endsAt()).toBe('2998-02-01T00:00:00.000Z');
    act(consumer, 'terminate', '2998-01-01T00:00:00.000Z');
    expect(endsAt()).toBe('2998-01-01T00:00:00.000Z');
  });

  test('must name the registration it stands on', () => {
    const [owner, consumer] = [log.makeParty(), log.makeParty()];
    const model = log.speak(registration, attested(owner.id), body(owner.id));
    expect(() => log.speak(grant, attested(owner.id), terms(model.id, consumer.id))).toThrow(refused('basis_stale'));
  });
});

describe('signed bytes', () => {
  const drafted = () => {
    const owner = log.makeParty();
    return log.draft(registration, attested(owner.id), body(owner.id));
  };
  const { keyId, spki } = makeKey();

  test('refuses a payload of which one bit was flipped', async () => {
    const { payload, signature } = drafted();
    const { keyId: id, spki: key } = log.registryKey;
    await expect(verifySpoken(sha256, verifyP256, { payload, signature, keyId: id }, key)).resolves.toBeDefined();
    for (let at = 0; at < payload.length; at += 97) {
      const altered = Uint8Array.from(payload);
      altered[at]! ^= 1;
      await expect(verifySpoken(sha256, verifyP256, { payload: altered, signature, keyId: id }, key)).rejects.toThrow();
    }
  });

  test('refuses a key id that is not the fingerprint of the key', async () => {
    const { payload, signature } = drafted();
    await expect(verifySpoken(sha256, verifyP256, { payload, signature, keyId }, log.registryKey.spki)).rejects.toThrow(
      refused('signature_invalid'),
    );
  });

  test('refuses subjects that tell another story than the predicate', () => {
    const { payload } = drafted();
    const statement = JSON.parse(new TextDecoder().decode(payload)) as { subject: object[] };
    const altered = canonicalize({ ...statement, subject: statement.subject.slice(1) });
    expect(() => readSpoken(sha256, altered, spki)).toThrow(refused('malformed_statement'));
  });

  test.each([
    ['a kind that does not exist', { predicateType: 'urn:muniment:statement:nothing:v1' }],
    ['a member more', { extra: 1 }],
    ['another statement type', { _type: 'https://in-toto.io/Statement/v0.1' }],
  ])('refuses %s', (_, change) => {
    const statement = JSON.parse(new TextDecoder().decode(drafted().payload)) as object;
    expect(() => readSpoken(sha256, canonicalize({ ...statement, ...change }), spki)).toThrow(
      refused('malformed_statement'),
    );
  });

  test('a signature holds for its payload type alone', () => {
    const { payload, signature } = drafted();
    expect(verifyP256(log.registryKey.spki, pae(payload), signature)).toBe(true);
    expect(verifyP256(log.registryKey.spki, pae(payload, 'text/plain'), signature)).toBe(false);
    expect(verifyP256(log.registryKey.spki, utf8('x'), signature)).toBe(false);
  });
});
