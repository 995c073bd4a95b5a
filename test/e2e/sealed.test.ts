/**
 * Sealed and private records from the outside. A stranger asks every route, about the very ids and digests that nobody
 * has told them, before and after there is something to hide: the answers are the same to the byte.
 */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { formatDigest } from '../../src/core/digest.ts';
import { apiKey, grant, opening, registration, sealed } from '../../src/core/registry/index.ts';
import type { OpeningBody } from '../../src/core/registry/sealed.ts';
import { sealCommitment } from '../../src/core/registry/sealed.ts';
import type { Envelope } from '../../src/core/statement/dsse.ts';
import { runFsck } from '../../src/ledger/fsck/index.ts';
import { newId, newNonce, sha256 } from '../../src/platform/crypto.ts';
import type { Provenance } from '../../src/provenance/provenance.schema.ts';
import type { SealedView } from '../../src/sealed/index.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { anyDigest, anyWeights, modelOf } from '../support/bodies.ts';
import type { Answer, LogIdentity, Party } from '../support/client.ts';
import { Client, Operator, Verifier } from '../support/client.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(60_000);

let app: TestApp;
let operator: Operator;
let verifier: Verifier;
let ada: Party;
let ben: Party;
let eve: Party;
let auditor: Party;

beforeAll(async () => {
  app = await startTestApp();
  operator = await Operator.of(app.url, app.config.data);
  verifier = new Verifier(await operator.read<LogIdentity>('/v1/log'));
  ada = await operator.makeParty({ name: 'Ada', keyed: true });
  ben = await operator.makeParty({ name: 'Ben' });
  eve = await operator.makeParty({ name: 'Eve' });
  auditor = await operator.makeParty({ roles: ['auditor'] });
});
afterAll(() => app.close());

const weights = anyWeights();
const digests = [weights.fileDigest, weights.weightDigest!, weights.namelessDigest!].sort();

/** What opens the record `id` of a party: salt, digests and the commitment over them. */
const secretOf = (maker: Party, id = newId('sealed')) => {
  const secret = { subject: 'model' as const, salt: newNonce(), digests };
  const commitment = sealCommitment(sha256, { origin: maker.origin, maker: maker.id }, secret);
  return { sealed: id, commitment, ...secret } satisfies OpeningBody;
};
const digestOf = ({ payload }: Envelope) => formatDigest(sha256(Buffer.from(payload, 'base64')));

/** All that a caller can tell answers apart by. */
const told = ({ status, text, headers }: Answer) => {
  const left = text.replace(/"requestId":"[^"]*"/, '').replace(HOW_LONG, '');
  return {
    status,
    type: headers.get('content-type'),
    length: headers.get('content-length') === null ? null : left.length,
    text: left,
  };
};
/** In a receipt: how long the log is, which is public. */
const HOW_LONG = /"treeSize":\d+,"inclusionProof":\[[^\]]*\],"checkpoint":"[^"]*"/g;

describe('before and after something private is on record', () => {
  /** How much the log holds is public, and shows there. */
  const GROWS = ['GET /v1/log', 'GET /checkpoint', 'GET /tile/*', 'GET /v1/log/consistency'];
  /** What each id in a path may be filled with, and what a write sends. */
  let hidden: { ids: string[]; digests: string[]; opening: OpeningBody };
  let records: { path: string; body: Envelope; caller: Party }[];

  beforeAll(async () => {
    const model = await ada.made('/v1/models', ada.signedWrite(registration, modelOf(ada.id)));
    const secret = secretOf(ada);
    const [grantId, apiKeyId] = [newId('grant'), newId('apikey')];
    const { subject, commitment } = secret;
    const wanted = {
      registration: model.id,
      licensee: ben.id,
      actions: ['infer' as const],
      constraints: { commercial: true, territory: null, fieldOfUse: null, maxCalls: null },
      termsDigest: anyDigest(),
      notBefore: '2020-01-01T00:00:00.000Z',
      expiresAt: null,
    };
    const made = { party: ada.id, secretDigest: anyDigest(), label: '', scopes: ['read'], expiresAt: null };
    records = [
      {
        caller: ada,
        path: '/v1/sealed',
        body: ada.signedWrite(sealed, { subject, commitment }, [], { id: secret.sealed }),
      },
      {
        caller: ada,
        path: '/v1/grants',
        body: ada.signedWrite(grant, wanted, [model.statement, ben.statement], { id: grantId }),
      },
      {
        caller: ada,
        path: `/v1/parties/${ada.id}/api-keys`,
        body: ada.signedWrite(apiKey, made, [ada.statement], { id: apiKeyId }),
      },
    ];
    hidden = {
      ids: [secret.sealed, grantId, apiKeyId],
      digests: [...records.map(({ body }) => digestOf(body)), commitment, ...digests],
      // With a commitment of her own that holds, so that nothing but the hidden record could refuse it.
      opening: secretOf(eve, secret.sealed),
    };
  });

  /** Every route, with everything hidden in the place of what it asks for. */
  function* questions(): Generator<{ method: string; path: string; body: object | undefined }> {
    for (const { method, path } of app.app.routes) {
      if (['HEAD', 'OPTIONS'].includes(method) || GROWS.includes(`${method} ${path}`)) continue;
      const fillings = [...(/:(?:id|jti|kid|kind)\b/.test(path) ? hidden.ids : [''])].flatMap((id) =>
        (/:(?:digest|hash)\b/.test(path) ? hidden.digests : ['']).map((digest) => ({ id, digest })),
      );
      for (const { id, digest } of fillings) {
        const address = path
          .replace(/:(?:id|jti|kid|kind)\b/, id)
          .replace(/:(?:digest|hash)\b/, digest)
          .replace(/\*$/, 'x');
        const body = method === 'GET' ? undefined : /\/open$/.test(path) ? hidden.opening : {};
        yield { method, path: address, body };
      }
    }
    // What lists leave out cannot be asked for by another member, either.
    const [model] = hidden.ids;
    yield { method: 'GET', path: `/v1/datasets?manifest=${digests[0]}`, body: undefined };
    yield { method: 'GET', path: `/v1/models?owner=${ada.id}`, body: undefined };
    yield { method: 'GET', path: `/v1/grants?registration=${model}`, body: undefined };
  }

  async function everything(caller: Client): Promise<Map<string, object>> {
    const answers = new Map<string, object>();
    for (const { method, path, body } of questions()) {
      const json = { 'content-type': 'application/json' };
      const sent = body === undefined ? undefined : JSON.stringify(body);
      const answer = await caller.send(method, path, sent, sent === undefined ? {} : json);
      answers.set(`${method} ${path}`, told(answer));
    }
    return answers;
  }

  it('a stranger, with a key of their own or without, gets the same answers from every route', async () => {
    const strangers = [eve, new Client(app.url), new Client(app.url, 'mun_invalid')];
    const before: Map<string, object>[] = [];
    for (const caller of strangers) before.push(await everything(caller));
    expect(before[0]!.size).toBeGreaterThan(80);
    for (const { caller, path, body } of records) await caller.made(path, body);
    for (const [i, caller] of strangers.entries()) {
      const after = await everything(caller);
      for (const [question, answer] of before[i]!) expect([question, after.get(question)]).toEqual([question, answer]);
    }
  });

  it('what was sealed is hidden from the registrar and from auditors like from everybody', async () => {
    const [sealedDigest, ...named] = records.map(({ body }) => digestOf(body));
    const statuses = (statement: string) =>
      Promise.all(
        [ada, ben, eve, auditor, operator].map(async (who) => (await who.get(`/v1/receipts/${statement}`)).status),
      );
    expect(await statuses(sealedDigest!)).toEqual([200, 404, 404, 404, 404]);
    expect(await statuses(named[0]!)).toEqual([200, 200, 404, 200, 200]);
    const lists = await Promise.all(
      [ada, ben, eve, auditor, operator].map((who) => who.read<SealedView[]>('/v1/sealed')),
    );
    expect(lists.map(({ length }) => length)).toEqual([1, 0, 0, 0, 0]);
    for (const who of [eve, auditor, operator]) {
      const absent = newId('sealed');
      const [foreign, missing] = [await who.get(`/v1/sealed/${hidden.ids[0]}`), await who.get(`/v1/sealed/${absent}`)];
      expect(told(foreign).text.replace(hidden.ids[0]!, '<id>')).toBe(told(missing).text.replace(absent, '<id>'));
      expect(foreign.status).toBe(404);
    }
  });

  it('no table holds a digest of what was sealed', async () => {
    const { query } = await import('../support/postgres.ts');
    const url = app.database.superuserUrl;
    const tables = await query<{ name: string }>(
      url,
      `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
       WHERE table_type = 'BASE TABLE' AND table_schema IN ('ledger', 'registry', 'ops', 'pgboss')`,
    );
    for (const digest of digests.map((each) => each.slice('sha256:'.length))) {
      for (const { name } of tables) {
        const found = await query(
          url,
          `SELECT 1 FROM ${name} t WHERE t::text LIKE '%' || $1 || '%' OR t::text LIKE '%' || $2 || '%' LIMIT 1`,
          [digest, Buffer.from(digest).toString('hex')],
        );
        expect([name, found.length]).toEqual([name, 0]);
      }
    }
  });
});

describe('what is opened', () => {
  it('shows in a look-up with what proves it, and gives nobody title', async () => {
    const opened = anyWeights();
    const stranger = new Client(app.url);
    const secret = { subject: 'model' as const, salt: newNonce(), digests: [opened.fileDigest] };
    const commitment = sealCommitment(sha256, { origin: ada.origin, maker: ada.id }, secret);
    const first = await ada.made('/v1/sealed', ada.signedWrite(sealed, { subject: 'model', commitment }));
    const registered = await ben.made('/v1/models', modelOf(ben.id, { weights: opened }));
    const before = await stranger.read<Provenance>(`/v1/provenance/${opened.fileDigest}`);
    expect(before.possessions).toEqual([]);

    const body = { sealed: first.id, commitment, ...secret };
    const shown = await ada.made(`/v1/sealed/${first.id}/open`, ada.signedWrite(opening, body, [first.statement]));
    const after = await stranger.read<Provenance>(`/v1/provenance/${opened.fileDigest}`);
    expect(after.possessions).toEqual([
      {
        sealed: first.id,
        maker: ada.id,
        subject: 'model',
        sealedIndex: first.index,
        openedIndex: shown.index,
        receipts: expect.anything() as unknown,
      },
    ]);
    const { receipts } = after.possessions[0]!;
    expect(await verifier.receipt(receipts.sealed)).toMatchObject({ body: { commitment } });
    expect(await verifier.receipt(receipts.opening)).toMatchObject({ body });
    expect(first.index).toBeLessThan(registered.index);
    expect(after.matches.map(({ owners, precededBy }) => [owners, precededBy])).toEqual(
      before.matches.map(({ owners, precededBy }) => [owners, precededBy]),
    );
    expect((await stranger.get(`/v1/receipts/${first.statement}`)).status).toBe(200);
    expect(await stranger.read(`/v1/sealed/${first.id}`)).toMatchObject({
      openedIndex: shown.index,
      digests: [opened.fileDigest],
    });
  });

  it('is found by its digest though nobody registered it, and by a party for which the registry signs', async () => {
    const digest = anyDigest();
    const secret = { subject: 'evidence' as const, salt: newNonce(), digests: [digest] };
    const commitment = sealCommitment(sha256, { origin: ben.origin, maker: ben.id }, secret);
    const { id, index } = await ben.made('/v1/sealed', { subject: 'evidence', commitment });
    expect((await new Client(app.url).get(`/v1/provenance/${digest}`)).status).toBe(404);
    await ben.made(`/v1/sealed/${id}/open`, { sealed: id, commitment, ...secret });
    expect(await eve.read(`/v1/provenance/${digest}`)).toMatchObject({
      matches: [],
      possessions: [{ sealed: id, maker: ben.id, subject: 'evidence', sealedIndex: index }],
    });
  });

  it('is opened by its maker alone, once, at its own address', async () => {
    const secret = secretOf(ben);
    const { id } = await ben.made('/v1/sealed', { id: secret.sealed, subject: 'model', commitment: secret.commitment });
    const absent = newId('sealed');
    const foreign = await eve.post(`/v1/sealed/${id}/open`, secretOf(eve, id));
    const missing = await eve.post(`/v1/sealed/${absent}/open`, secretOf(eve, absent));
    expect(told(foreign).text.replaceAll(id, '<id>')).toBe(told(missing).text.replaceAll(absent, '<id>'));
    expect([foreign.status, foreign.body.code]).toEqual([404, 'not_found']);
    const elsewhere = await ben.post(`/v1/sealed/${newId('sealed')}/open`, secret);
    expect([elsewhere.status, elsewhere.body.field]).toEqual([400, 'sealed']);
    const wrong = await ben.post(`/v1/sealed/${id}/open`, { ...secret, salt: newNonce() });
    expect([wrong.status, wrong.body.code]).toEqual([400, 'digest_mismatch']);
    await ben.made(`/v1/sealed/${id}/open`, secret);
    const again = await ben.post(`/v1/sealed/${id}/open`, secret);
    expect([again.status, again.body.code]).toEqual([409, 'state_conflict']);
  });

  it('leaves a log in which every signature and row holds', async () => {
    const report = await runFsck({ database: app.database, anchorDir: app.config.anchorDir, full: true });
    expect(report).toMatchObject({ ok: true, findings: [] });
  });
});
