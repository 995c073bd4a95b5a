/**
 * A second tenant at every route that takes an id. What belongs to others and what does not exist answer identically, so
 * that nobody can tell by asking; what is public is public for all, and only its maker writes to it.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { toBase64, utf8 } from '../../src/core/bytes.ts';
import { manifestOf } from '../../src/core/registry/dataset.ts';
import { sealCommitment } from '../../src/core/registry/sealed.ts';
import { openField, TITLE_LEAVES, titleCommitment } from '../../src/core/registry/sealed-title.ts';
import { run as runKind } from '../../src/core/registry/index.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { Ledger } from '../../src/ledger/index.ts';
import { formatTimestampRequest } from '../../src/core/time/index.ts';
import { newId, sha256 } from '../../src/platform/crypto.ts';
import { MNIST_DIGESTS } from '../../src/training/mnist.ts';
import { makeDataFolder, startTestApp } from '../support/app.ts';
import { LICENSE_TEMPLATES } from '../../src/core/licensing/license-templates.ts';
import type { TestApp } from '../support/app.ts';
import type { Digest } from '../../src/core/digest.ts';
import { anyDigest, datasetOf, digestOf, modelOf } from '../support/bodies.ts';
import type { Answer, Party } from '../support/client.ts';
import { Client, Operator } from '../support/client.ts';
import { answer, makeAuthority } from '../support/timestamp-authority.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(30_000);

let app: TestApp;
let operator: Operator;
let [ada, ben, eve]: Party[] = [];
let auditor: Party;
/** What belongs to Ada, with Ben as her licensee. */
const own: Record<
  | 'apiKey'
  | 'claim'
  | 'license'
  | 'dataset'
  | 'grant'
  | 'instrument'
  | 'lineageJob'
  | 'model'
  | 'replay'
  | 'run'
  | 'sealed'
  | 'succession'
  | 'timestamp'
  | 'token'
  | 'tokenKey'
  | 'webhook',
  string
> = {
  apiKey: '',
  claim: '',
  license: '',
  dataset: '',
  grant: '',
  instrument: '',
  lineageJob: '',
  model: '',
  replay: '',
  run: '',
  sealed: '',
  succession: '',
  timestamp: '',
  token: '',
  tokenKey: '',
  webhook: '',
};
let recordedRun: string;
let statements: Record<'apiKey' | 'apiKeyRevocation' | 'grant' | 'model', string>;
const file = utf8('a file of hers');

beforeAll(async () => {
  const authority = makeAuthority();
  const roots = join(await makeDataFolder(), 'roots.pem');
  await writeFile(roots, authority.pem);
  app = await startTestApp({ env: { MUNIMENT_WEBHOOK_TARGETS: 'loopback', MUNIMENT_TSA_ROOTS: roots } });
  operator = await Operator.of(app.url, app.config.data);
  [ada, ben, eve] = [await operator.makeParty(), await operator.makeParty(), await operator.makeParty()];
  auditor = await operator.makeParty({ roles: ['auditor'] });

  const model = await ada.made('/v1/models', modelOf(ada.id));
  own.model = model.id;
  own.instrument = (
    await ada.made('/v1/instruments', {
      asset: own.model,
      terms: { type: 'assignment', share: '1/2', under: null },
      counterparties: [ben.id],
      documentDigest: null,
      executedOn: null,
      effectiveFrom: new Date().toISOString().slice(0, 10),
      jurisdiction: null,
      lapsesAt: null,
    })
  ).id;
  const { expression, terms, title } = LICENSE_TEMPLATES.find(({ id }) => id === 'open')!;
  const offered = { asset: own.model, name: title, expression, textDigest: null, terms, replaces: null };
  own.license = (await ada.made('/v1/licenses', offered)).id;
  own.claim = (
    await ada.made('/v1/claims', {
      asset: own.model,
      contested: own.model,
      share: '1/2',
      ground: 'other',
      documentDigest: null,
      executedOn: null,
      effectiveFrom: '2020-01-01',
      jurisdiction: null,
      grace: null,
      note: null,
      evidence: [],
    })
  ).id;
  own.succession = (
    await ada.made('/v1/successions', {
      type: 'merger',
      predecessor: ada.id,
      successors: [{ party: ben.id, portion: '1/1' }],
      documentDigest: anyDigest(),
      effectiveFrom: '2026-01-01',
      jurisdiction: 'DE',
    })
  ).id;
  const request = formatTimestampRequest({ imprint: sha256(file), nonce: Uint8Array.of(1) });
  const reply = answer(authority.signer, request, { time: new Date(Date.now() - 60_000) });
  const stamped = { documentDigest: digestOf(file), timestamp: toBase64(reply) };
  own.timestamp = (await ada.made('/v1/document-timestamps', stamped)).id;
  own.sealed = (await ada.made('/v1/sealed', { subject: 'model', commitment: anyDigest() })).id;
  own.dataset = (await ada.made('/v1/datasets', datasetOf([{ name: 'a', bytes: file }]))).id;
  const apiKey = await ada.made<{ receipt: Receipt }>(`/v1/parties/${ada.id}/api-keys`, {});
  own.apiKey = apiKey.receipt.id;
  const ended = await ada.made<{ receipt: Receipt }>(`/v1/parties/${ada.id}/api-keys`, {});
  const revocation = await ada.made(`/v1/api-keys/${ended.receipt.id}/revoke`, { reason: 'private' });
  const grant = await ada.made('/v1/grants', {
    registration: own.model,
    licensee: ben.id,
    actions: ['infer'],
    constraints: { commercial: true, territory: null, fieldOfUse: null, maxCalls: null, seats: null },
    termsDigest: anyDigest(),
    notBefore: '2020-01-01T00:00:00.000Z',
    expiresAt: null,
    sublicensing: false,
    acceptBy: '2999-01-01T00:00:00.000Z',
  });
  own.grant = grant.id;
  await ben.made(`/v1/grants/${grant.id}/acts`, { act: 'accept' });
  statements = {
    apiKey: apiKey.receipt.statement,
    apiKeyRevocation: revocation.statement,
    grant: grant.statement,
    model: model.statement,
  };
  const token = await new Client(app.url).send(
    'POST',
    '/oauth/token',
    new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: `apikey_${ben.apiKey.split('_')[1]}`,
      client_secret: ben.apiKey,
      grant_id: own.grant,
      audience: 'https://inference.example',
    }).toString(),
    { 'content-type': 'application/x-www-form-urlencoded' },
  );
  expect([token.status, token.text]).toEqual([200, expect.any(String)]);
  own.token = (token.body as { jti: string }).jti;
  own.tokenKey = (await ben.read<{ keys: { kid: string }[] }>('/.well-known/jwks.json')).keys[0]!.kid;

  own.webhook = (
    await ada.made<{ id: string }>('/v1/webhooks', { url: 'http://127.0.0.1:9/', events: ['statement.recorded'] })
  ).id;

  // MNIST's files come with the program, so that a run on them is taken at once.
  const files = Object.entries(MNIST_DIGESTS).map(([name, digest]) => ({ name, bytes: 1, digest }));
  const bundled = await ada.made('/v1/datasets', datasetOf([], manifestOf(sha256, files)));
  const run = await ada.made<{ id: string }>('/v1/runs', {
    name: 'a queued run',
    dataset: bundled.id,
    hyperparameters: {},
    owners: [{ party: ada.id, share: '1' }],
    license: { expression: 'MIT', textDigest: null },
  });
  own.run = run.id;

  // Of a run on record, which no worker has to train for this.
  const ledger = app.app.nest.get(Ledger);
  const figures = { loss: 1, trainAccuracy: 1, validationAccuracy: null, testAccuracy: 1, seconds: 1 };
  const recorded = await ledger.attest(runKind, {
    maker: ledger.registryParty,
    body: {
      owner: ada.id,
      dataset: bundled.id,
      hyperparameters: { epochs: 1 },
      preprocessing: {},
      code: { digest: anyDigest(), version: '1' },
      environment: { backend: 'wasm' },
      compute: {},
      startedOn: '2026-01-02T03:04:05.000Z',
      finishedOn: '2026-01-02T03:05:05.000Z',
      epochs: [{ ...figures, epoch: 1, weightDigest: anyDigest() }],
      testImages: 1,
      result: {
        weightDigest: anyDigest(),
        namelessDigest: anyDigest(),
        fileDigest: anyDigest(),
        bytes: 1,
        tensors: 1,
        parameters: 1,
      },
    },
  });
  recordedRun = recorded.id;
  own.replay = (await ada.made<{ id: string }>('/v1/replay-jobs', { run: recorded.id })).id;
  own.lineageJob = await checkOfLineage();
});

/** Of a model and its parent, both kept here. */
async function checkOfLineage(): Promise<string> {
  let above: Digest | undefined;
  let id = '';
  for (const bytes of [utf8('a parent'), utf8('its child')]) {
    const fileDigest = digestOf(bytes);
    const unread = { weightDigest: null, namelessDigest: null, container: 'other', tensors: null, parameters: null };
    const weights = { fileDigest, bytes: bytes.length, ...unread };
    const parents = above === undefined ? [] : [{ digest: above, relation: 'converted-from' as const }];
    ({ id } = await ada!.made('/v1/models', modelOf(ada!.id, { weights, parents })));
    expect((await ada!.put(`/v1/models/${id}/artifact`, bytes)).status).toBe(204);
    above = fileDigest;
  }
  const { body } = await ada!.get(`/v1/lineage-check-jobs?registration=${id}`);
  return (body as { id: string }[])[0]!.id;
}
afterAll(() => app.close());

type Thing = keyof typeof own | 'party';
const idOf = (thing: Thing) => (thing === 'party' ? ada!.id : own[thing]);
const missingId = (thing: Thing) => (thing === 'tokenKey' ? 'A'.repeat(43) : newId(WORDS[thing]));
const WORDS = {
  apiKey: 'apikey',
  claim: 'adverseclaim',
  license: 'license',
  dataset: 'dataset',
  grant: 'grant',
  instrument: 'instrument',
  lineageJob: 'lineagejob',
  model: 'registration',
  party: 'party',
  replay: 'replay',
  run: 'run',
  sealed: 'sealed',
  succession: 'succession',
  timestamp: 'documenttimestamp',
  token: 'token',
  webhook: 'webhook',
};

interface Route {
  method: 'DELETE' | 'GET' | 'POST' | 'PUT';
  path: string;
  thing: Thing;
  body?: object | Uint8Array | ((id: string) => object);
  /** A record that everybody may read: then an honest refusal to write tells nothing new. */
  open?: 'read' | 'write';
}

/** An opening that fits together, of whatever is called `id`. */
function openingBy({ id: maker, origin }: Party, id: string) {
  const secret = { subject: 'model' as const, salt: '0'.repeat(32), digests: [digest] };
  return { sealed: id, commitment: sealCommitment(sha256, { origin, maker }, secret), ...secret };
}

/** An opening of a field that fits together, of whatever is called `id`. */
function fieldOpeningBy({ id: maker, origin }: Party, id: string) {
  const by = { origin, maker };
  const secret = { salts: Array.from({ length: TITLE_LEAVES }, () => '0'.repeat(32)), values: { name: 'hers' } };
  const fields = [openField(sha256, by, secret, 'name')];
  return { sealed: id, commitment: titleCommitment(sha256, by, secret), fields };
}

const digest = digestOf(file);
const anyDelivery = newId('delivery');
const anyBlock = newId('usageblock');
const oneUse = {
  id: newId('usagereport'),
  uses: [{ token: null, action: 'infer', calls: 1 }],
  from: '2026-01-01T00:00:00.000Z',
  to: '2026-01-01T00:00:00.000Z',
};
const ROUTES: Route[] = [
  { method: 'GET', path: '/v1/parties/:id', thing: 'party', open: 'read' },
  { method: 'GET', path: '/v1/parties/:id/keys', thing: 'party', open: 'read' },
  {
    method: 'POST',
    path: '/v1/parties/:id/keys',
    thing: 'party',
    body: { spki: '', fingerprint: anyDigest(), possession: '' },
  },
  {
    method: 'POST',
    path: '/v1/parties/:id/key-revocations',
    thing: 'party',
    body: { fingerprint: anyDigest(), reason: 'lost', successor: null },
  },
  { method: 'POST', path: '/v1/parties/:id/api-keys', thing: 'party', body: {} },
  { method: 'GET', path: '/v1/parties/:id/contributions', thing: 'party', open: 'read' },
  { method: 'GET', path: '/v1/parties/:id/compute', thing: 'party', open: 'read' },
  { method: 'GET', path: '/v1/parties/:id/quota', thing: 'party' },
  { method: 'POST', path: '/v1/parties/:id/quota', thing: 'party', body: { coreSeconds: null, runsAtOnce: null } },
  { method: 'POST', path: '/v1/api-keys/:id/revoke', thing: 'apiKey', body: {} },
  { method: 'GET', path: '/v1/datasets/:id', thing: 'dataset', open: 'read' },
  { method: 'PUT', path: `/v1/datasets/:id/files/:digest`, thing: 'dataset', body: file, open: 'write' },
  { method: 'GET', path: '/v1/models/:id', thing: 'model', open: 'read' },
  { method: 'PUT', path: '/v1/models/:id/artifact', thing: 'model', body: file, open: 'write' },
  { method: 'GET', path: '/v1/models/:id/artifact', thing: 'model' },
  { method: 'GET', path: '/v1/models/:id/accesses', thing: 'model', open: 'read' },
  { method: 'GET', path: '/v1/models/:id/accesses/:number', thing: 'model' },
  { method: 'GET', path: '/v1/models/:id/obligations', thing: 'model', open: 'read' },
  { method: 'GET', path: '/v1/models/:id/lineage', thing: 'model', open: 'read' },
  { method: 'GET', path: '/v1/models/:id/release', thing: 'model', open: 'read' },
  { method: 'GET', path: '/v1/models/:id/signatures', thing: 'model', open: 'read' },
  { method: 'GET', path: '/v1/titles/:asset', thing: 'model', open: 'read' },
  { method: 'GET', path: '/v1/titles/:asset/abstract', thing: 'model', open: 'read' },
  { method: 'GET', path: '/v1/parties/:id/titles', thing: 'party', open: 'read' },
  { method: 'GET', path: '/v1/parties/:id/interests', thing: 'party', open: 'read' },
  { method: 'GET', path: '/v1/instruments/:id', thing: 'instrument', open: 'read' },
  { method: 'POST', path: '/v1/instruments/:id/acts', thing: 'instrument', body: { act: 'accept' }, open: 'write' },
  { method: 'GET', path: '/v1/models/:id/disclosures/:form', thing: 'model', open: 'read' },
  { method: 'GET', path: '/v1/runs/:id', thing: 'run' },
  { method: 'GET', path: '/v1/runs/:id/contributors', thing: 'run' },
  { method: 'GET', path: '/v1/runs/:id/events', thing: 'run' },
  { method: 'POST', path: '/v1/runs/:id/cancel', thing: 'run', body: {} },
  { method: 'GET', path: '/v1/runs/:id/artifact', thing: 'run' },
  { method: 'GET', path: '/v1/lineage-check-jobs/:id', thing: 'lineageJob' },
  { method: 'GET', path: '/v1/replay-jobs/:id', thing: 'replay' },
  { method: 'GET', path: '/v1/replay-jobs/:id/events', thing: 'replay' },
  { method: 'POST', path: '/v1/replay-jobs/:id/cancel', thing: 'replay', body: {} },
  { method: 'GET', path: '/v1/sealed/:id', thing: 'sealed' },
  { method: 'POST', path: '/v1/sealed/:id/open', thing: 'sealed', body: (id) => openingBy(eve!, id) },
  { method: 'POST', path: '/v1/sealed/:id/fields', thing: 'sealed', body: (id) => fieldOpeningBy(eve!, id) },
  { method: 'GET', path: '/v1/document-timestamps/:id', thing: 'timestamp', open: 'read' },
  { method: 'GET', path: '/v1/claims/:id', thing: 'claim', open: 'read' },
  { method: 'POST', path: '/v1/claims/:id/acts', thing: 'claim', body: { act: 'withdraw' }, open: 'write' },
  { method: 'GET', path: '/v1/successions/:id', thing: 'succession', open: 'read' },
  { method: 'POST', path: '/v1/successions/:id/acts', thing: 'succession', body: { act: 'accept' }, open: 'write' },
  { method: 'GET', path: '/v1/licenses/:id', thing: 'license', open: 'read' },
  { method: 'POST', path: '/v1/licenses/:id/withdraw', thing: 'license', body: {}, open: 'write' },
  { method: 'GET', path: '/v1/grants/:id', thing: 'grant' },
  { method: 'POST', path: '/v1/grants/:id/acts', thing: 'grant', body: { act: 'suspend' } },
  { method: 'GET', path: '/v1/grants/:id/usage', thing: 'grant' },
  { method: 'POST', path: '/v1/grants/:id/usage', thing: 'grant', body: oneUse },
  { method: 'GET', path: '/v1/grants/:id/usage-blocks', thing: 'grant' },
  { method: 'POST', path: '/v1/grants/:id/usage-blocks', thing: 'grant', body: { id: newId('usageblock'), calls: 1 } },
  { method: 'POST', path: '/v1/grants/:id/usage-blocks/:block/settle', thing: 'grant', body: {} },
  { method: 'GET', path: '/v1/grants/:id/seats', thing: 'grant' },
  { method: 'POST', path: '/v1/grants/:id/seats', thing: 'grant', body: {} },
  { method: 'DELETE', path: '/v1/grants/:id/seats/:holder', thing: 'grant' },
  { method: 'GET', path: '/v1/tokens/:jti', thing: 'token' },
  { method: 'POST', path: '/v1/tokens/:jti/revoke', thing: 'token', body: {} },
  { method: 'POST', path: '/v1/token-keys/:kid/retire', thing: 'tokenKey', body: {} },
  { method: 'GET', path: '/v1/webhooks/:id', thing: 'webhook' },
  { method: 'DELETE', path: '/v1/webhooks/:id', thing: 'webhook' },
  { method: 'POST', path: '/v1/webhooks/:id/secret', thing: 'webhook', body: {} },
  { method: 'GET', path: '/v1/webhooks/:id/deliveries', thing: 'webhook' },
  { method: 'POST', path: '/v1/webhooks/:id/deliveries/:deliveryId/replay', thing: 'webhook', body: {} },
];

function ask(caller: Client, { method, path, body }: Route, id: string): Promise<Answer> {
  const address = path
    .replace(/:(?:asset|id|jti|kid)/, id)
    .replace(':digest', digest)
    .replace(':deliveryId', anyDelivery)
    .replace(':block', anyBlock)
    .replace(':holder', 'A'.repeat(43))
    .replace(':number', '1')
    .replace(':form', 'cn-filing');
  if (body instanceof Uint8Array) return caller.put(address, body);
  if (method === 'DELETE') return caller.send(method, address, undefined, {});
  return body === undefined
    ? caller.get(address)
    : caller.send(method, address, JSON.stringify(typeof body === 'function' ? body(id) : body), {
        'content-type': 'application/json',
      });
}

/** All that a caller can tell answers apart by, the id itself left out. */
const told = (id: string, { status, text, headers }: Answer) => ({
  status,
  type: headers.get('content-type'),
  text: text.replaceAll(id, '<id>').replace(/"requestId":"[^"]*"/, ''),
});

it('knows every route that takes an id', () => {
  const taken = app.app.routes.filter(
    ({ path, method }) => path.includes(':') && method !== 'HEAD' && method !== 'OPTIONS',
  );
  // These name no record: the content of statements is tested below, look-ups and schemas are public. A signature is
  // refused by what it says, in model-signatures.test.ts.
  const others = [
    'GET /statuslists/:number',
    'GET /v1/map/:hash',
    'GET /v1/schemas/:kind',
    'GET /v1/provenance/:hash',
    'GET /v1/receipts/:digest',
    'GET /v1/timestamps/:size',
    'GET /v1/timestamps/:size/checkpoint',
    'GET /v1/model-signatures/:id/bundle',
    'POST /v1/models/:id/signatures',
    'GET /v1/behaviours/:registration',
  ];
  expect(taken.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(
    [...ROUTES.map(({ method, path }) => `${method} ${path}`), ...others].sort(),
  );
});

describe.each(ROUTES)('$method $path', (route) => {
  const { thing, open } = route;
  if (open === undefined) {
    it('answers a second tenant alike about what is not theirs and what does not exist', async () => {
      const missing = missingId(thing);
      const [foreign, absent] = [await ask(eve!, route, idOf(thing)), await ask(eve!, route, missing)];
      expect(told(idOf(thing), foreign)).toEqual(told(missing, absent));
      expect([403, 404]).toContain(foreign.status);
    });
  } else {
    it(
      open === 'read' ? 'is open to a second tenant' : 'refuses a second tenant, as everybody may know that it exists',
      async () => {
        const { status, body } = await ask(eve!, route, idOf(thing));
        expect([status, body.code]).toEqual(open === 'read' ? [200, undefined] : [403, 'forbidden']);
        expect((await ask(eve!, route, missingId(thing))).body).toMatchObject({ status: 404, code: 'not_found' });
      },
    );
  }

  it.each(['%00', "'", '..%2f..', 'x'.repeat(60), '%F0%9F%98%80', 'a%20b'])('survives an id such as %s', async (id) => {
    const { status, body } = await ask(eve!, route, id);
    expect(status).toBeGreaterThanOrEqual(400);
    expect([status, body.code]).toEqual([expect.any(Number), expect.not.stringMatching(/internal|database/)]);
    expect(status).toBeLessThan(500);
  });
});

it('lets what was asked for above still stand: nobody but its owner changed anything', async () => {
  expect(await ada!.read(`/v1/grants/${own.grant}`)).toMatchObject({ state: 'active' });
  expect(await ada!.read(`/v1/runs/${own.run}`)).toMatchObject({ state: 'queued' });
  expect(await ada!.read(`/v1/webhooks/${own.webhook}`)).toMatchObject({ previousSecretUntil: null });
  const whoami = await ada!.read<{ apiKeyId: string }>('/v1/whoami');
  expect(whoami.apiKeyId).toMatch(/^apikey_/);
  const { status } = await ada!.post(`/v1/api-keys/${own.apiKey}/revoke`, {});
  expect(status).toBe(200);
});

describe('a statement', () => {
  const receipt = (caller: Client, statement: string) => caller.get(`/v1/receipts/${statement}`);

  it.each(['apiKey', 'apiKeyRevocation', 'grant'] as const)(
    'about a private matter (%s) answers strangers like one that does not exist',
    async (name) => {
      const absent = anyDigest();
      for (const caller of [eve!, new Client(app.url), new Client(app.url, 'mun_invalid')]) {
        const [foreign, missing] = [await receipt(caller, statements[name]), await receipt(caller, absent)];
        expect(told(statements[name], foreign)).toEqual(told(absent, missing));
        expect(foreign.status).toBe(404);
      }
    },
  );

  it('is read by those it names, by registrar and auditors', async () => {
    const readers = async (statement: string) =>
      Promise.all(
        [ada!, ben!, eve!, auditor, operator].map(async (caller) => (await receipt(caller, statement)).status),
      );
    expect(await readers(statements.apiKey)).toEqual([200, 404, 404, 200, 200]);
    expect(await readers(statements.apiKeyRevocation)).toEqual([200, 404, 404, 200, 200]);
    expect(await readers(statements.grant)).toEqual([200, 200, 404, 200, 200]);
    expect(await readers(statements.model)).toEqual([200, 200, 200, 200, 200]);
  });

  it('shows in the public tiles as a digest, a signature and a key, and nothing that it says', async () => {
    const { treeSize } = await new Client(app.url).read<{ treeSize: number }>('/v1/log');
    const { status, bytes } = await new Client(app.url).bytes(`/tile/entries/000.p/${treeSize}`);
    expect(status).toBe(200);
    const text = Buffer.from(bytes).toString('utf8');
    expect(text).toContain('hashedrekord');
    for (const hidden of [own.grant, own.apiKey, ben!.id, eve!.id, 'private']) expect(text).not.toContain(hidden);
  });
});

describe('a list', () => {
  it('of grants holds those of its reader alone', async () => {
    const ids = async (caller: Client) => (await caller.read<{ id: string }[]>('/v1/grants')).map(({ id }) => id);
    expect(await Promise.all([ada!, ben!, auditor].map(ids))).toEqual([[own.grant], [own.grant], [own.grant]]);
    expect(await ids(eve!)).toEqual([]);
    expect(await eve!.read(`/v1/grants?registration=${own.model}`)).toEqual([]);
  });

  it("of runs leaves out another party's run that is not on record", async () => {
    const ids = async (caller: Client) => (await caller.read<{ id: string }[]>('/v1/runs')).map(({ id }) => id);
    expect(await ids(ada!)).toEqual([own.run, recordedRun]);
    expect(await ids(eve!)).toEqual([recordedRun]);
    expect(await ids(new Client(app.url))).toEqual([recordedRun]);
  });
});

it('an auditor reads everything and writes nothing', async () => {
  expect((await auditor.get(`/v1/grants/${own.grant}`)).status).toBe(200);
  expect((await auditor.get(`/v1/runs/${own.run}`)).status).toBe(200);
  for (const path of [
    `/v1/grants/${own.grant}/acts`,
    `/v1/runs/${own.run}/cancel`,
    `/v1/api-keys/${own.apiKey}/revoke`,
  ]) {
    const { status } = await auditor.post(path, path.endsWith('acts') ? { act: 'suspend' } : {});
    expect([403, 404]).toContain(status);
  }
});
