/** A file larger than the memory that a server may take for it, on its way in and out, also to those who read slowly. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { makeDataFolder } from '../support/app.ts';
import { modelOf } from '../support/bodies.ts';
import type { Party } from '../support/client.ts';
import { Operator } from '../support/client.ts';
import type { SpawnedServer } from '../support/server.ts';
import { spawnServer } from '../support/server.ts';

jest.setTimeout(240_000);

const MIB = 1024 * 1024;
const SIZE_MIB = 400;
/** What a server takes for anything it does: garbage that is not collected yet, and buffers on their way. */
const ALLOWED_MIB = 120;
const SLOW_CLIENTS = 40;

let data: string;
let server: SpawnedServer;
let owner: Party;

beforeAll(async () => {
  data = await makeDataFolder();
  server = await spawnServer({ env: { MUNIMENT_DATA: data, MUNIMENT_WORKER: 'false' } });
  owner = await (await Operator.of(server.url, data)).makeParty();
});
afterAll(async () => {
  await server.stop();
  await rm(data, { recursive: true, force: true });
});

/** The most that the server ever had, in MiB. */
const most = async () =>
  Number(/VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024;

/** Each MiB another one. */
function* chunks(): Generator<Uint8Array> {
  for (let i = 0; i < SIZE_MIB; i++) yield Buffer.alloc(MIB, `${i} `);
}

it('weights larger than the memory that is allowed come and go in constant memory', async () => {
  const hash = createHash('sha256');
  for (const chunk of chunks()) hash.update(chunk);
  const fileDigest = `sha256:${hash.digest('hex')}` as const;
  const { id } = await owner.made<{ id: string }>('/v1/models', {
    ...modelOf(owner.id),
    weights: {
      ...{ fileDigest, weightDigest: null, namelessDigest: null, container: 'opaque' },
      ...{ bytes: SIZE_MIB * MIB, tensors: null, parameters: null },
    },
  });
  const url = `${server.url}/v1/models/${id}/artifact`;
  const headers = { authorization: `Bearer ${owner.apiKey}` };
  const before = await most();

  const put = await fetch(url, {
    method: 'PUT',
    headers: { ...headers, 'content-type': 'application/octet-stream', 'content-length': String(SIZE_MIB * MIB) },
    body: ReadableStream.from(chunks()),
    duplex: 'half',
  });
  expect([put.status, await put.text()]).toEqual([204, '']);
  expect((await most()) - before).toBeLessThan(ALLOWED_MIB);

  const got = createHash('sha256');
  for await (const chunk of (await fetch(url, { headers })).body!) got.update(chunk as Uint8Array);
  expect(`sha256:${got.digest('hex')}`).toBe(fileDigest);
  expect((await most()) - before).toBeLessThan(ALLOWED_MIB);

  // Those who read nothing make the server hold what it has read for them.
  const slow = await Promise.all(
    Array.from({ length: SLOW_CLIENTS }, async () => {
      const [response] = (await once(get(url, { headers, agent: false }), 'response')) as [IncomingMessage];
      return response.pause();
    }),
  );
  await sleep(3000);
  const held = (await most()) - before;
  for (const response of slow) response.destroy();
  expect(held).toBeLessThan(ALLOWED_MIB + 4 * SLOW_CLIENTS);
});
