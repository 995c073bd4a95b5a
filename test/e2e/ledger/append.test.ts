/** The writer on a real PostgreSQL: what goes in stands in the log, once, in order, and can be checked by outsiders. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import { apiKey, grant, grantAct, registration } from '../../../src/core/registry/index.ts';
import { openCheckpoint } from '../../../src/core/note/checkpoint.ts';
import { ed25519Verifier, parseVerifierKey } from '../../../src/core/note/note.ts';
import { verifyReceipt } from '../../../src/core/statement/receipt.ts';
import type { Receipt } from '../../../src/core/statement/receipt.ts';
import { sha256, verifyEd25519, verifyP256 } from '../../../src/platform/crypto.ts';
import { query } from '../../support/postgres.ts';
import type { Process } from './fixture.ts';
import {
  everyKind,
  giveKey,
  makeParty,
  modelBody,
  newKey,
  register,
  requestDigest,
  spoken,
  TestLedger,
} from './fixture.ts';

let log: TestLedger;
let first: Process;

beforeAll(async () => {
  log = await TestLedger.create();
  first = await log.open();
});
afterAll(() => log.drop());

async function verifyOffline(receipt: Receipt) {
  const verifier = ed25519Verifier(sha256, parseVerifierKey(sha256, first.ledger.verifierKey), verifyEd25519);
  const { checkpoint } = await openCheckpoint(receipt.checkpoint, first.ledger.origin, [verifier]);
  return verifyReceipt(sha256, verifyP256, receipt, checkpoint);
}

const size = async () =>
  Number((await query<{ n: string }>(log.database.superuserUrl, `SELECT count(*) AS n FROM ledger.statement`))[0]!.n);

it('starts a log with a statement that introduces it', async () => {
  const report = await log.fsck();
  expect(report.findings).toEqual([]);
  expect(report).toMatchObject({ ok: true, exitCode: 0, size: 1, origin: first.ledger.origin, erased: 0 });
});

it('hands out a receipt that verifies with nothing but the key of the log', async () => {
  const ada = await makeParty(first);
  const receipt = await register(first, ada);
  const said = await verifyOffline(receipt);
  expect(said.common.maker).toBe(ada);
  expect(said.kind.kind).toBe('registration');
});

it('upgrades a receipt to a published checkpoint', async () => {
  const receipt = await register(first, await makeParty(first));
  const later = await first.ledger.receipt(receipt.statement, undefined);
  expect(later.index).toBe(receipt.index);
  await verifyOffline(later);
});

it('answers a request repeated under one idempotency key with the first record, and refuses another body', async () => {
  const before = await size();
  const id = await makeParty(first, 'Grace', 'key-1');
  const again = await first.ledger.attest(
    apiKey,
    {
      maker: first.ledger.registryParty,
      body: { party: id, secretDigest: `sha256:${'0'.repeat(64)}`, label: '', scopes: ['read'], expiresAt: null },
    },
    { idempotency: { key: 'key-1', requestDigest: requestDigest('Grace') } },
  );
  expect(again.id).toBe(id);
  await verifyOffline(again);
  await expect(makeParty(first, 'Hedy', 'key-1')).rejects.toMatchObject({ code: 'idempotency_key_reused' });
  expect(await size()).toBe(before + 1);
});

it('answers two requests under one idempotency key in one batch with one record', async () => {
  const ids = await Promise.all([makeParty(first, 'Mary', 'key-2'), makeParty(first, 'Mary', 'key-2')]);
  expect(ids[0]).toBe(ids[1]);
});

it('refuses a statement that is on record already, also when both come in one batch', async () => {
  const ada = await makeParty(first);
  const body = modelBody(ada);
  const submission = spoken(first, registration, { maker: ada, attestedBy: 'registry' }, body);
  const results = await Promise.allSettled([
    first.core.writer.submit(submission),
    first.core.writer.submit(submission),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  await expect(first.core.writer.submit(submission)).rejects.toMatchObject({ code: 'already_recorded' });
});

it('records the rest of a batch when one write in it is refused', async () => {
  const ada = await makeParty(first);
  const shares = { ...modelBody(ada), owners: [{ party: ada, share: '1/2' }] };
  const before = await size();
  const results = await Promise.allSettled([register(first, ada), register(first, ada, shares), register(first, ada)]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(results[1]).toMatchObject({ reason: { code: 'shares_invalid' } });
  expect(await size()).toBe(before + 2);
});

it('does not let one write with a character that no table can hold stop the others of its batch', async () => {
  const ada = await makeParty(first);
  const results = await Promise.allSettled([
    register(first, ada),
    register(first, ada, modelBody(ada, 'a\u0000b')),
    makeParty(first, 'a\u0000b'),
    register(first, ada),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
  for (const i of [1, 2]) expect(results[i]).toMatchObject({ reason: { code: 'invalid_input' } });
});

it('finds the one write whose value the database refuses, and records the others of its batch', async () => {
  const ada = await makeParty(first);
  const poisoned = {
    ...spoken(first, registration, { maker: ada, attestedBy: 'registry' }, modelBody(ada)),
    alongside: async (manager: EntityManager) => {
      await manager.query(`SELECT 1 / 0`);
    },
  };
  const before = await size();
  const results = await Promise.allSettled([
    register(first, ada),
    first.core.writer.submit(poisoned),
    register(first, ada),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(await size()).toBe(before + 2);
});

it('judges a write by what the writes before it in the same batch made', async () => {
  const [ada, ben, eve] = [await makeParty(first), await makeParty(first), await makeParty(first)];
  const keys = { ada: newKey(), ben: newKey() };
  await giveKey(first, ada, keys.ada);
  await giveKey(first, ben, keys.ben);
  const model = spoken(
    first,
    registration,
    { maker: ada },
    {
      ...modelBody(ada),
      owners: [
        { party: ada, share: '1/2' },
        { party: ben, share: '1/2' },
      ],
    },
    keys.ada,
  );
  const given = spoken(
    first,
    grant,
    { maker: ada, basis: [model.spoken.payloadDigest] },
    {
      registration: model.spoken.common.id,
      licensee: eve,
      actions: ['infer'],
      constraints: { commercial: true, territory: null, fieldOfUse: null, maxCalls: null, seats: null },
      termsDigest: `sha256:${'1'.repeat(64)}`,
      notBefore: '2026-01-02T03:04:05.000Z',
      expiresAt: null,
      sublicensing: false,
      acceptBy: '2999-01-01T00:00:00.000Z',
    },
    keys.ada,
  );
  // The other owner withdraws it: that takes a look at the title of a registration which the grant leads to.
  const ended = spoken(
    first,
    grantAct,
    { maker: ben, basis: [given.spoken.payloadDigest] },
    {
      ...{ grant: given.spoken.common.id, licensor: ada, licensee: eve },
      ...{ act: 'withdraw', reason: 'ended', effectiveAt: null },
    },
    keys.ben,
  );
  const outcomes = await Promise.all([model, given, ended].map((submission) => first.core.writer.submit(submission)));
  expect(new Set(outcomes.map((outcome) => ('receipt' in outcome ? outcome.receipt.treeSize : 0))).size).toBe(1);
});

it('keeps one chain when two processes write at the same time', async () => {
  const second = await log.open();
  const [ada, ben] = [await makeParty(first), await makeParty(second)];
  const before = await size();
  const receipts = (
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const round: Receipt[] = [];
        for (let i = 0; i < 10; i++) {
          round.push(...(await Promise.all([register(first, ada), register(second, ben)])));
        }
        return round;
      }),
    )
  ).flat();
  expect(new Set(receipts.map(({ index }) => index)).size).toBe(160);
  expect(await size()).toBe(before + 160);
  for (const receipt of receipts.slice(-10)) await verifyOffline(receipt);
  await second.close();
  expect((await log.fsck()).findings).toEqual([]);
});

it('agrees with an independent verifier about every kind of statement, beyond one full tile', async () => {
  await everyKind(first);
  const ada = await makeParty(first);
  await Promise.all(Array.from({ length: 300 }, () => register(first, ada)));
  await first.core.published.publish();
  const report = await log.fsck();
  expect(report.findings).toEqual([]);
  expect(report.ok).toBe(true);
  expect(report.size).toBe(await size());
  expect(report.checked.statements).toBe(report.size);
  expect(report.checked.bundles).toBe(Math.floor(report.size / 256));
  expect(report.checked.signatures).toBeGreaterThan(report.size);
});
