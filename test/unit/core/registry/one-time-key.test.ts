import { beforeEach, describe, expect, test } from '@jest/globals';
import { toBase64 } from '../../../../src/core/bytes.ts';
import type { Digest } from '../../../../src/core/digest.ts';
import { apiKey, innerSignaturesOf, key, party } from '../../../../src/core/registry/index.ts';
import { possessionText } from '../../../../src/core/registry/key.ts';
import { oneTimeKeyText } from '../../../../src/core/registry/one-time-key.ts';
import { readSpoken } from '../../../../src/core/registry/spoken.ts';
import { pae } from '../../../../src/core/statement/dsse.ts';
import type { Common } from '../../../../src/core/statement/statement.ts';
import { formatStatement } from '../../../../src/core/statement/statement.ts';
import { newId, newNonce, sha256, verifyP256 } from '../../../../src/platform/crypto.ts';
import type { Key } from '../../../support/test-log.ts';
import { anyDigest, makeKey, ORIGIN, TestLog } from '../../../support/test-log.ts';

const refused = (code: string, field?: string) =>
  expect.objectContaining({ code, ...(field === undefined ? {} : { field }) });

let log: TestLog;
let owner: string;
let own: Key;
beforeEach(() => {
  log = new TestLog();
  owner = log.makeParty().id;
  own = makeKey();
  registerKey(owner, own);
});

const keyBody = (of: string, made: Key) => ({
  spki: made.spki,
  fingerprint: made.keyId as Digest,
  possession: toBase64(made.sign(possessionText(ORIGIN, of, made.keyId))),
});
const registerKey = (of: string, made: Key) => log.speak(key, { maker: of, attestedBy: 'registry' }, keyBody(of, made));
const apiKeyOf = (of: string) => ({
  party: of,
  secretDigest: anyDigest(),
  label: '',
  scopes: ['read'],
  expiresAt: null,
});

/** Bytes as an attacker may make them: whatever is said about the keys, signed by `signer`. */
function forged(signedFor: Common['signedFor'], signer: Key, maker = owner) {
  const payload = formatStatement(
    sha256,
    apiKey,
    {
      origin: ORIGIN,
      maker,
      id: newId('apikey'),
      nonce: newNonce(),
      statedAt: '2026-01-01T00:00:00.000Z',
      basis: [],
      ...(signedFor === undefined ? {} : { signedFor }),
    },
    apiKeyOf(maker),
  );
  return { payload, signature: signer.sign(pae(payload)), keyId: signer.keyId, spki: signer.spki };
}
const vouched = (by: Key, oneTime: Key, origin = ORIGIN) => ({
  oneTimeKey: oneTime.spki,
  key: by.spki,
  signature: toBase64(by.sign(oneTimeKeyText(origin, oneTime.spki))),
});

describe('a statement that is not public', () => {
  test('shows in its entry a key that belongs to nobody, and speaks for the key that vouches', () => {
    const draft = log.draft(apiKey, { maker: owner }, apiKeyOf(owner), own);
    expect(draft.spki).not.toBe(own.spki);
    expect(readSpoken(sha256, draft.payload, draft.spki).speaker).toEqual({ spki: own.spki, fingerprint: own.keyId });
    const { id } = log.record(draft);
    expect(log.get('api_key', id)).toMatchObject({ partyId: owner });
    expect(log.get('party_key', draft.keyId)).toBeUndefined();
  });

  test('is attested by the registry with a one-time key as well', () => {
    const keyless = log.makeParty().id;
    const draft = log.draft(apiKey, { maker: keyless, attestedBy: 'registry' }, apiKeyOf(keyless));
    expect(draft.spki).not.toBe(log.registryKey.spki);
    expect(() => log.record(draft)).not.toThrow();
  });

  test("is refused with the maker's own key, which would show whose it is", () => {
    expect(() => log.record(forged(undefined, own))).toThrow(refused('one_time_key_required', 'signedFor'));
    expect(() => log.record(forged(vouched(own, own), own))).toThrow(refused('one_time_key_refused'));
  });

  test("is refused with another party's registered key as a one-time key", () => {
    const other = log.makeParty().id;
    const theirs = makeKey();
    registerKey(other, theirs);
    expect(() => log.record(forged(vouched(own, theirs), theirs))).toThrow(refused('one_time_key_refused'));
  });

  test('is refused when its one-time key has signed before', () => {
    const oneTime = makeKey();
    log.record(log.draft(apiKey, { maker: owner }, apiKeyOf(owner), own, oneTime));
    const again = log.draft(apiKey, { maker: owner }, apiKeyOf(owner), own, oneTime);
    expect(() => log.record(again)).toThrow(refused('one_time_key_reused', 'signedFor.oneTimeKey'));
  });

  test('is refused when another key signed it than the one that it names', () => {
    const [named, signer] = [makeKey(), makeKey()];
    expect(() => log.record(forged(vouched(own, named), signer))).toThrow(
      refused('signature_invalid', 'signedFor.oneTimeKey'),
    );
  });

  test.each<[string, (oneTime: Key, thief: Key) => Common['signedFor']]>([
    ['made for another log', (oneTime) => vouched(own, oneTime, 'elsewhere.example/00')],
    ['made for another one-time key', (oneTime) => ({ ...vouched(own, makeKey()), oneTimeKey: oneTime.spki })],
    ['made by another key than it names', (oneTime, thief) => ({ ...vouched(thief, oneTime), key: own.spki })],
    ['that is none', (oneTime) => ({ ...vouched(own, oneTime), signature: '' })],
  ])('is refused with a voucher %s', (_, signedFor) => {
    const oneTime = makeKey();
    expect(() => log.record(forged(signedFor(oneTime, makeKey()), oneTime))).toThrow(
      refused('signature_invalid', 'signedFor.signature'),
    );
  });

  test('is refused when the key that vouches is not on record, or belongs to another party', () => {
    const [oneTime, unknown] = [makeKey(), makeKey()];
    expect(() => log.record(forged(vouched(unknown, oneTime), oneTime))).toThrow(
      refused('signature_invalid', 'signedFor.key'),
    );
    const other = log.makeParty().id;
    expect(() => log.record(forged(vouched(own, oneTime), oneTime, other))).toThrow(
      refused('signature_invalid', 'signedFor.key'),
    );
  });

  test('carries the voucher among the signatures that every verifier checks', () => {
    const { payload, spki } = log.draft(apiKey, { maker: owner }, apiKeyOf(owner), own);
    const [voucher, ...others] = innerSignaturesOf(readSpoken(sha256, payload, spki));
    expect(others).toEqual([]);
    expect(verifyP256(voucher!.spki, voucher!.message, Buffer.from(voucher!.signature, 'base64'))).toBe(true);
  });
});

test('a public statement is refused with a one-time key', () => {
  const oneTime = makeKey();
  const payload = formatStatement(
    sha256,
    party,
    {
      origin: ORIGIN,
      maker: log.registry,
      id: newId('party'),
      nonce: newNonce(),
      statedAt: '2026-01-01T00:00:00.000Z',
      basis: [],
      signedFor: vouched(log.registryKey, oneTime),
    },
    { kind: 'organization', roles: [], nameCommitment: anyDigest() },
  );
  const { spki, keyId } = oneTime;
  expect(() => log.record({ payload, signature: oneTime.sign(pae(payload)), keyId, spki })).toThrow(
    refused('one_time_key_refused', 'signedFor'),
  );
});

test('a key that signed as a one-time key is never registered', () => {
  const oneTime = makeKey();
  log.record(log.draft(apiKey, { maker: owner }, apiKeyOf(owner), own, oneTime));
  const other = log.makeParty().id;
  expect(() => registerKey(other, oneTime)).toThrow(refused('one_time_key_reused', 'spki'));
});
