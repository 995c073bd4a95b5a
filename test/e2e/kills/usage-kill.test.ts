/**
 * SIGKILL of the server, and of its database, while gates lease, report and settle, each repeating what got no answer: at the end the registry
 * has counted exactly what the gates have.
 */
import { randomInt } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { newId } from '../../../src/platform/crypto.ts';
import { makeDataFolder } from '../../support/app.ts';
import { anyDigest, modelOf } from '../../support/bodies.ts';
import type { Answer, Party } from '../../support/client.ts';
import { Operator } from '../../support/client.ts';
import { spawnServer } from '../../support/server.ts';
import type { SpawnedServer } from '../../support/server.ts';
import { postmaster } from './fixture.ts';

jest.setTimeout(180_000);

const ROUNDS = 4;
const GATES = 8;
const MAX_CALLS = 1_000_000;

let data: string;
let server: SpawnedServer;
let owner: Party;
let licensee: Party;
let grant: string;

const env = () => ({ MUNIMENT_DATA: data, MUNIMENT_WORKER: 'false', MUNIMENT_LOG_LEVEL: 'info' });

beforeAll(async () => {
  data = await makeDataFolder();
  server = await spawnServer({ env: env() });
  const operator = await Operator.of(server.url, data);
  [owner, licensee] = [await operator.makeParty(), await operator.makeParty()];
  const { id: registration } = await owner.made('/v1/models', modelOf(owner.id));
  ({ id: grant } = await owner.made('/v1/grants', {
    ...{ registration, licensee: licensee.id, actions: ['infer'], sublicensing: false, termsDigest: anyDigest() },
    constraints: { commercial: true, territory: null, fieldOfUse: null, maxCalls: MAX_CALLS, seats: null },
    ...{ notBefore: '2026-01-01T00:00:00.000Z', expiresAt: null, acceptBy: '2999-01-01T00:00:00.000Z' },
  }));
  await licensee.made(`/v1/grants/${grant}/acts`, { act: 'accept' });
});

afterAll(async () => {
  await server.stop();
  await rm(data, { recursive: true, force: true });
});

/** Asks until there is an answer, which is that of a server that lives. */
async function determined(path: string, body: object): Promise<Answer> {
  for (;;) {
    try {
      licensee.url = server.url;
      const answer = await licensee.post(path, body);
      if (answer.status !== 503) return answer;
    } catch {
      // The server was killed; nobody knows what it has done.
    }
    await sleep(50);
  }
}

it('killed again and again while gates count, server and database count what they count, neither more nor less', async () => {
  let over = false;
  let spent = 0;
  let requests = 0;
  const gate = async () => {
    while (!over) {
      const block = { id: newId('usageblock'), calls: 20 };
      const leased = await determined(`/v1/grants/${grant}/usage-blocks`, block);
      expect([leased.status, leased.body]).toEqual([200, expect.objectContaining({ calls: 20, spent: 0 })]);
      const ofBlock = 20 - randomInt(0, 5);
      for (let left = ofBlock; left > 0;) {
        const calls = Math.min(left, randomInt(1, 8));
        // Some calls are reported beside the block, as by a gate that asks each time.
        const beside = randomInt(4) === 0;
        const at = new Date().toISOString();
        const uses = [{ token: null, action: 'infer', calls }];
        const report = { id: newId('usagereport'), block: beside ? null : block.id, uses, from: at, to: at };
        const { status, text } = await determined(`/v1/grants/${grant}/usage`, report);
        expect([status, text]).toEqual([200, expect.any(String)]);
        spent += calls;
        if (!beside) left -= calls;
        requests++;
      }
      const settled = await determined(`/v1/grants/${grant}/usage-blocks/${block.id}/settle`, {});
      expect([settled.status, settled.body]).toEqual([200, expect.objectContaining({ spent: ofBlock, settled: true })]);
    }
  };
  const gates = Array.from({ length: GATES }, gate);
  for (let round = 0; round < ROUNDS; round++) {
    await sleep(randomInt(300, 1500));
    if (round % 2 === 1) {
      const [pid] = await postmaster(data);
      process.kill(Number(pid), 'SIGKILL');
      // What the server says then is that it does not know.
      await sleep(300);
    }
    await server.stop('SIGKILL');
    server = await spawnServer({ env: env() });
  }
  await sleep(500);
  over = true;
  await Promise.all(gates);
  owner.url = server.url;
  expect(requests).toBeGreaterThan(ROUNDS * GATES);
  expect(await owner.read(`/v1/grants/${grant}/usage`)).toMatchObject({
    ...{ calls: spent, leased: 0, left: MAX_CALLS - spent },
    byAction: { infer: spent },
  });
});
