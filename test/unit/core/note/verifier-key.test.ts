import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { concat, fromHex, toBase64, toHex } from '../../../../src/core/bytes.ts';
import { checkEd25519Key } from '../../../../src/core/note/ed25519-key.ts';
import { COSIGNATURE, ED25519, formatVerifierKey, keyId, parseVerifierKey } from '../../../../src/core/note/note.ts';
import { sha256 } from '../merkle/fixture.ts';
import { party } from './fixture.ts';

const refused = expect.objectContaining({ code: 'invalid_input' });
const { publicKey } = party('example.com/log', 1);

describe('verifier keys', () => {
  test.each([
    ['the Go checksum database', 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8'],
    ["the note package's example", 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'],
  ])('reads and writes back the key of %s', (_, text) => {
    const key = parseVerifierKey(sha256, text);
    expect(key.algorithm).toBe(ED25519);
    expect(formatVerifierKey(sha256, key.name, key.algorithm, key.publicKey)).toBe(text);
  });

  test('one key has two IDs for its two signature types, so neither passes for the other', () => {
    expect(keyId(sha256, 'w', ED25519, publicKey)).not.toBe(keyId(sha256, 'w', COSIGNATURE, publicKey));
    const text = formatVerifierKey(sha256, 'w', COSIGNATURE, publicKey);
    expect(parseVerifierKey(sha256, text)).toEqual({ name: 'w', algorithm: COSIGNATURE, publicKey });
  });

  test('parse is the inverse of format for any name', () => {
    const name = fc.stringMatching(/^[a-z0-9./_\-é]{1,30}$/u);
    fc.assert(
      fc.property(name, fc.constantFrom(ED25519, COSIGNATURE), (name, algorithm) => {
        const text = formatVerifierKey(sha256, name, algorithm, publicKey);
        expect(parseVerifierKey(sha256, text)).toEqual({ name, algorithm, publicKey });
      }),
    );
  });

  const good = formatVerifierKey(sha256, 'log', ED25519, publicKey);
  const [name, id, material] = ['log', good.slice(4, 12), good.slice(13)];
  const spelled = (type: number, key: Uint8Array) => {
    const hash = sha256(new TextEncoder().encode('log\n'), Uint8Array.of(type), key);
    return `log+${toHex(hash.slice(0, 4))}+${toBase64(concat(Uint8Array.of(type), key))}`;
  };
  test.each([
    ['nothing', ''],
    ['a name alone', name],
    ['no key', `${name}+${id}+`],
    ['no name', `+${id}+${material}`],
    ['a space in the name', `lo g+${id}+${material}`],
    ['a space before', ` ${good}`],
    ['a newline behind', `${good}\n`],
    ['an ID in capitals', `${name}+${id.toUpperCase()}x+${material}`],
    ['an ID of seven digits', `${name}+${id.slice(1)}+${material}`],
    ["another key's ID", `${name}+00000000+${material}`],
    ['the ID under another name', `gol+${id}+${material}`],
    ['loose base64', `${name}+${id}+${material.replaceAll('=', '')}A`],
    ['a key of 31 bytes', spelled(ED25519, publicKey.slice(1))],
    ['a key of 33 bytes', spelled(ED25519, concat(publicKey, Uint8Array.of(0)))],
    ['signature type 00', spelled(0, publicKey)],
    ['signature type 02 (ECDSA)', spelled(2, publicKey)],
    ['signature type ff', spelled(0xff, publicKey)],
    ['a key of small order', spelled(ED25519, new Uint8Array(32))],
  ])('does not parse %s', (_, text) => {
    expect(() => parseVerifierKey(sha256, text)).toThrow(refused);
  });

  test('does not write a name that would split, or a key that must not be used', () => {
    expect(() => formatVerifierKey(sha256, 'a+b', ED25519, publicKey)).toThrow(refused);
    expect(() => formatVerifierKey(sha256, '', ED25519, publicKey)).toThrow(refused);
    expect(() => formatVerifierKey(sha256, 'a', ED25519, new Uint8Array(32))).toThrow(refused);
    expect(() => formatVerifierKey(sha256, 'a', 7 as typeof ED25519, publicKey)).toThrow(refused);
  });
});

describe('Ed25519 public keys', () => {
  // The eight points of order 1, 2, 4, 4, 8, 8, 8, 8 in their canonical spelling.
  const small = [
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000080',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  ];
  // The same points under spellings that a lax decoder takes: y plus p, and a sign on an x of zero.
  const disguised = [
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    '0100000000000000000000000000000000000000000000000000000000000080',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  ];

  test.each(small)('refuses the small-order point %s', (hex) => {
    expect(() => checkEd25519Key(fromHex(hex))).toThrow(/small order/);
  });

  test.each(disguised)('refuses the disguised small-order point %s', (hex) => {
    expect(() => checkEd25519Key(fromHex(hex))).toThrow(refused);
  });

  test('refuses every y from p to 2^255 − 1, the second spellings', () => {
    for (let low = 0xed; low <= 0xff; low++) {
      for (const high of [0x7f, 0xff]) {
        const key = new Uint8Array(32).fill(0xff);
        [key[0], key[31]] = [low, high];
        expect(() => checkEd25519Key(key)).toThrow(/canonical/);
      }
    }
  });

  test('refuses about half of all strings, the ones that are no point, and no real key', () => {
    let points = 0;
    for (let y = 2; y < 202; y++) {
      const key = new Uint8Array(32);
      key[0] = y;
      try {
        checkEd25519Key(key);
        points++;
      } catch (error) {
        expect(error).toEqual(refused);
      }
    }
    expect(points).toBeGreaterThan(70);
    expect(points).toBeLessThan(130);
    for (let i = 0; i < 50; i++) {
      const pair = generateKeyPairSync('ed25519');
      checkEd25519Key(createPublicKey(pair.privateKey).export({ format: 'der', type: 'spki' }).subarray(-32));
    }
  });

  test('y = 2, which is no point, and the base point y = 4/5 are told apart', () => {
    checkEd25519Key(fromHex('5866666666666666666666666666666666666666666666666666666666666666'));
    expect(() => checkEd25519Key(fromHex('02'.padEnd(64, '0')))).toThrow(/on the curve/);
  });

  test.each([0, 31, 33])('refuses %d bytes', (length) => {
    expect(() => checkEd25519Key(new Uint8Array(length).fill(9))).toThrow(refused);
  });
});
