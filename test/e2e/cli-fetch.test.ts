/** `muniment fetch`: weights for owners and licensees, gone on with where a transfer broke off, and held to the record. */
import { randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FetchedModel } from '../../src/cli/fetch-model.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { digestOf } from '../support/bodies.ts';
import { Users } from './cli-user.ts';
import type { Party } from './tokens.fixture.ts';
import { makeParty, registrarOf } from './tokens.fixture.ts';

const BYTES = 600_000;

let app: TestApp;
let users: Users;
let owner: Party;
let licensee: Party;
let file: Buffer;
let model: string;
let grant: string;

beforeAll(async () => {
  app = await startTestApp();
  users = await Users.at(app.url);
  const registrar = await registrarOf(app);
  [owner, licensee] = [await makeParty(registrar), await makeParty(registrar)];
  for (const [user, party] of [['owner', owner] as const, ['licensee', licensee] as const]) {
    await writeFile(users.path(`${user}.key`), party.apiKey, { mode: 0o600 });
    await runHere(user, 'login', '--api-key', `@${users.path(`${user}.key`)}`);
  }
  // Not a model, and registered as a file that cannot be read: what is tested here is its way out.
  file = randomBytes(BYTES);
  model = await owner.keepModel(file);
  grant = (await owner.grant(model, licensee)).id;
}, 60_000);
afterAll(async () => {
  await users.remove();
  await app.close();
});

const runHere = (user: string, ...argv: string[]) =>
  users.runHere<FetchedModel & { code: string }>(user, app.url, ...argv);
/** A login counts for the address that it was made at. */
const byKey = () => ['--api-key', `@${users.path('owner.key')}`];
const out = () => users.path('model.bin');
const there = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

interface Access {
  grant: string | null;
  firstByte: number | null;
  bytes: number | null;
}
const lastAccess = async (): Promise<Access> => (await owner.ok<Access[]>('GET', `/v1/models/${model}/accesses`))[0]!;

describe('the weights of a model', () => {
  it('come to an owner by its API key, and to a licensee by its license', async () => {
    const own = await runHere('owner', 'fetch', model, '--out', users.path('own.bin'));
    expect([own.code, own.value]).toEqual([
      0,
      { model, out: users.path('own.bin'), fileDigest: digestOf(file), bytes: BYTES, resumedAt: 0 },
    ]);
    expect((await readFile(users.path('own.bin'))).equals(file)).toBe(true);

    const licensed = await runHere('licensee', 'fetch', digestOf(file), '--grant', grant, '--out', out());
    expect([licensed.code, licensed.value]).toEqual([0, expect.objectContaining({ bytes: BYTES })]);
    expect((await readFile(out())).equals(file)).toBe(true);
    expect(await lastAccess()).toMatchObject({ grant, firstByte: null });
  }, 60_000);

  it('come by a token that is bound to a key, with the key alone', async () => {
    const key = users.path('holder.pem');
    const bound = await runHere('licensee', 'fetch', model, '--grant', grant, '--holder-key', key, '--out', out());
    expect([bound.code, await there(key)]).toEqual([0, true]);
    const issued = await users.runHere<{ access_token: string }>(
      'licensee',
      app.url,
      ...['token', 'issue', '--grant', grant, '--audience', app.url, '--holder-key', key],
    );
    await writeFile(users.path('token'), issued.value.access_token);
    const token = ['--token', `@${users.path('token')}`];
    const kept = await runHere('nobody', 'fetch', model, ...token, '--holder-key', key, '--out', out());
    expect(kept.code).toBe(0);
    const bare = await runHere('nobody', 'fetch', model, ...token, '--out', out());
    expect([bare.code, bare.value]).toEqual([1, expect.objectContaining({ code: 'dpop_proof_missing' })]);
  }, 60_000);

  it('go on where the transfer broke off, also in a later call', async () => {
    const cut = createServer((asked, answer) => {
      const { method, url = '', headers } = asked;
      asked.pipe(
        request(app.url + url, { method, headers }, (came) => {
          answer.writeHead(came.statusCode!, came.headers);
          if (!url.endsWith('/artifact')) return void came.pipe(answer);
          // What was sent is there before the connection breaks.
          came.once('data', (first: Buffer) => answer.write(first, () => setTimeout(() => answer.destroy(), 500)));
        }),
      );
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => cut.once('listening', resolve));
    const url = `http://127.0.0.1:${(cut.address() as AddressInfo).port}`;
    const target = users.path('resumed.bin');
    const broken = await users.runHere('owner', url, 'fetch', model, ...byKey(), '--out', target);
    cut.close();
    expect([broken.code, broken.value]).toEqual([
      4,
      expect.objectContaining({ code: 'unreachable', fix: expect.stringContaining('goes on from there') as unknown }),
    ]);
    expect(await there(target)).toBe(false);
    const { size } = await stat(`${target}.part`);
    expect(size).toBeGreaterThan(0);
    expect(size).toBeLessThan(BYTES);

    const { code, value } = await runHere('owner', 'fetch', model, '--out', target);
    expect([code, value.resumedAt]).toEqual([0, size]);
    expect((await readFile(target)).equals(file)).toBe(true);
    expect(await lastAccess()).toMatchObject({ firstByte: size });
    expect(await there(`${target}.part`)).toBe(false);
  }, 60_000);

  it('are not sent again where all of them came before', async () => {
    const target = users.path('whole.bin');
    await writeFile(`${target}.part`, file);
    const before = await lastAccess();
    const { code, value } = await runHere('owner', 'fetch', model, '--out', target);
    expect([code, value.resumedAt, await lastAccess()]).toEqual([0, BYTES, before]);
  }, 60_000);
});

describe('what is not as on record', () => {
  it.each<[string, (whole: Buffer) => Buffer]>([
    ['a part of another file', () => randomBytes(1000)],
    ['more than the whole', (whole) => Buffer.concat([whole, Buffer.from('!')])],
  ])(
    '%s is not taken for it, and not left behind',
    async (what, part) => {
      const target = users.path(`${what}.bin`);
      await writeFile(`${target}.part`, part(file));
      const wrong = await runHere('owner', 'fetch', model, '--out', target);
      expect([wrong.code, wrong.value.code]).toEqual([1, 'digest_mismatch']);
      expect([await there(target), await there(`${target}.part`)]).toEqual([false, false]);
      expect((await runHere('owner', 'fetch', model, '--out', target)).code).toBe(0);
      expect((await readFile(target)).equals(file)).toBe(true);
    },
    60_000,
  );

  it('bytes beyond the size on record are not written down', async () => {
    const liar = createServer((asked, answer) => {
      const { method, url = '', headers } = asked;
      if (url.endsWith('/artifact')) return void answer.end(Buffer.alloc(20 * BYTES));
      asked.pipe(
        request(app.url + url, { method, headers }, (came) =>
          came.pipe(answer.writeHead(came.statusCode!, came.headers)),
        ),
      );
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => liar.once('listening', resolve));
    const target = users.path('long.bin');
    const lied = await users.runHere(
      'owner',
      `http://127.0.0.1:${(liar.address() as AddressInfo).port}`,
      ...['fetch', model, ...byKey(), '--out', target],
    );
    liar.closeAllConnections();
    liar.close();
    expect([lied.code, lied.value]).toEqual([1, expect.objectContaining({ code: 'digest_mismatch' })]);
    expect([await there(target), await there(`${target}.part`)]).toEqual([false, false]);
  }, 60_000);
});

it.each<[string, string, string[], number, object]>([
  ['who owns nothing and has no license', 'licensee', [], 3, { code: 'not_found' }],
  ['two ways at once', 'licensee', ['--grant', 'grant_0', '--token', 'a.b.c'], 2, { code: 'usage', field: 'token' }],
  ['a key without a token', 'owner', ['--holder-key', 'key.pem'], 2, { code: 'usage', field: 'holder-key' }],
  ['a text that is no token', 'licensee', ['--token', 'a.b.c'], 1, { code: 'token_malformed' }],
])('%s: refused by name, and nothing is left behind', async (_, user, argv, code, error) => {
  const target = users.path('refused.bin');
  const refused = await runHere(user, 'fetch', model, ...argv, '--out', target);
  expect([refused.code, refused.value]).toEqual([code, expect.objectContaining(error)]);
  expect([await there(target), await there(`${target}.part`)]).toEqual([false, false]);
});

it('a folder that cannot be written is named', async () => {
  const { code, value } = await runHere('owner', 'fetch', model, '--out', users.path('no/such/folder.bin'));
  expect([code, value]).toEqual([4, expect.objectContaining({ code: 'unreachable' })]);
});
