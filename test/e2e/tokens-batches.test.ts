/** Each issued token stays provable: in a batch, under a root that the log holds, by proofs that need no server. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fromBase64, utf8 } from '../../src/core/bytes.ts';
import { parseDigest } from '../../src/core/digest.ts';
import { issuanceLeaves, parseIssuanceRecord } from '../../src/core/licensing/issuance-record.ts';
import { batchRoot } from '../../src/core/licensing/row-batch.ts';
import { claimsDigest } from '../../src/core/licensing/token-claims.ts';
import { leafHash, verifyInclusion } from '../../src/core/merkle/tree.ts';
import { openCheckpoint } from '../../src/core/note/checkpoint.ts';
import { ed25519Verifier, parseVerifierKey } from '../../src/core/note/note.ts';
import { verifyReceipt } from '../../src/core/statement/receipt.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { sha256, verifyEd25519, verifyP256 } from '../../src/platform/crypto.ts';
import { TokenBatches } from '../../src/tokens/index.ts';
import { verifyLicenseToken } from '../../src/tokens/license-token/index.ts';
import type { TokenView } from '../../src/tokens/token.schema.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { query } from '../support/postgres.ts';
import type { Party } from './tokens.fixture.ts';
import { answer, makeParty, registrarOf } from './tokens.fixture.ts';

let app: TestApp;
let owner: Party;
let licensee: Party;
let given: Receipt;
beforeAll(async () => {
  app = await startTestApp();
  const registrar = await registrarOf(app);
  [owner, licensee] = [await makeParty(registrar), await makeParty(registrar)];
  given = await owner.grant((await owner.registerModel()).id, licensee);
});
afterAll(() => app.close());

const issue = (count: number) =>
  Promise.all(
    Array.from({ length: count }, async () => {
      const { status, body } = await licensee.token(given.id);
      expect(status).toBe(200);
      return body;
    }),
  );
const flush = (on = app) => on.app.nest.get(TokenBatches).flush();
const sql = <T extends object>(text: string, values?: unknown[]) => query<T>(app.database.superuserUrl, text, values);
const open = async () =>
  Number((await sql<{ n: string }>('SELECT count(*) AS n FROM registry.token_issuance WHERE batch_id IS NULL'))[0]!.n);

describe('a batch of issued tokens', () => {
  it('proves each of them down to the signature of a checkpoint, offline', async () => {
    const tokens = await issue(7);
    const { issuance: before } = await owner.ok<TokenView>('GET', `/v1/tokens/${tokens[0]!.jti}`);
    expect(before.batch).toBeNull();
    await flush();

    const jwks = (await answer(app, '/.well-known/jwks.json')).body as object;
    const { origin, verifierKey } = (await answer(app, '/v1/log')).body;
    const verifier = ed25519Verifier(sha256, parseVerifierKey(sha256, verifierKey), verifyEd25519);
    for (const { access_token, jti } of tokens) {
      const view = await licensee.ok<TokenView>('GET', `/v1/tokens/${jti}`);
      const { record, batch } = view.issuance;
      const { claims, header } = await verifyLicenseToken(access_token, {
        jwks,
        issuer: app.url,
        audience: app.url,
        now: Date.now(),
        maxLifetime: 86_400,
      });
      expect(parseIssuanceRecord(utf8(record))).toMatchObject({
        jti,
        grant: given.id,
        licensee: licensee.id,
        kid: header.kid,
        claimsDigest: claimsDigest(sha256, claims),
        issuedAt: claims.iat,
        expiresAt: claims.exp,
      });
      if (jti === tokens[0]!.jti) expect(record).toBe(before.record);

      const { position: index, size, root, inclusionProof, receipt } = batch!;
      const leaf = leafHash(sha256, utf8(record));
      const proof = inclusionProof.map(fromBase64);
      verifyInclusion(sha256, { index, size, leafHash: leaf, proof, root: parseDigest(root) });
      const { checkpoint } = await openCheckpoint(receipt.checkpoint, origin, [verifier]);
      const spoken = await verifyReceipt(sha256, verifyP256, receipt, checkpoint);
      expect(spoken).toMatchObject({ kind: { kind: 'token-batch' }, body: { size, root } });
      expect(spoken.common.id).toBe(batch!.id);

      const other = leafHash(sha256, utf8(record.replace(jti, tokens.find((token) => token.jti !== jti)!.jti)));
      expect(() => verifyInclusion(sha256, { index, size, leafHash: other, proof, root: parseDigest(root) })).toThrow();
    }
  });

  it('is public as a root, and tells nobody whose tokens it holds', async () => {
    const { jti } = (await issue(1))[0]!;
    await flush();
    const { issuance } = await owner.ok<TokenView>('GET', `/v1/tokens/${jti}`);
    const { status, body } = await answer(app, `/v1/receipts/${issuance.batch!.receipt.statement}`);
    expect(status).toBe(200);
    const statement = Buffer.from(body.envelope.payload, 'base64').toString();
    for (const secret of [jti, given.id, licensee.id]) expect(statement).not.toContain(secret);
  });

  it('can be told again from its rows', async () => {
    await issue(3);
    await flush();
    const batches = await sql<{ id: string; root: string; size: number }>(
      'SELECT id, root, size FROM registry.token_batch',
    );
    expect(batches.length).toBeGreaterThan(0);
    for (const { id, root, size } of batches) {
      const rows = await sql<Parameters<typeof issuanceLeaves>[1][number]>(
        `SELECT jti, grant_id AS grant, licensee, kid, claims_digest AS "claimsDigest", issued_at::int AS "issuedAt",
           expires_at::int AS "expiresAt", salt, status_list AS "statusList", status_index AS "statusIndex" FROM registry.token_issuance WHERE batch_id = $1 ORDER BY position`,
        [id],
      );
      expect([rows.length, batchRoot(sha256, issuanceLeaves(sha256, rows))]).toEqual([size, root]);
    }
  });

  it('holds each token once, however many processes flush at the same time while others issue', async () => {
    const second = await startTestApp({ beside: app, env: { MUNIMENT_PUBLIC_URL: app.url } });
    try {
      const issuing = issue(60);
      await Promise.all([flush(), flush(second), flush(second), issuing, flush()]);
      await Promise.all([flush(), flush(second)]);
      expect(await open()).toBe(0);
      const wrong = await sql(
        `SELECT b.id FROM registry.token_batch b LEFT JOIN registry.token_issuance i ON i.batch_id = b.id
         GROUP BY b.id, b.size HAVING count(i.jti) <> b.size OR max(i.position) <> b.size - 1`,
      );
      expect(wrong).toEqual([]);
    } finally {
      await second.close();
    }
  });

  it('is not recorded when nothing was issued', async () => {
    await flush();
    const before = (await sql('SELECT 1 FROM registry.token_batch')).length;
    await flush();
    expect((await sql('SELECT 1 FROM registry.token_batch')).length).toBe(before);
  });

  it('comes at the end of a process, and by itself at the set interval', async () => {
    const second = await startTestApp({
      beside: app,
      env: { MUNIMENT_PUBLIC_URL: app.url, MUNIMENT_TOKEN_BATCH_SECONDS: '86400' },
    });
    await issue(2);
    expect(await open()).toBe(2);
    await second.close();
    expect(await open()).toBe(0);

    const third = await startTestApp({
      beside: app,
      env: { MUNIMENT_PUBLIC_URL: app.url, MUNIMENT_TOKEN_BATCH_SECONDS: '1' },
    });
    try {
      await issue(2);
      for (let tries = 0; (await open()) > 0 && tries < 100; tries++) await sleep(50);
      expect(await open()).toBe(0);
    } finally {
      await third.close();
    }
  });
});

describe('the row of an issued token', () => {
  it.each([
    ['deleted', `DELETE FROM registry.token_issuance`],
    ['changed', `UPDATE registry.token_issuance SET claims_digest = 'sha256:0', batch_id = 'b', position = 0`],
    [
      'moved to another batch',
      `UPDATE registry.token_issuance SET batch_id = 'b', position = 0 WHERE batch_id IS NOT NULL`,
    ],
    [
      'taken out of its batch',
      `UPDATE registry.token_issuance SET batch_id = NULL, position = NULL WHERE batch_id IS NOT NULL`,
    ],
    ['emptied away', `TRUNCATE registry.token_issuance`],
  ])('cannot be %s by the application', async (_, text) => {
    await expect(query(app.database.appUrl.reveal(), text)).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:42501|23001)$/),
    });
  });
});
