/** Tokens of a timestamp authority, honest ones and every lie that one may tell. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { utf8 } from '../../../../src/core/bytes.ts';
import { formatTimestampRequest, MAX_REPLY, verifyTimestamp } from '../../../../src/core/time/index.ts';
import { sha256, timestampCrypto } from '../../../../src/platform/crypto.ts';
import type { Certified, Lie } from '../../../support/timestamp-authority.ts';
import {
  answer,
  base64Of,
  certify,
  CODE_SIGNING,
  makeAuthority,
  POLICY,
  TIME_STAMPING,
} from '../../../support/timestamp-authority.ts';

const data = utf8('a checkpoint');
const nonce = Uint8Array.from([0, 0xff, 2, 3, 4, 5, 6, 7]);
const { root, signer, roots } = makeAuthority();
const request = formatTimestampRequest({ imprint: sha256(data), nonce });
const DAY_MS = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * DAY_MS);

const verify = (reply: Uint8Array, expected: object = {}) =>
  verifyTimestamp(timestampCrypto, reply, { data, roots, nonce, ...expected });
const told = (lie: Lie, by: Certified = signer) => answer(by, request, lie);
const refused = (sentence: string) =>
  expect.objectContaining({ code: 'timestamp_invalid', message: expect.stringContaining(sentence) as unknown });

describe('an honest timestamp', () => {
  it('tells when the data existed at the latest, by whom, and how sure that is', () => {
    const time = new Date('2026-03-04T05:06:07.000Z');
    const stamped = verify(told({ time }));
    expect(stamped).toEqual({
      time: new Date('2026-03-04T05:06:08.000Z'),
      accuracyMs: 1000,
      policy: POLICY,
      authority: 'Test Time',
      root: root.der,
    });
  });

  it('holds without the nonce, as it does when it is read again later', () => {
    expect(verify(told({}), { nonce: undefined }).authority).toBe('Test Time');
  });

  it('holds by itself where nobody vouches for the authority', () => {
    expect(verify(told({}), { roots: undefined }).authority).toBe('Test Time');
  });

  it('leads over an intermediate authority to the root', () => {
    const between = certify({ subject: 'Between', issuer: root, ca: true });
    const leaf = certify({ subject: 'Leaf', issuer: between, usages: [TIME_STAMPING] });
    expect(verify(told({ certificates: [root, leaf, between] }, leaf)).authority).toBe('Leaf');
  });

  it('holds although the certificate has expired since', () => {
    const old = certify({
      subject: 'Old',
      issuer: root,
      usages: [TIME_STAMPING],
      notBefore: ago(30),
      notAfter: ago(10),
    });
    expect(verify(told({ time: ago(20) }, old)).authority).toBe('Old');
  });

  it('follows the policy that was asked for', () => {
    expect(verify(told({}), { policies: ['1.2.3', POLICY] }).policy).toBe(POLICY);
  });
});

const stranger = makeAuthority('Stranger');
const noCa = certify({ subject: 'No authority', issuer: root, ca: false });
const shallow = certify({ subject: 'Shallow', issuer: root, ca: true, pathLength: 0 });
const below = certify({ subject: 'Below', issuer: shallow, ca: true });
const codeOnly = certify({ subject: 'Code', issuer: root, ca: true, usages: [CODE_SIGNING] });
const withUnknown = certify({ subject: 'Unknown', issuer: root, ca: true, unknownCritical: '1.2.3.4.5' });
const under = (issuer: Certified) => certify({ subject: 'Leaf', issuer, usages: [TIME_STAMPING] });
const [underNoCa, underShallow, underCode, underUnknown] = [noCa, below, codeOnly, withUnknown].map(under) as [
  Certified,
  Certified,
  Certified,
  Certified,
];
const [east, west] = [certify({ subject: 'East', ca: true }), certify({ subject: 'West', ca: true })];
/** Each vouches for the other, and nobody for both. */
const ring = [
  certify({ subject: 'East', keyOf: east, issuer: west, ca: true }),
  certify({ subject: 'West', keyOf: west, issuer: east, ca: true }),
];
const underRing = under(east);
const otherKey = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;

const LIES: [attack: string, reply: () => Uint8Array, sentence: string][] = [
  ['a token over other data', () => told({ imprint: sha256(utf8('another checkpoint')) }), 'over other data'],
  [
    'a token over another kind of digest',
    () => told({ hashAlgorithm: '1.3.14.3.2.26' }),
    'another digest than SHA-256',
  ],
  ['an old token shown again', () => told({ nonce: Uint8Array.of(1, 2, 3) }), 'nonce'],
  ['a token without the nonce', () => told({ nonce: null }), 'nonce'],
  ['a token that another key signed', () => told({ signWith: otherKey }), 'signature that does not verify'],
  [
    'a token whose signature is over another time',
    () => told({ digestOf: utf8('another time') }),
    'does not sign the time',
  ],
  ['a token signed with SHA-1', () => told({ signerDigest: '1.3.14.3.2.26' }), '1.3.14.3.2.26'],
  [
    'a token that does not say which certificate it is signed under',
    () => told({ unsignedAttributes: true }),
    'signing-certificate-v2',
  ],
  [
    'a token that names a certificate which it does not carry',
    () => told({ names: stranger.signer }),
    'does not carry the certificate',
  ],
  [
    'a token that names the certificate of somebody else',
    () => told({ names: root, certificates: [signer, root] }),
    'two certificates',
  ],
  ['a token without certificates', () => told({ certificates: [] }), 'does not carry the certificate'],
  [
    'a token of an authority that nobody trusts',
    () => told({ certificates: [stranger.signer, stranger.root] }, stranger.signer),
    'no trusted root',
  ],
  [
    'a token under a certificate that vouches for itself',
    () => told({}, certify({ subject: 'Self', usages: [TIME_STAMPING] })),
    'no trusted root',
  ],
  [
    'a certificate for code signing',
    () => told({}, certify({ subject: 'Code', issuer: root, usages: [CODE_SIGNING] })),
    'other uses',
  ],
  [
    'a certificate for time stamping and more',
    () => told({}, certify({ subject: 'Both', issuer: root, usages: [TIME_STAMPING, CODE_SIGNING] })),
    'other uses',
  ],
  [
    'a certificate whose use is not critical',
    () => told({}, certify({ subject: 'Lax', issuer: root, usages: [TIME_STAMPING], usagesCritical: false })),
    'critical extended key usage',
  ],
  [
    'a certificate without a use',
    () => told({}, certify({ subject: 'Any', issuer: root })),
    'critical extended key usage',
  ],
  [
    'a certificate with an unknown critical extension',
    () => told({}, certify({ subject: 'Odd', issuer: root, usages: [TIME_STAMPING], unknownCritical: '1.2.3.4.5' })),
    'unknown critical extension',
  ],
  [
    'a certificate that had expired',
    () =>
      told(
        {},
        certify({ subject: 'Late', issuer: root, usages: [TIME_STAMPING], notBefore: ago(30), notAfter: ago(10) }),
      ),
    'not valid',
  ],
  ['a certificate that was not valid yet', () => told({ time: ago(400) }), 'not valid'],
  ['an issuer that is no authority', () => told({ certificates: [underNoCa, noCa] }, underNoCa), 'no trusted root'],
  [
    'an issuer deeper than its own issuer allows',
    () => told({ certificates: [underShallow, below, shallow] }, underShallow),
    'no trusted root',
  ],
  [
    'an issuer for code signing alone',
    () => told({ certificates: [underCode, codeOnly] }, underCode),
    'no trusted root',
  ],
  [
    'an issuer with an unknown critical extension',
    () => told({ certificates: [underUnknown, withUnknown] }, underUnknown),
    'no trusted root',
  ],
  [
    'issuers that vouch for each other in a ring',
    () => told({ certificates: [underRing, ...ring] }, underRing),
    'no trusted root',
  ],
  [
    'more certificates than anybody needs',
    () => told({ certificates: Array.from({ length: 21 }, () => signer) }),
    'more than 20',
  ],
  ['nothing', () => new Uint8Array(0), 'not one ASN.1 value'],
  ['garbage', () => utf8('<html>busy</html>'), 'timestamp'],
  ['a nest of sequences without end', () => new Uint8Array(60_000).fill(0x30), 'timestamp'],
  ['an answer larger than any', () => new Uint8Array(MAX_REPLY + 1), 'larger than'],
  ['a token with more behind it', () => Uint8Array.from([...told({}), 0]), 'not one ASN.1 value'],
];

describe('a timestamp is refused: ', () => {
  it.each(LIES)('%s', (_, reply, sentence) => {
    const bytes = reply();
    expect(() => verify(bytes)).toThrow(refused(sentence));
  });

  it('another policy than the one that was asked for', () => {
    expect(() => verify(told({}), { policies: ['1.2.3'] })).toThrow(refused('policy'));
  });

  it('the word of an authority that made none', () => {
    expect(() => verify(told({ status: 2 }))).toThrow(
      expect.objectContaining({
        code: 'timestamp_unavailable',
        message: expect.stringContaining('status 2') as unknown,
      }),
    );
  });

  it('whatever bit of the attested time, its signature or its certificate is flipped', () => {
    const reply = told({ certificates: [signer] });
    const bytes = Buffer.from(reply);
    // The parts that count, by where their bytes stand in the reply.
    const time = bytes.indexOf(String(new Date().getUTCFullYear()));
    const parts = [
      bytes.indexOf(Buffer.from(sha256(data))),
      time,
      bytes.indexOf(Buffer.from(signer.der)) + 300,
      bytes.length - 20,
    ];
    for (const at of parts) {
      expect(at).toBeGreaterThan(0);
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Uint8Array.from(reply);
        flipped[at + 2]! ^= 1 << bit;
        expect(() => verify(flipped)).toThrow(expect.objectContaining({ code: 'timestamp_invalid' }));
      }
    }
  });

  it('a certificate as root that is no authority, by its name', () => {
    expect(() => verify(told({}), { roots: [base64Of(signer)] })).toThrow(
      expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining('Test Time') as unknown }),
    );
  });
});
