/**
 * An owner signs a registered model for other tools: by the API with every refusal, and by the command line, whose bundle
 * and look-up carry outside time. Strangers' verifiers are set on the bundle in test/interop.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fromBase64 } from '../../src/core/bytes.ts';
import type { Digest } from '../../src/core/digest.ts';
import { modelSignature, registration } from '../../src/core/registry/index.ts';
import type { ModelSignatureBody } from '../../src/core/registry/model-signature.ts';
import { rootDigestOf } from '../../src/core/registry/model-signature.ts';
import type { RegistrationBody } from '../../src/core/registry/registration.ts';
import { parseEnvelope } from '../../src/core/statement/dsse.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { verifyTimestamp } from '../../src/core/time/index.ts';
import type { SigstoreBundle } from '../../src/exchange/sigstore-bundle.ts';
import { sha256, timestampCrypto } from '../../src/platform/crypto.ts';
import type { TestApp } from '../support/app.ts';
import { startTestApp } from '../support/app.ts';
import { anyDigest, modelOf } from '../support/bodies.ts';
import type { LogIdentity, Party } from '../support/client.ts';
import { Client, Operator } from '../support/client.ts';
import type { RunningAuthority } from '../support/timestamp-authority.ts';
import { answer, makeAuthority, replyWith, startAuthority } from '../support/timestamp-authority.ts';
import { Users, writeModel } from './cli-user.ts';

const { signer, roots, pem } = makeAuthority();
const honest = replyWith((request) => answer(signer, request));

let authority: RunningAuthority;
let app: TestApp;
let operator: Operator;
let users: Users;
let [ada, ben, eve]: Party[] = [];
let body: RegistrationBody;
let model: Receipt;

beforeAll(async () => {
  authority = await startAuthority(honest);
  users = await Users.at('http://127.0.0.1:1');
  await writeFile(users.path('roots.pem'), pem);
  app = await startTestApp({
    env: {
      MUNIMENT_TSA_URL: authority.url,
      MUNIMENT_TSA_ROOTS: users.path('roots.pem'),
      MUNIMENT_TSA_INTERVAL_SECONDS: '1',
    },
  });
  operator = await Operator.of(app.url, app.config.data);
  ada = await operator.makeParty({ name: 'Ada', keyed: true });
  ben = await operator.makeParty({ name: 'Ben', keyed: true });
  eve = await operator.makeParty({ name: 'Eve' });
  body = modelOf(ada.id, {
    owners: [
      { party: ada.id, share: '1/2' },
      { party: eve.id, share: '1/2' },
    ],
  });
  model = await ada.made('/v1/models', ada.signedWrite(registration, body));
});
afterAll(async () => {
  await users.remove();
  await app.close();
  await authority.close();
});

const signatureOf = (different: Partial<ModelSignatureBody> = {}): ModelSignatureBody => {
  const fileDigest = different.fileDigest ?? body.weights.fileDigest;
  const rootDigest = rootDigestOf(sha256, [fileDigest]);
  return { registration: model.id, name: body.name, fileDigest, rootDigest, ...different };
};
const path = () => `/v1/models/${model.id}/signatures`;
const signed = (by: Party, what = signatureOf(), basis: Digest[] = [model.statement], common = {}) =>
  by.signedWrite(modelSignature, what, basis, common);

describe("a model's signature", () => {
  it('goes on record with a receipt, in the form that other tools know, and is listed', async () => {
    const receipt = await ada!.made(path(), signed(ada!));
    const statement = JSON.parse(Buffer.from(receipt.envelope.payload, 'base64').toString()) as {
      subject: unknown;
      predicate: { resources: unknown };
    };
    const hex = (digest: string) => digest.slice('sha256:'.length);
    const { fileDigest } = body.weights;
    expect(statement).toMatchObject({
      predicateType: 'https://model_signing/signature/v1.0',
      subject: [{ name: body.name, digest: { sha256: hex(rootDigestOf(sha256, [fileDigest])) } }],
      predicate: { resources: [{ name: '.', algorithm: 'sha256', digest: hex(fileDigest) }] },
    });
    expect(await new Client(app.url).read(path())).toContainEqual({
      id: receipt.id,
      maker: ada!.id,
      statement: receipt.statement,
      recordedIndex: receipt.index,
    });
  });

  it.each<[attack: string, write: () => object, code: string, status: number]>([
    ['over another file', () => signed(ada!, signatureOf({ fileDigest: anyDigest() })), 'digest_mismatch', 400],
    ['over another name', () => signed(ada!, signatureOf({ name: 'a famous model' })), 'invalid_input', 400],
    [
      'over another model than the address says',
      () => signed(ada!, signatureOf({ registration: 'registration_00000000000000000000000000' })),
      'invalid_input',
      400,
    ],
    [
      'whose root digest is made up',
      () => signed(ada!, signatureOf({ rootDigest: anyDigest() })),
      'digest_mismatch',
      400,
    ],
    ['that rests on no record', () => signed(ada!, signatureOf(), []), 'basis_stale', 409],
    [
      'meant for another log',
      () => signed(ada!, signatureOf(), [model.statement], { origin: 'other.log/0' }),
      'signature_invalid',
      401,
    ],
    ['that another party made', () => signed(ben!), 'forbidden', 403],
    ['that the registry should make', () => signatureOf(), 'invalid_input', 400],
    ['of another kind', () => ada!.signedWrite(registration, modelOf(ada!.id)), 'invalid_input', 400],
  ])('%s is refused', async (_, write, code, status) => {
    expect(await ada!.post(path(), write())).toMatchObject({ status, body: { code } });
  });

  it('by a party that owns no share is refused', async () => {
    expect(await ben!.post(path(), signed(ben!))).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  });

  it('by an owner without a key is refused: nobody signs for her', async () => {
    const receipt = app.app.nest.get((await import('../../src/ledger/index.ts')).Ledger);
    await expect(receipt.attest(modelSignature, { maker: eve!.id, body: signatureOf() })).rejects.toMatchObject({
      code: 'signature_required',
    });
  });

  it('is unknown for a model that is not there', async () => {
    expect(await new Client(app.url).get('/v1/models/registration_0/signatures')).toMatchObject({ status: 404 });
    expect(await new Client(app.url).get('/v1/model-signatures/modelsignature_0/bundle')).toMatchObject({
      status: 404,
    });
  });
});

describe('its bundle', () => {
  const bundleOf = (id: string, query = '') =>
    new Client(app.url).read<SigstoreBundle>(`/v1/model-signatures/${id}/bundle${query}`);

  it('carries envelope, log entry with proof, and a timestamp over the signature that stays the same', async () => {
    const receipt = await ada!.made(path(), signed(ada!));
    const bundle = await bundleOf(receipt.id);
    expect(bundle.dsseEnvelope).toEqual(receipt.envelope);
    const { tlogEntries, timestampVerificationData } = bundle.verificationMaterial;
    expect(tlogEntries[0].logIndex).toBe(String(receipt.index));
    const { verifierKey } = await ada!.read<LogIdentity>('/v1/log');
    const keyId = Buffer.from(tlogEntries[0].logId.keyId, 'base64').toString('hex');
    expect(keyId.slice(0, 8)).toBe(verifierKey.split('+')[1]);
    const [{ signedTimestamp }] = timestampVerificationData.rfc3161Timestamps as [{ signedTimestamp: string }];
    const { signature } = parseEnvelope(receipt.envelope);
    const stamped = verifyTimestamp(timestampCrypto, fromBase64(signedTimestamp), { data: signature, roots });
    expect(stamped.authority).toBe('Test Time');
    const again = await Promise.all([1, 2, 3].map(() => bundleOf(receipt.id)));
    for (const { verificationMaterial } of again) {
      expect(verificationMaterial.timestampVerificationData).toEqual(timestampVerificationData);
    }
  });

  it('is refused by name while the authority is down, and then made; without time it never waits', async () => {
    const receipt = await ada!.made(path(), signed(ada!));
    authority.behave((_, response) => void response.socket?.destroy());
    const { status, body: problem } = await new Client(app.url).get(`/v1/model-signatures/${receipt.id}/bundle`);
    expect([status, problem]).toEqual([503, expect.objectContaining({ code: 'timestamp_unavailable' })]);
    const timeless = await bundleOf(receipt.id, '?time=none');
    expect(timeless.verificationMaterial.timestampVerificationData.rfc3161Timestamps).toEqual([]);
    authority.behave(honest);
    const { verificationMaterial } = await bundleOf(receipt.id);
    expect(verificationMaterial.timestampVerificationData.rfc3161Timestamps).toHaveLength(1);
  });
});

describe('the command line', () => {
  const file = () => users.path('model.safetensors');
  let acme: Users;

  beforeAll(async () => {
    acme = await Users.at(app.url);
    await acme.do('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
    await acme.join('registrar', 'acme', 'Acme Labs');
    await acme.join('registrar', 'beta', 'Beta Corp');
    await writeModel(file(), [1, 2, 3, 4]);
    await acme.do('acme', 'keygen', '--register');
    await acme.do('acme', 'register', file(), '--name', 'digits', '--owner', 'Acme Labs', '--license', 'MIT');
    await acme.do('acme', 'trust', 'pin');
  });
  afterAll(() => acme.remove());

  const out = () => acme.path('model.sig');

  it('signs, writes the bundle and the public key, and signs once however often it is asked', async () => {
    const args = ['export', file(), '--format', 'oms', '--out', out(), '--public-key', acme.path('owner.pem')];
    const first = await acme.do<{ signature: string; existedBefore: string; authority: string }>('acme', ...args);
    expect(first).toMatchObject({ authority: 'Test Time', signature: expect.stringMatching(/^modelsignature_/) });
    expect(Date.parse(first.existedBefore)).toBeGreaterThan(Date.now() - 3_600_000);
    expect(await acme.do('acme', ...args)).toMatchObject({ signature: first.signature });
    const bundle = JSON.parse(await readFile(out(), 'utf8')) as SigstoreBundle;
    expect(bundle.mediaType).toBe('application/vnd.dev.sigstore.bundle.v0.3+json');
    const publicKey = await readFile(acme.path('owner.pem'), 'utf8');
    expect(publicKey).toMatch(/^-----BEGIN PUBLIC KEY-----\n[^]{64}\n[^]{60}\n-----END PUBLIC KEY-----\n$/);
    const hint = Buffer.from(sha256(Buffer.from(publicKey))).toString('hex');
    expect(bundle.verificationMaterial.publicKey.hint).toBe(hint);
  });

  it('refuses to sign what is not mine, what is not on record, and without a key', async () => {
    const args = (what: string) => ['export', what, '--format', 'oms', '--out', out()];
    await acme.do('beta', 'keygen', '--register');
    expect(await acme.run('beta', ...args(file()))).toMatchObject({ code: 3, value: { code: 'not_found' } });
    await writeModel(acme.path('other.safetensors'), [9]);
    expect(await acme.run('acme', ...args(acme.path('other.safetensors')))).toMatchObject({ code: 3 });
    await acme.join('registrar', 'gamma', 'Gamma');
    expect(await acme.run('gamma', ...args(file()))).toMatchObject({ code: 1, value: { code: 'signature_required' } });
    expect(await acme.run('acme', 'export', file(), '--format', 'zip')).toMatchObject({ code: 2 });
  });

  interface Timed {
    matches: { time: { existedBefore: string; authority: string; trusted: boolean } | null }[];
  }

  it('a look-up says who attests the time, and that nobody vouches for him before his root is trusted', async () => {
    let found = await acme.do<Timed>('acme', 'lookup', file());
    while (found.matches[0]!.time === null) found = await acme.do<Timed>('acme', 'lookup', file());
    expect(found.matches[0]!.time).toMatchObject({ authority: 'Test Time', trusted: false });

    expect(await acme.run('acme', 'trust', 'add')).toMatchObject({ code: 2 });
    expect(await acme.run('acme', 'trust', 'add', '--tsa-root', file())).toMatchObject({ code: 1 });
    expect(await acme.do('acme', 'trust', 'add', '--tsa-root', users.path('roots.pem'))).toMatchObject({
      tsaRoots: ['Test Time Root'],
      added: 1,
    });
    expect(await acme.do('acme', 'trust', 'show')).toMatchObject({ tsaRoots: ['Test Time Root'] });
    const trusted = await acme.do<Timed>('acme', 'lookup', file());
    expect(trusted.matches[0]!.time).toMatchObject({ authority: 'Test Time', trusted: true });

    const kept = acme.path('lookup.json');
    await writeFile(kept, JSON.stringify(trusted));
    expect(await acme.do('acme', 'log', 'verify', kept)).toMatchObject({
      verdict: 'proved',
      time: trusted.matches[0]!.time,
    });
  });

  it('a kept look-up whose time was exchanged does not verify', async () => {
    const kept = await acme.do<{ matches: { receipts: { registration: Receipt } }[] }>('acme', 'lookup', file());
    const { time } = kept.matches[0]!.receipts.registration;
    const reply = Buffer.from(time!.timestamp, 'base64');
    reply[reply.length - 3]! ^= 1;
    time!.timestamp = reply.toString('base64');
    await writeFile(acme.path('forged.json'), JSON.stringify(kept));
    expect(await acme.run('acme', 'log', 'verify', acme.path('forged.json'))).toMatchObject({
      code: 1,
      value: { code: 'timestamp_invalid' },
    });
  });
});
