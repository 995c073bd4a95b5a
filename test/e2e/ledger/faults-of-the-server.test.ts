/**
 * What only a database server of one's own can go through: it crashes and is started again at each step of an append, and
 * its disk fills up before each. The same process goes on afterwards, and the log is verified from outside.
 *
 * A disk that fills up is a small file system in memory, which only root may mount (Linux); elsewhere that test says that
 * it is skipped.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, open, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { registration } from '../../../src/core/registry/index.ts';
import { isStorageFull } from '../../../src/platform/storage-full.ts';
import type { LogWriter, Submission } from '../../../src/ledger/writer.ts';
import { makeDataFolder } from '../../support/app.ts';
import { OwnPostgres } from '../../support/own-postgres.ts';
import { query } from '../../support/postgres.ts';
import type { Process } from './fixture.ts';
import { makeParty, modelBody, spoken, TestLedger } from './fixture.ts';
import type { Flavor, Step, Strike } from './injection.ts';
import { StruckWriter } from './injection.ts';

jest.setTimeout(300_000);

let data: string;
let server: OwnPostgres;
let log: TestLedger;
let process: Process;
let owner: string;
/** A checkpoint that an outsider holds since before the faults. */
let held: string;

async function begin(folder: string): Promise<void> {
  data = folder;
  server = await OwnPostgres.start(data);
  log = await TestLedger.create({ database: server.database });
  process = await log.open();
  owner = await makeParty(process);
  held = (await process.core.published.publish()).note;
}

async function end(): Promise<void> {
  await log.drop();
  await server.close();
}

const write = (): Submission =>
  spoken(process, registration, { maker: owner, attestedBy: 'registry' }, modelBody(owner));

async function recorded(submissions: readonly Submission[]): Promise<number> {
  const digests = submissions.map(({ spoken: { payloadDigest } }) =>
    Buffer.from(payloadDigest.slice('sha256:'.length), 'hex'),
  );
  return (
    await query(log.database.superuserUrl, `SELECT FROM ledger.statement WHERE payload_digest = ANY ($1)`, [digests])
  ).length;
}

/** All steps of one append, as a writer takes them that has written before. */
async function stepsOf(): Promise<Step[]> {
  let seen: Step[] = [];
  const writer = new StruckWriter(process, log.anchorDir, (step, flavor) => {
    if (flavor === 'before') seen.push(step);
    return Promise.resolve();
  });
  await writer.submit(write());
  seen = [];
  await writer.submit(write());
  await writer.stop();
  expect(seen.slice(-2)).toEqual(['commit', 'anchor']);
  return seen;
}

/** Strikes once, at the step and on the side that are set. */
function strikeAt(at: () => [Step, Flavor] | undefined, harm: () => Promise<void>): Strike {
  return async (step, flavor) => {
    const now = at();
    if (now === undefined || step !== now[0] || flavor !== now[1]) return;
    await harm();
  };
}

/** The log holds, extends what was seen before, and takes the next write. */
async function goesOn(writer: LogWriter): Promise<void> {
  const next = write();
  expect(await writer.submit(next)).toMatchObject({ receipt: { statement: next.spoken.payloadDigest } });
  expect((await log.fsck({ since: held })).findings).toEqual([]);
}

describe('a database server that crashes and is started again', () => {
  beforeEach(() => makeDataFolder().then(begin));
  afterEach(async () => {
    await end();
    await rm(data, { recursive: true, force: true });
  });

  it.each<Flavor>(['before', 'after'])('%s any step leaves all of the write or nothing of it', async (flavor) => {
    for (const at of await stepsOf()) {
      let strike: [Step, Flavor] | undefined = [at, flavor];
      const harm = async () => {
        strike = undefined;
        await server.restart();
        // What the step did before is heard of by nobody.
        if (flavor === 'after' && at !== 'anchor') throw new Error('The answer is lost.');
      };
      const writer = new StruckWriter(
        process,
        log.anchorDir,
        strikeAt(() => strike, harm),
      );
      const submission = write();
      const outcome = await writer.submit(submission).then(
        () => 'acknowledged',
        () => 'refused',
      );
      expect(strike).toBeUndefined();
      const isPersisted = at === 'anchor' || (at === 'commit' && flavor === 'after');
      expect([at, outcome]).toEqual([at, at === 'anchor' ? 'acknowledged' : 'refused']);
      expect([at, await recorded([submission])]).toEqual([at, isPersisted ? 1 : 0]);
      await goesOn(writer);
      if (isPersisted) await expect(writer.submit(submission)).rejects.toMatchObject({ code: 'already_recorded' });
      else expect(await writer.submit(submission)).toHaveProperty('receipt');
      await writer.stop();
    }
  });
});

const DISK_MIB = 224;

/** A file system of its own; false where nobody may mount one. */
function mountDisk(folder: string): boolean {
  const options = `size=${DISK_MIB}m,mode=711`;
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'muniment-test', folder], { stdio: 'ignore' });
  return status === 0;
}

const disk = await mkdtemp(join(tmpdir(), 'muniment-disk-'));
await chmod(disk, 0o711);
const canMount = mountDisk(disk);
if (canMount) execFileSync('umount', [disk]);
else globalThis.process.stderr.write('Skipped: the tests of a full disk mount a file system (root, on Linux).\n');
afterAll(() => rm(disk, { recursive: true, force: true }));

(canMount ? describe : describe.skip)('a disk that is full', () => {
  beforeEach(async () => {
    expect(mountDisk(disk)).toBe(true);
    await begin(disk);
  });
  afterEach(async () => {
    await end();
    execFileSync('umount', [disk]);
  });

  /** More than the files of the tables have room for. */
  const BATCH = 512;
  const filler = join(disk, 'filler');

  async function fill(): Promise<void> {
    const file = await open(filler, 'a');
    try {
      for (const block of [Buffer.alloc(1024 * 1024), Buffer.alloc(4096)]) {
        try {
          for (;;) await file.appendFile(block);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        }
      }
    } finally {
      await file.close();
    }
  }

  it('before any step refuses the write whole or takes it whole, and the log goes on once there is room', async () => {
    const reasons: unknown[] = [];
    for (const at of await stepsOf()) {
      let strike: [Step, Flavor] | undefined = [at, 'before'];
      const harm = async () => {
        strike = undefined;
        await fill();
      };
      const writer = new StruckWriter(
        process,
        log.anchorDir,
        strikeAt(() => strike, harm),
      );
      const batch = Array.from({ length: BATCH }, write);
      const outcomes = await Promise.allSettled(batch.map((submission) => writer.submit(submission)));
      const full = await query(server.database.superuserUrl, 'SELECT 1').then(
        () => 'up',
        () => 'down',
      );
      await unlink(filler);
      if (full === 'down' && !(await server.answers())) await server.restart();

      const acknowledged = outcomes.filter(({ status }) => status === 'fulfilled').length;
      const count = await recorded(batch);
      expect([at, [0, BATCH].includes(count)]).toEqual([at, true]);
      if (acknowledged > 0) expect([at, acknowledged, count]).toEqual([at, BATCH, BATCH]);
      // The write itself comes before the commit.
      if (typeof at === 'number') expect([at, acknowledged, count]).toEqual([at, 0, 0]);
      for (const each of outcomes) if (each.status === 'rejected') reasons.push(each.reason);
      await goesOn(writer);
      await writer.stop();
    }
    expect(reasons.some(isStorageFull)).toBe(true);
  });

  it('lets a process that writes for the first time say so, and give no receipt', async () => {
    const writer = new StruckWriter(process, join(disk, 'anchors'), async (step, flavor) => {
      if (step === 'anchor' && flavor === 'before') await fill();
    });
    await expect(writer.submit(write())).rejects.toMatchObject({ code: 'storage_full' });
    await unlink(filler);
    await writer.stop();
    await goesOn(process.core.writer);
  });
});
