import { describe, expect, it } from '@jest/globals';
import { exitCodeOf } from '../../../src/cli/exit-code.ts';
import { splitShare } from '../../../src/cli/find.ts';
import {
  countOf,
  dayOf,
  digestOf,
  instantOf,
  numberOf,
  portOf,
  threadsOf,
  wholeNumberOf,
} from '../../../src/cli/parse.ts';
import { bytes, columns, fields, percent } from '../../../src/cli/table.ts';
import { MAX_THREADS } from '../../../src/training/backends/backend.ts';

const HEX = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

describe('digests', () => {
  it('are taken with and without their name, in either case', () => {
    for (const text of [HEX, HEX.toUpperCase(), `sha256:${HEX}`, `SHA256:${HEX}`]) {
      expect(digestOf(text)).toBe(`sha256:${HEX}`);
    }
  });

  it.each([`md5:${HEX}`, 'model.safetensors', 'abc', ''])('"%s" is none', (text) => {
    expect(digestOf(text)).toBeUndefined();
  });

  it.each([HEX.slice(1), `${HEX}0`])('of a wrong length are no names of files either: %s', (text) => {
    expect(() => digestOf(text)).toThrow(expect.objectContaining({ code: 'digest_malformed' }));
  });

  it.each([HEX.slice(1), `${HEX}0`, `${HEX.slice(1)}g`, ''])(
    'of a wrong form are no names of files: sha256:%s',
    (text) => {
      expect(() => digestOf(`sha256:${text}`)).toThrow(expect.objectContaining({ code: 'digest_malformed' }));
      expect(exitCodeOf('digest_malformed')).toBe(2);
    },
  );
});

describe('owners', () => {
  it.each([
    ['Acme Labs', 'Acme Labs', '1/1'],
    ['Acme Labs=1/2', 'Acme Labs', '1/2'],
    ['party_0=1', 'party_0', '1/1'],
  ])('"%s"', (text, party, share) => {
    expect(splitShare(text)).toEqual({ party, share });
  });

  it.each(['', 'Acme='])('"%s" is wrong usage', (text) => {
    expect(() => splitShare(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('times and numbers', () => {
  it('a day begins at midnight UTC', () => {
    expect(instantOf('2027-01-31')).toBe('2027-01-31T00:00:00.000Z');
    expect(instantOf('2027-01-31T12:00:00+02:00')).toBe('2027-01-31T10:00:00.000Z');
  });

  it.each(['tomorrow', '1', '2027-13-01', ''])('"%s" is no time', (text) => {
    expect(() => instantOf(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it.each(['2027-02-30', '2027-1-31', '2027-01-31T00:00:00Z', 'today', ''])('"%s" is no day', (text) => {
    expect(dayOf('2028-02-29')).toBe('2028-02-29');
    expect(() => dayOf(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it.each(['', ' ', 'NaN', 'Infinity', '1x'])('"%s" is no number', (text) => {
    expect(() => numberOf(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it.each(['abc', '99999', '-1'])('"%s" is no port', (text) => {
    expect(() => portOf(text)).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(portOf('0')).toBe(0);
  });

  it.each(['-1', '1.5', '01', '1e3', ''])('"%s" is no whole number', (text) => {
    expect(() => wholeNumberOf(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it.each(['1', '51', '1000000000', '-1', '2.5'])('"%s" is no number from 2 to 50', (text) => {
    expect(() => countOf(2, 50)(text)).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(['2', '50'].map(countOf(2, 50))).toEqual([2, 50]);
  });

  it('of threads are as many as train', () => {
    expect(threadsOf(String(MAX_THREADS))).toBe(MAX_THREADS);
    for (const text of ['0', String(MAX_THREADS + 1)]) {
      expect(() => threadsOf(text)).toThrow(expect.objectContaining({ code: 'usage' }));
    }
  });
});

describe('tables', () => {
  it('align labels and drop what is not known', () => {
    expect(
      fields([
        ['a', 'x\ny'],
        ['long', undefined],
        ['bcd', 1],
      ]),
    ).toBe('a    x\n     y\nbcd  1\n');
  });

  it('align columns without trailing blanks', () => {
    expect(
      columns(
        ['id', 'name'],
        [
          ['1', 'one'],
          ['22', ''],
        ],
      ),
    ).toBe('id  name\n──  ────\n1   one\n22\n');
  });

  it('write sizes and shares for people', () => {
    expect([bytes(0), bytes(1023), bytes(1024), bytes(5 * 2 ** 30)]).toEqual([
      '0 bytes',
      '1023 bytes',
      '1.0 KiB',
      '5.0 GiB',
    ]);
    expect(percent(0.913)).toBe('91.30 %');
  });
});
