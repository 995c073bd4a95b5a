/**
 * A storm over three replicas on one database: under load from all sides, a replica chosen at random is killed with
 * SIGKILL and started again, over and over, and in between database connections are cut in the middle of what they do.
 * No acknowledged entry may be missing afterwards, none may stand twice, and all checkpoints that anybody saw lie on one
 * chain.
 *
 * STORM_SECONDS sets how long it blows at least.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { runFsck } from '../../../src/ledger/fsck/index.ts';
import { makeDataFolder } from '../../support/app.ts';
import type { LogIdentity, Party } from '../../support/client.ts';
import { Operator, Verifier } from '../../support/client.ts';
import type { TestDatabase } from '../../support/postgres.ts';
import { createTestDatabase, query } from '../../support/postgres.ts';
import type { SpawnedServer } from '../../support/server.ts';
import { spawnServer } from '../../support/server.ts';
import { DeterminedClients } from './fixture.ts';

const SECONDS = Number(process.env['STORM_SECONDS'] ?? 15);
const REPLICAS = 3;
const CLIENTS_EACH = 4;

/** What was written meanwhile is read again one by one afterwards: a fast machine writes more, a slow one reads longer. */
jest.setTimeout((SECONDS * 4 + 240) * 1000);

let data: string;
let database: TestDatabase;
const replicas: SpawnedServer[] = [];
let clients: DeterminedClients;

const start = () =>
  spawnServer({
    env: {
      MUNIMENT_DATA: data,
      MUNIMENT_MASTER_KEY: masterKey,
      DATABASE_URL: database.appUrl.reveal(),
      MUNIMENT_MIGRATION_DATABASE_URL: database.ownerUrl.reveal(),
      MUNIMENT_WORKER: 'false',
      MUNIMENT_CHECKPOINT_INTERVAL_MS: '100',
      MUNIMENT_LOG_LEVEL: 'info',
    },
  });
const masterKey = randomBytes(32).toString('base64');

/** As a supervisor does: a replica whose connection is cut while it starts ends, and is started once more. */
async function startAgain(): Promise<SpawnedServer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start();
    } catch (error) {
      if (attempt === 10) throw error;
    }
  }
}

beforeAll(async () => {
  data = await makeDataFolder();
  database = await createTestDatabase();
  replicas.push(await start());
  const operator = await Operator.of(replicas[0]!.url, data);
  const parties: Party[] = [];
  for (const keyed of [false, true, false, true]) parties.push(await operator.makeParty({ keyed }));
  clients = new DeterminedClients(parties, new Verifier(await operator.read<LogIdentity>('/v1/log')));
  clients.turnTo(replicas[0]!.url);
  while (replicas.length < REPLICAS) replicas.push(await start());
});

afterAll(async () => {
  for (const replica of replicas) await replica.stop();
  await database.drop();
  await rm(data, { recursive: true, force: true });
});

it('leaves every acknowledged entry in its place, and one chain of checkpoints', async () => {
  const end = Date.now() + SECONDS * 1000;
  let kills = 0;
  const over = () => Date.now() >= end && kills >= REPLICAS;
  const answered = new Map<number, number>();

  const load = async (place: number): Promise<void> => {
    while (!over()) {
      const status = await clients.send(clients.newWrite(), replicas[place]!.url);
      answered.set(status, (answered.get(status) ?? 0) + 1);
      if (status !== 201) await sleep(50);
    }
  };
  const watch = async (place: number): Promise<void> => {
    while (!over()) {
      await sleep(randomInt(50, 250));
      const note = await fetch(`${replicas[place]!.url}/checkpoint`).then(
        async (response) => (response.ok ? response.text() : undefined),
        () => undefined,
      );
      if (note !== undefined) clients.seen.push(await clients.verifier.checkpoint(note));
    }
  };
  const kill = async (): Promise<void> => {
    while (!over()) {
      await sleep(randomInt(200, 1200));
      const place = randomInt(REPLICAS);
      await replicas[place]!.stop('SIGKILL');
      kills++;
      replicas[place] = await startAgain();
    }
  };
  const cut = async (): Promise<void> => {
    while (!over()) {
      await sleep(randomInt(100, 600));
      await query(
        database.superuserUrl,
        `SELECT pg_terminate_backend(pid) FROM (
           SELECT pid FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1
         ) AS unlucky`,
        [database.name],
      );
    }
  };
  const places = replicas.map((_, place) => place);
  await Promise.all([
    ...places.flatMap((place) => Array.from({ length: CLIENTS_EACH }, () => load(place))),
    ...places.map(watch),
    kill(),
    cut(),
  ]);

  // Nothing but "made", "not available now" and no answer at all.
  expect([...answered.keys()].filter((status) => ![0, 201, 503].includes(status))).toEqual([]);
  expect(answered.get(201)).toBeGreaterThan(REPLICAS * CLIENTS_EACH);
  clients.turnTo(replicas[0]!.url);
  await clients.settle();
  const { findings, size } = await runFsck({ database, anchorDir: join(data, 'anchor'), full: true });
  expect(findings).toEqual([]);
  expect(size).toBeGreaterThanOrEqual(clients.writes.length);
});
