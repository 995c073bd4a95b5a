/** Outside timestamps over documents over HTTP: what the registrar takes, what it refuses, and the claim that rests on one. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { parseDigest } from '../../src/core/digest.ts';
import type { Digest } from '../../src/core/digest.ts';
import { MAX_TIMESTAMP } from '../../src/core/registry/document-timestamp.ts';
import { adverseClaim } from '../../src/core/registry/index.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { formatTimestampRequest } from '../../src/core/time/index.ts';
import { daysAfter } from '../../src/core/title/dates.ts';
import { runFsck } from '../../src/ledger/fsck/index.ts';
import type { ClaimView } from '../../src/titles/claim.schema.ts';
import type { TimestampView } from '../../src/titles/timestamp.schema.ts';
import type { TitleView } from '../../src/titles/title.schema.ts';
import type { TestApp } from '../support/app.ts';
import { makeDataFolder, startTestApp } from '../support/app.ts';
import { anyDigest, digestOf, modelOf } from '../support/bodies.ts';
import type { Party } from '../support/client.ts';
import { Client, Operator } from '../support/client.ts';
import type { Certified, Lie } from '../support/timestamp-authority.ts';
import { answer, makeAuthority } from '../support/timestamp-authority.ts';

jest.setTimeout(60_000);

const PATH = '/v1/document-timestamps';
const HOUR_MS = 3_600_000;
const authority = makeAuthority();
const document = anyDigest();
let app: TestApp;
let anybody: Client;
let [ada, emma]: Party[] = [];
let model: Receipt;

beforeAll(async () => {
  const roots = join(await makeDataFolder(), 'roots.pem');
  await writeFile(roots, authority.pem);
  app = await startTestApp({ env: { MUNIMENT_TSA_ROOTS: roots } });
  anybody = new Client(app.url);
  const operator = await Operator.of(app.url, app.config.data);
  [ada, emma] = [await operator.makeParty(), await operator.makeParty({ name: 'Emma', keyed: true })];
  model = await ada.made('/v1/models', modelOf(ada.id));
});
afterAll(() => app.close());

/** What an authority answers, an hour ago where it is not said otherwise. */
const reply = (digest: Digest, lie: Lie = {}, signer: Certified = authority.signer) =>
  Buffer.from(
    answer(signer, formatTimestampRequest({ imprint: parseDigest(digest), nonce: Uint8Array.of(1) }), {
      time: new Date(Date.now() - HOUR_MS),
      ...lie,
    }),
  );
const asking = (bytes: Buffer, documentDigest: Digest = document) => ({
  documentDigest,
  timestamp: bytes.toString('base64'),
});

describe('a timestamp over a document', () => {
  it('is on record whole, with what the registrar found in it, for everybody', async () => {
    const time = new Date(Math.floor(Date.now() / 1000) * 1000 - 30 * 24 * HOUR_MS);
    const bytes = reply(document, { time });
    const made = await emma!.made(PATH, asking(bytes));
    const expected = {
      id: made.id,
      documentDigest: document,
      timestamp: bytes.toString('base64'),
      time: new Date(time.getTime() + 1000).toISOString(),
      authority: 'Test Time',
      root: digestOf(Buffer.from(authority.root.der)),
      firstAfter: 0,
      statement: made.statement,
      recordedIndex: made.index,
    };
    expect(await anybody.read<TimestampView>(`${PATH}/${made.id}`)).toEqual(expected);
    expect(await anybody.read<TimestampView[]>(`${PATH}?document=${document}`)).toEqual([expected]);
    expect(await anybody.read(`${PATH}?document=${anyDigest()}`)).toEqual([]);
    expect((await anybody.get(`${PATH}/documenttimestamp_${'0'.repeat(26)}`)).status).toBe(404);
  });

  it('that is hardly older than an entry does not count as older', async () => {
    const made = await emma!.made(PATH, asking(reply(document, { time: new Date(Date.now() - 2000) })));
    expect((await anybody.read<TimestampView>(`${PATH}/${made.id}`)).firstAfter).toBe(made.index);
  });

  const forged = reply(document);
  forged[forged.length - 5]! ^= 1;
  it.each<[string, string, () => object]>([
    ['was changed', 'timestamp_invalid', () => asking(forged)],
    ['is over another document', 'timestamp_invalid', () => asking(reply(anyDigest()))],
    [
      'is by an authority under a root that nobody trusts here',
      'timestamp_invalid',
      () => asking(reply(document, {}, makeAuthority().signer)),
    ],
    ['is cut short', 'timestamp_invalid', () => asking(reply(document).subarray(0, 200))],
    ['has bytes behind it', 'timestamp_invalid', () => asking(Buffer.concat([reply(document), Buffer.of(0)]))],
    ['says that the authority refused', 'timestamp_invalid', () => asking(reply(document, { status: 2 }))],
    ['is of a time to come', 'proof_invalid', () => asking(reply(document, { time: new Date(Date.now() + HOUR_MS) }))],
    ['is huge', 'invalid_input', () => asking(Buffer.alloc(MAX_TIMESTAMP + 3))],
    ['is no base64', 'invalid_input', () => ({ documentDigest: document, timestamp: 'MA' })],
  ])('is refused when it %s', async (_, code, body) => {
    const { status, body: problem } = await emma!.post(PATH, body());
    expect([status, problem]).toEqual([400, expect.objectContaining({ code, field: 'timestamp' })]);
  });

  it('is taken from who may write about titles alone', async () => {
    expect((await anybody.post(PATH, asking(reply(document)))).status).toBe(401);
  });

  it('is recorded once under one idempotency key, and the key of another party is another one', async () => {
    const body = asking(reply(document));
    const under = (party: Party) => party.made(PATH, body, { 'idempotency-key': 'one' });
    const ids = [await under(emma!), await under(emma!), await under(ada!)].map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
    expect(ids[0]).toBe(ids[1]);
  });
});

describe('a claim to an earlier execution', () => {
  const today = new Date().toISOString().slice(0, 10);
  const claim = (stamped: Receipt) =>
    emma!.signedWrite(
      adverseClaim,
      {
        asset: model.id,
        contested: model.id,
        share: '1/1',
        ground: 'earlier-execution',
        documentDigest: document,
        executedOn: daysAfter(today, -10),
        effectiveFrom: today,
        jurisdiction: 'US',
        grace: { edition: '2026-11', rule: 'us-patent' },
        note: null,
        evidence: [],
        timestamps: [stamped.id],
      },
      [model.statement, stamped.statement],
    );

  it('rests on a timestamp from before the contested record, and title answers say so', async () => {
    const stamped = await emma!.made(PATH, asking(reply(document)));
    const { id } = await emma!.made('/v1/claims', claim(stamped));
    const { timestamps } = await anybody.read<ClaimView>(`/v1/claims/${id}`);
    expect(timestamps).toEqual([
      expect.objectContaining({ id: stamped.id, authority: 'Test Time', statement: stamped.statement }),
    ]);
    expect(timestamps[0]).not.toHaveProperty('timestamp');
    const title = await anybody.read<TitleView>(`/v1/titles/${model.id}`);
    expect(title.claims.standing).toMatchObject([{ id, timestamps }]);
    expect(title.owners).toMatchObject([{ party: ada!.id, share: '1/1' }]);
  });

  it('is refused with a timestamp that is too young', async () => {
    const stamped = await emma!.made(PATH, asking(reply(document, { time: new Date(Date.now() - 2000) })));
    const { status, body } = await emma!.post('/v1/claims', claim(stamped));
    expect([status, body]).toEqual([409, expect.objectContaining({ code: 'claim_support_late' })]);
  });

  it('leaves a registry that fsck finds nothing in', async () => {
    const { findings } = await runFsck({ database: app.database, anchorDir: app.config.anchorDir, full: true });
    expect(findings).toEqual([]);
  });
});

it('is refused by a registry that trusts no authority', async () => {
  const other = await startTestApp();
  try {
    const party = await (await Operator.of(other.url, other.config.data)).makeParty();
    const { status, body } = await party.post(PATH, asking(reply(document)));
    expect([status, body]).toEqual([
      400,
      expect.objectContaining({ code: 'timestamp_invalid', fix: expect.any(String) }),
    ]);
  } finally {
    await other.close();
  }
});
