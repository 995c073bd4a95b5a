import { expect, it } from '@jest/globals';
import { createLog } from '../../../../src/platform/logging/index.ts';
import { Heartbeat } from '../../../../src/training/worker/heartbeat.ts';

const lines: string[] = [];
const log = createLog({ logLevel: 'warn' }, { write: (line) => void lines.push(line) });

it('writes the newest progress once, and nothing after it was stopped', async () => {
  const saved: (number | null)[] = [];
  const heartbeat = new Heartbeat<number>((latest) => {
    saved.push(latest);
    return Promise.resolve(true);
  }, log);
  heartbeat.tell(1);
  heartbeat.tell(2);
  while (saved.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
  await heartbeat.stop();
  expect(saved.slice(0, 3)).toEqual([null, 2, null]);
  const count = saved.length;
  heartbeat.tell(3);
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(saved).toHaveLength(count);
  expect(heartbeat.lost.aborted).toBe(false);
});

it('tells that the run is lost when the write finds it so', async () => {
  const heartbeat = new Heartbeat<number>(() => Promise.resolve(false), log);
  await new Promise((resolve) => heartbeat.lost.addEventListener('abort', resolve, { once: true }));
  expect(heartbeat.lost.reason).toMatchObject({ code: 'cancelled' });
  await heartbeat.stop();
});

it('goes on beating when the database misses a beat', async () => {
  let beats = 0;
  const heartbeat = new Heartbeat<number>(
    () => (++beats === 1 ? Promise.reject(new Error('no answer')) : Promise.resolve(true)),
    log,
  );
  while (beats < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  await heartbeat.stop();
  expect(heartbeat.lost.aborted).toBe(false);
  expect(lines.join('')).toContain('cannot be written');
});
