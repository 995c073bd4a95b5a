/**
 * SIGKILL of the server, at random moments, while entries are recorded and told of. Every acknowledged entry is told of,
 * and however often one is sent, it is one event under one id.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { makeDataFolder } from '../../support/app.ts';
import { modelOf } from '../../support/bodies.ts';
import { Operator } from '../../support/client.ts';
import type { Party } from '../../support/client.ts';
import { createTestDatabase, query } from '../../support/postgres.ts';
import type { TestDatabase } from '../../support/postgres.ts';
import { spawnServer } from '../../support/server.ts';
import type { SpawnedServer } from '../../support/server.ts';
import { Receiver } from '../webhook-receiver.ts';

jest.setTimeout(180_000);

const ROUNDS = 4;

let data: string;
let database: TestDatabase;
let server: SpawnedServer;
let receiver: Receiver;
let party: Party;
const acknowledged: number[] = [];

async function start(): Promise<void> {
  server = await spawnServer({
    env: {
      DATABASE_URL: database.appUrl.reveal(),
      MUNIMENT_DATA: data,
      MUNIMENT_WORKER: 'false',
      MUNIMENT_CHECKPOINT_INTERVAL_MS: '20',
      MUNIMENT_WEBHOOK_TARGETS: 'loopback',
      MUNIMENT_WEBHOOK_RETRY_SECONDS: '1',
    },
  });
  if (party !== undefined) party.url = server.url;
}

beforeAll(async () => {
  database = await createTestDatabase();
  data = await makeDataFolder();
  receiver = await Receiver.start();
  await start();
  party = await (await Operator.of(server.url, data)).makeParty();
  await party.made('/v1/webhooks', { url: receiver.url(), events: ['registration.recorded'] });
});
afterAll(async () => {
  await server.stop();
  await receiver.close();
  await database.drop();
  await rm(data, { recursive: true, force: true });
});

async function register(): Promise<void> {
  try {
    const { status, body } = await party.post('/v1/models', modelOf(party.id), { 'idempotency-key': randomUUID() });
    if (status === 201) acknowledged.push((body as { index: number }).index);
  } catch {
    // Killed in the middle: nobody was told that it is on record, so nobody counts on an event.
  }
}

it('every acknowledged entry is told of, each as one event', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const writing = Promise.all(Array.from({ length: 25 }, async () => register()));
    await sleep(randomInt(20, 600));
    await server.stop('SIGKILL');
    await writing;
    await start();
  }
  await Promise.all(Array.from({ length: 5 }, () => register()));
  expect(acknowledged.length).toBeGreaterThanOrEqual(5);
  const toldOf = () => new Set(receiver.received.map(({ event }) => event.data['index']));
  while (!acknowledged.every((index) => toldOf().has(index))) await sleep(50);

  const onRecord = await query<{ index: string }>(
    database.superuserUrl,
    `SELECT index FROM ledger.statement WHERE kind = 'registration'`,
  );
  while (toldOf().size < onRecord.length) await sleep(50);
  const ids = new Map<unknown, Set<unknown>>();
  for (const { event, headers } of receiver.received) {
    const known = ids.get(event.data['index']) ?? new Set();
    ids.set(event.data['index'], known.add(headers['webhook-id']));
  }
  expect([...ids.values()].filter((known) => known.size !== 1)).toEqual([]);
  const jobs = await query<{ count: string }>(database.superuserUrl, 'SELECT count(*) FROM ops.webhook_delivery');
  expect(Number(jobs[0]!.count)).toBe(onRecord.length);
});
