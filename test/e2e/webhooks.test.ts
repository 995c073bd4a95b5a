/** Webhooks: what is told to whom, how it is signed, what happens when nobody listens, and where they may not be aimed. */
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { anyDigest, modelOf } from '../support/bodies.ts';
import { Operator, Party } from '../support/client.ts';
import type { Client, LogIdentity } from '../support/client.ts';
import { newId, newNonce, sha256 } from '../../src/platform/crypto.ts';
import { sealCommitment } from '../../src/core/registry/sealed.ts';
import { query } from '../support/postgres.ts';
import { Users } from './cli-user.ts';
import { Receiver } from './webhook-receiver.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(60_000);

interface Made {
  id: string;
  secret: string;
}
interface Delivery {
  id: string;
  event: string;
  index: number;
  state: string;
  attempts: number;
  status: number | null;
  error: string | null;
}

let app: TestApp;
let operator: Operator;
let [ada, ben, eve]: Party[] = [];
let receiver: Receiver;

beforeAll(async () => {
  app = await startTestApp({
    env: {
      MUNIMENT_CHECKPOINT_INTERVAL_MS: '50',
      MUNIMENT_TOKEN_BATCH_SECONDS: '1',
      MUNIMENT_WEBHOOK_TARGETS: 'loopback',
      MUNIMENT_WEBHOOK_ATTEMPTS: '2',
      MUNIMENT_WEBHOOK_RETRY_SECONDS: '1',
    },
  });
  operator = await Operator.of(app.url, app.config.data);
  [ada, ben, eve] = [await operator.makeParty(), await operator.makeParty(), await operator.makeParty()];
  const { registryParty, origin } = await operator.read<LogIdentity>('/v1/log');
  registrarParty = new Party(app.url, operator.apiKey, registryParty, anyDigest(), origin);
  receiver = await Receiver.start();
});
afterEach(() => {
  receiver.answer = (_, response) => void response.writeHead(204).end();
});
afterAll(async () => {
  await app.close();
  await receiver.close();
});

/** The registry's own party, which may read everything. */
let registrarParty: Party;
const registrar = (): Party => registrarParty;

let paths = 0;
/** A webhook at a path of its own. */
async function listen(party: Party, events: string[], filters: object = {}): Promise<Made & { path: string }> {
  const path = `/${++paths}`;
  return { ...(await party.made<Made>('/v1/webhooks', { url: receiver.url(path), events, ...filters })), path };
}
const grantBy = async (owner: Party, licensee: Party) => {
  const { id } = await owner.made('/v1/models', modelOf(owner.id));
  return owner.made('/v1/grants', {
    registration: id,
    licensee: licensee.id,
    actions: ['infer'],
    constraints: { commercial: true, territory: null, fieldOfUse: null, maxCalls: null, seats: null },
    termsDigest: anyDigest(),
    notBefore: '2020-01-01T00:00:00.000Z',
    expiresAt: null,
    sublicensing: false,
    acceptBy: '2999-01-01T00:00:00.000Z',
  });
};
const deliveries = (party: Party, id: string) => party.read<Delivery[]>(`/v1/webhooks/${id}/deliveries`);
/** Lets everything that is on record by now be told: what comes later to this path came after all of it. */
async function settle(): Promise<void> {
  const { path } = await listen(registrar(), ['registration.recorded']);
  await ada!.made('/v1/models', modelOf(ada!.id));
  await receiver.until(path, 1);
}

describe('an event', () => {
  it('tells of a registration, signed as standardwebhooks wants it, with what leads to its proof', async () => {
    const { path, secret } = await listen(ben!, ['registration.recorded']);
    const receipt = await ada!.made('/v1/models', modelOf(ada!.id));
    const [{ headers, body }] = (await receiver.until(path, 1)) as [Received];
    const event = new Webhook(secret).verify(body, headers as Record<string, string>);
    expect(event).toMatchObject({
      type: 'registration.recorded',
      data: { origin: ada!.origin, index: receipt.index, statement: receipt.statement, id: receipt.id, maker: ada!.id },
    });
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': expect.stringMatching(/^delivery_/),
    });
  });

  it('comes once for each entry and type, in the deliveries as on the wire', async () => {
    const { path, id } = await listen(ben!, ['registration.recorded', 'statement.recorded'], { parties: [eve!.id] });
    const { index } = await eve!.made('/v1/models', modelOf(eve!.id));
    const came = await receiver.until(path, 2);
    expect(new Set(came.map(({ event }) => `${event.type} ${String(event.data['index'])}`)).size).toBe(2);
    await settle();
    expect(receiver.at(path)).toHaveLength(2);
    expect((await deliveries(ben!, id)).map(({ event, index: at, state }) => [event, at, state]).sort()).toEqual([
      ['registration.recorded', index, 'delivered'],
      ['statement.recorded', index, 'delivered'],
    ]);
  });

  it('is told of one digest alone where that is asked for', async () => {
    const model = modelOf(ada!.id);
    const wanted = model.weights.namelessDigest!;
    const { path } = await listen(eve!, ['digest.matched'], { digests: [wanted] });
    await ada!.made('/v1/models', modelOf(ada!.id));
    const { index } = await ada!.made('/v1/models', model);
    const [{ event }] = (await receiver.until(path, 1)) as [Received];
    expect(event.data).toMatchObject({ index, digests: [wanted] });
    await settle();
    expect(receiver.at(path)).toHaveLength(1);
  });

  it('about a license reaches those who may read it, and nobody else', async () => {
    const events = ['grant.offered', 'grant.withdrawn', 'party.matched'];
    const [owner, licensee, stranger, overseer] = [
      await listen(ada!, events, { parties: [ada!.id] }),
      await listen(ben!, events, { parties: [ben!.id] }),
      await listen(eve!, events, { parties: [ada!.id, ben!.id] }),
      await listen(registrar(), events, { parties: [ben!.id] }),
    ];
    const grant = await grantBy(ada!, ben!);
    await ada!.made(`/v1/grants/${grant.id}/acts`, { act: 'withdraw' });
    for (const { path } of [owner, licensee, overseer]) {
      while (!receiver.at(path).some(({ event }) => event.type === 'grant.withdrawn')) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    await settle();
    const told = receiver.at(stranger.path).map(({ event }) => event.data);
    expect(told.every((data) => data['public'] === true)).toBe(true);
    expect(told.map((data) => data['kind'])).not.toContain('grant');
  });

  it('about license tokens tells of the batch that holds them and of the one that was ended', async () => {
    const { path } = await listen(registrar(), ['token.batched', 'token.revoked']);
    const { id } = await grantBy(ada!, ben!);
    await ben!.made(`/v1/grants/${id}/acts`, { act: 'accept' });
    const client = `apikey_${ben!.apiKey.split('_')[1]}`;
    const response = await fetch(`${app.url}/oauth/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${client}:${ben!.apiKey}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', grant_id: id }),
    });
    const { jti } = (await response.json()) as { jti: string };
    await receiver.until(path, 1);
    const { issuance } = await ben!.read<{ issuance: { batch: { id: string } } }>(`/v1/tokens/${jti}`);
    const ended = await ada!.made(`/v1/tokens/${jti}/revoke`, {});
    const told = (await receiver.until(path, 2)).map(({ event }) => [event.type, event.data['id']]).sort();
    expect(told).toEqual([
      ['token.batched', issuance.batch.id],
      ['token.revoked', ended.id],
    ]);
  });

  it('about a claim follows it from its filing to its end', async () => {
    const { path } = await listen(eve!, ['claim.filed', 'claim.acknowledged', 'claim.withdrawn']);
    const { id: asset } = await ada!.made('/v1/models', modelOf(ada!.id));
    const claim = await ben!.made('/v1/claims', {
      ...{ asset, contested: asset, share: '1/2', ground: 'authorship', documentDigest: null, executedOn: null },
      ...{ effectiveFrom: '2026-01-01', jurisdiction: null, grace: null, note: null, evidence: [] },
    });
    for (const [party, act] of [[ada!, 'acknowledge'] as const, [ben!, 'withdraw'] as const]) {
      await party.made(`/v1/claims/${claim.id}/acts`, { act, reason: null });
    }
    const told = (await receiver.until(path, 3)).map(({ event }) => [event.type, event.data['index']]);
    expect(told.sort((a, b) => Number(a[1]) - Number(b[1]))).toEqual([
      ['claim.filed', claim.index],
      ['claim.acknowledged', claim.index + 1],
      ['claim.withdrawn', claim.index + 2],
    ]);
  });

  it('about what is sealed reaches its maker alone until it is opened', async () => {
    const all = ['statement.recorded'];
    const [maker, overseer] = [await listen(ada!, all), await listen(registrar(), all)];
    const told = async (party: Party, id: string) => (await deliveries(party, id)).map(({ index }) => index);
    const secret = { subject: 'model' as const, salt: newNonce(), digests: [anyDigest()] };
    const commitment = sealCommitment(sha256, { origin: ada!.origin, maker: ada!.id }, secret);
    const { id, index } = await ada!.made('/v1/sealed', { subject: 'model', commitment });
    await settle();
    expect(await told(ada!, maker.id)).toContain(index);
    expect(await told(registrar(), overseer.id)).not.toContain(index);
    const opened = await ada!.made(`/v1/sealed/${id}/open`, { sealed: id, commitment, ...secret });
    await settle();
    expect(await told(registrar(), overseer.id)).toEqual(expect.arrayContaining([index + 1, opened.index]));
  });

  it('of a checkpoint carries the signed note', async () => {
    const { path } = await listen(ben!, ['checkpoint.published']);
    await ada!.made('/v1/models', modelOf(ada!.id));
    const [{ event }] = (await receiver.until(path, 1)) as [Received];
    expect(event.data['checkpoint']).toMatch(new RegExp(`^${ada!.origin}\n${String(event.data['treeSize'])}\n`));
  });

  it('from before the webhook is not told', async () => {
    const model = modelOf(ada!.id);
    await ada!.made('/v1/models', model);
    await settle();
    const { path } = await listen(ben!, ['digest.matched'], { digests: [model.weights.fileDigest] });
    await settle();
    expect(receiver.at(path)).toEqual([]);
  });
});

describe('a receiver that fails', () => {
  it('is asked again later under the same id, and the webhook stops failing', async () => {
    const { path, id } = await listen(ada!, ['digest.matched'], { digests: [anyDigest()] });
    const model = modelOf(ada!.id);
    await query(app.database.superuserUrl, 'UPDATE ops.webhook SET digests = $1 WHERE id = $2', [
      [model.weights.fileDigest],
      id,
    ]);
    receiver.answer = (_, response) => void response.writeHead(receiver.at(path).length === 1 ? 503 : 200).end();
    await ada!.made('/v1/models', model);
    const [first, second] = await receiver.until(path, 2);
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(second!.body).toBe(first!.body);
    let found: Delivery | undefined;
    while (found?.state !== 'delivered') [found] = await deliveries(ada!, id);
    expect(found).toMatchObject({ attempts: 2, status: 200, error: null });
    expect(await ada!.read(`/v1/webhooks/${id}`)).toMatchObject({ failingSince: null });
  });

  it.each<[string, number, (response: ServerResponse) => void]>([
    ['refuses', 500, (response) => void response.writeHead(500).end('no')],
    [
      'sends it elsewhere, where nobody follows',
      302,
      (response) => void response.writeHead(302, { location: receiver.url('/elsewhere') }).end(),
    ],
    [
      'never stops answering',
      500,
      (response) => {
        response.writeHead(500);
        const flood = () => void (response.destroyed || response.write('x'.repeat(16_384), flood));
        flood();
      },
    ],
  ])(
    'for good (%s) is given up after the set number of tries, says so, and is not switched off',
    async (_, status, answer) => {
      const { path, id } = await listen(ada!, ['registration.recorded']);
      receiver.answer = (received, response) =>
        received.path === path ? answer(response) : void response.writeHead(204).end();
      await ada!.made('/v1/models', modelOf(ada!.id));
      let found: Delivery | undefined;
      while (found?.state !== 'failed') {
        await new Promise((resolve) => setTimeout(resolve, 50));
        [found] = await deliveries(ada!, id);
      }
      expect(found).toMatchObject({ attempts: 2, status, error: expect.stringContaining(String(status)) });
      expect(await ada!.read(`/v1/webhooks/${id}`)).toMatchObject({ failingSince: expect.any(String) });
      expect(receiver.at('/elsewhere')).toEqual([]);
      receiver.answer = (_received, response) => void response.writeHead(204).end();

      // By hand, under the same id.
      const before = receiver.at(path).length;
      expect(await ada!.made(`/v1/webhooks/${id}/deliveries/${found.id}/replay`, {})).toMatchObject({
        state: 'waiting',
      });
      const again = (await receiver.until(path, before + 1)).at(-1)!;
      expect(again.headers['webhook-id']).toBe(found.id);
      await ada!.send('DELETE', `/v1/webhooks/${id}`, undefined, {});
    },
  );

  it('as a connection that ends without an answer is told as such', async () => {
    const server = createServer((request) => request.socket.destroy());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const { id } = await ada!.made<Made>('/v1/webhooks', { url, events: ['registration.recorded'] });
    await ada!.made('/v1/models', modelOf(ada!.id));
    let found: Delivery | undefined;
    while (found?.state !== 'failed') {
      await new Promise((resolve) => setTimeout(resolve, 50));
      [found] = await deliveries(ada!, id);
    }
    expect(found).toMatchObject({ status: null, error: expect.stringContaining('cannot be reached') });
    server.close();
    await ada!.send('DELETE', `/v1/webhooks/${id}`, undefined, {});
  });
});

describe('the secret', () => {
  it('is told once and rests sealed', async () => {
    const { id, secret } = await listen(ada!, ['grant.offered']);
    expect((await ada!.get(`/v1/webhooks/${id}`)).text).not.toContain('whsec_');
    const [row] = await query<{ secret: Buffer }>(
      app.database.superuserUrl,
      'SELECT secret FROM ops.webhook WHERE id = $1',
      [id],
    );
    expect(row!.secret.includes(Buffer.from(secret))).toBe(false);
    expect(JSON.stringify(app.logged)).not.toContain(secret);
  });

  it('is replaced with an overlap in which both sign, and without one where it leaked', async () => {
    const { id, path, secret: first } = await listen(ben!, ['registration.recorded']);
    const second = await ben!.made<Made & { previousSecretUntil: string }>(`/v1/webhooks/${id}/secret`, {});
    expect(second.previousSecretUntil).toEqual(expect.any(String));
    await ada!.made('/v1/models', modelOf(ada!.id));
    const [overlap] = await receiver.until(path, 1);
    for (const secret of [first, second.secret]) new Webhook(secret).verify(overlap!.body, overlap!.headers as never);

    const third = await ben!.made<Made>(`/v1/webhooks/${id}/secret`, { overlapSeconds: 0 });
    await ada!.made('/v1/models', modelOf(ada!.id));
    const last = (await receiver.until(path, 2)).at(-1)!;
    new Webhook(third.secret).verify(last.body, last.headers as never);
    for (const secret of [first, second.secret]) {
      expect(() => new Webhook(secret).verify(last.body, last.headers as never)).toThrow('No matching signature');
    }
  });
});

describe('is refused:', () => {
  const post = (body: object, party: Client = ada!) =>
    party.post('/v1/webhooks', { events: ['grant.terminated'], ...body });

  it.each([
    ['plain HTTP to another machine', 'http://example.org/'],
    ['the metadata service', 'https://169.254.169.254/latest/meta-data/'],
    ['a private network', 'https://10.1.2.3/'],
    ['a login in the address', 'https://a:b@example.org/'],
  ])('%s', async (_, url) => {
    expect(await post({ url })).toMatchObject({ status: 400, body: { code: 'invalid_input', field: 'url' } });
  });

  it('an event that does not exist, and one without the filter that it needs', async () => {
    const url = receiver.url();
    expect(await post({ url, events: ['model.stolen'] })).toMatchObject({ status: 400, body: { field: 'events.0' } });
    expect(await post({ url, events: ['digest.matched'] })).toMatchObject({ status: 400, body: { field: 'digests' } });
  });

  it('a key without the scope', async () => {
    const { key } = await ada!.made<{ key: string }>(`/v1/parties/${ada!.id}/api-keys`, { scopes: ['read'] });
    expect(await post({ url: receiver.url() }, ada!.with(key))).toMatchObject({
      status: 403,
      body: { code: 'scope_missing' },
    });
  });

  it('more webhooks than a party may have', async () => {
    const many = await operator.makeParty();
    for (let i = 0; i < 20; i++) expect((await post({ url: receiver.url() }, many)).status).toBe(201);
    expect(await post({ url: receiver.url() }, many)).toMatchObject({ status: 409, body: { code: 'state_conflict' } });
  });
});

it('a name that pointed to a public address and points here now is not followed', async () => {
  const { id } = await listen(ada!, ['registration.recorded']);
  // What it was registered with was allowed; where it leads now is judged again.
  await query(app.database.superuserUrl, `UPDATE ops.webhook SET url = 'https://169.254.169.254/' WHERE id = $1`, [id]);
  await ada!.made('/v1/models', modelOf(ada!.id));
  let found: Delivery | undefined;
  while ((found?.attempts ?? 0) === 0) [found] = await deliveries(ada!, id);
  expect(found).toMatchObject({ status: null, error: expect.stringContaining('not a public address') });
  await ada!.send('DELETE', `/v1/webhooks/${id}`, undefined, {});
});

it('what is removed is told nothing more', async () => {
  const { id, path } = await listen(ben!, ['registration.recorded']);
  expect((await ben!.send('DELETE', `/v1/webhooks/${id}`, undefined, {})).status).toBe(204);
  await ada!.made('/v1/models', modelOf(ada!.id));
  await settle();
  expect(receiver.at(path)).toEqual([]);
  expect((await ben!.get(`/v1/webhooks/${id}`)).status).toBe(404);
});

it('old deliveries are swept away, and one whose process died at its last try is marked, by the next process', async () => {
  const { id } = await listen(ben!, ['grant.terminated']);
  const [old, orphan, fresh] = [newId('delivery'), newId('delivery'), newId('delivery')];
  const insert = (delivery: string, state: string, age: string) =>
    query(
      app.database.superuserUrl,
      `INSERT INTO ops.webhook_delivery (id, webhook_id, event, log_index, body, state, job_id, made_at)
       VALUES ($1, $2, 'grant.terminated', 1, '{}', $3, gen_random_uuid(), now() - $4::interval)`,
      [delivery, id, state, age],
    );
  await insert(old, 'delivered', '31 days');
  await insert(orphan, 'waiting', '1 hour');
  await insert(fresh, 'delivered', '29 days');
  const beside = await startTestApp({ beside: app, env: { MUNIMENT_CHECKPOINT_INTERVAL_MS: '50' } });
  const states = async () => new Map((await deliveries(ben!, id)).map((each) => [each.id, each.state]));
  while ((await states()).has(old)) await new Promise((resolve) => setTimeout(resolve, 20));
  expect([...(await states())].sort()).toEqual(
    [
      [orphan, 'failed'],
      [fresh, 'delivered'],
    ].sort(),
  );
  await beside.close();
});

it('a lost cursor loses and doubles nothing', async () => {
  const { path } = await listen(eve!, ['registration.recorded'], { parties: [ben!.id] });
  await ben!.made('/v1/models', modelOf(ben!.id));
  await receiver.until(path, 1);
  await query(app.database.superuserUrl, 'DELETE FROM ops.webhook_cursor');
  await ben!.made('/v1/models', modelOf(ben!.id));
  await receiver.until(path, 2);
  await settle();
  expect(new Set(receiver.at(path).map(({ headers }) => headers['webhook-id'])).size).toBe(2);
  expect(receiver.at(path)).toHaveLength(2);
});

it('the command line adds, lists, replays, rotates and removes', async () => {
  const users = await Users.at(app.url);
  const run = <T>(...argv: string[]) => users.runHere<T>('cli', app.url, ...argv, '--api-key', ada!.apiKey);
  const model = modelOf(ada!.id);
  const added = await run<Made>(
    'webhook',
    'add',
    receiver.url('/cli'),
    '--event',
    'digest.matched',
    '--digest',
    model.weights.fileDigest,
  );
  expect(added).toMatchObject({ code: 0, value: { secret: expect.stringMatching(/^whsec_/) } });
  const { id } = added.value;
  await ada!.made('/v1/models', model);
  await receiver.until('/cli', 1);
  const listed = await run<{ id: string }[]>('webhook', 'list');
  expect(listed.value.map((each) => each.id)).toContain(id);
  const [sent] = (await run<Delivery[]>('webhook', 'deliveries', id)).value;
  expect((await run('webhook', 'replay', id, sent!.id)).code).toBe(0);
  const came = await receiver.until('/cli', 2);
  expect(came[1]!.headers['webhook-id']).toBe(sent!.id);
  expect((await run<Made>('webhook', 'rotate', id, '--overlap', '0')).value.secret).not.toBe(added.value.secret);
  expect((await run('webhook', 'remove', id)).code).toBe(0);
  expect((await run('webhook', 'deliveries', id)).code).toBe(3);
  expect((await run('webhook', 'add', receiver.url(), '--event', 'digest.matched', '--digest', 'xyz')).code).toBe(2);
  await users.remove();
});

type Received = Receiver['received'][number];
