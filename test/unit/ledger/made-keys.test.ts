import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { utf8 } from '../../../src/core/bytes.ts';
import { formatDigest } from '../../../src/core/digest.ts';
import { TABLE_NAMES } from '../../../src/core/registry/row-keys.ts';
import { MadeKeys } from '../../../src/ledger/fsck/made-keys.ts';
import { sha256 } from '../../../src/platform/crypto.ts';

const key = fc.tuple(fc.constantFrom(...TABLE_NAMES), fc.string({ unit: 'grapheme' }));

describe('the memory of keys', () => {
  test('never denies a key that was made, however small it is', () => {
    fc.assert(
      fc.property(fc.array(key), fc.integer({ min: 1, max: 5000 }), (keys, statements) => {
        const made = MadeKeys.forStatements(statements);
        for (const [table, name] of keys) made.add(table, name);
        // As another thread sees it.
        const seen = new MadeKeys(made.shared);
        expect(keys.every(([table, name]) => seen.mayHold(table, name))).toBe(true);
      }),
    );
  });

  test('denies nearly every key that was not made', () => {
    const made = MadeKeys.forStatements(1000);
    const name = (i: number) => formatDigest(sha256(utf8(String(i))));
    for (let i = 0; i < 8000; i++) made.add('registration', name(i));
    const wrong = Array.from({ length: 8000 }, (_, i) => made.mayHold('registration', name(8000 + i))).filter(Boolean);
    expect(wrong.length).toBeLessThan(80);
  });

  test('tells the tables apart', () => {
    const made = MadeKeys.forStatements(1000);
    made.add('party', 'party_1');
    expect(TABLE_NAMES.filter((table) => made.mayHold(table, 'party_1'))).toEqual(['party']);
  });

  test('takes everything for made where nobody knows', () => {
    fc.assert(fc.property(key, ([table, name]) => MadeKeys.unknown().mayHold(table, name)));
  });
});
