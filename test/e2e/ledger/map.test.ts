/** The map of digests as the registry keeps it up: what is folded, when, and what survives a crash or a second process. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Digest } from '../../../src/core/digest.ts';
import { formatDigest, parseDigest } from '../../../src/core/digest.ts';
import { foldMap } from '../../../src/core/map/fold.ts';
import { parseClaim } from '../../../src/core/map/answer.ts';
import { verifyMapProof } from '../../../src/core/map/map.ts';
import { mapRoot } from '../../../src/core/registry/index.ts';
import { MapReader } from '../../../src/ledger/map/map-reader.ts';
import { keepVersion, readNodes, readVersions } from '../../../src/ledger/map/map.store.ts';
import { sha256 } from '../../../src/platform/crypto.ts';
import { query } from '../../support/postgres.ts';
import { anyDigest, makeParty, modelBody, register, spoken, TestLedger } from './fixture.ts';
import type { Process } from './fixture.ts';

let log: TestLedger;
let first: Process;
let ada: string;
let ben: string;

beforeAll(async () => {
  log = await TestLedger.create();
  first = await log.open();
  ada = await makeParty(first, 'Ada');
  ben = await makeParty(first, 'Ben');
});
afterAll(() => log.drop());

const roots = () => query(log.database.ownerUrl.reveal(), `SELECT * FROM registry.map_root ORDER BY recorded_index`);
const publish = () => first.core.published.publish();
async function fold(process = first) {
  await publish();
  await process.map.fold();
}
/** The answer about a digest, verified. */
async function prove(digest: Digest, process = first) {
  const answer = await new MapReader(process.ledger, process.dataSource).prove(digest);
  const { body } = spokenOf(answer.receipt.envelope.payload);
  verifyMapProof(sha256, { ...parseClaim(answer), root: parseDigest(body.root) });
  expect(answer).toMatchObject({ digest, asOf: body.size, keys: body.keys });
  expect(answer.receipt.index).toBeGreaterThanOrEqual(answer.asOf);
  return answer;
}
function spokenOf(payload: string) {
  const { predicate } = JSON.parse(Buffer.from(payload, 'base64').toString()) as { predicate: object };
  return { body: predicate as { root: Digest; size: number; keys: number } };
}

it('proves nothing before its first map is on record, and says so', async () => {
  await expect(new MapReader(first.ledger, first.dataSource).prove(anyDigest())).rejects.toMatchObject({
    code: 'not_found',
  });
});

it('proves that the empty map lacks every digest', async () => {
  await fold();
  expect(await prove(anyDigest())).toMatchObject({ entries: [], keys: 0, proof: { other: null, path: [] } });
  expect((await log.fsck()).findings).toEqual([]);
});

describe('a fold', () => {
  it('takes in every digest of every public registration, each with all its places', async () => {
    const body = modelBody(ada);
    const one = await register(first, ada, body);
    const two = await register(first, ben, { ...body, owners: [{ party: ben, share: '1/1' }] });
    const other = await register(first, ada);
    await fold();
    const { fileDigest, weightDigest, namelessDigest } = body.weights;
    for (const digest of [fileDigest, weightDigest, namelessDigest]) {
      expect((await prove(digest)).entries).toEqual([one.index, two.index]);
    }
    expect((await prove(anyDigest())).entries).toEqual([]);
    expect((await prove(anyDigest())).asOf).toBeGreaterThan(other.index);
    expect((await log.fsck()).findings).toEqual([]);
  });

  it('adds a later place to a digest that the map holds, and none twice', async () => {
    const body = modelBody(ada);
    const one = await register(first, ada, body);
    await fold();
    const two = await register(first, ben, { ...body, owners: [{ party: ben, share: '1/1' }] });
    expect((await prove(body.weights.fileDigest)).entries).toEqual([one.index]);
    await fold();
    expect((await prove(body.weights.fileDigest)).entries).toEqual([one.index, two.index]);
    // A digest that serves as file and weight digest at once is one digest.
    const same = anyDigest();
    const single = await register(first, ada, {
      ...modelBody(ada),
      weights: { ...modelBody(ada).weights, fileDigest: same, weightDigest: same },
    });
    await fold();
    expect((await prove(same)).entries).toEqual([single.index]);
  });

  it('records no new map when nothing but maps, or nothing with a digest, was added', async () => {
    const before = (await roots()).length;
    await fold();
    await fold();
    expect(await roots()).toHaveLength(before);
    await makeParty(first, 'Cai');
    await fold();
    await fold();
    expect(await roots()).toHaveLength(before);
    await register(first, ada);
    await fold();
    await fold();
    expect(await roots()).toHaveLength(before + 1);
  });

  it('keeps the nodes of the last two maps, so that proofs of the one before last a while', async () => {
    for (let i = 0; i < 5; i++) {
      await Promise.all(Array.from({ length: 20 }, () => register(first, ada)));
      await fold();
    }
    expect(await readVersions(first.dataSource.manager)).toHaveLength(2);
    expect((await log.fsck()).findings).toEqual([]);
  });

  it('is done once when two processes come together', async () => {
    const second = await log.open();
    const before = (await roots()).length;
    const { index } = await register(first, ada);
    await Promise.all([publish(), second.core.published.publish()]);
    await Promise.all([first.map.fold(), second.map.fold(), first.map.fold()]);
    expect(await roots()).toHaveLength(before + 1);
    expect((await prove(anyDigest(), second)).asOf).toBeGreaterThan(index);
    await second.close();
  });

  it('that was cut off before its root was recorded is recorded by the next turn, as it was', async () => {
    const { index } = await register(first, ada);
    const { size } = await publish();
    const { manager } = first.dataSource;
    const before = (await readVersions(manager)).at(-1)!;
    const nodes = { read: (hashes: readonly Uint8Array[]) => readNodes(manager, hashes) };
    const rows: { digest: Digest }[] = await manager.query(
      `SELECT unnest(ARRAY[file_digest, model_digest, nameless_digest]) AS digest
       FROM registry.registration WHERE recorded_index = $1`,
      [index],
    );
    const folded = await foldMap(
      sha256,
      nodes,
      before,
      rows.map(({ digest }) => ({ digest, index })),
    );
    const next = { size, root: folded.root, keys: folded.keys, replaced: [...folded.replaced] };
    await first.dataSource.transaction((t) => keepVersion(t, before, next, folded.created));

    // Meanwhile the map on record still proves, and the verifier finds nothing wrong.
    expect((await prove(rows[0]!.digest)).entries).toEqual([]);
    expect((await log.fsck()).findings).toEqual([]);
    await register(first, ada);
    await fold();
    expect((await roots()).slice(-2)).toMatchObject([{ size: String(size), root: formatDigest(folded.root) }, {}]);
    expect((await prove(rows[0]!.digest)).entries).toEqual([index]);
    expect((await log.fsck()).findings).toEqual([]);
  });

  it('stops at a node that somebody changed, and leaves the log alone', async () => {
    await register(first, ada);
    const { size } = await publish();
    const [{ root }] = (await query(
      log.database.ownerUrl.reveal(),
      `SELECT root FROM ledger.map_version ORDER BY size DESC LIMIT 1`,
    )) as [{ root: Buffer }];
    await log.tamper(
      `UPDATE ledger.map_node SET content = set_byte(content, 40, get_byte(content, 40) # 1) WHERE hash = $1`,
      [root],
    );
    await expect(first.map.fold()).rejects.toMatchObject({ code: 'ledger_inconsistent' });
    await expect(prove(anyDigest())).rejects.toMatchObject({ code: 'ledger_inconsistent' });
    expect((await publish()).size).toBe(size);
    expect((await log.fsck()).findings).toMatchObject([{ code: 'map_node_wrong', key: `\\x${root.toString('hex')}` }]);
    await log.tamper(
      `UPDATE ledger.map_node SET content = set_byte(content, 40, get_byte(content, 40) # 1) WHERE hash = $1`,
      [root],
    );
    await fold();
    expect((await log.fsck()).findings).toEqual([]);
  });

  it('makes the maps on record anew where their nodes were lost, and records none of them again', async () => {
    const digest = modelBody(ada).weights.fileDigest;
    const { index } = await register(first, ada, {
      ...modelBody(ada),
      weights: { ...modelBody(ada).weights, fileDigest: digest },
    });
    await fold();
    const before = await roots();
    await log.tamper(`DELETE FROM ledger.map_node`);
    await log.tamper(`DELETE FROM ledger.map_version`);
    await expect(prove(digest)).rejects.toMatchObject({ code: 'ledger_inconsistent' });
    await fold();
    expect((await prove(digest)).entries).toEqual([index]);
    expect(await roots()).toEqual(before);
    expect((await log.fsck()).findings).toEqual([]);
    await register(first, ada);
    await fold();
    expect(await roots()).toHaveLength(before.length + 1);
    expect((await log.fsck()).findings).toEqual([]);
  });
});

describe('a root', () => {
  it("is the registry's to make, once, behind what it covers", async () => {
    const { size } = await publish();
    const body = { size, logRoot: anyDigest(), root: anyDigest(), keys: 1 };
    const submit = (maker: string, different: object = {}) =>
      first.core.writer.submit(spoken(first, mapRoot, { maker }, { ...body, ...different }));
    await expect(first.ledger.attest(mapRoot, { maker: ada, body })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(submit(first.ledger.registryParty, { size: size + 5000 })).rejects.toMatchObject({
      code: 'invalid_input',
    });
    const [{ root }] = (await roots()).slice(-1) as [{ root: Digest }];
    await expect(submit(first.ledger.registryParty, { root })).rejects.toMatchObject({ code: 'already_exists' });
  });

  it('that leaves a registration out is named by the verifier, and the map with it', async () => {
    const liar = await log.copy();
    const process = await liar.open();
    await register(process, ada);
    const { size, root } = await process.core.published.publish();
    const receipt = await process.ledger.attest(mapRoot, {
      maker: process.ledger.registryParty,
      body: { size, logRoot: formatDigest(root), root: anyDigest(), keys: 1 },
    });
    const { findings } = await liar.fsck();
    expect(findings).toContainEqual(
      expect.objectContaining({ code: 'map_root_wrong', table: 'ledger.statement', key: String(receipt.index) }),
    );
    await liar.drop();
  });
});
