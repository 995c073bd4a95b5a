import { describe, expect, test } from '@jest/globals';
import { concat, utf8 } from '../../../../src/core/bytes.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import { looksLikeZip, openZip } from '../../../../src/core/weights/zip.ts';
import type { Made } from './zip-fixture.ts';
import { zipOf } from './zip-fixture.ts';

const text = Uint8Array.from({ length: 200_000 }, (_, i) => (i * i) % 251);
const read = async (zip: Uint8Array, name: string) => (await openZip(bytesSource(zip))).get(name)!.bytes(1_000_000);

describe('a zip archive', () => {
  test('gives what is stored and what is deflated, in the order in which it stands', async () => {
    const zip = zipOf({ name: 'b/stored', data: text }, { name: 'a', data: text.subarray(0, 1000), deflate: true });
    expect(await looksLikeZip(bytesSource(zip))).toBe(true);
    const entries = await openZip(bytesSource(zip));
    expect([...entries.values()].map(({ name, size, offset }) => [name, size, offset])).toEqual([
      ['b/stored', text.length, 38],
      ['a', 1000, undefined],
    ]);
    expect(await read(zip, 'b/stored')).toEqual(text);
    expect(await read(zip, 'a')).toEqual(text.subarray(0, 1000));
  });

  test('is read no further than a caller wants', async () => {
    const entry = (await openZip(bytesSource(zipOf({ name: 'a', data: text })))).get('a')!;
    await expect(entry.bytes(199_999)).rejects.toMatchObject({ code: 'malformed_container', field: 'a' });
  });

  test.each<[string, Made[]]>([
    [
      'two entries of one name',
      [
        { name: 'a', data: text },
        { name: 'a', data: utf8('other') },
      ],
    ],
    ['an entry with another name in its own header', [{ name: 'a', data: text, localName: 'b' }]],
    [
      'an entry inside another',
      [
        { name: 'a', data: text },
        { name: 'b', data: text, claims: { offset: 20 } },
      ],
    ],
    [
      'two names for one entry',
      [
        { name: 'a', data: text },
        { name: 'b', data: text, claims: { offset: 0 } },
      ],
    ],
    ['an entry past the end', [{ name: 'a', data: text, claims: { compressedSize: 300_000, size: 300_000 } }]],
    ['a stored entry of another size', [{ name: 'a', data: text, claims: { size: 100 } }]],
    ['more than deflate can make', [{ name: 'a', data: text, deflate: true, claims: { size: 2 ** 31 } }]],
  ])('with %s is refused', async (_, entries) => {
    await expect(openZip(bytesSource(zipOf(...entries)))).rejects.toMatchObject({ code: 'malformed_container' });
  });

  describe('with an entry that begins near the end', () => {
    const withOffset = (offset: number) =>
      zipOf({ name: 'a', data: text }, { name: 'b', data: text, claims: { offset } });
    const end = withOffset(0).length;
    const refused = { code: 'malformed_container', field: 'b', message: expect.stringContaining('past the') };

    test.each([1, 29])('and has no room for its header is refused by its name: %i bytes', async (room) => {
      await expect(openZip(bytesSource(withOffset(end - room)))).rejects.toMatchObject(refused);
    });

    test('and has no room for its name is refused by its name', async () => {
      const header = new DataView(new ArrayBuffer(30));
      header.setUint32(0, 0x04034b50, true);
      header.setUint16(26, 1, true);
      // It stands in the comment, whose length is the last of the directory.
      const zip = concat(withOffset(end), new Uint8Array(header.buffer));
      new DataView(zip.buffer).setUint16(end - 2, 30, true);
      await expect(openZip(bytesSource(zip))).rejects.toMatchObject(refused);
    });
  });

  test('of many small entries is read for dozens of their headers at once', async () => {
    const names = Array.from({ length: 5000 }, (_, i) => `layer/${i}`);
    const source = bytesSource(zipOf(...names.map((name) => ({ name, data: text.subarray(0, 9) }))));
    let reads = 0;
    const counted = {
      size: source.size,
      read: (offset: number, length: number) => {
        reads++;
        return source.read(offset, length);
      },
    };
    expect([...(await openZip(counted)).keys()]).toEqual(names);
    expect(reads).toBeLessThan(20);
  });

  test.each<[string, Made]>([
    ['is longer than it says', { name: 'a', data: text, deflate: true, claims: { size: 100_000 } }],
    ['is shorter than it says', { name: 'a', data: text, deflate: true, claims: { size: 300_000 } }],
    ['has another checksum', { name: 'a', data: text, deflate: true, claims: { crc: 7 } }],
    ['is not deflated', { name: 'a', data: text, claims: { method: 8 } }],
  ])('with an entry that %s is refused when that is read', async (_, entry) => {
    await expect(read(zipOf(entry), 'a')).rejects.toMatchObject({ code: 'malformed_container', field: 'a' });
  });

  test.each([
    ['encrypted', { flags: 1 }],
    ['compressed otherwise', { method: 93 }],
  ])('with an entry that is %s is named as not read here', async (_, claims) => {
    const zip = zipOf({ name: 'a', data: text, claims });
    await expect(openZip(bytesSource(zip))).rejects.toMatchObject({ code: 'unsupported_container', field: 'a' });
  });

  describe('with records of zip64 that it does not need', () => {
    // As long as the records, so that what is so far from the end is an entry, but not the first.
    const name = 'n'.repeat(76 - 46);
    const plain = zipOf({ name, data: text.subarray(0, 9) }, { name: 'b', data: text.subarray(0, 5) });
    const end = plain.length - 22;
    const of = new DataView(plain.buffer, plain.byteOffset + end, 22);
    const withRecords = ({
      entries = 2,
      size = of.getUint32(12, true),
      offset = of.getUint32(16, true),
      at = end,
    } = {}) => {
      const records = new DataView(new ArrayBuffer(76));
      records.setUint32(0, 0x06064b50, true);
      records.setBigUint64(4, 44n, true);
      for (const [place, value] of [entries, entries, size, offset].entries()) {
        records.setBigUint64(24 + 8 * place, BigInt(value), true);
      }
      records.setUint32(56, 0x07064b50, true);
      records.setBigUint64(64, BigInt(at), true);
      records.setUint32(72, 1, true);
      return concat(plain.subarray(0, end), new Uint8Array(records.buffer), plain.subarray(end));
    };

    test('is read', async () => {
      expect([...(await openZip(bytesSource(withRecords()))).keys()]).toEqual([name, 'b']);
      expect(await read(withRecords(), name)).toEqual(text.subarray(0, 9));
    });

    test.each([{ entries: 1 }, { size: 77 }, { offset: 0 }, { at: 0 }])(
      'is refused where they say otherwise: %j',
      async (lie) => {
        await expect(openZip(bytesSource(withRecords(lie)))).rejects.toMatchObject({
          code: 'malformed_container',
          field: 'directory',
        });
      },
    );
  });

  test('cut anywhere is refused, or has lost its directory', async () => {
    const zip = zipOf(
      { name: 'a', data: text.subarray(0, 100) },
      { name: 'b', data: text.subarray(0, 50), deflate: true },
    );
    for (let length = 22; length < zip.length; length++) {
      await expect(openZip(bytesSource(zip.subarray(0, length)))).rejects.toMatchObject({
        code: 'malformed_container',
      });
    }
  });

  test('with any byte changed is read or refused by name, never otherwise', async () => {
    const zip = zipOf(
      { name: 'a', data: text.subarray(0, 30) },
      { name: 'b', data: text.subarray(0, 50), deflate: true },
    );
    for (let at = 0; at < zip.length; at++) {
      for (const flip of [1, 0x80, 0xff]) {
        const changed = Uint8Array.from(zip);
        changed[at]! ^= flip;
        const all = openZip(bytesSource(changed)).then(async (entries) => {
          for (const entry of entries.values()) await entry.bytes(1_000_000);
        });
        await all.catch((error: unknown) =>
          expect(error).toMatchObject({ code: expect.stringMatching(/^(malformed|unsupported)_container$/) }),
        );
      }
    }
  });
});
