import { describe, expect, it } from '@jest/globals';
import { MNIST_DIGESTS, readMnist } from '../../../src/training/mnist.ts';

describe('MNIST', () => {
  it('is the original four files: 60,000 and 10,000 pictures of 28×28 in ten classes', async () => {
    const { train, test, classes, files } = await readMnist();
    expect([train.count, train.height, train.width]).toEqual([60_000, 28, 28]);
    expect([test.count, test.height, test.width]).toEqual([10_000, 28, 28]);
    expect(classes).toBe(10);
    expect(Object.fromEntries(files.map(({ name, digest }) => [name, digest]))).toEqual(MNIST_DIGESTS);
  });
});
