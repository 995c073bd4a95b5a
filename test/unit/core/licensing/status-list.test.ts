import { describe, expect, test } from '@jest/globals';
import { toHex } from '../../../../src/core/bytes.ts';
import { readStatus, statusListBytes, writeStatus } from '../../../../src/core/licensing/status-list.ts';
import type { StatusWidth } from '../../../../src/core/licensing/status-list.ts';
import { decodeList, encodeList } from '../../../../src/tokens/status-list/index.ts';

const refused = expect.objectContaining({ code: 'status_list_invalid' });

/** draft-ietf-oauth-status-list §4.1 and §4.2: statuses, the bytes that they are packed into, and what is sent. */
const VECTORS: [bits: StatusWidth, statuses: number[], bytes: string, lst: string][] = [
  [1, [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1], 'b9a3', 'eNrbuRgAAhcBXQ'],
  [2, [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3], 'c944f9', 'eNo76fITAAPfAgc'],
];

describe('a packed list', () => {
  test.each(VECTORS)('of %i bits is the bytes of the draft, packed and sent', (bits, statuses, bytes, lst) => {
    const list = new Uint8Array(statusListBytes(statuses.length, bits));
    for (const [index, status] of statuses.entries()) writeStatus(list, index, status, bits);
    expect(toHex(list)).toBe(bytes);
    expect(encodeList(list)).toBe(lst);
    expect(statuses.map((_, index) => readStatus(decodeList(lst), index, bits))).toEqual(statuses);
  });

  test('changes one status and no other', () => {
    const list = new Uint8Array(statusListBytes(9)).fill(0b10_01_11_00);
    const before = Array.from({ length: 12 }, (_, index) => readStatus(list, index));
    writeStatus(list, 5, 0);
    expect(Array.from({ length: 12 }, (_, index) => readStatus(list, index))).toEqual(before.with(5, 0));
  });

  test.each([-1, 0.5, 16, NaN, 2 ** 53])('has no index %d: status list index out of range', (index) => {
    expect(() => readStatus(new Uint8Array(4), index)).toThrow(refused);
    expect(() => writeStatus(new Uint8Array(4), index, 1)).toThrow(refused);
  });

  test.each([-1, 4, 0.5])('takes no status %d of two bits', (status) => {
    expect(() => writeStatus(new Uint8Array(4), 0, status)).toThrow(refused);
  });
});

describe('a list from elsewhere', () => {
  test.each([
    ['with padding', 'eNrbuRgAAhcBXQ=='],
    ['that is no zlib', 'AAAA'],
    ['that was cut off', 'eNrbuRgA'],
    ['that grows to more than is read: a zip bomb', encodeList(new Uint8Array(4 * 1024 * 1024 + 1))],
  ])('%s is refused', (_, lst) => {
    expect(() => decodeList(lst)).toThrow(refused);
  });
});
