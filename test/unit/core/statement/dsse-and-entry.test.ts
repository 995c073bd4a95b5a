import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fromUtf8, toBase64, utf8 } from '../../../../src/core/bytes.ts';
import { canonicalize } from '../../../../src/core/canonical-json.ts';
import { envelopeSchema, formatEnvelope, pae, parseEnvelope } from '../../../../src/core/statement/dsse.ts';
import { formatEntry, parseEntry } from '../../../../src/core/statement/entry.ts';

const bytes = fc.uint8Array({ maxLength: 200 });

describe('DSSE', () => {
  test('writes the pre-authentication encoding of the protocol document', () => {
    expect(fromUtf8(pae(utf8('hello world'), 'http://example.com/HelloWorld'))).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    );
  });

  test('counts bytes, not characters', () => {
    expect(fromUtf8(pae(utf8('é'), 't'))).toBe('DSSEv1 1 t 2 é');
  });

  test('envelopes read back as they were written', () => {
    fc.assert(
      fc.property(bytes, bytes, fc.string({ maxLength: 80 }), (payload, signature, keyId) => {
        const read = parseEnvelope(envelopeSchema.parse(formatEnvelope({ payload, signature, keyId })));
        expect(read).toEqual({ payload, signature, keyId });
      }),
    );
  });

  test.each([
    ['another payload type', { payloadType: 'text/plain' }],
    ['two signatures', { signatures: [1, 2].map(() => ({ keyid: '', sig: 'AA==' })) }],
    ['no signature', { signatures: [] }],
    ['an unknown member', { extra: 1 }],
  ])('refuses an envelope with %s', (_, change) => {
    const envelope = formatEnvelope({ payload: utf8('x'), signature: utf8('y'), keyId: 'k' });
    expect(envelopeSchema.safeParse({ ...envelope, ...change }).success).toBe(false);
  });

  test.each(['AA', 'AA=', 'A A=', 'AB==', 'AA==\n', '_-=='])('refuses the base64 spelling "%s"', (payload) => {
    const envelope = formatEnvelope({ payload: utf8('x'), signature: utf8('y'), keyId: 'k' });
    expect(() => parseEnvelope({ ...envelope, payload })).toThrow(
      expect.objectContaining({ code: 'malformed_statement' }),
    );
  });
});

describe('log entries', () => {
  const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });

  test('parse is the inverse of format', () => {
    fc.assert(
      fc.property(digest, bytes, bytes, (paeDigest, signature, spki) => {
        expect(parseEntry(formatEntry({ paeDigest, signature, spki }))).toEqual({ paeDigest, signature, spki });
      }),
    );
  });

  test.each([
    ['a digest of 31 bytes', { digest: toBase64(new Uint8Array(31)) }],
    ['a member more', { digest: toBase64(new Uint8Array(32)), more: 1 }],
    ['another algorithm', { digest: toBase64(new Uint8Array(32)), algorithm: 'SHA2_384' }],
  ])('refuses an entry with %s', (_, data) => {
    const entry = canonicalize({
      apiVersion: '0.0.2',
      kind: 'hashedrekord',
      spec: {
        hashedRekordV002: {
          data: { algorithm: 'SHA2_256', ...data },
          signature: {
            content: 'AA==',
            verifier: { keyDetails: 'PKIX_ECDSA_P256_SHA_256', publicKey: { rawBytes: 'AA==' } },
          },
        },
      },
    });
    expect(() => parseEntry(entry)).toThrow(expect.objectContaining({ code: 'malformed_statement' }));
  });
});
