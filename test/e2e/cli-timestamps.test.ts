/** Outside timestamps of documents at the command line, with the built program. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { formatTimestampRequest } from '../../src/core/time/index.ts';
import { sha256 } from '../../src/platform/crypto.ts';
import type { TestApp } from '../support/app.ts';
import { makeDataFolder, startTestApp } from '../support/app.ts';
import { answer, makeAuthority } from '../support/timestamp-authority.ts';
import { Users, writeModel } from './cli-user.ts';

interface Written {
  id: string;
}

const authority = makeAuthority();
let app: TestApp;
let users: Users;
let model: Written;
let roots: string;
const agreement = () => users.path('agreement.txt');
const reply = () => users.path('agreement.tsr');
const today = new Date().toISOString().slice(0, 10);
const law = ['--ground', 'earlier-execution', '--executed', today, '--jurisdiction', 'US', '--rule', 'us-patent'];
const claiming = (...more: string[]) =>
  ['title', 'claim', model.id, '--share', '1', '--document', agreement(), ...law, ...more] as const;

beforeAll(async () => {
  roots = join(await makeDataFolder(), 'roots.pem');
  await writeFile(roots, authority.pem);
  app = await startTestApp({ env: { MUNIMENT_TSA_ROOTS: roots } });
  users = await Users.at(app.url);
  await users.do('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
  await users.join('registrar', 'acme', 'Acme Labs');
  await users.join('registrar', 'eve', 'Eve');
  await users.do('acme', 'keygen', '--register');
  await writeModel(users.path('model.safetensors'), [1, 2, 3, 4]);
  await writeFile(agreement(), 'What Eve makes at work belongs to Acme Labs.');
  const request = formatTimestampRequest({ imprint: sha256(await readFile(agreement())), nonce: Uint8Array.of(1) });
  await writeFile(reply(), answer(authority.signer, request, { time: new Date(Date.now() - 3_600_000) }));
  const about = ['--name', 'mine', '--owner', 'Eve', '--license', 'MIT'];
  model = await users.do('eve', 'register', users.path('model.safetensors'), ...about);
}, 120_000);

afterAll(async () => {
  await users.remove();
  await app.close();
});

it('a claim to an earlier execution rests on what an authority answered', async () => {
  const bare = await users.run('acme', ...claiming());
  expect([bare.code, bare.value]).toEqual([1, expect.objectContaining({ code: 'claim_unsupported' })]);
  const { timestamps } = await users.do<{ timestamps: string[] }>('acme', ...claiming('--timestamp', reply()));
  const [claim] = await users.do<object[]>('stranger', 'title', 'claims', model.id);
  expect(claim).toMatchObject({ timestamps: [{ id: timestamps[0], authority: 'Test Time', firstAfter: 0 }] });
}, 60_000);

it('one that is on record already is named by its id', async () => {
  const { id } = await users.do<Written>('acme', 'title', 'timestamp', agreement(), reply());
  expect(await users.do('acme', ...claiming('--timestamp', id))).toMatchObject({ timestamps: [id] });
}, 60_000);

it('a reply over another file is refused', async () => {
  const refused = await users.run('acme', 'title', 'timestamp', users.path('model.safetensors'), reply());
  expect([refused.code, refused.value]).toEqual([1, expect.objectContaining({ code: 'timestamp_invalid' })]);
}, 60_000);

it('a reader judges it by roots of its own, and is told when it has none', async () => {
  const { id } = await users.do<Written>('acme', 'title', 'timestamp', agreement(), reply());
  const verify = ['title', 'timestamp-verify', id, '--document', agreement()] as const;
  expect(await users.do('stranger', ...verify)).toMatchObject({ authority: 'Test Time', trusted: false });
  const other = users.path('other.pem');
  await writeFile(other, makeAuthority().pem);
  await users.do('stranger', 'trust', 'add', '--tsa-root', other);
  expect(await users.do('stranger', ...verify)).toMatchObject({ trusted: false });
  await users.do('stranger', 'trust', 'add', '--tsa-root', roots);
  expect(await users.do('stranger', ...verify)).toMatchObject({ trusted: true });
  const wrong = await users.run('stranger', ...verify.slice(0, 4), users.path('model.safetensors'));
  expect(wrong.value).toMatchObject({ code: 'digest_mismatch', field: 'document' });
}, 60_000);
