import { describe, expect, test } from '@jest/globals';
import { cacheSeconds, isNextDue, signingKeyAt, verifyingKeysAt } from '../../../src/tokens/key-schedule.ts';

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000);
const key = (kid: string, seconds: number, recordedIndex: number, retiredIndex: number | null = null) => ({
  kid,
  notBefore: at(seconds).toISOString(),
  recordedIndex,
  retiredIndex,
});
const names = (keys: readonly { kid: string }[]) => keys.map(({ kid }) => kid);
const LIFETIME = 100;

describe('the key that signs', () => {
  const keys = [key('next', 600, 3), key('old', 0, 1), key('first', -600, 0)];

  test('is the newest that has begun, in whatever order they are read', () => {
    expect(signingKeyAt(keys, at(599))?.kid).toBe('old');
    expect(signingKeyAt(keys, at(600))?.kid).toBe('next');
    expect(signingKeyAt([...keys].reverse(), at(600))?.kid).toBe('next');
  });

  test('is never one that is only published', () => {
    expect(signingKeyAt([key('next', 600, 3)], at(0))).toBeUndefined();
  });

  test('is never a retired one, such as a next one that leaked before it began', () => {
    expect(signingKeyAt([key('old', 0, 1), key('leaked', 10, 2, 5)], at(20))?.kid).toBe('old');
    expect(signingKeyAt([key('leaked', 0, 1, 5)], at(20))).toBeUndefined();
  });

  test('is the later recorded of two that begin in the same moment', () => {
    expect(signingKeyAt([key('b', 0, 2), key('a', 0, 1)], at(0))?.kid).toBe('b');
  });

  test('is none where there is none', () => {
    expect(signingKeyAt([], at(0))).toBeUndefined();
  });
});

describe('the keys that verify', () => {
  const keys = [key('old', 0, 1), key('next', 600, 3)];

  test('hold the next one before it signs', () => {
    expect(names(verifyingKeysAt(keys, at(1), LIFETIME))).toEqual(['old', 'next']);
  });

  test('hold the one before until its last token is over, and not longer', () => {
    expect(names(verifyingKeysAt(keys, at(600 + LIFETIME - 1), LIFETIME))).toEqual(['old', 'next']);
    expect(names(verifyingKeysAt(keys, at(600 + LIFETIME), LIFETIME))).toEqual(['next']);
  });

  test('do not hold a retired one from the moment it is retired', () => {
    expect(names(verifyingKeysAt([key('leaked', 0, 1, 4), key('next', 600, 3)], at(1), LIFETIME))).toEqual(['next']);
  });
});

test('a key set is never cached longer than half of what a new key is published ahead', () => {
  for (const lead of [1, 2, 10, 600, 86_400]) expect(cacheSeconds(lead)).toBeLessThanOrEqual(lead / 2);
  expect(cacheSeconds(600)).toBe(300);
});

describe('the next key', () => {
  const days = (count: number) => at(count * 86_400);

  test('is due when the one that signs has done so for its days', () => {
    expect(isNextDue([key('one', 0, 1)], days(89), 90)).toBe(false);
    expect(isNextDue([key('one', 0, 1)], days(90), 90)).toBe(true);
    expect(isNextDue([key('one', 0, 1)], days(9000), 0)).toBe(false);
    expect(isNextDue([], days(90), 90)).toBe(false);
  });

  test('is not due while another waits to follow, or follows one that was retired', () => {
    expect(isNextDue([key('one', 0, 1), key('two', 90 * 86_400 + 600, 2)], days(90), 90)).toBe(false);
    expect(isNextDue([key('one', 0, 1), key('leaked', 90 * 86_400, 2, 3)], days(91), 90)).toBe(true);
  });
});
