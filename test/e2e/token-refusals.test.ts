/** Refusals of license tokens: what is kept of them, who sees them, and that nobody fills the database with them. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { newId } from '../../src/platform/crypto.ts';
import { Refusals } from '../../src/tokens/index.ts';
import type { TestApp } from '../support/app.ts';
import { startTestApp } from '../support/app.ts';
import { query } from '../support/postgres.ts';
import type { Party } from './tokens.fixture.ts';
import { makeParty, registrarOf } from './tokens.fixture.ts';

interface Refusal {
  number: number;
  at: string;
  endpoint: string;
  code: string;
  party: string | null;
  grant: string | null;
  token: string | null;
  times: number;
}

let app: TestApp;
let registrar: Party;
let owner: Party;
let licensee: Party;
let server: Party;
let model: string;

beforeAll(async () => {
  app = await startTestApp();
  registrar = await registrarOf(app);
  [owner, licensee, server] = [await makeParty(registrar), await makeParty(registrar), await makeParty(registrar)];
  model = await owner.keepModel(randomBytes(100));
});
afterAll(() => app.close());

const refusals = () => app.app.nest.get(Refusals);
const seenBy = async (reader: Party, grant?: string): Promise<Refusal[]> => {
  await refusals().flush();
  return reader.ok('GET', `/v1/token-refusals${grant === undefined ? '' : `?grant=${grant}`}`);
};

/** Like refusals in one, which may have come in two seconds. */
function summed(all: readonly Refusal[]): Refusal[] {
  const by = new Map<string, Refusal>();
  for (const one of all) {
    const key = `${one.endpoint} ${one.code} ${one.party} ${one.token}`;
    by.set(key, { ...one, times: one.times + (by.get(key)?.times ?? 0) });
  }
  return [...by.values()];
}

it('tell both sides of a grant who was refused what, and why', async () => {
  const { id: grant } = await owner.grant(model, licensee);
  const [revoked, toInfer] = [
    (await licensee.token(grant)).body,
    (await licensee.token(grant, { scope: 'infer' })).body,
  ];
  await owner.ok('POST', `/v1/tokens/${revoked.jti}/revoke`, {});
  for (let i = 0; i < 2; i++) await server.form('/oauth/introspect', { token: revoked.access_token });
  await fetch(`${app.url}/v1/models/${model}/artifact`, {
    headers: { authorization: `Bearer ${toInfer.access_token}` },
  });
  await licensee.form('/oauth/revoke', { token: revoked.access_token });
  await owner.act(grant, 'suspend');
  await licensee.token(grant);

  const told = summed(await seenBy(owner, grant));
  const about = { grant, at: expect.any(String) as unknown, number: expect.any(Number) as unknown };
  expect(told.sort((a, b) => a.endpoint.localeCompare(b.endpoint))).toMatchObject([
    { ...about, endpoint: 'artifact', code: 'forbidden', party: licensee.id, token: toInfer.jti, times: 1 },
    { ...about, endpoint: 'introspect', code: 'token_revoked', party: server.id, token: revoked.jti, times: 2 },
    { ...about, endpoint: 'revoke', code: 'token_revoked', party: licensee.id, token: revoked.jti, times: 1 },
    { ...about, endpoint: 'token', code: 'state_conflict', party: licensee.id, token: null, times: 1 },
  ]);
  const endpoints = async (reader: Party) =>
    summed(await seenBy(reader, grant))
      .map(({ endpoint }) => endpoint)
      .sort();
  expect(await endpoints(licensee)).toEqual(['artifact', 'revoke', 'token']);
  expect(await endpoints(server)).toEqual(['introspect']);
  expect(await endpoints(registrar)).toEqual(['artifact', 'introspect', 'revoke', 'token']);
  expect(await seenBy(await makeParty(registrar))).toEqual([]);
  const [first, second] = await seenBy(owner, grant);
  const rest = await owner.ok<Refusal[]>('GET', `/v1/token-refusals?grant=${grant}&after=${first!.number}&limit=1`);
  expect(rest).toEqual([second]);
});

it('of a flood are counted, and few rows', async () => {
  const before = (await query<{ rows: string; times: string }>(app.database.superuserUrl, COUNT))[0]!;
  const codes = await Promise.all(
    Array.from({ length: 300 }, async () => (await licensee.token(newId('grant'))).body.code),
  );
  expect(new Set(codes)).toEqual(new Set(['not_found']));
  await refusals().flush();
  const after = (await query<{ rows: string; times: string }>(app.database.superuserUrl, COUNT))[0]!;
  expect(Number(after.times) - Number(before.times)).toBe(300);
  expect(Number(after.rows) - Number(before.rows)).toBeLessThan(300);
  const ofOthers = (await seenBy(registrar)).filter(({ party, code }) => party === null && code === 'not_found');
  expect(ofOthers).not.toEqual([]);
});
const COUNT = `SELECT count(*) AS rows, sum(times) AS times FROM ops.token_refusal WHERE code = 'not_found'`;

it('of a grant that is no id are kept without it', async () => {
  for (const grant of ['\0', 'x'.repeat(5000), 'grant_']) await licensee.token(grant);
  const found = (await seenBy(licensee)).filter(({ code, endpoint }) => endpoint === 'token' && code !== 'not_found');
  expect(found.length).toBeGreaterThan(0);
  expect(found.filter(({ code }) => code === 'invalid_input').map(({ grant }) => grant)).toEqual([null]);
});

it('are a million at most', async () => {
  await licensee.token(newId('grant'));
  await refusals().flush();
  await query(
    app.database.superuserUrl,
    `SELECT setval(s, nextval(s) + 1000000) FROM pg_get_serial_sequence('ops.token_refusal', 'id') s`,
  );
  await licensee.token(newId('grant'));
  await refusals().flush();
  await refusals().prune();
  expect(await query(app.database.superuserUrl, `SELECT count(*)::int AS n FROM ops.token_refusal`)).toEqual([
    { n: 1 },
  ]);
});

it('are pruned when they are old', async () => {
  await licensee.token(newId('grant'));
  await refusals().flush();
  await query(app.database.superuserUrl, `UPDATE ops.token_refusal SET refused_at = now() - interval '91 days'`);
  await licensee.token(newId('grant'));
  await refusals().flush();
  await refusals().prune();
  expect(await query(app.database.superuserUrl, `SELECT count(*)::int AS n FROM ops.token_refusal`)).toEqual([
    { n: 1 },
  ]);
});
