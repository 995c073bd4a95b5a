/**
 * A name is erased: it is gone from every answer, every table and every file that the registry writes, and every proof
 * that was given before holds as it did.
 */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { utf8 } from '../../src/core/bytes.ts';
import type { Digest } from '../../src/core/digest.ts';
import { commit } from '../../src/core/registry/commitment.ts';
import { dataset, erasure } from '../../src/core/registry/index.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import type { DatasetView } from '../../src/datasets/index.ts';
import { runFsck } from '../../src/ledger/fsck/index.ts';
import type { PartyView } from '../../src/parties/index.ts';
import { newNonce, sha256 } from '../../src/platform/crypto.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { anyDigest, datasetOf, heldDatasetOf, modelOf } from '../support/bodies.ts';
import type { LogIdentity } from '../support/client.ts';
import { Client, Operator, Party, Verifier } from '../support/client.ts';
import { query } from '../support/postgres.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(60_000);

let app: TestApp;
let operator: Operator;
let verifier: Verifier;
const stranger = () => new Client(app.url);

beforeAll(async () => {
  app = await startTestApp();
  operator = await Operator.of(app.url, app.config.data);
  verifier = new Verifier(await operator.read<LogIdentity>('/v1/log'));
});
afterAll(() => app.close());

const commitmentOf = async (party: string): Promise<Digest> =>
  (await operator.read<PartyView>(`/v1/parties/${party}`)).nameCommitment;
const erasing = (commitment: Digest) => ({ commitments: [commitment], reason: 'asked-by-subject' as const });
const fsck = () => runFsck({ database: app.database, anchorDir: app.config.anchorDir, full: true });

/** Every row of every table that holds the text, as `schema.table`. */
async function tablesWith(text: string): Promise<string[]> {
  const url = app.database.superuserUrl;
  const tables = await query<{ name: string }>(
    url,
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
     WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await query(url, `SELECT 1 FROM ${name} t WHERE t::text LIKE '%' || $1 || '%' LIMIT 1`, [text]);
    // Bytes show as hex.
    const hex = Buffer.from(text).toString('hex');
    const bytes = await query(url, `SELECT 1 FROM ${name} t WHERE t::text LIKE '%' || $1 || '%' LIMIT 1`, [hex]);
    if (rows.length + bytes.length > 0) found.push(name);
  }
  return found;
}

describe('a name that its party erases', () => {
  const NAME = 'Philippa Quillfeather';
  let jo: Party;
  let before: Receipt;
  let erased: Receipt;
  let fileDigest: Digest;

  beforeAll(async () => {
    // Under an idempotency key, which keeps a digest of the request.
    const made = await operator.made('/v1/parties', { name: NAME, kind: 'person' }, { 'idempotency-key': 'jo' });
    const { key } = await operator.made<{ key: string }>(`/v1/parties/${made.id}/api-keys`, {});
    const { origin } = await operator.read<LogIdentity>('/v1/log');
    jo = new Party(app.url, key, made.id, made.statement, origin);
    await jo.registerKey();
    const data = await jo.made(
      '/v1/datasets',
      jo.signedWrite(dataset, heldDatasetOf(jo.id, [{ name: 'a', bytes: utf8('a') }])),
    );
    const ben = await operator.makeParty({ name: 'Ben' });
    const model = modelOf(ben.id, {
      owners: [
        { party: ben.id, share: '1/2' },
        { party: jo.id, share: '1/2' },
      ],
      datasets: [data.id],
    });
    ({ fileDigest } = model.weights);
    await ben.made('/v1/models', model);
    // Asked once before, so that whatever is kept in memory is there.
    expect((await stranger().get(`/v1/provenance/${fileDigest}`)).text).toContain(NAME);
    before = await stranger().read<Receipt>(`/v1/receipts/${jo.statement}`);
    expect(await tablesWith(NAME)).toEqual(['registry.disclosure']);
    erased = await jo.made('/v1/erasures', jo.signedWrite(erasure, erasing(await commitmentOf(jo.id)), [jo.statement]));
  });

  it('is gone from every answer that showed it', async () => {
    expect(await jo.read(`/v1/parties/${jo.id}`)).toMatchObject({ id: jo.id, name: null });
    expect(await jo.read(`/v1/whoami`)).toMatchObject({ party: { name: null } });
    expect(await jo.read(`/v1/parties?name=${encodeURIComponent(NAME)}`)).toEqual([]);
    const lookup = await stranger().get(`/v1/provenance/${fileDigest}`);
    expect(lookup.body).toMatchObject({
      matches: [
        {
          owners: expect.arrayContaining([expect.objectContaining({ party: jo.id, name: null })]) as unknown,
          datasets: [{ holder: { party: jo.id, name: null } }],
        },
      ],
    });
    const answers = [lookup, await jo.get('/v1/parties'), await stranger().get('/v1/datasets')];
    for (const { text } of answers) expect(text).not.toContain(NAME);
  });

  it('is gone from every table, with the digest of the request that told it', async () => {
    expect(await tablesWith(NAME)).toEqual([]);
    const rows = await query(app.database.superuserUrl, `SELECT 1 FROM ops.idempotency WHERE statement_index = $1`, [
      before.index,
    ]);
    expect(rows).toEqual([]);
  });

  it('was never in the log of what the server did', () => {
    expect(app.logged.length).toBeGreaterThan(0);
    expect(JSON.stringify(app.logged)).not.toContain(NAME);
  });

  it('leaves every proof as it was: receipts from before and after verify, and fsck counts it', async () => {
    expect(await verifier.receipt(before)).toMatchObject({ common: { id: jo.id } });
    const now = await stranger().read<Receipt>(`/v1/receipts/${jo.statement}`);
    expect([now.envelope, now.index]).toEqual([before.envelope, before.index]);
    await verifier.receipt(now);
    expect(await verifier.receipt(erased)).toMatchObject({ common: { maker: jo.id }, kind: { kind: 'erasure' } });
    expect(await fsck()).toMatchObject({ ok: true, findings: [], erased: 1 });
  });

  it('cannot be brought back, nor erased again', async () => {
    const again = await jo.post(
      '/v1/erasures',
      jo.signedWrite(erasure, erasing(await commitmentOf(jo.id)), [jo.statement]),
    );
    expect([again.status, again.body.code]).toEqual([409, 'state_conflict']);
    const repeated = await operator.post('/v1/parties', { id: jo.id, name: NAME });
    expect([repeated.status, repeated.body.code]).toEqual([409, 'already_exists']);
    expect(await tablesWith(NAME)).toEqual([]);
  });
});

describe('a value', () => {
  it('of another party answers like one that is not there, and stays', async () => {
    const [ada, eve] = [await operator.makeParty({ name: 'Ada Stays' }), await operator.makeParty()];
    const told = async (commitment: Digest) => {
      const { status, text } = await eve.post('/v1/erasures', erasing(commitment));
      return [status, text.replaceAll(commitment, '<it>').replace(/"requestId":"[^"]*"/, '')];
    };
    const foreign = await told(await commitmentOf(ada.id));
    expect(foreign).toEqual(await told(anyDigest()));
    expect(foreign[0]).toBe(404);
    expect(await ada.read(`/v1/parties/${ada.id}`)).toMatchObject({ name: 'Ada Stays' });
  });

  it('is erased by the registrar for whoever is no party here: the holder of a dataset', async () => {
    const NAME = 'Theodora Nightingale';
    const ada = await operator.makeParty();
    const made = await ada.made(
      '/v1/datasets',
      datasetOf([{ name: 'a', bytes: utf8('b') }], { holder: { name: NAME } }),
    );
    const read = () => stranger().read<DatasetView>(`/v1/datasets/${made.id}`);
    const { holder } = await read();
    expect(holder).toMatchObject({ name: NAME, party: null });
    expect(Buffer.from(made.envelope.payload, 'base64').toString()).not.toContain(NAME);
    await operator.made('/v1/erasures', { ...erasing(holder.nameCommitment!), reason: 'legal-order' });
    expect((await read()).holder).toEqual({ ...holder, name: null });
    expect(await tablesWith(NAME)).toEqual([]);
    await verifier.receipt(made);
    expect(await fsck()).toMatchObject({ ok: true, findings: [] });
  });

  it('that a statement commits to is disclosed beside it, or the statement is refused', async () => {
    const ada = await operator.makeParty({ keyed: true });
    const disclosure = { value: 'Somebody', salt: newNonce() };
    const nameCommitment = commit(sha256, disclosure.salt, disclosure.value);
    const body = heldDatasetOf(ada.id, [{ name: 'a', bytes: utf8('c') }], { holder: { party: null, nameCommitment } });
    const signed = ada.signedWrite(dataset, body);
    for (const [disclosures, code] of [
      [undefined, 'invalid_input'],
      [[], 'invalid_input'],
      [[{ ...disclosure, value: 'Somebody else' }], 'digest_mismatch'],
      [[disclosure, disclosure], 'digest_mismatch'],
    ] as const) {
      const { body: problem } = await ada.post('/v1/datasets', { ...signed, ...(disclosures && { disclosures }) });
      expect(problem).toMatchObject({ code, field: expect.stringContaining('disclosures') as unknown });
    }
    const { id } = await ada.made('/v1/datasets', { ...signed, disclosures: [disclosure] });
    expect(await stranger().read(`/v1/datasets/${id}`)).toMatchObject({ holder: { name: 'Somebody' } });
  });

  it('leaves nothing behind where many are erased at once', async () => {
    const parties = await Promise.all(
      Array.from({ length: 8 }, (_, i) => operator.makeParty({ name: `Ephemera ${i}` })),
    );
    await Promise.all(parties.map(async ({ id }) => operator.made('/v1/erasures', erasing(await commitmentOf(id)))));
    expect(await tablesWith('Ephemera')).toEqual([]);
    expect(await fsck()).toMatchObject({ ok: true });
  });
});
