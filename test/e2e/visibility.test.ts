/** What the log shows to everybody of statements that are not for everybody: that there is one more, and nothing else. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { parseBundle } from '../../src/core/merkle/bundle.ts';
import { entriesPath } from '../../src/core/merkle/tile.ts';
import { toBase64 } from '../../src/core/bytes.ts';
import { apiKey, grant, registration } from '../../src/core/registry/index.ts';
import { parseEntry } from '../../src/core/statement/entry.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { newStatementKey } from '../../src/platform/crypto.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { anyDigest, modelOf } from '../support/bodies.ts';
import type { LogIdentity, Party } from '../support/client.ts';
import { Client, Operator, Verifier } from '../support/client.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(30_000);

let app: TestApp;
let operator: Operator;
let verifier: Verifier;
let [ada, ben]: Party[] = [];

beforeAll(async () => {
  app = await startTestApp();
  operator = await Operator.of(app.url, app.config.data);
  verifier = new Verifier(await operator.read<LogIdentity>('/v1/log'));
  [ada, ben] = [await operator.makeParty({ keyed: true }), await operator.makeParty()];
});
afterAll(() => app.close());

const grantTo = (licensee: string, model: string) => ({
  registration: model,
  licensee,
  actions: ['infer' as const],
  constraints: { commercial: true, territory: null, fieldOfUse: null, maxCalls: null, seats: null },
  termsDigest: anyDigest(),
  notBefore: '2020-01-01T00:00:00.000Z',
  expiresAt: null,
  sublicensing: false,
  acceptBy: '2999-01-01T00:00:00.000Z',
});
const apiKeyOf = (party: string) => ({
  party,
  secretDigest: anyDigest(),
  label: '',
  scopes: ['read'],
  expiresAt: null,
});

/** The keys that the public log shows, in its order, the last of them of a record made for that. */
async function shownKeys(): Promise<string[]> {
  const { treeSize } = await ben!.made('/v1/models', modelOf(ben!.id));
  const { bytes } = await new Client(app.url).bytes(`/${entriesPath(0, treeSize)}`);
  return parseBundle(bytes).map((entry) => toBase64(parseEntry(entry).spki));
}

describe('a statement that is not public', () => {
  let given: Receipt;
  let attested: Receipt;

  beforeAll(async () => {
    const model = await ada!.made('/v1/models', ada!.signedWrite(registration, modelOf(ada!.id)));
    given = await ada!.made(
      '/v1/grants',
      ada!.signedWrite(grant, grantTo(ben!.id, model.id), [model.statement, ben!.statement]),
    );
    const theirs = await ben!.made('/v1/models', modelOf(ben!.id));
    attested = await ben!.made('/v1/grants', grantTo(ada!.id, theirs.id));
  });

  it('shows in the log a key that stands there once and is no key of a party', async () => {
    const shown = await shownKeys();
    const registered = new Set([
      ada!.key!.spki,
      ...(await operator.read<{ keys: { publicKey: string }[] }[]>('/v1/parties')).flatMap(({ keys }) =>
        keys.map(({ publicKey }) => publicKey),
      ),
    ]);
    for (const { index, publicKey } of [given, attested]) {
      expect(shown[index]).toBe(publicKey);
      expect(registered.has(publicKey)).toBe(false);
      expect(shown.filter((spki) => spki === publicKey)).toHaveLength(1);
    }
  });

  it('has a receipt that verifies and tells whoever may read it for whom it speaks', async () => {
    const mine = await ben!.read<Receipt>(`/v1/receipts/${given.statement}`);
    expect(await verifier.receipt(mine)).toMatchObject({
      common: { maker: ada!.id },
      speaker: { fingerprint: ada!.key!.keyId },
    });
    const { verifierKey, registryParty } = await operator.read<LogIdentity>('/v1/log');
    expect(verifierKey).toMatch(/^\S+\+/);
    const registry = await ben!.read<{ keys: { fingerprint: string }[] }>(`/v1/parties/${registryParty}`);
    expect((await verifier.receipt(attested)).speaker.fingerprint).toBe(registry.keys[0]!.fingerprint);
  });

  it('is refused when its one-time key has signed another one, or is registered', async () => {
    const oneTime = newStatementKey();
    const path = `/v1/parties/${ada!.id}/api-keys`;
    const signed = (key = oneTime) => ada!.signedWrite(apiKey, apiKeyOf(ada!.id), [], {}, ada!.key, () => key);
    await ada!.made(path, signed());
    const before = await shownKeys();
    for (const [body, code] of [
      [signed(), 'one_time_key_reused'],
      [signed(ada!.key), 'one_time_key_refused'],
    ] as const) {
      expect((await ada!.post(path, body)).body).toMatchObject({ code, field: 'signedFor.oneTimeKey' });
    }
    const possession = await ben!.post(`/v1/parties/${ben!.id}/keys`, ben!.possession(oneTime));
    expect(possession.body).toMatchObject({ code: 'one_time_key_reused', field: 'spki' });
    expect((await shownKeys()).slice(0, -1)).toEqual(before);
  });

  it('is refused when two of one batch bear the same one-time key', async () => {
    const oneTime = newStatementKey();
    const path = `/v1/parties/${ada!.id}/api-keys`;
    const signed = () => ada!.signedWrite(apiKey, apiKeyOf(ada!.id), [], {}, ada!.key, () => oneTime);
    const answers = await Promise.all(Array.from({ length: 4 }, () => ada!.post(path, signed())));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
  });
});
