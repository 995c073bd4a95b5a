/** Ends of keys that race in one batch of the writer, on a real PostgreSQL: the order of the log decides. */
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { apiKey, key, registration } from '../../../src/core/registry/index.ts';
import type { StatementKey } from '../../../src/platform/crypto.ts';
import type { Submission } from '../../../src/ledger/writer.ts';
import type { Process } from './fixture.ts';
import { anyDigest, endingKey, giveKey, keyBody, makeParty, modelBody, newKey, spoken, TestLedger } from './fixture.ts';

let log: TestLedger;
let process: Process;
let owner: string;
let [first, second]: StatementKey[] = [];

beforeAll(async () => {
  log = await TestLedger.create();
  process = await log.open();
});
beforeEach(async () => {
  owner = await makeParty(process);
  [first, second] = [newKey(), newKey()];
  await giveKey(process, owner, first);
  await process.core.writer.submit(registering(second, first));
});
afterAll(() => log.drop());

const registering = (made: StatementKey, signer: StatementKey) =>
  spoken(process, key, { maker: owner }, keyBody(process.ledger, owner, made), signer);
const model = (signer: StatementKey) => spoken(process, registration, { maker: owner }, modelBody(owner), signer);
const apiKeyBy = (signer: StatementKey) => {
  const body = { party: owner, secretDigest: anyDigest(), label: '', scopes: ['read'], expiresAt: null };
  return spoken(process, apiKey, { maker: owner }, body, signer);
};

/** What became of each of several writes that travelled together: its place, or the error's code. */
async function inOneBatch(...submissions: Submission[]): Promise<(string | number)[]> {
  const settled = await Promise.allSettled(submissions.map((each) => process.core.writer.submit(each)));
  const sizes = new Set<number>();
  const outcomes = settled.map((outcome) => {
    if (outcome.status === 'rejected') return (outcome.reason as { code: string }).code;
    if (!('receipt' in outcome.value)) throw new Error('It was on record before.');
    sizes.add(outcome.value.receipt.treeSize);
    return outcome.value.receipt.index;
  });
  // One batch, one checkpoint.
  expect(sizes.size).toBe(1);
  return outcomes;
}

const inForce = async () => {
  const rows = await process.dataSource.query<{ fingerprint: string }[]>(
    `SELECT fingerprint FROM registry.party_key WHERE party_id = $1 AND revoked_index IS NULL`,
    [owner],
  );
  return rows.map(({ fingerprint }) => fingerprint);
};

it('two keys end each other: the first wins, and the party keeps its key', async () => {
  const outcomes = await inOneBatch(
    endingKey(process, owner, second!, first!),
    endingKey(process, owner, first!, second!),
    model(first!),
  );
  expect(outcomes).toEqual([expect.any(Number), 'key_revoked', expect.any(Number)]);
  expect(await inForce()).toEqual([first!.keyId]);
});

it('two keys end themselves, each in favor of the other: the first does', async () => {
  const outcomes = await inOneBatch(
    endingKey(process, owner, first!, first!, second),
    endingKey(process, owner, second!, second!, first),
    model(second!),
  );
  expect(outcomes).toEqual([expect.any(Number), 'state_conflict', expect.any(Number)]);
  expect(await inForce()).toEqual([second!.keyId]);
});

it('what a key signed counts before its end and not behind it: statements, one-time keys, further keys', async () => {
  const [before, vouched, after, lateVouched, lateKey] = [
    model(first!),
    apiKeyBy(first!),
    model(first!),
    apiKeyBy(first!),
    registering(newKey(), first!),
  ];
  const outcomes = await inOneBatch(
    before,
    vouched,
    endingKey(process, owner, first!, second!),
    after,
    lateVouched,
    lateKey,
    model(second!),
  );
  const index = outcomes[0] as number;
  expect(outcomes).toEqual([index, index + 1, index + 2, 'key_revoked', 'key_revoked', 'key_revoked', index + 3]);
});

it('a successor that is registered in the same batch may be named behind it, not before it', async () => {
  const [third, fourth] = [newKey(), newKey()];
  const outcomes = await inOneBatch(
    endingKey(process, owner, second!, first!, third),
    registering(third, first!),
    endingKey(process, owner, first!, third, third),
    registering(fourth, first!),
  );
  expect(outcomes).toEqual(['not_found', expect.any(Number), expect.any(Number), 'key_revoked']);
  expect((await inForce()).sort()).toEqual([second!.keyId, third.keyId].sort());
});

it('holds between replicas: of two that end each other at once, one wins, again and again', async () => {
  const beside = await log.open();
  for (let i = 0; i < 10; i++) {
    const settled = await Promise.allSettled([
      process.core.writer.submit(endingKey(process, owner, second!, first!)),
      beside.core.writer.submit(endingKey(beside, owner, first!, second!)),
    ]);
    expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const [alive, ...others] = await inForce();
    expect(others).toEqual([]);
    const living = [first!, second!].find(({ keyId }) => keyId === alive)!;
    const next = newKey();
    await process.core.writer.submit(registering(next, living));
    [first, second] = [living, next];
  }
});

it('is rebuilt from the statements alone', async () => {
  const report = await log.fsck();
  expect(report.findings).toEqual([]);
  expect(report.ok).toBe(true);
});
