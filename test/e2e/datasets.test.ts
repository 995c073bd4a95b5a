/** Dataset versions over HTTP: their facts, their immutability, and the files that workers train on. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { utf8 } from '../../src/core/bytes.ts';
import { dataset } from '../../src/core/registry/index.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { newId } from '../../src/platform/crypto.ts';
import { MNIST_DIGESTS } from '../../src/training/mnist.ts';
import { mnistFolder } from '../../src/training/index.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { anyDigest, datasetOf, digestOf, heldDatasetOf } from '../support/bodies.ts';
import type { LogIdentity, Party } from '../support/client.ts';
import { Client, Operator, Verifier } from '../support/client.ts';
import { query } from '../support/postgres.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(30_000);

let app: TestApp;
let operator: Operator;
let verifier: Verifier;
let ada: Party;

beforeAll(async () => {
  app = await startTestApp();
  operator = await Operator.of(app.url, app.config.data);
  verifier = new Verifier(await operator.read<LogIdentity>('/v1/log'));
  ada = await operator.makeParty();
});
afterAll(() => app.close());

const file = (text: string) => ({ name: 'a.idx', bytes: utf8(text) });
const size = async () =>
  Number((await query<{ n: string }>(app.database.superuserUrl, 'SELECT count(*) AS n FROM ledger.statement'))[0]!.n);

/** Every file in the artifact store, temporary ones included. */
async function stored(): Promise<string[]> {
  const found = await readdir(app.config.artifactDir, { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

describe('a dataset version', () => {
  it('says what MNIST is: its four files, where they come from, whose they are and on which terms', async () => {
    const names = Object.keys(MNIST_DIGESTS);
    const files = await Promise.all(
      names.map(async (name) => ({ name, bytes: await readFile(join(mnistFolder(), name)) })),
    );
    const body = datasetOf(files, {
      name: 'mnist',
      originUrl: 'http://yann.lecun.com/exdb/mnist',
      license: { expression: 'CC-BY-SA-3.0', status: 'asserted' },
      holder: { name: 'Yann LeCun and Corinna Cortes', party: null },
      collection: 'A selection from NIST Special Databases 1 and 3, centred and scaled to 28 × 28.',
    });
    expect(Object.fromEntries(body.files.map(({ name, digest }) => [name, digest]))).toEqual(MNIST_DIGESTS);
    const receipt = await ada.made('/v1/datasets', body);
    await verifier.receipt(receipt);
    const { id, statement, index: recordedIndex } = receipt;
    const holder = { ...body.holder, nameCommitment: expect.stringMatching(/^sha256:/) as unknown };
    const view = { ...body, holder, id, maker: ada.id, statement, recordedIndex };
    const stranger = new Client(app.url);
    expect(await stranger.read(`/v1/datasets/${receipt.id}`)).toEqual(view);
    expect(await stranger.read(`/v1/datasets?manifest=${body.manifestDigest}`)).toEqual([view]);

    // Eight times the limit of a body: files stream through.
    const images = files.find(({ name }) => name === 't10k-images-idx3-ubyte')!.bytes;
    const path = `/v1/datasets/${receipt.id}/files/${digestOf(images)}`;
    expect((await ada.put(path, images)).status).toBe(204);
    expect((await ada.put(path, images)).status).toBe(204);
  });

  it('is signed by its maker where the maker has a key', async () => {
    const ben = await operator.makeParty({ keyed: true });
    const body = heldDatasetOf(ben.id, [file('ben')]);
    const receipt = await ben.made('/v1/datasets', ben.signedWrite(dataset, body));
    expect(await verifier.receipt(receipt)).toMatchObject({ common: { maker: ben.id }, fingerprint: ben.key!.keyId });
    const plain = await ben.post('/v1/datasets', datasetOf([file('ben 2')]));
    expect([plain.status, plain.body.code]).toEqual([403, 'signature_required']);
  });

  it('never changes: its id is refused a second time, and no route updates or deletes it', async () => {
    const body = datasetOf([file('version 1')]);
    const id = newId('dataset');
    const receipt = await ada.made('/v1/datasets', { id, ...body });
    const before = await ada.get(`/v1/datasets/${id}`);
    for (const again of [body, datasetOf([file('version 2')]), { ...body, name: 'renamed' }]) {
      const { status, body: problem } = await ada.post('/v1/datasets', { id, ...again });
      expect([status, problem.code, problem.field]).toEqual([409, 'already_exists', 'id']);
    }
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      const { status } = await ada.send(method, `/v1/datasets/${id}`, JSON.stringify(body), {
        'content-type': 'application/json',
      });
      expect([method, status]).toEqual([method, 404]);
    }
    expect((await ada.get(`/v1/datasets/${id}`)).body).toEqual(before.body);
    expect(await ada.read(`/v1/receipts/${receipt.statement}`)).toMatchObject({ index: receipt.index });
  });

  it('is recorded once by a request repeated under one idempotency key', async () => {
    const body = datasetOf([file('once')]);
    const once = { 'idempotency-key': 'dataset-1' };
    const [first, again] = [await ada.made('/v1/datasets', body, once), await ada.made('/v1/datasets', body, once)];
    expect([again.id, again.index]).toEqual([first.id, first.index]);
  });

  it.each<[string, object, string, string]>([
    [
      'a manifest digest that is not the one of its files',
      { manifestDigest: anyDigest() },
      'digest_mismatch',
      'manifestDigest',
    ],
    [
      'an unknown SPDX id',
      { license: { expression: 'CC-BY-SA-3.O', status: 'asserted' } },
      'license_unknown',
      'license',
    ],
    ['a holder that is not on record', { holder: { party: newId('party') } }, 'not_found', 'holder.party'],
    ['a holder that is two', { holder: { name: 'x', party: newId('party') } }, 'invalid_input', 'holder'],
    ['no files', { files: [] }, 'invalid_input', 'files'],
    ['a negative length', { files: [{ name: 'a', bytes: -1, digest: anyDigest() }] }, 'invalid_input', 'files.0.bytes'],
    ['an address that is none', { originUrl: 'somewhere' }, 'invalid_input', 'originUrl'],
    ['a member that is not known', { licence: 'MIT' }, 'invalid_input', 'licence'],
    ['the id of another kind of thing', { id: newId('party') }, 'invalid_input', 'id'],
  ])('with %s is refused by name and leaves nothing', async (_, different, code, field) => {
    const before = await size();
    const { status, body } = await ada.post('/v1/datasets', datasetOf([file('wrong')], different));
    expect([body.code, body.field]).toEqual([code, expect.stringContaining(field)]);
    expect(status).toBeLessThan(500);
    expect(await size()).toBe(before);
  });

  it('with a manifest that lies about its files is refused in an envelope too', async () => {
    const ben = await operator.makeParty({ keyed: true });
    const lying = heldDatasetOf(ben.id, [file('honest')], { manifestDigest: anyDigest() });
    const { status, body } = await ben.post('/v1/datasets', ben.signedWrite(dataset, lying));
    expect([status, body.code, body.field]).toEqual([400, 'digest_mismatch', 'manifestDigest']);
  });
});

describe('a file of a dataset', () => {
  const [right, wrong] = [utf8('0123456789'), utf8('0123456780')];
  const path = ({ id }: Receipt, bytes = right) => `/v1/datasets/${id}/files/${digestOf(bytes)}`;
  let made: Receipt;
  beforeAll(async () => {
    made = await ada.made('/v1/datasets', datasetOf([{ name: 'digits', bytes: right }]));
  });

  it('is refused when its bytes are others, fewer or more, and nothing half-written stays', async () => {
    const before = await stored();
    for (const [bytes, status, code] of [
      [wrong, 400, 'digest_mismatch'],
      [right.subarray(0, 9), 400, 'digest_mismatch'],
      [new Uint8Array(0), 400, 'digest_mismatch'],
      [utf8('01234567890'), 413, 'payload_too_large'],
      [new Uint8Array(3_000_000), 413, 'payload_too_large'],
    ] as const) {
      const answer = await ada.put(path(made), bytes);
      expect([bytes.length, answer.status, answer.body.code]).toEqual([bytes.length, status, code]);
    }
    expect(await stored()).toEqual(before);
  });

  it('is refused in another media type', async () => {
    for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain']) {
      const { status, body } = await ada.put(path(made), '{"a":1}', { 'content-type': type });
      expect([type, status, body.code]).toEqual([type, 415, 'unsupported_media_type']);
    }
    const nothing = await ada.send('PUT', path(made), undefined, {});
    expect([nothing.status, nothing.body.code]).toEqual([415, 'unsupported_media_type']);
  });

  it('is stored by the maker of the dataset alone', async () => {
    const eve = await operator.makeParty();
    const before = await stored();
    for (const caller of [eve, operator]) {
      const { status, body } = await caller.put(path(made), right);
      expect([status, body.code]).toEqual([403, 'forbidden']);
    }
    expect((await new Client(app.url).put(path(made), right)).status).toBe(401);
    expect(await stored()).toEqual(before);
    expect((await ada.put(path(made), right)).status).toBe(204);
  });

  it('is stored under the datasets that name it and no other', async () => {
    const { status, body } = await ada.put(path(made, wrong), wrong);
    expect([status, body.code, body.field]).toEqual([404, 'not_found', 'digest']);
    const malformed = await ada.put(`/v1/datasets/${made.id}/files/sha256:00`, right);
    expect([malformed.status, malformed.body.field]).toEqual([400, 'digest']);
  });

  it('rests encrypted, where only the registry may read', async () => {
    const secret = utf8('seventeen pixels of a secret digit');
    const receipt = await ada.made('/v1/datasets', datasetOf([{ name: 'secret', bytes: secret }]));
    expect((await ada.put(path(receipt, secret), secret)).status).toBe(204);
    const files = await stored();
    expect(files.some((name) => name.endsWith(digestOf(secret).slice('sha256:'.length)))).toBe(true);
    for (const name of files) {
      expect((await stat(name)).mode & 0o077).toBe(0);
      expect((await readFile(name)).includes(Buffer.from(secret))).toBe(false);
    }
  });
});
