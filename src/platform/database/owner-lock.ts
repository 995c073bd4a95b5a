/**
 * `owner.lock`: which process keeps the embedded database of a data folder. It is a folder of numbered records; the
 * record with the highest number counts, and taking the lock means to create the next number, which the file system
 * grants to exactly one process (`link` fails when the name exists). A record names its process by id and start, so
 * neither a killed owner nor a process that later got the same id holds it. The newest record is never deleted, only
 * marked `released`: deleting it would let a slow rival create a number that had been passed already.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { RegistryError } from '../../core/errors.ts';
import { identify, isAlive } from './process.ts';

const record = z.strictObject({
  holder: z.strictObject({ pid: z.int(), started: z.string() }),
  released: z.boolean(),
  /** Where the database listens; absent while the owner still starts it. */
  port: z.int().optional(),
});
type Record = z.output<typeof record>;

export interface OwnerLock {
  /** Tells the processes that wait where the database listens. */
  publish(port: number): Promise<void>;
  release(): Promise<void>;
}

export type LockState = { lock: OwnerLock } | { heldBy: number; port: number | undefined };

/** Takes the lock of a data folder, or tells who holds it. */
export async function takeOwnerLock(dataFolder: string): Promise<LockState> {
  const folder = join(dataFolder, 'owner.lock');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (;;) {
    const last = await newest(folder);
    if (last && !last.record.released && (await isAlive(last.record.holder))) {
      return { heldBy: last.record.holder.pid, port: last.record.port };
    }
    const number = (last?.number ?? 0) + 1;
    const lock = await take(folder, number);
    if (lock) return { lock };
  }
}

async function take(folder: string, number: number): Promise<OwnerLock | undefined> {
  const holder = await identify(process.pid);
  if (!holder) throw new RegistryError('internal', 'The system does not show when this process started.');
  const path = join(folder, String(number));
  const write = async (content: Record, put: (from: string, to: string) => Promise<void>) => {
    const draft = join(folder, `draft-${randomBytes(8).toString('hex')}`);
    await writeFile(draft, JSON.stringify(content), { mode: 0o600 });
    try {
      await put(draft, path);
    } finally {
      await removeIfThere(draft);
    }
  };
  try {
    await write({ holder, released: false }, link);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
  // Whoever looked at an old state may have created a number that others have already passed.
  const numbers = await numbersIn(folder);
  if (numbers.some((other) => other > number)) {
    await removeIfThere(path);
    return undefined;
  }
  for (const old of numbers) if (old < number) await removeIfThere(join(folder, String(old)));

  let port: number | undefined;
  const current = (released: boolean): Record => ({ holder, released, ...(port === undefined ? {} : { port }) });
  return {
    publish: (listening) => {
      port = listening;
      return write(current(false), rename);
    },
    release: () => write(current(true), rename),
  };
}

async function newest(folder: string): Promise<{ number: number; record: Record } | undefined> {
  for (;;) {
    const number = Math.max(0, ...(await numbersIn(folder)));
    if (number === 0) return undefined;
    try {
      return { number, record: record.parse(JSON.parse(await readFile(join(folder, String(number)), 'utf8'))) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw new RegistryError('configuration_invalid', `The lock record ${join(folder, String(number))} is damaged.`, {
        fix: 'Make sure that no Muniment process uses the data folder, then delete that file.',
        cause: error,
      });
    }
  }
}

async function numbersIn(folder: string): Promise<number[]> {
  return (await readdir(folder)).filter((name) => /^[1-9]\d{0,14}$/.test(name)).map(Number);
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
