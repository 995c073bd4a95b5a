import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { utf8 } from '../../../../src/core/bytes.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import { MAX_JSON_BYTES, isJsonWith, readJson } from '../../../../src/core/weights/json.ts';

const read = (text: string) => readJson(bytesSource(utf8(text)));

describe('a JSON document beside weights', () => {
  test('is read as JSON.parse reads it, where no name stands twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), async (value) => {
        for (const indent of [0, 2]) {
          const text = JSON.stringify(value, null, indent);
          expect(await read(text)).toEqual(JSON.parse(text));
        }
      }),
    );
  });

  test.each([
    ['a', '{"a":1,"a":1}'],
    ['a', '{"b":[{"a":1,"c":{},"a":2}]}'],
    ['a', String.raw`{"a":1,"\u0061":2}`],
    ['__proto__', '{"__proto__":1,"__proto__":2}'],
    ['b', String.raw`{"a":"\\","b":"{\"","b":[]}`],
    ['', '{"":1,"":2}'],
  ])('with the name "%s" twice is refused', async (field, text) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'malformed_container', field });
  });

  test('may have one name in several objects, and as a value', async () => {
    const text = '{"a":{"a":[{"a":"a"},{"a":"a"}]},"b":{"a":"\\"a\\":"}}';
    expect(await read(text)).toEqual(JSON.parse(text));
  });

  test.each([
    ['nothing', ''],
    ['a list', '[]'],
    ['text', 'weights'],
    ['what is cut', '{"a":"b'],
    ['what goes on', '{} {}'],
    ['a comma too many', '{"a":1,}'],
    ['a colon without a name', '{:1}'],
    ['a name that is no string', '{1:2}'],
    ['NaN', '{"a":NaN}'],
    ['a comment', '{/* */}'],
    ['65 levels', `{"a":${'['.repeat(64)}${']'.repeat(64)}}`],
    ['a million levels', '{"a":'.repeat(1_000_000)],
  ])('is refused when it is %s', async (_, text) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'malformed_container', field: 'document' });
  });

  test('is refused when it is no UTF-8, and before it is read when it is too large', async () => {
    const bytes = Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d);
    await expect(readJson(bytesSource(bytes))).rejects.toMatchObject({ code: 'malformed_container' });
    const large = { size: MAX_JSON_BYTES + 1, read: () => Promise.reject(new Error('read')) };
    await expect(readJson(large)).rejects.toMatchObject({ code: 'malformed_container' });
    expect(await isJsonWith(large, 'a')).toBe(false);
  });

  test('is told by what is in it, wherever it is cut', async () => {
    const text = `\n {"metadata":"${'x'.repeat(2 ** 20 - 20)}","weight_map":{"a":"b.safetensors"}}`;
    expect(await isJsonWith(bytesSource(utf8(text)), '"weight_map"', '.safetensors"')).toBe(true);
    expect(await isJsonWith(bytesSource(utf8(text)), '"weight_map"', '.bin"')).toBe(false);
    expect(await isJsonWith(bytesSource(utf8(`x${text}`)), '"weight_map"')).toBe(false);
    expect(await isJsonWith(bytesSource(new Uint8Array(0)), '"weight_map"')).toBe(false);
  });
});
