import { expect, it } from '@jest/globals';
import { addCompute } from '../../../../src/training/worker/compute.ts';

const worker = { instance: 'a', party: 'party_x' };

it('adds up what the attempts of a run used, and says who trained', () => {
  const first = addCompute(null, { wallSeconds: 1.0004, coreSeconds: 2 }, worker, 1);
  expect(first).toEqual({ wallSeconds: 1, coreSeconds: 2, workers: [{ ...worker, attempt: 1 }] });
  const second = addCompute(first, { wallSeconds: 3, coreSeconds: 0.5 }, { ...worker, instance: 'b' }, 4);
  expect(second).toEqual({
    wallSeconds: 4,
    coreSeconds: 2.5,
    workers: [
      { ...worker, attempt: 1 },
      { ...worker, instance: 'b', attempt: 4 },
    ],
  });
});

it('counts device time only where a device was held', () => {
  const on = addCompute(null, { wallSeconds: 2, coreSeconds: 1, deviceSeconds: 2 }, worker, 1);
  expect(on.deviceSeconds).toBe(2);
  expect(addCompute(on, { wallSeconds: 1, coreSeconds: 1, deviceSeconds: 1 }, worker, 2).deviceSeconds).toBe(3);
  expect(addCompute(on, { wallSeconds: 1, coreSeconds: 1 }, worker, 2).deviceSeconds).toBe(2);
});
