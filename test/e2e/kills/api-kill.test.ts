/**
 * SIGKILL of the server, of a second server, and of PostgreSQL itself, at random moments under concurrent registrations.
 * What was acknowledged stays, with its receipt; what was not is repeated under the same idempotency key and stands on
 * record once; every checkpoint that anybody saw is extended by every later one.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { registration } from '../../../src/core/registry/index.ts';
import type { Checkpoint } from '../../../src/core/note/checkpoint.ts';
import type { Receipt } from '../../../src/core/statement/receipt.ts';
import { runFsck } from '../../../src/ledger/fsck/index.ts';
import { Secret } from '../../../src/platform/config/index.ts';
import type { Provenance } from '../../../src/provenance/provenance.schema.ts';
import { makeDataFolder } from '../../support/app.ts';
import { modelOf } from '../../support/bodies.ts';
import type { LogIdentity, Party } from '../../support/client.ts';
import { Client, Operator, Verifier } from '../../support/client.ts';
import { describeServer, urlOf } from '../../support/postgres.ts';
import { spawnServer } from '../../support/server.ts';
import type { SpawnedServer } from '../../support/server.ts';

jest.setTimeout(120_000);

const ROUNDS = 4;
const CLIENTS = 8;

/** One registration that a client is determined to make, however often it has to ask. */
interface Write {
  readonly party: Party;
  readonly key: string;
  readonly fileDigest: string;
  readonly body: object;
  receipt?: Receipt;
}

let data: string;
let server: SpawnedServer;
let parties: Party[];
let verifier: Verifier;
const stranger = new Client('');
const writes: Write[] = [];
/** Every checkpoint that some client was given. */
const seen: Checkpoint[] = [];

const env = () => ({
  MUNIMENT_DATA: data,
  MUNIMENT_WORKER: 'false',
  MUNIMENT_CHECKPOINT_INTERVAL_MS: '100',
  MUNIMENT_LOG_LEVEL: 'warn',
});

async function start(): Promise<void> {
  server = await spawnServer({ env: { ...env(), MUNIMENT_LOG_LEVEL: 'info' } });
  for (const client of [stranger, ...parties]) client.url = server.url;
}

const postmaster = async () =>
  (await readFile(join(data, 'postgres/postmaster.pid'), 'utf8')).split('\n').map((line) => line.trim());

async function fsck() {
  const [, , , port] = await postmaster();
  const appUrl = new Secret(urlOf(await describeServer(data, Number(port)), 'app', 'muniment'));
  const { findings, size } = await runFsck({ database: { appUrl }, anchorDir: join(data, 'anchor'), full: true });
  return { findings, size };
}

function newWrite(): Write {
  const party = parties[randomInt(parties.length)]!;
  const model = modelOf(party.id);
  const body = party.key ? party.signedWrite(registration, model) : model;
  const write = { party, key: randomUUID(), fileDigest: model.weights.fileDigest, body };
  writes.push(write);
  return write;
}

/** @returns the status; 0 when there was no answer. Only an answer of 201 acknowledges. */
async function send(write: Write): Promise<number> {
  try {
    const { status, body } = await write.party.post('/v1/models', write.body, { 'idempotency-key': write.key });
    if (status === 201) write.receipt = body as Receipt;
    return status;
  } catch (error) {
    // fetch's word for a connection that was refused or broke; it comes from outside of Jest's realm.
    if ((error as Error).name === 'TypeError') return 0;
    throw error;
  }
}

/** Clients that register one model after the other until the server stops answering. */
async function load(until: () => boolean): Promise<number[]> {
  const statuses: number[] = [];
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (!until()) {
        const status = await send(newWrite());
        statuses.push(status);
        if (status === 0) return;
        if (status === 503) await sleep(100);
      }
    }),
  );
  return statuses;
}

/** Everything acknowledged is there, everything else is made now, and each exactly once. */
async function settle(): Promise<void> {
  const open = writes.filter(({ receipt }) => receipt === undefined);
  for (const write of open) expect([write.key, await send(write)]).toEqual([write.key, 201]);

  const newest = await verifier.checkpoint((await stranger.get('/checkpoint')).text);
  for (const { receipt, fileDigest, party } of writes) {
    const { index, statement, id, envelope } = receipt!;
    const kept = await stranger.read<Receipt>(`/v1/receipts/${statement}`);
    expect(kept).toMatchObject({ index, id, envelope });
    const { matches } = await stranger.read<Provenance>(`/v1/provenance/${fileDigest}`);
    expect(matches.map(({ model }) => [model.id, model.maker, model.recordedIndex])).toEqual([[id, party.id, index]]);
  }
  expect(new Set(writes.map(({ receipt }) => receipt!.index)).size).toBe(writes.length);

  const receipts = writes.slice(-40).map(({ receipt }) => receipt!);
  for (const receipt of receipts) {
    await verifier.receipt(receipt);
    seen.push(await verifier.checkpoint(receipt.checkpoint));
  }
  for (const checkpoint of seen) {
    const published = await verifier.checkpoint((await stranger.get('/checkpoint')).text);
    await verifier.consistent(stranger, checkpoint, published.size >= checkpoint.size ? published : newest);
  }
}

beforeAll(async () => {
  data = await makeDataFolder();
  parties = [];
  await start();
  const operator = await Operator.of(server.url, data);
  for (const keyed of [false, true, false, true]) parties.push(await operator.makeParty({ keyed }));
  verifier = new Verifier(await operator.read<LogIdentity>('/v1/log'));
});

afterAll(async () => {
  await server.stop();
  await rm(data, { recursive: true, force: true });
});

it('killed again and again under load, the server loses nothing that it acknowledged and records nothing twice', async () => {
  let unanswered = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const loading = load(() => false);
    await sleep(randomInt(100, 900));
    seen.push(await verifier.checkpoint((await stranger.get('/checkpoint')).text));
    await server.stop('SIGKILL');
    const statuses = await loading;
    expect(statuses.filter((status) => status !== 201 && status !== 0)).toEqual([]);
    unanswered += statuses.filter((status) => status === 0).length;
    await start();
    await settle();
  }
  expect(unanswered).toBeGreaterThanOrEqual(CLIENTS);
  expect(writes.length).toBeGreaterThan(ROUNDS * CLIENTS);
  expect((await fsck()).findings).toEqual([]);
});

it('a second server killed under load holds nobody up, and one chain remains', async () => {
  const second = await spawnServer({ env: { ...env(), MUNIMENT_LOG_LEVEL: 'info' } });
  for (const party of parties.slice(0, 2)) party.url = second.url;
  let over = false;
  const loading = load(() => over);
  await sleep(randomInt(200, 700));
  await second.stop('SIGKILL');
  for (const party of parties) party.url = server.url;
  const before = writes.length;
  const more = load(() => over);
  await sleep(500);
  over = true;
  const statuses = [...(await loading), ...(await more)];
  expect(statuses.filter((status) => status !== 201 && status !== 0)).toEqual([]);
  expect(writes.length).toBeGreaterThan(before + CLIENTS);
  await settle();
  expect((await fsck()).findings).toEqual([]);
});

it('a killed PostgreSQL is told as 503 on every route, and after a restart everything is there', async () => {
  let over = false;
  const loading = load(() => over);
  const reader = parties[0]!;
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
  const [pid] = await postmaster();
  process.kill(Number(pid), 'SIGKILL');

  const write = newWrite();
  for (const end = Date.now() + 10_000; (await send(write)) !== 503 && Date.now() < end;) await sleep(20);
  for (const ask of [
    () => write.party.post('/v1/models', write.body, { 'idempotency-key': write.key }),
    () => stranger.get(`/v1/provenance/${write.fileDigest}`),
    () => stranger.get('/v1/models'),
    () => write.party.get('/v1/whoami'),
  ]) {
    const { status, headers, body } = await ask();
    expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'database_unavailable', '2']);
    expect(JSON.stringify(body)).not.toMatch(/127\.0\.0\.1|ECONN|muniment_app|password/);
  }
  expect((await stranger.get('/health/ready')).status).toBe(503);
  expect((await stranger.get('/health/live')).status).toBe(200);

  over = true;
  // Every request got its answer: nothing but "made", "here" or "not available now".
  expect((await loading).filter((status) => ![201, 503].includes(status))).toEqual([]);
  expect((await reading).flat().filter((status) => ![200, 404, 503].includes(status))).toEqual([]);
  await server.stop();
  await start();
  await settle();
  expect((await fsck()).findings).toEqual([]);
});
