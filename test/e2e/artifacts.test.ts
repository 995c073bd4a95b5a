/** Stored weights by license token: who gets them, whole or in part, and what is written down about it. */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AccessBatches } from '../../src/artifacts/index.ts';
import { fromBase64, fromUtf8, utf8 } from '../../src/core/bytes.ts';
import { parseDigest } from '../../src/core/digest.ts';
import { leafHash, verifyInclusion } from '../../src/core/merkle/tree.ts';
import type { GrantBody } from '../../src/core/registry/grant.ts';
import type { RowProof } from '../../src/ledger/index.ts';
import { sha256 } from '../../src/platform/crypto.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { digestOf } from '../support/bodies.ts';
import { query } from '../support/postgres.ts';
import type { Form, Party } from './tokens.fixture.ts';
import { anyDigest, Holder, makeParty, registrarOf } from './tokens.fixture.ts';

const ISSUER = 'https://registry.example';

interface Proven {
  token: string;
  proof: RowProof;
}

let app: TestApp;
let beside: TestApp;
let registrar: Party;
let owner: Party;
let licensee: Party;
let stranger: Party;
let model: string;

/** Not a model, and registered as a file that cannot be read: what is tested here is its way out. */
const someFile = () => Buffer.concat([randomBytes(16), Buffer.alloc(299_984, 'weights ')]);
const file = someFile();
const fileDigest = digestOf(file);
const path = (id = model) => `/v1/models/${id}/artifact`;

beforeAll(async () => {
  const env = { MUNIMENT_PUBLIC_URL: ISSUER };
  app = await startTestApp({ env });
  beside = await startTestApp({ beside: app, env });
  registrar = await registrarOf(app);
  [owner, licensee, stranger] = [await makeParty(registrar), await makeParty(registrar), await makeParty(registrar)];
  model = await keep(file);
});
afterAll(async () => {
  await beside.close();
  await app.close();
});

const keep = (file = someFile()) => owner.keepModel(file);
const grantTo = async (changed: Partial<GrantBody> = {}) => (await owner.grant(model, licensee, changed)).id;
const tokenFor = async (grant: string, fields: Form = {}) => (await licensee.token(grant, fields)).body;
const get = (token: string, headers: Record<string, string> = {}, at = path(), method = 'GET') =>
  fetch(app.url + at, { method, headers: { authorization: `Bearer ${token}`, ...headers } });
const refusal = async (response: Response) => {
  const { code } = (await response.json()) as { code: string };
  return [response.status, code];
};
const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());

describe('a license token', () => {
  it('gets the weights, whole, by their digest as ETag', async () => {
    const { access_token } = await tokenFor(await grantTo());
    const got = await get(access_token);
    expect([got.status, got.headers.get('etag'), got.headers.get('content-length')]).toEqual([
      200,
      `"${fileDigest}"`,
      String(file.length),
    ]);
    expect(digestOf(await bytesOf(got))).toBe(fileDigest);
    expect(got.headers.get('repr-digest')).toBe(`sha-256=:${createHash('sha256').update(file).digest('base64')}:`);
    for (const had of [`"${fileDigest}"`, `"other", W/"${fileDigest}"`, '*']) {
      const kept = await get(access_token, { 'if-none-match': had, range: 'bytes=99999999-' });
      expect([kept.status, (await bytesOf(kept)).length]).toEqual([304, 0]);
    }
    const head = await get(access_token, { range: 'bytes=5-' }, path(), 'HEAD');
    expect([head.status, head.headers.get('content-length'), (await bytesOf(head)).length]).toEqual([
      200,
      String(file.length),
      0,
    ]);
  });

  it('gets the rest of them where a transfer broke off, and the whole of another file', async () => {
    const { access_token } = await tokenFor(await grantTo());
    for (const [range, start, end] of [
      ['bytes=100000-', 100_000, file.length],
      ['bytes=0-0', 0, 1],
      ['bytes=-10', file.length - 10, file.length],
      ['bytes=5-99999999', 5, file.length],
    ] as const) {
      const part = await get(access_token, { range, 'if-range': `"${fileDigest}"` });
      expect([part.status, part.headers.get('content-range')]).toEqual([
        206,
        `bytes ${start}-${end - 1}/${file.length}`,
      ]);
      expect((await bytesOf(part)).equals(file.subarray(start, end))).toBe(true);
    }
    for (const headers of [
      { range: 'bytes=5-', 'if-range': `"${anyDigest()}"` },
      { range: 'bytes=5-1' },
      { range: 'lines=1-2' },
      { range: 'bytes=1-2,5-6' },
    ]) {
      const whole = await get(access_token, headers);
      expect([whole.status, (await bytesOf(whole)).length]).toEqual([200, file.length]);
    }
    const beyond = await get(access_token, { range: `bytes=${file.length}-` });
    expect(beyond.headers.get('content-range')).toBe(`bytes */${file.length}`);
    expect(await refusal(beyond)).toEqual([416, 'range_unsatisfiable']);
  });

  it.each<[string, () => Promise<string>, number, string]>([
    ['of no kind', () => Promise.resolve('a.b.c'), 401, 'token_malformed'],
    ['an API key that is none', () => Promise.resolve('mun_nothing'), 401, 'unauthenticated'],
    [
      'for an inference server: wrong audience',
      async () => (await tokenFor(await grantTo(), { audience: 'https://inference.example' })).access_token,
      401,
      'token_wrong_audience',
    ],
    [
      'that allows to infer alone',
      async () => (await tokenFor(await grantTo(), { scope: 'infer' })).access_token,
      403,
      'forbidden',
    ],
    [
      'of a grant that was suspended',
      async () => {
        const grant = await grantTo();
        const { access_token } = await tokenFor(grant);
        await owner.act(grant, 'suspend');
        return access_token;
      },
      401,
      'token_suspended',
    ],
    [
      'that was revoked',
      async () => {
        const { access_token, jti } = await tokenFor(await grantTo());
        await owner.ok('POST', `/v1/tokens/${jti}/revoke`, {});
        return access_token;
      },
      401,
      'token_revoked',
    ],
    [
      'that was altered',
      async () => (await tokenFor(await grantTo())).access_token.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A')),
      401,
      'signature_invalid',
    ],
  ])('%s is refused by name', async (_, token, status, code) => {
    const answer = await get(await token());
    expect(answer.headers.get('www-authenticate')).toBe(
      status === 401 ? 'Bearer realm="muniment", DPoP algs="ES256"' : null,
    );
    expect(await refusal(answer)).toEqual([status, code]);
  });

  it('for one model gets no other: cross-tenant', async () => {
    const { access_token } = await tokenFor(await grantTo());
    expect(await refusal(await get(access_token, {}, path(await keep())))).toEqual([403, 'forbidden']);
    const bare = (await owner.registerModel()).id;
    const { access_token: empty } = await tokenFor((await owner.grant(bare, licensee)).id);
    expect(await refusal(await get(empty, {}, path(bare)))).toEqual([404, 'not_found']);
  });
});

describe('a token that is bound to a key', () => {
  let holder: Holder;
  let token: string;
  let right: Record<string, string>;
  const ask = (dpop: string | undefined, { scheme = 'DPoP', at = path(), by = app } = {}) =>
    fetch(by.url + at, { headers: { authorization: `${scheme} ${token}`, ...(dpop === undefined ? {} : { dpop }) } });
  const boundTo = async (key: Holder) => {
    const dpop = await key.proof({ htm: 'POST', htu: `${ISSUER}/oauth/token` });
    return (await licensee.token(await grantTo(), {}, { ...licensee.basic(), dpop })).body.access_token;
  };
  const hashOf = (text: string) => createHash('sha256').update(text).digest('base64url');

  beforeAll(async () => {
    holder = await Holder.make();
    token = await boundTo(holder);
    right = { htm: 'GET', htu: ISSUER + path(), ath: hashOf(token) };
  });

  it('gets the weights with a proof by that key for this very request', async () => {
    const got = await ask(await holder.proof(right));
    expect([got.status, digestOf(await bytesOf(got))]).toEqual([200, fileDigest]);
  });

  it('gets nothing for a replayed DPoP proof, here or at another replica', async () => {
    const dpop = await holder.proof(right);
    expect((await bytesOf(await ask(dpop))).equals(file)).toBe(true);
    for (const by of [app, beside])
      expect(await refusal(await ask(dpop, { by }))).toEqual([401, 'dpop_proof_replayed']);
  });

  it.each<[string, () => Record<string, unknown>]>([
    ['another method', () => ({ htm: 'POST' })],
    ['another address', () => ({ htu: `${ISSUER}/v1/models` })],
    ['another registry', () => ({ htu: app.url + path() })],
    ['another token', () => ({ ath: hashOf('another token') })],
    ['no token', () => ({ ath: undefined })],
  ])('gets nothing for a DPoP proof for %s', async (_, wrong) => {
    const dpop = await holder.proof({ ...right, ...wrong() });
    expect(await refusal(await ask(dpop))).toEqual([401, 'dpop_proof_invalid']);
  });

  it('gets nothing for whoever stole it and has not the key', async () => {
    const thief = await Holder.make();
    expect(await refusal(await ask(undefined))).toEqual([401, 'dpop_proof_missing']);
    expect(await refusal(await ask(undefined, { scheme: 'Bearer' }))).toEqual([401, 'dpop_proof_missing']);
    expect(await refusal(await ask(await thief.proof(right)))).toEqual([401, 'dpop_proof_invalid']);
    expect(await refusal(await ask(await holder.proof(right, thief)))).toEqual([401, 'dpop_proof_invalid']);
  });

  it('is no bearer token, whatever comes with it, and a bearer token is none that is bound', async () => {
    const asBearer = await ask(await holder.proof(right), { scheme: 'Bearer' });
    expect(await refusal(asBearer)).toEqual([401, 'dpop_proof_invalid']);
    const { access_token: free } = await tokenFor(await grantTo());
    const dpop = await holder.proof({ ...right, ath: hashOf(free) });
    const asBound = await get(free, { authorization: `DPoP ${free}`, dpop });
    expect(await refusal(asBound)).toEqual([401, 'dpop_proof_invalid']);
  });

  it('of another model gets nothing, the proof being right', async () => {
    const at = path(await keep());
    const dpop = await holder.proof({ ...right, htu: ISSUER + at });
    expect(await refusal(await ask(dpop, { at }))).toEqual([403, 'forbidden']);
  });
});

describe('an access', () => {
  it('is on record for the owner, its party, registrar and auditors, with what left', async () => {
    const own = await keep();
    const grant = (await owner.grant(own, licensee)).id;
    const { access_token, jti } = await tokenFor(grant);
    await bytesOf(await get(access_token, { range: 'bytes=10-19' }, path(own)));
    await bytesOf(await get(owner.apiKey, {}, path(own)));
    const seenBy = (reader: Party) => reader.ok<Record<string, unknown>[]>('GET', `/v1/models/${own}/accesses`);
    while ((await seenBy(owner)).some(({ complete }) => complete === null)) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const byToken = {
      ...{ party: licensee.id, apiKey: licensee.clientId, token: jti, grant },
      ...{ firstByte: 10, lastByte: 19, bytes: 10, complete: true },
    };
    const byOwner = { party: owner.id, token: null, firstByte: null, bytes: file.length, complete: true };
    for (const reader of [owner, registrar]) {
      expect(await seenBy(reader)).toEqual([expect.objectContaining(byOwner), expect.objectContaining(byToken)]);
    }
    expect(await seenBy(licensee)).toEqual([expect.objectContaining(byToken)]);
    expect(await seenBy(stranger)).toEqual([]);
  });

  it('that broke off says how much left', async () => {
    const own = await keep();
    const { access_token } = await tokenFor((await owner.grant(own, licensee)).id);
    const aborted = new AbortController();
    const response = await fetch(app.url + path(own), {
      headers: { authorization: `Bearer ${access_token}` },
      signal: aborted.signal,
    });
    await response.body!.getReader().read();
    aborted.abort();
    const seen = async () => (await owner.ok<{ complete: boolean | null }[]>('GET', `/v1/models/${own}/accesses`))[0]!;
    while ((await seen()).complete === null) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await seen()).toMatchObject({ bytes: expect.any(Number) });
  });

  it('is in a batch that the log holds, and whoever may see it can prove that', async () => {
    const own = await keep();
    const { access_token, jti } = await tokenFor((await owner.grant(own, licensee)).id);
    await bytesOf(await get(access_token, { range: 'bytes=10-19' }, path(own)));
    const [{ number }] = (await owner.ok<{ number: number }[]>('GET', `/v1/models/${own}/accesses`)) as [
      { number: number },
    ];
    const of = (reader: Party) => reader.ok<Proven>('GET', `/v1/models/${own}/accesses/${number}`);
    expect((await of(owner)).proof.batch).toBeNull();
    await Promise.all([app, beside].map((at) => at.app.nest.get(AccessBatches).flush()));
    for (const reader of [owner, licensee, registrar]) {
      const { token, proof: proven } = await of(reader);
      expect(token).toBe(jti);
      const { batch, record } = proven;
      const { position: index, size, root, inclusionProof, receipt } = batch!;
      expect(JSON.parse(record)).toMatchObject({ registration: own, party: licensee.id, token: jti, firstByte: 10 });
      const proof = { index, size, proof: inclusionProof.map(fromBase64), root: parseDigest(root) };
      verifyInclusion(sha256, { ...proof, leafHash: leafHash(sha256, utf8(record)) });
      const altered = leafHash(sha256, utf8(record.replace(licensee.id, stranger.id)));
      expect(() => verifyInclusion(sha256, { ...proof, leafHash: altered })).toThrow();
      const statement = fromUtf8(fromBase64(receipt.envelope.payload));
      expect(JSON.parse(statement)).toMatchObject({ predicate: { size, root } });
      expect(statement).not.toContain(licensee.id);
    }
    expect((await stranger.call('GET', `/v1/models/${own}/accesses/${number}`)).status).toBe(404);
    expect((await owner.call('GET', `/v1/models/${own}/accesses/99999`)).body.code).toBe('not_found');
  });

  it('is never changed or deleted, not even by the database’s owner', async () => {
    for (const table of ['registry.artifact_access', 'ops.artifact_delivery']) {
      const [before] = await query<{ count: number }>(app.database.superuserUrl, `SELECT count(*)::int FROM ${table}`);
      expect(before!.count).toBeGreaterThan(0);
      const key = table.endsWith('access') ? 'id' : 'access_id';
      for (const sql of [
        `UPDATE ${table} SET ${key === 'id' ? `party_id = party_id || 'x'` : 'bytes = bytes + 1'}`,
        `DELETE FROM ${table}`,
        `TRUNCATE ${table}`,
      ]) {
        await expect(query(app.database.superuserUrl, sql)).rejects.toMatchObject({ code: '23001' });
      }
    }
  });
});
