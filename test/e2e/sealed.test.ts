/**
 * Sealed and private records from the outside. A stranger asks every route, about the very ids and digests that nobody
 * has told them, before and after there is something to hide: the answers are the same to the byte.
 */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { formatDigest } from '../../src/core/digest.ts';
import { apiKey, fieldOpening, grant, opening, registration, sealed } from '../../src/core/registry/index.ts';
import type { OpeningBody } from '../../src/core/registry/sealed.ts';
import { sealCommitment } from '../../src/core/registry/sealed.ts';
import type { TitleField, TitleSecret } from '../../src/core/registry/sealed-title.ts';
import { openField, TITLE_FIELDS, TITLE_LEAVES, titleCommitment } from '../../src/core/registry/sealed-title.ts';
import type { Envelope } from '../../src/core/statement/dsse.ts';
import type { StatementList } from '../../src/core/statement/listing.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
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

/** A title of a party, as its maker keeps it, and what opens fields of it. */
const titleOf = (maker: Party, values: TitleSecret['values']) => {
  const by = { origin: maker.origin, maker: maker.id };
  const secret = { salts: Array.from({ length: TITLE_LEAVES }, newNonce), values };
  const commitment = titleCommitment(sha256, by, secret);
  const openingOf = (id: string, ...fields: TitleField[]) => ({
    sealed: id,
    commitment,
    fields: fields.map((field) => openField(sha256, by, secret, field)),
  });
  return { commitment, secret, openingOf, body: { subject: 'title' as const, commitment } };
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
/** In a receipt, and of a title as of now: how long the log is, which is public. */
const HOW_LONG = /"treeSize":\d+,"inclusionProof":\[[^\]]*\],"checkpoint":"[^"]*"|\bamong \d+ entries|"known":\d+/g;

describe('before and after something private is on record', () => {
  /** How much the log holds is public, and shows there. */
  const GROWS = ['GET /v1/log', 'GET /checkpoint', 'GET /tile/*', 'GET /v1/log/consistency'];
  /** What each id in a path may be filled with, and what a write sends. */
  let hidden: { ids: string[]; digests: string[]; opening: OpeningBody; fieldOpening: object };
  let records: { path: string; body: Envelope; caller: Party }[];

  beforeAll(async () => {
    const model = await ada.made('/v1/models', ada.signedWrite(registration, modelOf(ada.id)));
    const secret = secretOf(ada);
    const [grantId, apiKeyId, titleId] = [newId('grant'), newId('apikey'), newId('sealed')];
    const title = titleOf(ada, {
      fileDigest: weights.fileDigest,
      weightDigest: weights.weightDigest!,
      namelessDigest: weights.namelessDigest!,
      owners: [{ party: ada.id, share: '1/1' }],
    });
    const { subject, commitment } = secret;
    const wanted = {
      registration: model.id,
      licensee: ben.id,
      actions: ['infer' as const],
      constraints: { commercial: true, territory: null, fieldOfUse: null, maxCalls: null, seats: null },
      termsDigest: anyDigest(),
      notBefore: '2020-01-01T00:00:00.000Z',
      expiresAt: null,
      sublicensing: false,
      acceptBy: '2999-01-01T00:00:00.000Z',
    };
    const made = { party: ada.id, secretDigest: anyDigest(), label: '', scopes: ['read'], expiresAt: null };
    records = [
      {
        caller: ada,
        path: '/v1/sealed',
        body: ada.signedWrite(sealed, { subject, commitment }, [], { id: secret.sealed }),
      },
      { caller: ada, path: '/v1/sealed', body: ada.signedWrite(sealed, title.body, [], { id: titleId }) },
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
      ids: [secret.sealed, titleId, grantId, apiKeyId],
      digests: [...records.map(({ body }) => digestOf(body)), commitment, title.commitment, ...digests],
      // With a commitment of her own that holds, so that nothing but the hidden record could refuse it.
      opening: secretOf(eve, secret.sealed),
      fieldOpening: titleOf(eve, { name: 'hers' }).openingOf(titleId, 'name'),
    };
  });

  /** Every route, with everything hidden in the place of what it asks for. */
  function* questions(): Generator<{ method: string; path: string; body: object | undefined }> {
    for (const { method, path } of app.app.routes) {
      if (['HEAD', 'OPTIONS'].includes(method) || GROWS.includes(`${method} ${path}`)) continue;
      const fillings = [...(/:(?:asset|id|jti|kid|kind)\b/.test(path) ? hidden.ids : [''])].flatMap((id) =>
        (/:(?:digest|hash)\b/.test(path) ? hidden.digests : ['']).map((digest) => ({ id, digest })),
      );
      for (const { id, digest } of fillings) {
        const address = path
          .replace(/:(?:asset|id|jti|kid|kind)\b/, id)
          .replace(/:(?:digest|hash)\b/, digest)
          .replace(/\*$/, 'x');
        const sent = /\/fields$/.test(path) ? hidden.fieldOpening : /\/open$/.test(path) ? hidden.opening : {};
        const body = method === 'GET' ? undefined : sent;
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
    const [sealedDigest, titleDigest, ...named] = records.map(({ body }) => digestOf(body));
    const statuses = (statement: string) =>
      Promise.all(
        [ada, ben, eve, auditor, operator].map(async (who) => (await who.get(`/v1/receipts/${statement}`)).status),
      );
    expect(await statuses(sealedDigest!)).toEqual([200, 404, 404, 404, 404]);
    expect(await statuses(titleDigest!)).toEqual([200, 404, 404, 404, 404]);
    expect(await statuses(named[0]!)).toEqual([200, 200, 404, 200, 200]);
    const lists = await Promise.all(
      [ada, ben, eve, auditor, operator].map((who) => who.read<SealedView[]>('/v1/sealed')),
    );
    expect(lists.map(({ length }) => length)).toEqual([2, 0, 0, 0, 0]);
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
        stated: [],
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

  it('of a title is a field at a time, and a look-up shows what was stated beside an open registration', async () => {
    const stranger = new Client(app.url);
    const model = anyWeights();
    const owners = [
      { party: ada.id, share: '2/3' },
      { party: ben.id, share: '1/3' },
    ];
    const license = { expression: 'Apache-2.0', textDigest: null };
    const { weightDigest, fileDigest } = model;
    const title = titleOf(ada, { weightDigest: weightDigest!, fileDigest, owners, license, note: 'not yet told' });
    const first = await ada.made('/v1/sealed', ada.signedWrite(sealed, title.body));
    const registered = await ben.made('/v1/models', modelOf(ben.id, { weights: model }));
    const open = (...fields: TitleField[]) =>
      ada.made(
        `/v1/sealed/${first.id}/fields`,
        ada.signedWrite(fieldOpening, title.openingOf(first.id, ...fields), [first.statement]),
      );
    const shown = await open('weightDigest', 'owners');
    const told = {
      sealed: first.id,
      maker: ada.id,
      subject: 'title',
      sealedIndex: first.index,
      openedIndex: shown.index,
    };
    const stated = [
      { field: 'owners', value: owners, openedIndex: shown.index },
      { field: 'weightDigest', value: weightDigest, openedIndex: shown.index },
    ];
    expect((await stranger.get(`/v1/provenance/${fileDigest}`)).body).toMatchObject({ possessions: [] });
    const found = await stranger.read<Provenance>(`/v1/provenance/${weightDigest}`);
    expect(found.possessions).toMatchObject([{ ...told, stated, receipts: { others: [] } }]);

    const later = await open('license');
    const { matches, possessions } = await stranger.read<Provenance>(`/v1/provenance/${weightDigest}`);
    const [match, ...rest] = matches;
    expect([match!.model['id'], match!.owners[0]!.party, rest]).toEqual([registered.id, ben.id, []]);
    expect(first.index).toBeLessThan(registered.index);
    const all = [...stated, { field: 'license', value: license, openedIndex: later.index }];
    expect(possessions).toMatchObject([{ ...told, stated: all }]);
    const { receipts } = possessions[0]!;
    expect(await verifier.receipt(receipts.sealed)).toMatchObject({ body: title.body });
    expect(await verifier.receipt(receipts.opening)).toMatchObject({ body: { commitment: title.commitment } });
    expect(receipts.others.map(({ index }) => index)).toEqual([later.index]);
    expect(await stranger.read(`/v1/sealed/${first.id}`)).toMatchObject({
      subject: 'title',
      openedIndex: shown.index,
      digests: [weightDigest],
      fields: all,
    });
    expect(JSON.stringify([found, possessions])).not.toContain('not yet told');
  });

  it('of a title opens by its maker alone, once for each field, at its own address', async () => {
    const title = titleOf(ben, { name: 'digits' });
    const { id } = await ben.made('/v1/sealed', title.body);
    const path = `/v1/sealed/${id}/fields`;
    const body = title.openingOf(id, 'name');
    const absent = newId('sealed');
    const hers = titleOf(eve, { name: 'digits' });
    const foreign = await eve.post(path, hers.openingOf(id, 'name'));
    const missing = await eve.post(`/v1/sealed/${absent}/fields`, hers.openingOf(absent, 'name'));
    expect(told(foreign).text.replaceAll(id, '<id>')).toBe(told(missing).text.replaceAll(absent, '<id>'));
    expect([foreign.status, foreign.body.code]).toEqual([404, 'not_found']);
    const elsewhere = await ben.post(`/v1/sealed/${newId('sealed')}/fields`, body);
    expect([elsewhere.status, elsewhere.body.field]).toEqual([400, 'sealed']);
    const [field] = body.fields;
    for (const [change, code, at] of [
      [{ salt: newNonce() }, 'proof_invalid', 'fields.0'],
      [{ value: 'letters' }, 'proof_invalid', 'fields.0'],
      [{ field: 'price' }, 'invalid_input', 'fields.0.field'],
    ] as const) {
      const answer = await ben.post(path, { ...body, fields: [{ ...field, ...change }] });
      expect([answer.status, answer.body.code, answer.body.field]).toEqual([400, code, at]);
    }
    expect((await eve.get(`/v1/sealed/${id}`)).status).toBe(404);
    await ben.made(path, body);
    const again = await ben.post(path, body);
    expect([again.status, again.body.code, again.body.field]).toEqual([409, 'state_conflict', 'fields.0.field']);
    expect(await eve.read<SealedView>(`/v1/sealed/${id}`)).toMatchObject({
      fields: [{ field: 'name', value: 'digits' }],
    });
  });

  it('of a title shows as much before it is open, whether it says everything or nothing', async () => {
    const full = titleOf(ben, {
      ...{ name: 'digits', fileDigest: anyDigest(), weightDigest: anyDigest(), namelessDigest: anyDigest() },
      owners: [{ party: ben.id, share: '1/1' }],
      license: { expression: 'MIT', textDigest: null },
      parents: [{ digest: anyDigest(), relation: 'fine-tuned-from' }],
      ...{ datasets: [anyDigest()], instrument: anyDigest(), note: 'a note' },
    });
    expect(Object.keys(full.secret.values).sort()).toEqual([...TITLE_FIELDS].sort());
    const random = /"(?:commitment|id|key|nonce|oneTimeKey|sha256|name|signature|statedAt)":"[^"]*"/g;
    const payloads: string[] = [];
    for (const { body } of [full, titleOf(ben, {})]) {
      const { id, index, statement } = await ben.made('/v1/sealed', body);
      const { envelope } = await ben.read<Receipt>(`/v1/receipts/${statement}`);
      payloads.push(Buffer.from(envelope.payload, 'base64').toString().replaceAll(random, ''));
      const list = await eve.read<StatementList>(`/v1/statements?from=${index}&limit=1`);
      const [listed] = list.statements;
      expect(listed).toEqual({ index, visibility: 'hidden', entry: expect.any(String) as unknown });
      const entry = Buffer.from(listed!.entry, 'base64').toString('latin1');
      for (const hidden of [ben.id, id, body.commitment, 'title', 'sealed']) expect(entry).not.toContain(hidden);
    }
    expect(payloads[0]).toContain('"subject":"title"');
    expect(payloads[0]).toBe(payloads[1]);
  });

  it('is listed with all else that its maker sealed, page by page, the newest first', async () => {
    const all = await ada.read<SealedView[]>('/v1/sealed');
    expect(all.length).toBeGreaterThan(2);
    const paged: SealedView[] = [];
    for (let page = all.slice(0, 0); paged.length === 0 || page.length > 0; paged.push(...page)) {
      page = await ada.read(`/v1/sealed?limit=1&before=${paged.at(-1)?.recordedIndex ?? Number.MAX_SAFE_INTEGER}`);
      expect(page.length).toBeLessThanOrEqual(1);
    }
    expect(paged).toEqual(all);
    expect(all.map(({ recordedIndex }) => recordedIndex)).toEqual(
      all.map(({ recordedIndex }) => recordedIndex).sort((a, b) => b - a),
    );
    expect((await ada.get('/v1/sealed?limit=101')).status).toBe(400);
  });

  it('leaves a log in which every signature and row holds', async () => {
    const report = await runFsck({ database: app.database, anchorDir: app.config.anchorDir, full: true });
    expect(report).toMatchObject({ ok: true, findings: [] });
  });
});
