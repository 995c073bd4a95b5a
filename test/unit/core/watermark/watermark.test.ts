import { describe, expect, test } from '@jest/globals';
import { toHex } from '../../../../src/core/bytes.ts';
import { neuronsOf } from '../../../../src/core/fingerprint/neurons.ts';
import type { DenseLayer, Stack } from '../../../../src/core/fingerprint/stack.ts';
import { foldTwins } from '../../../../src/core/fingerprint/twins.ts';
import { embedMark, MAX_CHANGE } from '../../../../src/core/watermark/embed.ts';
import { commitmentOf, formatKey, MARK_BITS, markOf, parseKey } from '../../../../src/core/watermark/key.ts';
import { momentsOf } from '../../../../src/core/watermark/moments.ts';
import { chanceOf, FOUND_BELOW, readMark } from '../../../../src/core/watermark/read.ts';
import { answer, convStack, denseStack, disguised, draws, keyCalled, sha256, withUnits } from './fixture.ts';

const key = keyCalled('owner');
const plain = denseStack([600, 128, 10]);
const embedded = embedMark(sha256, plain, key);
const marked = embedded.stack;
const matched = (stack: Stack, by = key): number => readMark(sha256, stack, by).best.matched;
const values = (stack: Stack): Float64Array => {
  const neurons = neuronsOf(sha256, stack)[0]!;
  return momentsOf(neurons, markOf(sha256, key, neurons.directions.width)).values;
};

describe('a mark', () => {
  test('is read in full by its key, and by no other key and no other party', () => {
    expect(readMark(sha256, marked, key)).toEqual({
      bits: 64,
      best: { layer: 'fc1', matched: 64 },
      layers: [{ layer: 'fc1', matched: 64 }],
      pValue: 2 ** -64,
    });
    expect(readMark(sha256, marked, keyCalled('stranger')).pValue).toBeGreaterThan(0.001);
    expect(readMark(sha256, marked, { ...key, party: 'party_00000000000000000000000002' }).pValue).toBeGreaterThan(
      0.001,
    );
    expect(readMark(sha256, plain, key).pValue).toBeGreaterThan(0.001);
  });

  test('lies the margin beyond chance on every bit, and changes one kernel alone', () => {
    const { payload } = markOf(sha256, key, 601);
    expect(embedded.margin).toBe(10);
    expect(Math.min(...values(marked).map((value, bit) => value * payload[bit]!))).toBeGreaterThanOrEqual(10);
    expect(marked.layers[1]).toBe(plain.layers[1]);
    expect((marked.layers[0] as DenseLayer).bias).toBe(plain.layers[0]!.bias);
    expect(embedded.change).toBeGreaterThan(0.1);
    expect(embedded.change).toBeLessThan(MAX_CHANGE);
  });

  test('is the same everywhere', () => {
    const { kernel } = marked.layers[0]!;
    expect(toHex(sha256(new Uint8Array(kernel.buffer)))).toMatchInlineSnapshot(
      `"737193e55d9012056938dafb666c122c0f6b150a7af56a28233f953de7c61a4f"`,
    );
  });

  test('stays where it is when neurons change places and scale', () => {
    const before = values(marked);
    values(disguised(marked)).forEach((value, bit) => expect(value).toBeCloseTo(before[bit]!, 3));
    expect(matched(disguised(marked))).toBe(MARK_BITS);
  });

  test('is read behind convolutions, whose maps change places and scale as well', () => {
    const { stack, index } = embedMark(sha256, convStack(), key);
    expect(index).toBe(2);
    expect(matched(convStack())).toBeLessThan(50);
    expect(matched(stack)).toBe(MARK_BITS);
    expect(matched(disguised(stack))).toBe(MARK_BITS);
  });

  test('is found behind a layer that was put in front, and counted as one of two looks', () => {
    const identity: DenseLayer = {
      kind: 'dense',
      name: 'front',
      units: 600,
      inputs: 600,
      kernel: Float32Array.from({ length: 600 * 600 }, (_, i) => (i % 601 === 0 ? 1 : 0)),
      bias: new Float32Array(600),
    };
    const reading = readMark(sha256, { layers: [identity, ...marked.layers] }, key);
    expect(reading.best).toEqual({ layer: 'fc1', matched: MARK_BITS });
    expect(reading.pValue).toBe(2 * 2 ** -64);
  });

  test('survives half of the units, and weights of three bits', () => {
    const [first, second] = marked.layers as [DenseLayer, DenseLayer];
    const kept = { ...first, units: 64, kernel: first.kernel.slice(0, 64 * 600), bias: first.bias!.slice(0, 64) };
    const columns = { ...second, inputs: 64, kernel: second.kernel.filter((_, i) => i % 128 < 64) };
    expect(readMark(sha256, { layers: [kept, columns] }, key).pValue).toBeLessThan(FOUND_BELOW);
    const largest = first.kernel.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const coarse = first.kernel.map((value) => (Math.round((value / largest) * 3) / 3) * largest);
    expect(readMark(sha256, { layers: [{ ...first, kernel: coarse }, second] }, key).pValue).toBeLessThan(FOUND_BELOW);
  });

  test('stays beside the mark of somebody who marks the model again', () => {
    const { stack } = embedMark(sha256, marked, keyCalled('thief'));
    expect(matched(stack)).toBe(MARK_BITS);
    expect(matched(stack, keyCalled('thief'))).toBe(MARK_BITS);
  });
});

describe('units that do nothing', () => {
  const random = draws('units');
  const row = (): number[] => Array.from({ length: 601 }, () => 2 * random.uniform() - 1);
  const rows = Array.from({ length: 60 }, row);
  const column = Array.from({ length: 10 }, (_, output) => (output % 2 === 0 ? 50 : -50));

  test('are not looked at where they lead nowhere', () => {
    const stack = withUnits(
      marked,
      rows,
      rows.map(() => column.map(() => 0)),
    );
    const before = values(marked);
    values(stack).forEach((value, bit) => expect(value).toBeCloseTo(before[bit]!, 5));
  });

  test('are not looked at where two undo each other, which would drown the mark', () => {
    const stack = withUnits(
      marked,
      [...rows, ...rows],
      [...rows.map(() => column), ...rows.map(() => column.map((c) => -c))],
    );
    const chance = momentsOf(neuronsOf(sha256, stack)[0]!, markOf(sha256, key, 601));
    const { payload } = markOf(sha256, key, 601);
    expect(chance.values.filter((value, bit) => value * payload[bit]! > 0).length).toBeLessThan(50);
    expect(matched(stack)).toBe(MARK_BITS);
  });

  test('become one with those that see the same, and the stack answers as before', () => {
    const [first] = marked.layers as [DenseLayer];
    const twin = [...first.kernel.subarray(0, 600), first.bias![0]!];
    const stack = withUnits(marked, [twin.map((value) => 3 * value), twin], [column, column.map((c) => -c / 2)]);
    const folded = foldTwins(sha256, stack);
    expect((folded.layers[0] as DenseLayer).units).toBe(128);
    const input = Array.from({ length: 600 }, () => random.uniform());
    const before = answer(stack, input);
    answer(folded, input).forEach((value, i) => expect(value).toBeCloseTo(before[i]!, 3));
  });
});

test('keys that have nothing to do with a model agree with it as a fair coin does', () => {
  for (const [stack, count] of [
    [denseStack([64, 24, 10]), 200],
    [marked, 20],
  ] as const) {
    const counts = Array.from({ length: count }, (_, i) => matched(stack, keyCalled(`stranger ${i}`)));
    const mean = counts.reduce((sum, each) => sum + each, 0) / count;
    const variance = counts.reduce((sum, each) => sum + (each - mean) ** 2, 0) / count;
    // Five standard errors of so many draws of B(64, ½)
    expect(Math.abs(mean - 32)).toBeLessThan(5 * Math.sqrt(16 / count));
    expect(Math.abs(variance - 16)).toBeLessThan(5 * 16 * Math.sqrt(2 / count));
    expect(chanceOf(Math.max(...counts), MARK_BITS)).toBeGreaterThan(1e-5);
  }
});

test('the chance is the exact tail of a binomial distribution', () => {
  expect(chanceOf(64, 64)).toBe(2 ** -64);
  expect(chanceOf(63, 64)).toBe(65 * 2 ** -64);
  expect(chanceOf(0, 64)).toBe(1);
  expect(chanceOf(2, 3)).toBe(0.5);
  expect(chanceOf(32, 64) + chanceOf(33, 64)).toBe(1);
});

describe('what cannot be marked is refused:', () => {
  test('a stack without a hidden dense layer', () => {
    const only = denseStack([100, 10]);
    expect(() => embedMark(sha256, only, key)).toThrow(expect.objectContaining({ code: 'watermark_unfit' }));
    expect(() => readMark(sha256, only, key)).toThrow(expect.objectContaining({ code: 'watermark_unfit' }));
  });

  test('a layer with too few weights for the bits', () => {
    expect(() => embedMark(sha256, denseStack([9, 6, 3]), key)).toThrow(
      expect.objectContaining({ code: 'watermark_unfit', message: expect.stringContaining('too small') }),
    );
  });
});

describe('a key', () => {
  const file = {
    ...key,
    origin: 'log.example.org',
    sealed: 'sealed_00000000000000000000000003',
    salt: '00112233445566778899aabbccddeeff',
  };

  test('is read as it was written, and has one commitment', () => {
    expect(parseKey(formatKey(file))).toEqual(file);
    expect(commitmentOf(sha256, key)).toBe('sha256:7da77f17a612cda6f3b13d160d0b9ec980bf24a49eeae1d092387526dfc76ad8');
    expect(commitmentOf(sha256, { ...key, party: 'party_00000000000000000000000002' })).not.toBe(
      commitmentOf(sha256, key),
    );
  });

  test.each([
    ['no JSON', 'key'],
    ['another scheme', formatKey(file).replace('watermark-1', 'watermark-2')],
    ['a key of 31 bytes', formatKey(file).replace(/"key": "../, '"key": "')],
    ['no party', formatKey(file).replace('party_', 'model_')],
    ['no record', formatKey(file).replace('sealed_', '')],
    ['a member too many', formatKey(file).replace('{', '{"note": 1,')],
  ])('is refused: %s', (_, text) => {
    expect(() => parseKey(text)).toThrow(expect.objectContaining({ code: 'invalid_input', field: 'mark-key' }));
  });
});
