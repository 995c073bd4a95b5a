/**
 * A batch fails at each of its steps, in both flavors: before the step did anything, and after it did but before anybody
 * heard of it. Each time the log is verified from outside: either the write stands in it, whole and once, or not at all,
 * and the writer goes on.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { registration } from '../../../src/core/registry/index.ts';
import type { Submission } from '../../../src/ledger/writer.ts';
import type { LogWriter } from '../../../src/ledger/writer.ts';
import { query } from '../../support/postgres.ts';
import type { Process } from './fixture.ts';
import { makeParty, modelBody, spoken, TestLedger } from './fixture.ts';
import type { Flavor, Step, Strike } from './injection.ts';
import { StruckWriter } from './injection.ts';

/** Fails once: at the query of that number in the next transaction, at its commit, or at the anchor. */
interface Fault {
  at: Step;
  flavor: Flavor;
}

class Injected extends Error {}

let fault: Fault | undefined;
/** How many queries the last transaction made. */
let queries = 0;

const strike: Strike = (at, flavor) => {
  if (typeof at === 'number') queries = at + 1;
  if (fault?.at !== at || fault.flavor !== flavor) return Promise.resolve();
  fault = undefined;
  return Promise.reject(new Injected(`${flavor} ${at}`));
};

let log: TestLedger;
let process: Process;
let writer: LogWriter;
let owner: string;
/** A checkpoint that an outsider holds since before the faults. */
let held: string;

const write = (): Submission =>
  spoken(process, registration, { maker: owner, attestedBy: 'registry' }, modelBody(owner));

async function recorded({ spoken: { payloadDigest } }: Submission): Promise<number> {
  return (
    await query(log.database.superuserUrl, `SELECT FROM ledger.statement WHERE payload_digest = $1`, [
      Buffer.from(payloadDigest.slice('sha256:'.length), 'hex'),
    ])
  ).length;
}

beforeAll(async () => {
  log = await TestLedger.create();
  process = await log.open();
  writer = new StruckWriter(process, log.anchorDir, strike);
  owner = await makeParty(process);
  held = (await process.core.published.publish()).note;
  // From now on this writer knows the edge of the tree and need not read it again.
  await writer.submit(write());
});
afterAll(async () => {
  await writer.stop();
  await log.drop();
});

/** The log holds, extends what was seen before, and takes the next write. */
async function goesOn(): Promise<void> {
  expect((await log.fsck({ since: held })).findings).toEqual([]);
  const next = write();
  expect(await writer.submit(next)).toMatchObject({ receipt: { statement: next.spoken.payloadDigest } });
  expect((await log.fsck({ since: held })).findings).toEqual([]);
}

async function failsAt(at: Step, flavor: Flavor): Promise<Submission[]> {
  const batch = [write(), write()];
  fault = { at, flavor };
  const results = await Promise.allSettled(batch.map((submission) => writer.submit(submission)));
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(results[0]).toMatchObject({ reason: { message: `${flavor} ${at}` } });
  expect(fault).toBeUndefined();
  return batch;
}

describe.each<Flavor>(['before', 'after'])('a failure %s', (flavor) => {
  it('any query of the batch leaves nothing of it, and it may be sent again', async () => {
    await writer.submit(write());
    const steps = queries;
    expect(steps).toBeGreaterThanOrEqual(3);
    for (let step = 0; step < steps; step++) {
      const batch = await failsAt(step, flavor);
      for (const submission of batch) expect(await recorded(submission)).toBe(0);
      const again = await Promise.all(batch.map((submission) => writer.submit(submission)));
      for (const outcome of again) expect(outcome).toHaveProperty('receipt');
    }
    await goesOn();
  });
});

it('a failure before the commit leaves nothing of the batch', async () => {
  for (const submission of await failsAt('commit', 'before')) expect(await recorded(submission)).toBe(0);
  await goesOn();
});

it('a failure after the commit leaves the whole batch, once, for whoever asks again', async () => {
  for (const submission of await failsAt('commit', 'after')) {
    expect(await recorded(submission)).toBe(1);
    await expect(writer.submit(submission)).rejects.toMatchObject({ code: 'already_recorded' });
  }
  await goesOn();
});

it('a failure of the anchor gives no receipt out, before it is written and after', async () => {
  for (const flavor of ['before', 'after'] as const) {
    for (const submission of await failsAt('anchor', flavor)) expect(await recorded(submission)).toBe(1);
    await goesOn();
  }
});

it('a lost answer asked for again under its idempotency key names the first record', async () => {
  const idempotency = { partyId: owner, key: 'lost-answer', requestDigest: 'the request' };
  fault = { at: 'commit', flavor: 'after' };
  await expect(writer.submit({ ...write(), idempotency })).rejects.toBeInstanceOf(Injected);
  const outcome = await writer.submit({ ...write(), idempotency });
  expect(outcome).toHaveProperty('earlierIndex');
  await goesOn();
});

it('a database connection that breaks in the middle of a batch leaves nothing of it', async () => {
  const submission: Submission = {
    ...write(),
    alongside: async (manager) => {
      const [{ pid }] = await manager.query<[{ pid: number }]>(`SELECT pg_backend_pid() AS pid`);
      await query(log.database.superuserUrl, `SELECT pg_terminate_backend($1)`, [pid]);
    },
  };
  await expect(writer.submit(submission)).rejects.toBeDefined();
  expect(await recorded(submission)).toBe(0);
  await goesOn();
});

it('a writer that froze with the log in its hands loses it to the next one, and wakes up to nothing', async () => {
  let wake = (): void => undefined;
  let holds = (): void => undefined;
  const asleep = new Promise<void>((resolve) => (wake = resolve));
  const holding = new Promise<void>((resolve) => (holds = resolve));
  const frozen: Submission = {
    ...write(),
    alongside: async () => {
      holds();
      await asleep;
    },
  };
  const lost = writer.submit(frozen).then(
    () => 'recorded',
    () => 'refused',
  );
  await holding;
  const other = await log.open();
  const receipt = await other.core.writer.submit(write());
  expect(receipt).toHaveProperty('receipt');
  wake();
  expect(await lost).toBe('refused');
  expect(await recorded(frozen)).toBe(0);
  await other.close();
  await goesOn();
}, 40_000);
