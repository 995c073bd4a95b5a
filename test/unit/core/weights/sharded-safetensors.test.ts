import { describe, expect, test } from '@jest/globals';
import { utf8 } from '../../../../src/core/bytes.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import { weightDigestOf } from '../../../../src/core/weights/digest.ts';
import { containerCalled, inspectWeights } from '../../../../src/core/weights/inspect.ts';
import { writeSafetensors } from '../../../../src/core/weights/safetensors.ts';
import { sha256 } from './fixture.ts';
import { filesOf, readOrRefused } from './read-or-refused.ts';

const tensor = (name: string, ...bytes: number[]) => ({
  name,
  dtype: 'U8' as const,
  shape: [bytes.length],
  data: Uint8Array.from(bytes),
});
const [a, b, c] = [tensor('a', 1, 2), tensor('b', 3), tensor('__proto__', 4, 5, 6)];
const [ONE, TWO] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
const shards = { [ONE]: writeSafetensors([a, c], { format: 'pt' }), [TWO]: writeSafetensors([b]) };
const map = { a: ONE, b: TWO, ['__proto__']: ONE };
const indexOf = (weights: object, metadata?: unknown) =>
  utf8(JSON.stringify({ metadata, weight_map: weights }, null, 2));
const inspect = (index: Uint8Array, files: Record<string, Uint8Array> = shards) =>
  inspectWeights(bytesSource(index), sha256, { container: 'sharded-safetensors', siblings: filesOf(files) });

describe('safetensors in shards', () => {
  test('have the digests of the same tensors in one file', async () => {
    const index = indexOf(map, { total_size: 6, format: 'pt' });
    const whole = await inspectWeights(bytesSource(writeSafetensors([a, b, c])), sha256);
    const report = await inspectWeights(bytesSource(index), sha256, { siblings: filesOf(shards) });
    expect(report).toMatchObject({
      container: 'sharded-safetensors',
      ...weightDigestOf(sha256, [a, b, c]),
      weightDigest: whole.weightDigest,
      parameters: 6,
      metadata: { total_size: '6', format: 'pt' },
    });
    expect(containerCalled('model.safetensors.index.json')).toBe('sharded-safetensors');
    expect(containerCalled('model.safetensors')).toBe('safetensors');
  });

  test('may lie in folders below the index, and one shard is enough', async () => {
    const index = indexOf({ b: 'part/b.safetensors' });
    expect(await inspect(index, { 'part/b.safetensors': shards[TWO]! })).toMatchObject(weightDigestOf(sha256, [b]));
  });

  test('are not taken for such without an index of safetensors', async () => {
    const index = indexOf({ a: 'pytorch_model-00001-of-00002.bin' });
    expect(await inspectWeights(bytesSource(index), sha256)).toMatchObject({ container: 'unknown' });
    await expect(inspect(index)).rejects.toMatchObject({ code: 'unsupported_container', field: 'weight_map.a' });
  });

  test.each<[string, object, Record<string, Uint8Array>, string]>([
    ['a tensor that its shard does not hold', { ...map, d: TWO }, shards, 'd'],
    ['a tensor in another shard than it says', { ...map, a: TWO }, shards, 'a'],
    ['a shard with a tensor that it does not name', { a: ONE, b: TWO }, shards, '__proto__'],
    ['a tensor in two shards', map, { ...shards, [TWO]: writeSafetensors([tensor('a', 7, 8), b]) }, 'a'],
    [
      'the same shard under two names',
      { ...map, d: 'd.safetensors' },
      { ...shards, 'd.safetensors': shards[TWO]! },
      'b',
    ],
    ['a broken shard', map, { ...shards, [TWO]: shards[TWO]!.subarray(0, -1) }, `${TWO}.b.data_offsets`],
    ['a shard that is none', map, { ...shards, [TWO]: utf8('weights') }, `${TWO}.headerLength`],
    ['a tensor without a shard', { ...map, b: null }, shards, 'weight_map.b'],
    ['a list of shards for a tensor', { ...map, b: [ONE, TWO] }, shards, 'weight_map.b'],
  ])('with an index that has %s are refused', async (_, weights, files, field) => {
    await expect(inspect(indexOf(weights), files)).rejects.toMatchObject({ code: 'malformed_container', field });
  });

  test.each([
    ['no map', '{"metadata":{}}', 'weight_map'],
    ['a list for the map', '{"weight_map":["a"]}', 'weight_map'],
    ['words for metadata', `{"metadata":"x","weight_map":${JSON.stringify(map)}}`, 'metadata'],
    ['two maps', `{"weight_map":{"b":"${TWO}"},"weight_map":${JSON.stringify(map)}}`, 'weight_map'],
    ['a tensor twice', `{"weight_map":{"b":"${ONE}","b":"${TWO}"}}`, 'b'],
    ['no JSON', `{'weight_map': {}}`, 'document'],
  ])('with an index that has %s are refused', async (_, index, field) => {
    await expect(inspect(utf8(index))).rejects.toMatchObject({ code: 'malformed_container', field });
  });

  test('without a tensor are refused, and without a shard named', async () => {
    await expect(inspect(indexOf({}))).rejects.toMatchObject({ code: 'malformed_container' });
    await expect(inspect(indexOf(map), { [ONE]: shards[ONE]! })).rejects.toMatchObject({ code: 'not_found' });
  });

  test('are refused where no other file is at hand', async () => {
    await expect(inspectWeights(bytesSource(indexOf(map)), sha256)).rejects.toMatchObject({
      code: 'unsupported_container',
      field: ONE,
    });
  });

  test('with an index cut anywhere, or any byte of it changed, are read or refused by name', async () => {
    const index = utf8(JSON.stringify({ weight_map: map }));
    for (let at = 0; at < index.length; at++) {
      expect(await readOrRefused(index.subarray(0, at), 'sharded-safetensors', filesOf(shards))).toBe('refused');
      for (const flip of [1, 0x20, 0x80]) {
        const changed = Uint8Array.from(index);
        changed[at]! ^= flip;
        await readOrRefused(changed, 'sharded-safetensors', filesOf(shards));
      }
    }
  });
});
