/**
 * SIGKILL of the server, of a second server, and of PostgreSQL itself, at random moments under concurrent registrations.
 * What was acknowledged stays, with its receipt; what was not is repeated under the same idempotency key and stands on
 * record once; every checkpoint that anybody saw is extended by every later one.
 */
import { randomInt } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { makeDataFolder } from '../../support/app.ts';
import type { LogIdentity, Party } from '../../support/client.ts';
import { Operator, Verifier } from '../../support/client.ts';
import { spawnServer } from '../../support/server.ts';
import type { SpawnedServer } from '../../support/server.ts';
import { DeterminedClients, fsck, postmaster } from './fixture.ts';

jest.setTimeout(120_000);

const ROUNDS = 4;
const CLIENTS = 8;

let data: string;
let server: SpawnedServer;
let clients: DeterminedClients;

const env = () => ({
  MUNIMENT_DATA: data,
  MUNIMENT_WORKER: 'false',
  MUNIMENT_CHECKPOINT_INTERVAL_MS: '100',
  MUNIMENT_LOG_LEVEL: 'info',
});

async function restart(): Promise<void> {
  server = await spawnServer({ env: env() });
  clients.turnTo(server.url);
}

beforeAll(async () => {
  data = await makeDataFolder();
  server = await spawnServer({ env: env() });
  const operator = await Operator.of(server.url, data);
  const parties: Party[] = [];
  for (const keyed of [false, true, false, true]) parties.push(await operator.makeParty({ keyed }));
  clients = new DeterminedClients(parties, new Verifier(await operator.read<LogIdentity>('/v1/log')));
  clients.turnTo(server.url);
});

afterAll(async () => {
  await server.stop();
  await rm(data, { recursive: true, force: true });
});

it('killed again and again under load, the server loses nothing that it acknowledged and records nothing twice', async () => {
  let unanswered = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const loading = clients.load(CLIENTS, () => false);
    await sleep(randomInt(100, 900));
    clients.seen.push(await clients.verifier.checkpoint((await clients.stranger.get('/checkpoint')).text));
    await server.stop('SIGKILL');
    const statuses = await loading;
    expect(statuses.filter((status) => status !== 201 && status !== 0)).toEqual([]);
    unanswered += statuses.filter((status) => status === 0).length;
    await restart();
    await clients.settle();
  }
  expect(unanswered).toBeGreaterThanOrEqual(CLIENTS);
  expect(clients.writes.length).toBeGreaterThan(ROUNDS * CLIENTS);
  expect((await fsck(data)).findings).toEqual([]);
});

it('a second server killed under load holds nobody up, and one chain remains', async () => {
  const second = await spawnServer({ env: env() });
  for (const party of clients.parties.slice(0, 2)) party.url = second.url;
  let over = false;
  const loading = clients.load(CLIENTS, () => over);
  await sleep(randomInt(200, 700));
  await second.stop('SIGKILL');
  clients.turnTo(server.url);
  const before = clients.writes.length;
  const more = clients.load(CLIENTS, () => over);
  await sleep(500);
  over = true;
  const statuses = [...(await loading), ...(await more)];
  expect(statuses.filter((status) => status !== 201 && status !== 0)).toEqual([]);
  expect(clients.writes.length).toBeGreaterThan(before + CLIENTS);
  await clients.settle();
  expect((await fsck(data)).findings).toEqual([]);
});

it('a killed PostgreSQL is told as 503 on every route, and after a restart everything is there', async () => {
  let over = false;
  const loading = clients.load(CLIENTS, () => over);
  const reader = clients.parties[0]!;
  const reads = ['/v1/models', '/v1/whoami', '/v1/grants', '/checkpoint', `/v1/provenance/${'0'.repeat(64)}`];
  const reading = Promise.all(
    reads.flatMap((path) =>
      [1, 2, 3].map(async () => {
        const statuses: number[] = [];
        while (!over) {
          statuses.push((await reader.get(path)).status);
          if (statuses.at(-1) === 503) await sleep(20);
        }
        return statuses;
      }),
    ),
  );
  await sleep(randomInt(100, 500));
  const [pid] = await postmaster(data);
  process.kill(Number(pid), 'SIGKILL');

  const write = clients.newWrite();
  for (const end = Date.now() + 10_000; (await clients.send(write)) !== 503 && Date.now() < end;) await sleep(20);
  for (const ask of [
    () => write.party.post('/v1/models', write.body, { 'idempotency-key': write.key }),
    () => clients.stranger.get(`/v1/provenance/${write.fileDigest}`),
    () => clients.stranger.get('/v1/models'),
    () => write.party.get('/v1/whoami'),
  ]) {
    const { status, headers, body } = await ask();
    expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'database_unavailable', '2']);
    expect(JSON.stringify(body)).not.toMatch(/127\.0\.0\.1|ECONN|muniment_app|password/);
  }
  expect((await clients.stranger.get('/health/ready')).status).toBe(503);
  expect((await clients.stranger.get('/health/live')).status).toBe(200);

  over = true;
  // Every request got its answer: nothing but "made", "here" or "not available now".
  expect((await loading).filter((status) => ![201, 503].includes(status))).toEqual([]);
  expect((await reading).flat().filter((status) => ![200, 404, 503].includes(status))).toEqual([]);
  await server.stop();
  await restart();
  await clients.settle();
  expect((await fsck(data)).findings).toEqual([]);
});
