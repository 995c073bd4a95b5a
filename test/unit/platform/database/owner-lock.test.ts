import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { takeOwnerLock } from '../../../../src/platform/database/owner-lock.ts';
import type { LockState, OwnerLock } from '../../../../src/platform/database/owner-lock.ts';

let data: string;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'lock-'));
});
afterEach(() => rm(data, { recursive: true }));

const lockOf = (state: LockState): OwnerLock => {
  if (!('lock' in state)) throw new Error(`held by ${state.heldBy}`);
  return state.lock;
};
const leave = async (number: number, record: object) => {
  await mkdir(join(data, 'owner.lock'), { recursive: true });
  await writeFile(join(data, 'owner.lock', String(number)), JSON.stringify(record));
};
const DEAD = { holder: { pid: 2 ** 22 + 1, started: 'x/1' }, released: false, port: 5 };

describe('owner.lock', () => {
  it('belongs to one, and tells the others who holds it and where the database listens', async () => {
    const lock = lockOf(await takeOwnerLock(data));
    expect(await takeOwnerLock(data)).toEqual({ heldBy: process.pid, port: undefined });
    await lock.publish(5433);
    expect(await takeOwnerLock(data)).toEqual({ heldBy: process.pid, port: 5433 });
    await lock.release();
    lockOf(await takeOwnerLock(data));
  });

  it.each([
    ['an empty folder', 0],
    ['what a dead owner left', 7],
  ])('goes to exactly one of 40 at once over %s', async (_, left) => {
    for (let round = 0; round < 10; round++) {
      await rm(join(data, 'owner.lock'), { recursive: true, force: true });
      if (left) await leave(left, DEAD);
      const states = await Promise.all(Array.from({ length: 40 }, () => takeOwnerLock(data)));
      expect(states.filter((state) => 'lock' in state)).toHaveLength(1);
    }
  });

  it('never has two holders while many take and release it in turn', async () => {
    let holders = 0;
    let turns = 0;
    const contend = async () => {
      while (turns < 60) {
        const state = await takeOwnerLock(data);
        if (!('lock' in state)) continue;
        expect(++holders).toBe(1);
        turns++;
        await new Promise((resolve) => setImmediate(resolve));
        holders--;
        await state.lock.release();
      }
    };
    await Promise.all(Array.from({ length: 8 }, contend));
    expect(turns).toBeGreaterThanOrEqual(60);
  });

  it('is free when its holder is dead, and when another process has the holder’s id now', async () => {
    await leave(3, DEAD);
    await lockOf(await takeOwnerLock(data)).release();
    await leave(9, { ...DEAD, holder: { pid: process.pid, started: 'another-boot/1' } });
    lockOf(await takeOwnerLock(data));
  });

  it('leaves one record that only its user may read', async () => {
    for (let i = 0; i < 3; i++) await lockOf(await takeOwnerLock(data)).release();
    const [record, ...rest] = await readdir(join(data, 'owner.lock'));
    expect(rest).toEqual([]);
    expect((await stat(join(data, 'owner.lock', String(record)))).mode & 0o077).toBe(0);
  });

  it('refuses a damaged record by its path instead of guessing', async () => {
    await leave(1, { holder: 'me' });
    await expect(takeOwnerLock(data)).rejects.toMatchObject({
      code: 'configuration_invalid',
      message: expect.stringContaining(join(data, 'owner.lock', '1')),
    });
  });
});
