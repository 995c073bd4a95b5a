import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Pkcs11Uri } from '../../../../src/cli/pkcs11/uri.ts';
import { formatPkcs11Uri, isPkcs11Uri, parsePkcs11Uri } from '../../../../src/cli/pkcs11/uri.ts';
import { refusal } from './refusal.ts';

describe('a PKCS#11 URI', () => {
  it('names token and key, the library and the file with the PIN', () => {
    const text =
      'pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;model=1.0;serial=42;' +
      'object=signing%20key;type=private;id=%69%95%3E%5cA?module-path=/usr/lib/libp11.so&pin-source=file:/etc/token.pin';
    expect(parsePkcs11Uri(text)).toEqual({
      token: 'The Software PKCS#11 Softtoken',
      manufacturer: 'Snake Oil, Inc.',
      model: '1.0',
      serial: '42',
      object: 'signing key',
      id: '69953e5c41',
      modulePath: '/usr/lib/libp11.so',
      pinSource: '/etc/token.pin',
    });
  });

  it.each(['file:/run/pin', 'file:///run/pin', '/run/pin', 'file%3A%2Frun%2Fpin'])(
    'takes the PIN file written as %s',
    (source) => {
      expect(parsePkcs11Uri(`pkcs11:token=a;object=b?pin-source=${source}`).pinSource).toBe('/run/pin');
    },
  );

  it('comes back as it was, whatever the names hold', () => {
    const name = (longest: number) =>
      fc
        .string({ minLength: 1, maxLength: longest, unit: 'grapheme' })
        // eslint-disable-next-line no-control-regex
        .filter((text) => text === text.trim() && !/[\u0000-\u001f\u007f-\u009f]/.test(text))
        .filter((text) => Buffer.byteLength(text) <= longest);
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 64 }).map((id) => Buffer.from(id).toString('hex'));
    const path = name(100).map((text) => `/${text}`);
    const uris: fc.Arbitrary<Pkcs11Uri> = fc.record(
      {
        token: name(32),
        serial: name(16),
        model: name(16),
        object: name(255),
        id: bytes,
        modulePath: path,
        pinSource: path,
      },
      { requiredKeys: ['token', 'object'] },
    );
    fc.assert(fc.property(uris, (uri) => expect(parsePkcs11Uri(formatPkcs11Uri(uri))).toEqual(uri)));
  });

  it('is told from a file by its scheme, in any case', () => {
    expect(['PKCS11:token=a', 'pkcs11:', './pkcs11:token=a', 'pkcs11.pem'].map(isPkcs11Uri)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it.each([
    ['a PIN inside', 'pkcs11:token=a;object=b?pin-value=1234', 'holds a PIN'],
    ['no token', 'pkcs11:object=b', 'names no token'],
    ['no key', 'pkcs11:token=a', 'names no key'],
    ['nothing', 'pkcs11:', 'names no token'],
    ['another scheme', 'file:token=a;object=b', 'does not begin with'],
    ['a token named twice', 'pkcs11:token=a;token=b;object=c', 'names "token" twice'],
    ['a library named twice', 'pkcs11:token=a;object=b?module-path=/a&module-path=/b', 'names "module-path" twice'],
    ['an attribute that would be ignored', 'pkcs11:token=a;object=b;slot-id=3', 'the attribute "slot-id"'],
    ['a query that would be ignored', 'pkcs11:token=a;object=b?module-name=p11', 'the attribute "module-name"'],
    ['an inherited name as attribute', 'pkcs11:token=a;object=b;constructor=c', 'the attribute "constructor"'],
    ['a certificate', 'pkcs11:token=a;object=b;type=cert', 'something else than a private key'],
    ['a broken escape', 'pkcs11:token=a%2;object=b', 'RFC 7512'],
    ['a space', 'pkcs11:token=a b;object=c', 'RFC 7512'],
    ['a fragment', 'pkcs11:token=a;object=b#c', 'RFC 7512'],
    ['an attribute without a value', 'pkcs11:token;object=b', 'RFC 7512'],
    ['an attribute without a name', 'pkcs11:token=a;=b', 'RFC 7512'],
    ['a final semicolon', 'pkcs11:token=a;object=b;', 'RFC 7512'],
    ['an empty name', 'pkcs11:token=;object=b', 'empty'],
    ['a name that is not UTF-8', 'pkcs11:token=%ff;object=b', 'not UTF-8'],
    ['a line that the tool could have printed', 'pkcs11:token=a%0a;object=b', 'control characters'],
    ['a NUL', 'pkcs11:token=a;object=b%00', 'control characters'],
    ['a label longer than tokens have', `pkcs11:token=${'a'.repeat(33)};object=b`, 'over 32 bytes'],
    ['an id longer than tokens have', `pkcs11:token=a;id=${'%00'.repeat(65)}`, '1 to 64 bytes'],
    ['an empty id', 'pkcs11:token=a;id=', '1 to 64 bytes'],
    ['a library found by the working folder', 'pkcs11:token=a;object=b?module-path=lib.so', 'no absolute path'],
    ['a PIN that a program gives', 'pkcs11:token=a;object=b?pin-source=|/bin/pin', 'no absolute path'],
    ['a PIN from elsewhere', 'pkcs11:token=a;object=b?pin-source=https://example.org/pin', 'no absolute path'],
    ['a path without end', `pkcs11:token=a;object=b?module-path=/${'a'.repeat(1024)}`, 'over 1024 bytes'],
    ['more than anybody writes', `pkcs11:token=a;object=${'b'.repeat(5000)}`, 'longer than 4096'],
  ])('refuses %s', (_, text, says) => {
    const error = refusal(() => parsePkcs11Uri(text));
    expect([error.code, error.field]).toEqual(['pkcs11_uri_malformed', 'key']);
    expect(error.message).toContain(says);
    expect(error.message).not.toContain('1234');
  });
});
