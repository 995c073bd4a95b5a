/** Uses of grants and seats under them, over HTTP: counted exactly, whoever races, and refused beyond what was granted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';
import pg from 'pg';
import type { GrantBody } from '../../src/core/registry/grant.ts';
import { newId } from '../../src/platform/crypto.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { query } from '../support/postgres.ts';
import type { Answer } from './tokens.fixture.ts';
import { makeParty, Party, registrarOf } from './tokens.fixture.ts';

const ISSUER = 'https://registry.example';

let app: TestApp;
let beside: TestApp;
let owner: Party;
let licensee: Party;
let server: Party;
let stranger: Party;
let registrar: Party;
let model: string;

beforeAll(async () => {
  const env = { MUNIMENT_PUBLIC_URL: ISSUER, MUNIMENT_SEAT_LEASE_SECONDS: '4' };
  app = await startTestApp({ env });
  beside = await startTestApp({ beside: app, env });
  registrar = await registrarOf(app);
  [owner, licensee, server, stranger] = [
    await makeParty(registrar),
    await makeParty(registrar),
    await makeParty(registrar),
    await makeParty(registrar),
  ];
  model = (await owner.registerModel()).id;
});
afterAll(async () => {
  await beside.close();
  await app.close();
});

const limits = (constraints: Partial<GrantBody['constraints']>): Partial<GrantBody> => ({
  constraints: { commercial: true, territory: null, fieldOfUse: null, maxCalls: null, seats: null, ...constraints },
});
const grantOf = async (constraints: Partial<GrantBody['constraints']>, more: Partial<GrantBody> = {}) =>
  (await owner.grant(model, licensee, { ...limits(constraints), ...more })).id;
const at = (party: Party, where: TestApp) => new Party(where, party.id, party.apiKey);
const now = () => new Date().toISOString();
const reportOf = (calls: number, more: object = {}) => ({
  id: newId('usagereport'),
  uses: [{ token: null, action: 'infer', calls }],
  from: now(),
  to: now(),
  ...more,
});
const report = (party: Party, grant: string, body: object) => party.call('POST', `/v1/grants/${grant}/usage`, body);
const lease = (party: Party, grant: string, calls: number, more: object = {}) =>
  party.call('POST', `/v1/grants/${grant}/usage-blocks`, { id: newId('usageblock'), calls, ...more });
const settle = (party: Party, grant: string, block: string) =>
  party.ok<{ settled: boolean }>('POST', `/v1/grants/${grant}/usage-blocks/${block}/settle`, {});
const usage = (grant: string, party = licensee) =>
  party.ok<{ calls: number; leased: number; left: number | null }>('GET', `/v1/grants/${grant}/usage`);
const refusal = ({ status, body: { code } }: Answer) => [status, code];

describe('uses of a grant', () => {
  it('are counted once, however often a report is sent, and shown to both sides', async () => {
    const grant = await grantOf({ maxCalls: 100 });
    const body = reportOf(7, {
      uses: [
        { token: (await licensee.token(grant)).body.jti, action: 'infer', calls: 4 },
        { token: null, action: 'host', calls: 3 },
      ],
    });
    for (let i = 0; i < 3; i++) expect((await report(licensee, grant, body)).status).toBe(200);
    for (const side of [owner, licensee]) {
      expect(await usage(grant, side)).toEqual({
        ...{ grant, maxCalls: 100, calls: 7, leased: 0, left: 93 },
        byAction: { host: 3, infer: 4 },
        byDay: [{ day: now().slice(0, 10), calls: 7 }],
      });
    }
    const other = await report(licensee, grant, { ...body, uses: [{ token: null, action: 'infer', calls: 1 }] });
    expect(refusal(other)).toEqual([409, 'idempotency_key_reused']);
    expect(refusal(await report(stranger, grant, reportOf(1)))).toEqual([404, 'not_found']);
  });

  it('by a token of another grant, or by none that was issued, are refused: cross-tenant', async () => {
    const [grant, other] = [await grantOf({ maxCalls: 100 }), await grantOf({ maxCalls: 100 })];
    const [own, foreign] = [(await licensee.token(grant)).body.jti, (await licensee.token(other)).body.jti];
    const by = (token: string) => ({ token, action: 'infer', calls: 1 });
    for (const token of [foreign, newId('token')]) {
      const refused = await report(licensee, grant, reportOf(1, { uses: [by(own), by(token)] }));
      expect([refusal(refused), refused.body]).toEqual([
        [403, 'use_not_licensed'],
        expect.objectContaining({ field: 'uses.1.token' }),
      ]);
    }
    expect((await report(licensee, grant, reportOf(1, { uses: [by(own), by(own)] }))).status).toBe(200);
    expect(await usage(grant)).toMatchObject({ calls: 2 });
  });

  it('are told without going through all reports, however many there are', async () => {
    const grant = await grantOf({});
    await report(licensee, grant, reportOf(3));
    const sql = new pg.Client(app.database.superuserUrl);
    await sql.connect();
    try {
      await sql.query('BEGIN; LOCK TABLE ops.usage_report IN ACCESS EXCLUSIVE MODE');
      expect(await usage(grant)).toMatchObject({ calls: 3, byAction: { infer: 3 }, byDay: [{ calls: 3 }] });
    } finally {
      await sql.end();
    }
  });

  it('are seen, and never counted, by those who see every grant', async () => {
    const grant = await grantOf({ maxCalls: 100, seats: 1 });
    expect(refusal(await report(registrar, grant, reportOf(1)))).toEqual([404, 'not_found']);
    expect(refusal(await lease(registrar, grant, 1))).toEqual([404, 'not_found']);
    expect(refusal(await new Holder().sit(registrar, grant))).toEqual([404, 'not_found']);
    expect(await usage(grant, registrar)).toMatchObject({ calls: 0, leased: 0, left: 100 });
  });

  it.each<[string, object]>([
    ['a quota of -1', { uses: [{ token: null, action: 'infer', calls: -1 }] }],
    ['no calls', { uses: [{ token: null, action: 'infer', calls: 0 }] }],
    ['half a call', { uses: [{ token: null, action: 'infer', calls: 0.5 }] }],
    ['more than any number', { uses: [{ token: null, action: 'infer', calls: 1e15 }] }],
    ['nothing', { uses: [] }],
    ['an end before its beginning', { from: '2026-02-01T00:00:00.000Z', to: '2026-01-01T00:00:00.000Z' }],
    ['a time that is yet to come', { to: '2999-01-01T00:00:00.000Z' }],
    ['a year that no calendar has', { from: '0000-01-01T00:00:00.000Z' }],
    ['an action that is none', { uses: [{ token: null, action: 'fly', calls: 1 }] }],
    ['an id that is none', { id: 'report' }],
  ])('with %s are refused by name', async (_, wrong) => {
    const grant = await grantOf({ maxCalls: 100 });
    expect(refusal(await report(licensee, grant, reportOf(1, wrong)))).toEqual([400, 'invalid_input']);
    expect(await usage(grant)).toMatchObject({ calls: 0 });
  });

  it('never go beyond the quota, whoever races for the last of them: over quota', async () => {
    const grant = await grantOf({ maxCalls: 50 });
    const answers = await Promise.all(
      Array.from({ length: 120 }, (_, i) => report(at(licensee, i % 2 === 0 ? app : beside), grant, reportOf(1))),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(50);
    expect(new Set(answers.filter(({ status }) => status !== 200).map((answer) => refusal(answer).join(' ')))).toEqual(
      new Set(['429 quota_exceeded']),
    );
    expect(await usage(grant)).toMatchObject({ calls: 50, left: 0 });
  });

  it('under a sub-license count for what it is a part of', async () => {
    const parent = await grantOf({ maxCalls: 10 }, { sublicensing: true });
    const parts = await Promise.all(
      [stranger, server].map(
        async (party) => (await licensee.grant(model, party, { parent, ...limits({ maxCalls: 8 }) })).id,
      ),
    );
    expect((await report(stranger, parts[0]!, reportOf(8))).status).toBe(200);
    expect(refusal(await report(server, parts[1]!, reportOf(3)))).toEqual([429, 'quota_exceeded']);
    expect((await report(server, parts[1]!, reportOf(2))).status).toBe(200);
    expect(await usage(parent)).toMatchObject({ calls: 10, left: 0 });
    expect(await usage(parts[1]!, server)).toMatchObject({ calls: 2, left: 0 });
  });

  it('of a grant that is not in force are not taken', async () => {
    const grant = await grantOf({});
    await owner.act(grant, 'suspend');
    expect(refusal(await report(licensee, grant, reportOf(1)))).toEqual([409, 'state_conflict']);
    expect(refusal(await lease(licensee, grant, 1))).toEqual([409, 'state_conflict']);
  });

  it('that were counted before the grant ended are answered as before when they are sent again', async () => {
    const grant = await grantOf({ maxCalls: 100 });
    const body = reportOf(7);
    const block = { id: newId('usageblock'), calls: 20 };
    const ask = (party: Party) => party.call('POST', `/v1/grants/${grant}/usage-blocks`, block);
    expect([(await report(licensee, grant, body)).status, (await ask(licensee)).status]).toEqual([200, 200]);
    await owner.act(grant, 'terminate');
    expect((await report(licensee, grant, body)).body).toMatchObject({ calls: 7, leased: 20, left: 73 });
    expect((await ask(licensee)).body).toMatchObject({ id: block.id, calls: 20 });
    expect(refusal(await report(owner, grant, body))).toEqual([409, 'idempotency_key_reused']);
    expect(refusal(await ask(owner))).toEqual([409, 'idempotency_key_reused']);
    expect(refusal(await report(licensee, grant, reportOf(7)))).toEqual([409, 'state_conflict']);
  });

  it('are reported by a server that was shown a token under the grant, and for that grant alone', async () => {
    const [grant, other] = [await grantOf({ maxCalls: 5 }), await grantOf({ maxCalls: 5 })];
    const token = (await licensee.token(grant)).body.access_token;
    expect((await report(server, grant, reportOf(1, { token }))).status).toBe(200);
    expect(refusal(await report(server, other, reportOf(1, { token })))).toEqual([404, 'not_found']);
    expect(refusal(await report(server, grant, reportOf(1, { token: 'a.b.c' })))).toEqual([401, 'token_malformed']);
  });

  it('are counted again from the reports where the counters were lost', async () => {
    const grant = await grantOf({ maxCalls: 100 });
    await report(licensee, grant, reportOf(30));
    const block = (await lease(licensee, grant, 20)).body.id;
    await report(licensee, grant, reportOf(5, { block }));
    await query(app.database.superuserUrl, 'DELETE FROM ops.usage_counter WHERE grant_id = $1', [grant]);
    await report(licensee, grant, reportOf(1));
    expect(await usage(grant)).toMatchObject({ calls: 36, leased: 15, left: 49 });
    await query(app.database.superuserUrl, 'DELETE FROM ops.usage_counter WHERE grant_id = $1', [grant]);
    await query(app.database.superuserUrl, 'DELETE FROM ops.usage_action');
    await query(app.database.superuserUrl, 'DELETE FROM ops.usage_day');
    await report(licensee, grant, reportOf(4));
    const day = now().slice(0, 10);
    expect(await usage(grant)).toMatchObject({ calls: 40, byAction: { infer: 40 }, byDay: [{ day, calls: 40 }] });
  });
});

describe('a block of calls', () => {
  it('is leased once, spent by reports, and what is left of it is given back', async () => {
    const grant = await grantOf({ maxCalls: 100 });
    const wanted = { id: newId('usageblock'), calls: 60 };
    const ask = () => server.call('POST', `/v1/grants/${grant}/usage-blocks`, { ...wanted, token });
    const token = (await licensee.token(grant)).body.access_token;
    expect([(await ask()).status, (await ask()).body]).toEqual([
      200,
      { id: wanted.id, grant, calls: 60, spent: 0, settled: false },
    ]);
    const other = await server.call('POST', `/v1/grants/${grant}/usage-blocks`, { ...wanted, calls: 59, token });
    expect(refusal(other)).toEqual([409, 'idempotency_key_reused']);
    expect(await usage(grant)).toMatchObject({ calls: 0, leased: 60, left: 40 });
    // Its holder reports without a token: that may have ended meanwhile.
    expect((await report(server, grant, reportOf(25, { block: wanted.id }))).status).toBe(200);
    expect(refusal(await report(server, grant, reportOf(36, { block: wanted.id })))).toEqual([429, 'quota_exceeded']);
    expect(refusal(await report(licensee, grant, reportOf(1, { block: wanted.id })))).toEqual([404, 'not_found']);
    for (let i = 0; i < 2; i++)
      expect(await settle(server, grant, wanted.id)).toMatchObject({ settled: true, spent: 25 });
    expect(await usage(grant)).toMatchObject({ calls: 25, leased: 0, left: 75 });
    expect(refusal(await report(server, grant, reportOf(1, { block: wanted.id })))).toEqual([409, 'state_conflict']);
  });

  it('holds what is left where more was asked for, and all blocks together never more than the quota', async () => {
    const grant = await grantOf({ maxCalls: 1000 });
    const leased = await Promise.all(
      Array.from({ length: 30 }, (_, i) => lease(at(licensee, i % 2 === 0 ? app : beside), grant, 99)),
    );
    const got = leased
      .filter(({ status }) => status === 200)
      .map(({ body }) => (body as unknown as { calls: number }).calls);
    expect(got.reduce((sum, calls) => sum + calls, 0)).toBe(1000);
    expect(got.filter((calls) => calls !== 99)).toEqual([10]);
    expect(refusal(leased.find(({ status }) => status !== 200)!)).toEqual([429, 'quota_exceeded']);
  });

  it('that holds fewer calls than were wanted is no answer to who wants yet more under its id', async () => {
    const grant = await grantOf({ maxCalls: 40 });
    const id = newId('usageblock');
    const ask = (calls: number) => server.call('POST', `/v1/grants/${grant}/usage-blocks`, { id, calls, token });
    const token = (await licensee.token(grant)).body.access_token;
    expect((await ask(60)).body).toMatchObject({ calls: 40 });
    expect((await ask(60)).body).toMatchObject({ calls: 40 });
    for (const calls of [40, 61]) expect(refusal(await ask(calls))).toEqual([409, 'idempotency_key_reused']);
  });

  it('whose gate has vanished is given back by who gave the grant, and by nobody who would gain by it', async () => {
    const parent = await grantOf({ maxCalls: 100 }, { sublicensing: true });
    const part = (await licensee.grant(model, stranger, { parent, ...limits({ maxCalls: 80 }) })).id;
    const token = (await stranger.token(part)).body.access_token;
    const block = (await lease(server, part, 60, { token })).body.id;
    expect((await report(server, part, reportOf(10, { block }))).status).toBe(200);
    const open = [{ id: block, party: server.id, calls: 60, spent: 10, leasedAt: expect.any(String) }];
    for (const side of [owner, licensee, stranger]) {
      expect(await side.ok('GET', `/v1/grants/${part}/usage-blocks`)).toEqual(open);
    }
    expect(refusal(await server.call('GET', `/v1/grants/${part}/usage-blocks`))).toEqual([404, 'not_found']);
    const path = `/v1/grants/${part}/usage-blocks/${block}/settle`;
    // The licensee above would get calls again that its sub-licensee may have made.
    for (const other of [licensee, stranger, registrar]) {
      expect(refusal(await other.call('POST', path, {}))).toEqual([404, 'not_found']);
    }
    expect(await settle(owner, part, block)).toMatchObject({ settled: true, spent: 10 });
    expect(await usage(parent)).toMatchObject({ calls: 10, leased: 0, left: 90 });
    expect(await owner.ok('GET', `/v1/grants/${part}/usage-blocks`)).toEqual([]);
    expect(refusal(await report(server, part, reportOf(1, { block })))).toEqual([409, 'state_conflict']);
  });

  it('goes on being reported when the grant has ended: the calls were made before', async () => {
    const grant = await grantOf({ maxCalls: 100 });
    const block = (await lease(licensee, grant, 10)).body.id;
    await owner.act(grant, 'terminate');
    expect((await report(licensee, grant, reportOf(4, { block }))).status).toBe(200);
    expect(await settle(licensee, grant, block)).toMatchObject({ spent: 4, settled: true });
  });
});

class Holder {
  #made = generateKeyPair('ES256');

  headers(grant: string, method = 'POST', suffix = ''): Promise<{ dpop: string }> {
    return this.proof(`/v1/grants/${grant}/seats${suffix}`, method);
  }

  async proof(path: string, method = 'POST'): Promise<{ dpop: string }> {
    const { privateKey, publicKey } = await this.#made;
    const dpop = await new SignJWT({ jti: newId('proof'), htm: method, htu: ISSUER + path })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
      .setIssuedAt()
      .sign(privateKey);
    return { dpop };
  }

  async thumbprint(): Promise<string> {
    return calculateJwkThumbprint(await exportJWK((await this.#made).publicKey));
  }

  async sit(party: Party, grant: string, body: object = {}): Promise<Answer> {
    return party.call('POST', `/v1/grants/${grant}/seats`, body, await this.headers(grant));
  }
}

interface Seat {
  holder: string;
  until: string;
  borrowed: boolean;
}
const seats = (grant: string) => owner.ok<Seat[]>('GET', `/v1/grants/${grant}/seats`);

describe('seats', () => {
  it('are exactly as many as were granted: of 1,000 clients that race for 10, 10 win', async () => {
    const grant = await grantOf({ seats: 10 });
    const holders = Array.from({ length: 1000 }, () => new Holder());
    const proofs = await Promise.all(holders.map((holder) => holder.headers(grant)));
    // All at once are more than a slow machine has connections for: who is told to come back comes back.
    const ask = async (i: number): Promise<Answer> => {
      const party = at(licensee, i % 2 === 0 ? app : beside);
      for (let proof = proofs[i]!; ; proof = await holders[i]!.headers(grant)) {
        const answer = await party.call('POST', `/v1/grants/${grant}/seats`, { borrowSeconds: 3600 }, proof);
        if (answer.status !== 503) return answer;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    };
    const answers = await Promise.all(proofs.map((_, i) => ask(i)));
    const won = answers.filter(({ status }) => status === 200);
    const lost = answers.filter(({ status }) => status !== 200).map((answer) => refusal(answer).join(' '));
    expect([won.length, lost.length, [...new Set(lost)]]).toEqual([10, 990, ['429 seats_exhausted']]);
    expect(await seats(grant)).toHaveLength(10);
  }, 120_000);

  it('are held by heartbeats, and free again without them', async () => {
    const grant = await grantOf({ seats: 1 });
    const [first, second] = [new Holder(), new Holder()];
    const taken = (await first.sit(licensee, grant)).body as unknown as Seat;
    const full = await second.sit(licensee, grant);
    expect(refusal(full)).toEqual([429, 'seats_exhausted']);
    expect(JSON.stringify(full.body)).toContain(taken.until);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const beat = (await first.sit(licensee, grant)).body as unknown as Seat;
    expect(beat.until > taken.until).toBe(true);
    expect((await second.sit(licensee, grant)).status).toBe(429);
    await new Promise((resolve) => setTimeout(resolve, 4100));
    expect((await second.sit(licensee, grant)).status).toBe(200);
    // Who let it go has to wait like everybody else.
    expect((await first.sit(licensee, grant)).status).toBe(429);
  });

  it('that ended are kept no longer: keys that come and go do not fill a table', async () => {
    const grant = await grantOf({ seats: 20 });
    for (let i = 0; i < 5; i++) expect((await new Holder().sit(licensee, grant)).status).toBe(200);
    await sleep(4200);
    expect((await new Holder().sit(licensee, grant)).status).toBe(200);
    const kept = await query(app.database.superuserUrl, 'SELECT FROM ops.seat WHERE grant_id = $1', [grant]);
    expect(kept).toHaveLength(1);
  });

  it('are borrowed for a time without a network, and given up by their key or by a side', async () => {
    const grant = await grantOf({ seats: 1 });
    const [holder, next] = [new Holder(), new Holder()];
    const seat = (await holder.sit(licensee, grant, { borrowSeconds: 3600 })).body as unknown as Seat;
    expect(seat).toMatchObject({ borrowed: true });
    expect(Date.parse(seat.until) - Date.now()).toBeGreaterThan(3_500_000);
    const long = await holder.sit(licensee, grant, { borrowSeconds: 604_801 });
    expect(refusal(long)).toEqual([400, 'invalid_input']);
    const release = (party: Party, of: string, headers: Record<string, string> = {}) =>
      fetch(`${app.url}/v1/grants/${grant}/seats/${of}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${party.apiKey}`, ...headers },
      });
    expect((await release(stranger, seat.holder)).status).toBe(404);
    expect((await release(stranger, seat.holder, await next.headers(grant, 'DELETE', `/${seat.holder}`))).status).toBe(
      404,
    );
    expect(
      (await release(stranger, seat.holder, await holder.headers(grant, 'DELETE', `/${seat.holder}`))).status,
    ).toBe(204);
    const again = (await next.sit(licensee, grant)).body as unknown as Seat;
    expect((await release(owner, again.holder)).status).toBe(204);
    expect((await release(owner, again.holder)).status).toBe(404);
    const events = await query<{ event: string }>(
      app.database.superuserUrl,
      'SELECT event FROM ops.seat_event WHERE grant_id = $1 ORDER BY id',
      [grant],
    );
    expect(events.map(({ event }) => event)).toEqual(['borrowed', 'released', 'taken', 'released']);
  });

  it('go on being borrowed through heartbeats, until the time is over', async () => {
    const grant = await grantOf({ seats: 1 });
    const holder = new Holder();
    const seat = (await holder.sit(licensee, grant, { borrowSeconds: 3600 })).body as unknown as Seat;
    for (let i = 0; i < 2; i++)
      expect((await holder.sit(licensee, grant)).body).toMatchObject({ borrowed: true, until: seat.until });
    expect((await holder.sit(licensee, grant, { borrowSeconds: 1 })).body).toMatchObject({ until: seat.until });
  });

  it('that are borrowed do not come back by the word of the licensee, which may use them out of reach', async () => {
    const grant = await grantOf({ seats: 1 });
    const holder = new Holder();
    const release = async (party: Party, headers: Record<string, string> = {}) => {
      const answer = await fetch(`${app.url}/v1/grants/${grant}/seats/${seat.holder}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${party.apiKey}`, ...headers },
      });
      return answer.status === 204 ? 204 : ((await answer.json()) as { code: string }).code;
    };
    let seat = (await holder.sit(licensee, grant, { borrowSeconds: 3600 })).body as unknown as Seat;
    expect(await release(licensee)).toBe('state_conflict');
    expect(await seats(grant)).toHaveLength(1);
    expect(await release(licensee, await holder.headers(grant, 'DELETE', `/${seat.holder}`))).toBe(204);
    seat = (await holder.sit(licensee, grant, { borrowSeconds: 3600 })).body as unknown as Seat;
    expect(await release(owner)).toBe(204);
    seat = (await holder.sit(licensee, grant)).body as unknown as Seat;
    expect(await release(licensee)).toBe(204);
  });

  it('are lost by a heartbeat that waited for its turn until they had ended', async () => {
    const grant = await grantOf({ seats: 1 });
    const [late, quick] = [new Holder(), new Holder()];
    const seat = (await late.sit(licensee, grant)).body as unknown as Seat;
    const sql = new pg.Client(app.database.superuserUrl);
    await sql.connect();
    await sql.query('BEGIN');
    await sql.query('SELECT FROM ops.usage_counter WHERE grant_id = $1 FOR UPDATE', [grant]);
    const waiting = late.sit(licensee, grant);
    const blocked = `SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))`;
    while ((await sql.query(blocked)).rowCount === 0) await sleep(20);
    while (now() <= seat.until) await sleep(50);
    await sql.query(
      `INSERT INTO ops.seat (grant_id, holder, party_id, taken_at, until, borrowed)
       VALUES ($1, $2, $3, clock_timestamp(), clock_timestamp() + interval '1 hour', true)`,
      [grant, await quick.thumbprint(), licensee.id],
    );
    await sql.query('COMMIT');
    await sql.end();
    expect(refusal(await waiting)).toEqual([429, 'seats_exhausted']);
  });

  it('end with the grant, and those of a sub-license are free again for what it is a part of', async () => {
    const parent = await grantOf({ seats: 1 }, { sublicensing: true });
    const part = (await licensee.grant(model, stranger, { parent, ...limits({ seats: 1 }) })).id;
    expect((await new Holder().sit(stranger, part)).status).toBe(200);
    expect(refusal(await new Holder().sit(licensee, parent))).toEqual([429, 'seats_exhausted']);
    await licensee.act(part, 'terminate');
    expect(await seats(part)).toEqual([]);
    expect((await new Holder().sit(licensee, parent)).status).toBe(200);
    await owner.act(parent, 'terminate');
    expect(await seats(parent)).toEqual([]);
  });

  it('that are borrowed under a sub-license do not come back by the word of who gave that, nor by its end', async () => {
    const parent = await grantOf({ seats: 1 }, { sublicensing: true });
    const part = (await licensee.grant(model, stranger, { parent, ...limits({ seats: 1 }) })).id;
    const { holder } = (await new Holder().sit(stranger, part, { borrowSeconds: 3600 })).body as unknown as Seat;
    const path = `/v1/grants/${part}/seats/${holder}`;
    for (const side of [licensee, stranger]) {
      expect(refusal(await side.call('DELETE', path))).toEqual([409, 'state_conflict']);
    }
    await licensee.act(part, 'terminate');
    expect(refusal(await new Holder().sit(licensee, parent))).toEqual([429, 'seats_exhausted']);
    expect(await owner.ok('GET', `/v1/grants/${part}/seats`)).toMatchObject([{ holder, borrowed: true }]);
    await owner.ok('DELETE', path);
    expect((await new Holder().sit(licensee, parent)).status).toBe(200);
  });

  it('need a key whose possession is proven, and a grant in force', async () => {
    const grant = await grantOf({ seats: 1 });
    expect(refusal(await licensee.call('POST', `/v1/grants/${grant}/seats`, {}))).toEqual([401, 'dpop_proof_missing']);
    const holder = new Holder();
    const headers = await holder.headers(grant);
    expect((await licensee.call('POST', `/v1/grants/${grant}/seats`, {}, headers)).status).toBe(200);
    const replayed = await licensee.call('POST', `/v1/grants/${grant}/seats`, {}, headers);
    expect(refusal(replayed)).toEqual([401, 'dpop_proof_replayed']);
    expect(refusal(await new Holder().sit(stranger, grant))).toEqual([404, 'not_found']);
    await owner.act(grant, 'terminate');
    expect(refusal(await holder.sit(licensee, grant))).toEqual([409, 'state_conflict']);
  });

  it('by a token that is bound to a key are for that key alone: a stolen token', async () => {
    const grant = await grantOf({ seats: 2 });
    const [holder, thief] = [new Holder(), new Holder()];
    const asked = await licensee.token(grant, {}, { ...licensee.basic(), ...(await holder.proof('/oauth/token')) });
    const token = asked.body.access_token;
    expect(refusal(await thief.sit(server, grant, { token }))).toEqual([401, 'dpop_proof_invalid']);
    expect((await holder.sit(server, grant, { token })).status).toBe(200);
    // Whoever serves the model has no such key, and counts what is used.
    expect((await report(server, grant, reportOf(1, { token }))).status).toBe(200);
  });

  it('under a sub-license count for what it is a part of', async () => {
    const parent = await grantOf({ seats: 2 }, { sublicensing: true });
    const part = (await licensee.grant(model, stranger, { parent, ...limits({ seats: 2 }) })).id;
    expect((await new Holder().sit(licensee, parent, { borrowSeconds: 60 })).status).toBe(200);
    expect((await new Holder().sit(stranger, part, { borrowSeconds: 60 })).status).toBe(200);
    expect(refusal(await new Holder().sit(stranger, part))).toEqual([429, 'seats_exhausted']);
  });
});

it('what was reported is never changed or deleted, not even by the database’s owner', async () => {
  for (const sql of [
    'UPDATE ops.usage_report SET calls = 0',
    'DELETE FROM ops.usage_report',
    'TRUNCATE ops.seat_event',
  ]) {
    await expect(query(app.database.superuserUrl, sql)).rejects.toThrow();
  }
});
