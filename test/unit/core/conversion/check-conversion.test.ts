import { describe, expect, test } from '@jest/globals';
import { checkConversion } from '../../../../src/core/conversion/check-conversion.ts';
import { checkMerge } from '../../../../src/core/conversion/check-merge.ts';
import type { NumberDtype } from '../../../../src/core/conversion/elements.ts';
import { encodersOf, numbersOf } from '../../../../src/core/conversion/elements.ts';
import type { Relation } from '../../../../src/core/licensing/relations.ts';
import type { StoredTensor } from '../../../../src/core/weights/container.ts';

/** Normally distributed, the same for a seed */
function normal(count: number, seed: number): Float64Array {
  let state = seed * 2654435761 + 1;
  const uniform = (): number => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) | 0;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  return Float64Array.from({ length: count }, () =>
    Math.fround(Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())),
  );
}

function tensor(name: string, dtype: NumberDtype, shape: number[], values: Float64Array, way = 0): StoredTensor {
  const data = encodersOf(dtype)[way]!(values);
  return { name, dtype, shape, byteLength: data.length, pieces: () => [data.subarray(0, 999), data.subarray(999)] };
}

const SHAPE = [64, 96];
const a = normal(64 * 96, 1);
const b = normal(64, 2);
const parent = [tensor('w', 'F32', SHAPE, a), tensor('b', 'F32', [64], b)];
const like = (dtype: NumberDtype, way = 0) => [tensor('w', dtype, SHAPE, a, way), tensor('b', dtype, [64], b, way)];
const transposed = Float64Array.from(a, (_, i) => a[(i % 64) * 96 + Math.floor(i / 64)]!);

describe('a conversion made again', () => {
  test.each<[what: string, child: StoredTensor[], relation: Relation, conversions: string[]]>([
    ['the same weights', like('F32'), 'converted-from', ['the same']],
    ['half precision', like('F16'), 'converted-from', ['F32 to F16']],
    ['half precision, called quantized', like('F16'), 'quantized-from', ['F32 to F16']],
    ['bfloat16', like('BF16'), 'converted-from', ['F32 to BF16']],
    ['double precision', like('F64'), 'converted-from', ['F32 to F64']],
    ['8-bit blocks', like('Q8_0'), 'quantized-from', ['F32 to Q8_0']],
    ['4-bit blocks', like('Q4_0'), 'quantized-from', ['F32 to Q4_0']],
    ['4-bit blocks with fused rounding', like('Q4_0', 1), 'quantized-from', ['F32 to Q4_0']],
    ['4-bit blocks with a minimum', like('Q4_1'), 'quantized-from', ['F32 to Q4_1']],
    ['5-bit blocks', like('Q5_0'), 'quantized-from', ['F32 to Q5_0']],
    ['5-bit blocks with a minimum', like('Q5_1', 1), 'quantized-from', ['F32 to Q5_1']],
    [
      'other names and turned axes',
      [tensor('layer.kernel', 'F32', [96, 64], transposed), tensor('layer.bias', 'F16', [64], b)],
      'converted-from',
      ['F32 to F16', 'axes turned'],
    ],
    [
      'pruned weights',
      [
        tensor(
          'w',
          'F16',
          SHAPE,
          a.map((value) => (Math.abs(value) < 1 ? 0 : value)),
        ),
        tensor('b', 'F32', [64], b),
      ],
      'pruned-from',
      ['pruned, F32 to F16', 'the same'],
    ],
  ])('confirms %s', async (_, child, relation, conversions) => {
    expect(await checkConversion(child, parent, relation)).toMatchObject({
      finding: 'confirmed',
      conversions,
      tensors: 2,
      explained: 2,
    });
  });

  test('confirms what was made from blocks again', async () => {
    const blocks = tensor('w', 'Q4_1', SHAPE, a);
    const child = tensor('w', 'F16', SHAPE, numbersOf('Q4_1', encodersOf('Q4_1')[0]!(a)));
    expect(await checkConversion([child], [blocks], 'converted-from')).toMatchObject({ finding: 'confirmed' });
  });

  test('notices one weight that is not the parent’s', async () => {
    const other = Float64Array.from(a, (value, i) => (i === 5000 ? value * 1.001 : value));
    const found = await checkConversion([tensor('w', 'F32', SHAPE, other), parent[1]!], parent, 'converted-from');
    expect(found).toMatchObject({ finding: 'unexplained', explained: 1, shows: null });
  });

  test('confirms no other relation than the one that shows', async () => {
    expect(await checkConversion(like('F32'), parent, 'fine-tuned-from')).toMatchObject({
      finding: 'unexplained',
      shows: 'converted-from',
    });
    expect(await checkConversion(like('F32'), parent, 'quantized-from')).toMatchObject({ finding: 'unexplained' });
    expect(await checkConversion(like('Q8_0'), parent, 'converted-from')).toMatchObject({ finding: 'unexplained' });
    expect(await checkConversion(like('F32'), parent, 'pruned-from')).toMatchObject({ finding: 'unexplained' });
  });

  test('confirms nothing by zeros and constants, which come from every model', async () => {
    const empty = [tensor('w', 'F32', SHAPE, new Float64Array(a.length)), tensor('b', 'F32', [64], b)];
    expect(await checkConversion(empty, parent, 'pruned-from')).toMatchObject({ finding: 'unexplained', telling: 64 });
    const ones = [tensor('w', 'F32', SHAPE, new Float64Array(a.length).fill(1))];
    expect(await checkConversion(ones, ones, 'converted-from')).toMatchObject({ finding: 'unexplained', telling: 1 });
  });
});

describe('a declared conversion that was none', () => {
  const stranger = (dtype: NumberDtype) => [
    tensor('w', dtype, SHAPE, normal(64 * 96, 3)),
    tensor('b', dtype, [64], normal(64, 4)),
  ];

  test.each<[Relation, NumberDtype]>([
    ['converted-from', 'F32'],
    ['quantized-from', 'Q4_0'],
    ['pruned-from', 'BF16'],
  ])('is contradicted: %s in %s', async (relation, dtype) => {
    const found = await checkConversion(stranger(dtype), parent, relation);
    expect(found).toMatchObject({ finding: 'contradicted', explained: 0, correlation: { elements: 64 * 96 } });
    expect(found.correlation!.largest).toBeLessThan(0.08);
  });

  test('is contradicted by its size', async () => {
    const large = [tensor('w', 'F32', [200, 96], normal(200 * 96, 5))];
    expect(await checkConversion(large, parent, 'quantized-from')).toMatchObject({ finding: 'contradicted' });
  });

  test('is not contradicted where another relation was declared, nor where the weights are alike', async () => {
    expect(await checkConversion(stranger('F32'), parent, 'fine-tuned-from')).toMatchObject({ finding: 'unexplained' });
    const noise = normal(a.length, 6);
    const rough = [
      tensor(
        'w',
        'F32',
        [96, 64],
        transposed.map((value, i) => value + 3 * noise[i]!),
      ),
    ];
    expect(await checkConversion(rough, parent, 'quantized-from')).toMatchObject({ finding: 'unexplained' });
  });
});

describe('a merge', () => {
  const other = [tensor('w', 'F32', SHAPE, normal(64 * 96, 7)), tensor('b', 'F32', [64], normal(64, 8))];
  const merged = (share: number, dtype: NumberDtype) => [
    tensor(
      'w',
      dtype,
      SHAPE,
      a.map((value, i) => share * value + (1 - share) * normalW[i]!),
    ),
    tensor(
      'b',
      dtype,
      [64],
      b.map((value, i) => share * value + (1 - share) * normalB[i]!),
    ),
  ];
  const [normalW, normalB] = [normal(64 * 96, 7), normal(64, 8)];

  test.each<[number, NumberDtype]>([
    [0.5, 'F32'],
    [0.3, 'F32'],
    [0.7, 'BF16'],
    [-0.2, 'F16'],
  ])('of %d and the rest is confirmed in %s', async (share, dtype) => {
    const found = await checkMerge(merged(share, dtype), [parent, other]);
    expect(found.finding).toBe('confirmed');
    expect(found.coefficients[0]).toBeCloseTo(share, 4);
    expect(found.coefficients[1]).toBeCloseTo(1 - share, 4);
  });

  test('of one parent alone, of a stranger, and of two that are one is not', async () => {
    expect(await checkMerge(like('F32'), [parent, other])).toMatchObject({ finding: 'unexplained' });
    const foreign = [tensor('w', 'F32', SHAPE, normal(64 * 96, 9)), tensor('b', 'F32', [64], b)];
    expect(await checkMerge(foreign, [parent, other])).toMatchObject({ finding: 'unexplained' });
    expect(await checkMerge(like('F32'), [parent, parent])).toMatchObject({ finding: 'unexplained', coefficients: [] });
    await expect(checkMerge(like('F32'), [parent])).rejects.toMatchObject({ code: 'invalid_input' });
  });
});
