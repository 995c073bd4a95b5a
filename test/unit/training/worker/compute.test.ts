import { expect, it } from '@jest/globals';
import { addCompute } from '../../../../src/training/worker/compute.ts';

const device = { backend: 'wasm', device: 'a processor' };
const worker = { instance: 'a', party: 'party_x', ...device };
const entry = (instance: string, attempt: number, seconds: [wall: number, core: number, device: number | null]) => {
  const [wallSeconds, coreSeconds, deviceSeconds] = seconds;
  return { instance, party: 'party_x', attempt, spent: { wallSeconds, coreSeconds, deviceSeconds, ...device } };
};

it('adds up what the attempts of a run used, and says of each whose it was and what it spent on what', () => {
  const first = addCompute(null, { wallSeconds: 1.0004, coreSeconds: 2 }, worker, 1);
  expect(first).toEqual({ wallSeconds: 1, coreSeconds: 2, workers: [entry('a', 1, [1, 2, null])] });
  const second = addCompute(first, { wallSeconds: 3, coreSeconds: 0.5 }, { ...worker, instance: 'b' }, 4);
  expect(second).toEqual({
    wallSeconds: 4,
    coreSeconds: 2.5,
    workers: [entry('a', 1, [1, 2, null]), entry('b', 4, [3, 0.5, null])],
  });
});

it('counts device time only where a device was held', () => {
  const on = addCompute(null, { wallSeconds: 2, coreSeconds: 1, deviceSeconds: 2 }, worker, 1);
  expect(on.deviceSeconds).toBe(2);
  expect(on.workers).toEqual([entry('a', 1, [2, 1, 2])]);
  expect(addCompute(on, { wallSeconds: 1, coreSeconds: 1, deviceSeconds: 1 }, worker, 2).deviceSeconds).toBe(3);
  expect(addCompute(on, { wallSeconds: 1, coreSeconds: 1 }, worker, 2).deviceSeconds).toBe(2);
});
