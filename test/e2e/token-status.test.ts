/** Status lists over HTTP: what they tell of each token, how soon, in what form, and how they stood earlier. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readStatus } from '../../src/core/licensing/status-list.ts';
import type { LicenseTokenClaims } from '../../src/core/licensing/token-claims.ts';
import { readJwks } from '../../src/tokens/license-token/index.ts';
import { verifyStatusList } from '../../src/tokens/status-list/index.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { query } from '../support/postgres.ts';
import { answer, makeParty, Party, registrarOf } from './tokens.fixture.ts';

let app: TestApp;
let beside: TestApp;
let registrar: Party;
let owner: Party;
let licensee: Party;
let stranger: Party;
let model: string;

beforeAll(async () => {
  const env = { MUNIMENT_PUBLIC_URL: 'https://registry.example', MUNIMENT_CHECKPOINT_INTERVAL_MS: '50' };
  app = await startTestApp({ env });
  beside = await startTestApp({ beside: app, env });
  registrar = await registrarOf(app);
  [owner, licensee, stranger] = [await makeParty(registrar), await makeParty(registrar), await makeParty(registrar)];
  model = (await owner.registerModel()).id;
});
afterAll(async () => {
  await beside.close();
  await app.close();
});

type Place = LicenseTokenClaims['status']['status_list'];
interface Issued {
  jti: string;
  token: string;
  place: Place;
}

async function issue(grant: string, holder = licensee): Promise<Issued> {
  const { body } = await holder.token(grant);
  const claims = JSON.parse(
    Buffer.from(body.access_token.split('.')[1]!, 'base64url').toString(),
  ) as LicenseTokenClaims;
  return { jti: body.jti, token: body.access_token, place: claims.status.status_list };
}

const pathOf = ({ uri }: Place) => new URL(uri).pathname;

async function statusOf({ place }: Issued, at: TestApp = app, path = pathOf(place), headers = {}): Promise<number> {
  const response = await fetch(at.url + path, { headers });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/statuslist+jwt']);
  const keys = await readJwks(await (await fetch(`${at.url}/.well-known/jwks.json`)).json());
  const question = { issuer: 'https://registry.example', uri: place.uri, now: Date.now(), maxStaleness: 3600 };
  return readStatus(verifyStatusList(await response.text(), { keys, ...question }).list, place.idx);
}

/** Until a list says so: within a second, on a machine that has the time. */
async function becomes(issued: Issued, status: number, at: TestApp = app): Promise<void> {
  const began = Date.now();
  while ((await statusOf(issued, at)) !== status) {
    if (Date.now() - began > 20_000) throw new Error(`The status is not ${status} after ${Date.now() - began} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('the status of a token', () => {
  it('follows its own revocation and the acts about its grant, on every replica', async () => {
    const { id } = await owner.grant(model, licensee);
    const [first, second] = [await issue(id), await issue(id)];
    for (const at of [app, beside]) expect(await statusOf(first, at)).toBe(0);
    await owner.ok('POST', `/v1/tokens/${first.jti}/revoke`, {});
    for (const at of [app, beside]) await becomes(first, 1, at);
    expect(await statusOf(second)).toBe(0);
    await owner.act(id, 'suspend');
    for (const at of [app, beside]) await becomes(second, 2, at);
    expect(await statusOf(first)).toBe(1);
    await owner.act(id, 'resume');
    for (const at of [app, beside]) await becomes(second, 0, at);
    expect(await statusOf(first)).toBe(1);
    await owner.act(id, 'terminate');
    for (const at of [app, beside]) await becomes(second, 1, at);
  });

  it('follows what happens to a grant above it, and a notice that is over', async () => {
    const { id: parent } = await owner.grant(model, licensee, { sublicensing: true });
    const part = await licensee.grant(model, stranger, { parent, actions: ['infer'] });
    const [above, below] = [await issue(parent), await issue(part.id, stranger)];
    await owner.act(parent, 'suspend');
    await becomes(below, 2);
    await owner.act(parent, 'resume');
    await becomes(below, 0);
    await owner.act(parent, 'terminate', { effectiveAt: new Date(Date.now() + 6000).toISOString() });
    expect(await statusOf(above)).toBe(0);
    await becomes(above, 1);
    await becomes(below, 1);
  });

  it('gives notice while a claim stands against the title of the model, and the token goes on counting', async () => {
    const disputed = (await owner.registerModel()).id;
    const { id } = await owner.grant(disputed, licensee);
    const [first, elsewhere] = [await issue(id), await issue((await owner.grant(model, licensee)).id)];
    const introspected = async ({ token }: Issued) => (await stranger.form('/oauth/introspect', { token })).body;
    const shown = async ({ jti }: Issued) => licensee.ok<{ disputed: boolean }>('GET', `/v1/tokens/${jti}`);
    expect(await introspected(first)).toMatchObject({ active: true, disputed: false });
    const claim = await stranger.ok('POST', '/v1/claims', {
      ...{ asset: disputed, contested: disputed, share: '1/2', ground: 'authorship', documentDigest: null },
      ...{ executedOn: null, effectiveFrom: '2026-01-01', jurisdiction: null, grace: null, note: null, evidence: [] },
    });
    for (const at of [app, beside]) await becomes(first, 3, at);
    const second = await issue(id);
    for (const at of [app, beside]) await becomes(second, 3, at);
    expect(await introspected(second)).toMatchObject({ active: true, disputed: true });
    expect(await shown(second)).toMatchObject({ state: 'active', disputed: true });
    const fresh = await startTestApp({ beside: app, env: { MUNIMENT_PUBLIC_URL: 'https://registry.example' } });
    expect([await statusOf(second, fresh), await statusOf(elsewhere, fresh)]).toEqual([3, 0]);
    await fresh.close();
    // Neither hides the other.
    await owner.act(id, 'suspend');
    for (const issued of [first, second]) await becomes(issued, 2);
    await owner.act(id, 'resume');
    for (const issued of [first, second]) await becomes(issued, 3);
    await owner.ok('POST', `/v1/tokens/${first.jti}/revoke`, {});
    await becomes(first, 1);

    await stranger.ok('POST', `/v1/claims/${claim.id}/acts`, { act: 'withdraw', reason: null });
    for (const at of [app, beside]) await becomes(second, 0, at);
    expect(await statusOf(first)).toBe(1);
    expect(await introspected(second)).toMatchObject({ active: true, disputed: false });
  }, 60_000);

  it('is right from the start in a process that knew nothing before', async () => {
    const { id } = await owner.grant(model, licensee);
    const [ended, good] = [await issue(id), await issue((await owner.grant(model, licensee)).id)];
    await owner.act(id, 'terminate');
    const fresh = await startTestApp({ beside: app, env: { MUNIMENT_PUBLIC_URL: 'https://registry.example' } });
    expect([await statusOf(ended, fresh), await statusOf(good, fresh)]).toEqual([1, 0]);
    await fresh.close();
  });

  it('stands at a place that nobody else has, and that tells no order', async () => {
    const { id } = await owner.grant(model, licensee);
    const issued = await Promise.all(Array.from({ length: 700 }, () => issue(id)));
    const places = issued.map(({ place: { uri, idx } }) => `${uri} ${idx}`);
    expect(new Set(places).size).toBe(places.length);
    const steps = issued.slice(1).map(({ place }, i) => Math.sign(place.idx - issued[i]!.place.idx));
    expect(Math.abs(steps.reduce((sum, step) => sum + step, 0))).toBeLessThan(200);
  });
});

describe('a status list', () => {
  it('is found in the metadata, kept by its ETag, and sent packed', async () => {
    const { place } = await issue((await owner.grant(model, licensee)).id);
    const metadata = (await answer(app, '/.well-known/oauth-authorization-server')).body as unknown as object;
    expect(metadata).toMatchObject({ status_list_aggregation_endpoint: 'https://registry.example/statuslists' });
    const { body } = await answer(app, '/statuslists');
    expect(body).toEqual({ status_lists: [place.uri] });

    const plain = await fetch(app.url + pathOf(place), { headers: { 'accept-encoding': 'identity' } });
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(plain.headers.get('cache-control')).toBe('public, max-age=30');
    const etag = plain.headers.get('etag')!;
    // As a proxy hands it on that packs by itself, too.
    for (const had of [etag, `W/${etag}`, `"another", ${etag}`]) {
      const again = await fetch(app.url + pathOf(place), { headers: { 'if-none-match': had } });
      expect([again.status, await again.text()]).toEqual([304, '']);
    }
    const refused = await fetch(app.url + pathOf(place), { headers: { 'accept-encoding': 'gzip;q=0' } });
    expect(refused.headers.get('content-encoding')).toBeNull();
    const packed = await fetch(app.url + pathOf(place), { headers: { 'accept-encoding': 'gzip' } });
    expect(packed.headers.get('content-encoding')).toBe('gzip');
    expect(await packed.text()).toBe(await plain.text());
  });

  it.each([
    ...[
      '/statuslists/99',
      '/statuslists/-1',
      '/statuslists/x',
      '/statuslists/9e99',
      '/statuslists/00',
      '/statuslists/0x0',
    ],
    ...['/statuslists/0?time=never', '/statuslists/0?time=', '/statuslists/0?time=1e5', '/statuslists/0?time=1&time=2'],
    ...['/statuslists/0?time=-1', '/statuslists/0?time=253402300800'],
  ])('at %s is refused by name', async (path) => {
    const { status, body } = await answer(app, path);
    expect([400, 404]).toContain(status);
    expect(body.code).toMatch(/^(invalid_input|not_found)$/);
  });

  it('of an earlier time is for registrar and auditors, and tells what was on record then', async () => {
    const { id } = await owner.grant(model, licensee);
    const issued = await issue(id);
    const seconds = () => Math.floor(Date.now() / 1000);
    const step = () => new Promise((resolve) => setTimeout(resolve, 2000));
    const times: number[] = [];
    const claim = () =>
      stranger.ok('POST', '/v1/claims', {
        ...{ asset: model, contested: model, share: '1/1', ground: 'other', documentDigest: null, evidence: [] },
        ...{ executedOn: null, effectiveFrom: '2026-01-01', jurisdiction: null, grace: null, note: null },
      });
    let claimed = '';
    for (const happens of [
      () => owner.act(id, 'suspend'),
      () => owner.act(id, 'resume'),
      async () => (claimed = (await claim()).id),
      () => stranger.ok('POST', `/v1/claims/${claimed}/acts`, { act: 'withdraw', reason: null }),
      () => owner.act(id, 'terminate'),
      () => Promise.resolve(),
    ]) {
      await step();
      times.push(seconds());
      await step();
      await happens();
    }
    const path = (time: number) => `${pathOf(issued.place)}?time=${time}`;
    for (const reader of [undefined, owner, licensee]) {
      const headers = reader && { authorization: `Bearer ${reader.apiKey}` };
      const refused = await answer(app, path(times[0]!), { ...(headers && { headers }) });
      expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
    }
    const auditor = await makeParty(registrar, { roles: ['auditor'], scopes: ['read'] });
    const then = (time: number) => statusOf(issued, app, path(time), { authorization: `Bearer ${auditor.apiKey}` });
    expect(await Promise.all(times.map(then))).toEqual([0, 2, 0, 3, 0, 1]);
  }, 60_000);
});

it('a status list serves a machine without a network for an hour, where that lets it be so old', async () => {
  const { place } = await issue((await owner.grant(model, licensee)).id);
  const list = await (await fetch(app.url + pathOf(place))).text();
  const keys = await readJwks(await (await fetch(`${app.url}/.well-known/jwks.json`)).json());
  const judged = (later: number, maxStaleness: number) => () =>
    verifyStatusList(list, {
      ...{ keys, issuer: 'https://registry.example', uri: place.uri, maxStaleness },
      now: Date.now() + later * 1000,
    });
  expect(judged(3500, 3600)).not.toThrow();
  expect(judged(200, 120)).toThrow(expect.objectContaining({ code: 'status_stale' }));
  expect(judged(3601, 86_400)).toThrow(expect.objectContaining({ code: 'status_stale' }));
});

it('a status list is never signed for a time to come, which would hide what is revoked until then', async () => {
  const { place } = await issue((await owner.grant(model, licensee)).id);
  const headers = { authorization: `Bearer ${registrar.apiKey}` };
  const at = (time: number) => answer(app, `${pathOf(place)}?time=${time}`, { headers });
  const now = Math.floor(Date.now() / 1000);
  for (const time of [now + 30, now + 31_536_000, 253_402_300_799]) {
    const { status, body } = await at(time);
    expect([status, body]).toEqual([404, expect.objectContaining({ code: 'not_found', field: 'time' })]);
  }
  for (const time of [0, now]) {
    const then = await fetch(`${app.url}${pathOf(place)}?time=${time}`, { headers });
    expect([then.status, then.headers.get('cache-control')]).toEqual([200, 'private, no-store']);
  }
});

it('a status list follows the record also after the time of day was moved back', async () => {
  const { id } = await owner.grant(model, licensee);
  const issued = await issue(id);
  const real = Date.now.bind(Date);
  const moved = jest.spyOn(Date, 'now').mockImplementation(() => real() + 3_600_000);
  try {
    expect((await fetch(app.url + pathOf(issued.place))).status).toBe(200);
  } finally {
    moved.mockRestore();
  }
  await owner.ok('POST', `/v1/tokens/${issued.jti}/revoke`, {});
  await becomes(issued, 1);
});

it('places go on behind all that tokens stand in, also where the record of handed-out places was lost', async () => {
  const { id } = await owner.grant(model, licensee);
  const before = await issue(id);
  await query(app.database.superuserUrl, 'DELETE FROM ops.status_list');
  const fresh = await startTestApp({ beside: app, env: { MUNIMENT_PUBLIC_URL: 'https://registry.example' } });
  expect(await statusOf(before, fresh)).toBe(0);
  const after = await issue(id, new Party(fresh, licensee.id, licensee.apiKey));
  expect(after.place.uri).not.toBe(before.place.uri);
  await fresh.close();
});
