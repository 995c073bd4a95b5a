/**
 * Each step of an append meets what happens to it in the world: its process is killed, its database connection is cut,
 * its query waits until it is timed out, its answer is lost. Afterwards the log is verified from outside: before the
 * commit nothing of the write is there, after it the whole write is, and the log goes on.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import type { PoolClient } from 'pg';
import { registration } from '../../../src/core/registry/index.ts';
import type { Submission } from '../../../src/ledger/writer.ts';
import type { LogWriter } from '../../../src/ledger/writer.ts';
import { query } from '../../support/postgres.ts';
import { cleanEnvironment } from '../../support/server.ts';
import type { Process } from './fixture.ts';
import { makeParty, modelBody, spoken, TestLedger } from './fixture.ts';
import type { Flavor, Step, Strike } from './injection.ts';
import { StruckWriter } from './injection.ts';
import type { ChildOrder } from './killed-child.ts';

jest.setTimeout(240_000);

const FLAVORS: Flavor[] = ['before', 'after'];

let log: TestLedger;
let process: Process;
let owner: string;
/** A checkpoint that an outsider holds since before the faults. */
let held: string;
/** All steps of one append, in their order. */
let steps: Step[];

const write = (): Submission =>
  spoken(process, registration, { maker: owner, attestedBy: 'registry' }, modelBody(owner));

const recorded = async (digest: string): Promise<number> =>
  (
    await query(log.database.superuserUrl, `SELECT FROM ledger.statement WHERE payload_digest = $1`, [
      Buffer.from(digest.slice('sha256:'.length), 'hex'),
    ])
  ).length;

const writerStruckBy = (strike: Strike): LogWriter => new StruckWriter(process, log.anchorDir, strike);

/** What a step is to the database: the commit and all after it leave the write on record. */
const isPersisted = (step: Step, flavor: Flavor): boolean =>
  step === 'anchor' || (step === 'commit' && flavor === 'after');

beforeAll(async () => {
  log = await TestLedger.create();
  process = await log.open();
  owner = await makeParty(process);
  held = (await process.core.published.publish()).note;
  const seen: Step[] = [];
  const writer = writerStruckBy((step, flavor) => {
    if (flavor === 'before') seen.push(step);
    return Promise.resolve();
  });
  await writer.submit(write());
  // What a process does at its first append it need not do at the next.
  seen.length = 0;
  await writer.submit(write());
  await writer.stop();
  steps = seen;
  expect(steps.slice(-2)).toEqual(['commit', 'anchor']);
  expect(steps.length).toBeGreaterThan(4);
});
afterAll(() => log.drop());

/** The log holds, extends what was seen before, and takes the next write. */
async function goesOn(writer = process.core.writer): Promise<void> {
  const next = write();
  expect(await writer.submit(next)).toMatchObject({ receipt: { statement: next.spoken.payloadDigest } });
  expect((await log.fsck({ since: held })).findings).toEqual([]);
}

describe.each(FLAVORS)('a process killed %s', (flavor) => {
  it('any step of its append leaves all of the write or nothing of it, and the next process goes on', async () => {
    for (const step of steps) {
      const order: ChildOrder = {
        url: log.database.appUrl.reveal(),
        anchorDir: log.anchorDir,
        masterKey: Buffer.from(log.masterKey).toString('base64'),
        owner,
        step,
        flavor,
      };
      const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
      const child = await promisify(execFile)(
        globalThis.process.execPath,
        ['--import', path('../../support/typescript-loader.js'), path('killed-child.ts'), JSON.stringify(order)],
        { env: cleanEnvironment({}), timeout: 120_000 },
      ).catch((error: unknown) => error as { signal: string; stdout: string; stderr: string });
      expect([step, (child as { signal?: string }).signal, child.stderr]).toEqual([step, 'SIGKILL', '']);
      const [digest, ...rest] = child.stdout.trim().split('\n');
      expect([step, rest]).toEqual([step, []]);
      expect([step, await recorded(digest!)]).toEqual([step, isPersisted(step, flavor) ? 1 : 0]);
      await goesOn();
    }
  });
});

describe.each(FLAVORS)('a database connection cut %s', (flavor) => {
  it('any step of an append leaves all of the write or nothing of it', async () => {
    for (const at of steps) {
      let struck = false;
      const writer = writerStruckBy(async (step, now, client) => {
        if (struck || step !== at || now !== flavor) return;
        struck = true;
        if (client === undefined) throw new Error('The anchor cannot be reached.');
        await cut(client);
        // After the step, its answer is lost with the connection.
        if (flavor === 'after') await client.query('SELECT 1');
      });
      const submission = write();
      await expect(writer.submit(submission)).rejects.toBeDefined();
      expect(struck).toBe(true);
      const { payloadDigest } = submission.spoken;
      expect([at, await recorded(payloadDigest)]).toEqual([at, isPersisted(at, flavor) ? 1 : 0]);
      if (!isPersisted(at, flavor)) expect(await writer.submit(submission)).toHaveProperty('receipt');
      else await expect(writer.submit(submission)).rejects.toMatchObject({ code: 'already_recorded' });
      await goesOn(writer);
      await writer.stop();
    }
  });
});

async function cut(client: PoolClient): Promise<void> {
  const { processID } = client as unknown as { processID: number };
  await query(log.database.superuserUrl, `SELECT pg_terminate_backend($1)`, [processID]);
  for (;;) {
    const left = await query(log.database.superuserUrl, `SELECT FROM pg_stat_activity WHERE pid = $1`, [processID]);
    if (left.length === 0) return;
  }
}

it.each([
  ['the head', 'ledger.log_head', () => 0],
  ['what it reads', 'ledger.statement', () => 1],
  ['what it writes', 'registry.title', () => steps.findLast((step) => typeof step === 'number')!],
])('an append that waits for %s until it is timed out leaves nothing', async (_, table, place) => {
  const blocker = new pg.Client({ connectionString: log.database.superuserUrl });
  await blocker.connect();
  let struck = false;
  const writer = writerStruckBy(async (step, flavor, client) => {
    if (struck || step !== place() || flavor !== 'before') return;
    struck = true;
    await client!.query(`SET LOCAL statement_timeout = 300`);
    await blocker.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
  });
  const submission = write();
  const failed = await writer.submit(submission).then(
    () => undefined,
    (error: unknown) => error,
  );
  await blocker.end();
  // Statement timeout (query_canceled), as the driver tells it or as TypeORM passes it on.
  expect((failed as { driverError?: object }).driverError ?? failed).toMatchObject({ code: '57014' });
  expect([struck, await recorded(submission.spoken.payloadDigest)]).toEqual([true, 0]);
  expect(await writer.submit(submission)).toHaveProperty('receipt');
  await goesOn(writer);
  await writer.stop();
});
