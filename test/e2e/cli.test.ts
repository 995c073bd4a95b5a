import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { anyWeights, digestOf, modelOf } from '../support/bodies.ts';
import { Operator } from '../support/client.ts';
import { runBuilt } from '../support/server.ts';
import { Users, writeModel } from './cli-user.ts';

interface Written {
  id: string;
  receipt: { index: number; statement: string; envelope: { signatures: { keyid: string }[] } };
}
interface LookedUp {
  verdict: string;
  log: { origin: string; treeSize: number };
  matches: { matched: string; registration: string; precededBy: string | null; attestedBy: string; maker: string }[];
}

let app: TestApp;
let users: Users;
let acme: string;
const model = () => users.path('model.safetensors');

beforeAll(async () => {
  app = await startTestApp();
  users = await Users.at(app.url);
  await users.do('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
  acme = await users.join('registrar', 'acme', 'Acme Labs');
  await users.join('registrar', 'beta', 'Beta Corp');
  await writeModel(model(), [1, 2, 3, 4]);
}, 60_000);

afterAll(async () => {
  await users.remove();
  await app.close();
});

describe('who you are', () => {
  it('login keeps the profile for its user alone', async () => {
    expect((await stat(users.path('acme/profile.json'))).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(users.path('acme/profile.json'), 'utf8'))).toMatchObject({
      url: app.url,
      party: acme,
    });
  });

  it('a wrong API key is refused and nothing is kept', async () => {
    const { code, value } = await users.run('nobody', 'login', '--api-key', `mun_${'0'.repeat(26)}_${'0'.repeat(64)}`);
    expect([code, value]).toEqual([1, expect.objectContaining({ code: 'unauthenticated' })]);
    await expect(stat(users.path('nobody/profile.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('no party and no API key comes to be whose secret could not be written', async () => {
    const names = async () =>
      (await users.do<{ name: string }[]>('registrar', 'party', 'list')).map(({ name }) => name);
    const before = await names();
    const taken = users.path('acme/profile.json');
    for (const argv of [
      ['party', 'create', 'Orphan', '--api-key-file', taken],
      ['party', 'key', 'Acme Labs', '--out', taken],
    ]) {
      const { code, value } = await users.run('registrar', ...argv);
      expect([code, value]).toEqual([1, expect.objectContaining({ code: 'already_exists' })]);
    }
    expect(await names()).toEqual(before);
  }, 60_000);

  it('keygen registers the public half; the private half stays here, for its user alone', async () => {
    const { file, fingerprint } = await users.do<{ file: string; fingerprint: string }>('acme', 'keygen', '--register');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    const { keys } = await users.do<{ keys: { fingerprint: string }[] }>('acme', 'party', 'show', 'Acme Labs');
    expect(keys.map((key) => key.fingerprint)).toEqual([fingerprint]);
  });

  it('a further key is signed for by the one before', async () => {
    const file = users.path('second.key');
    const before = JSON.parse(await readFile(users.path('acme/profile.json'), 'utf8')) as { key: string };
    const { fingerprint, receipt } = await users.do<Written & { fingerprint: string }>(
      'acme',
      'keygen',
      '--register',
      '--out',
      file,
    );
    expect(receipt.envelope.signatures[0]?.keyid).not.toBe(fingerprint);
    expect(JSON.parse(await readFile(users.path('acme/profile.json'), 'utf8'))).toMatchObject({ key: file });
    expect(before.key).not.toBe(file);
  });

  it('one machine serves two parties in turn, and takes neither for the other', async () => {
    await users.do('acme', 'login', '--api-key', `@${users.path('beta.key')}`);
    expect(JSON.parse(await readFile(users.path('acme/profile.json'), 'utf8'))).not.toHaveProperty('key');
    const { value } = await users.run<{ detail: string; fix: string }>('acme', 'keygen', '--register');
    expect(value).toMatchObject({
      code: 'signature_required',
      detail: expect.stringContaining('belongs to Acme Labs'),
      fix: expect.stringContaining('keygen --out FILE --register'),
    });
    await users.do('acme', 'login', '--api-key', `@${users.path('acme.key')}`);
    expect(JSON.parse(await readFile(users.path('acme/profile.json'), 'utf8'))).toMatchObject({
      key: users.path('acme/signing.key'),
    });
    await users.do('acme', 'login', '--key', users.path('second.key'));
  });

  it('without the key of a party that has one, nothing is written in its name', async () => {
    const { apiKey } = await users.do<{ apiKey: string }>('acme', 'party', 'key', '--label', 'elsewhere');
    await users.do('elsewhere', 'login', '--api-key', apiKey);
    const { code, value } = await users.run(
      'elsewhere',
      'register',
      model(),
      '--name',
      'm',
      '--owner',
      acme,
      '--license',
      'MIT',
    );
    expect([code, value]).toEqual([1, expect.objectContaining({ code: 'signature_required' })]);
  });

  it('an API key that was revoked opens nothing any more', async () => {
    const { apiKey, apiKeyId } = await users.do<{ apiKey: string; apiKeyId: string }>(
      'acme',
      'party',
      'key',
      '--label',
      'lost',
    );
    await users.do('lost', 'login', '--api-key', apiKey);
    await users.do('acme', 'party', 'revoke-key', apiKeyId, '--reason', 'stolen');
    const { code, value } = await users.run('lost', 'license', 'list');
    expect([code, value]).toEqual([1, expect.objectContaining({ code: 'unauthenticated' })]);
  });
});

describe('on record and found again', () => {
  let registered: Written;
  let dataset: Written;

  it('a folder of data goes on record by the digests of its files', async () => {
    const folder = users.path('numbers');
    await mkdir(join(folder, 'deep'), { recursive: true });
    await writeFile(join(folder, 'b.txt'), 'two');
    await writeFile(join(folder, 'deep', 'a.txt'), 'one');
    dataset = await users.do<Written>(
      ...(['acme', 'dataset', 'add', folder, '--license', 'CC-BY-4.0'] as const),
      ...['--origin', 'https://example.org/numbers', '--holder', 'Somebody Else'],
    );
    expect(dataset).toMatchObject({ name: 'numbers', uploaded: true, holder: { name: 'Somebody Else', party: null } });
    const { files } = await users.do<{ files: { name: string }[] }>('beta', 'dataset', 'show', 'numbers');
    expect(files.map(({ name }) => name)).toEqual(['b.txt', 'deep/a.txt']);
  });

  const add = (folder: string, ...more: string[]) =>
    users.run<Written & { known?: boolean; code?: string }>(
      ...([
        'acme',
        'dataset',
        'add',
        folder,
        '--license',
        'CC-BY-4.0',
        '--origin',
        'https://example.org/numbers',
      ] as const),
      ...['--holder', 'Somebody Else', ...more],
    );

  it('the same files again give the record that is there, and nothing new', async () => {
    const { code, value, stderr } = await add(users.path('numbers'));
    expect([code, value]).toEqual([0, expect.objectContaining({ id: dataset.id, known: true })]);
    expect(stderr).toContain('on record already');
    expect(stderr).toContain('no worker can train on it');
    const other = await add(users.path('numbers'), '--license', 'MIT');
    expect(other.value).toMatchObject({ id: dataset.id, license: { expression: 'CC-BY-4.0' } });
    expect(other.stderr).toContain('says something else of license');
  });

  it.each([
    ['garbage', ['train-images', 'train-labels', 't10k-images', 't10k-labels']],
    ['three of the four', ['train-images', 'train-labels', 't10k-images']],
  ])('files named as IDX that are %s are refused, and nothing goes on record', async (what, names) => {
    const folder = users.path(what);
    await mkdir(folder);
    for (const name of names) await writeFile(join(folder, name), 'no pictures');
    const { code, value } = await add(folder);
    expect([code, value]).toEqual([1, expect.objectContaining({ code: 'dataset_malformed' })]);
    expect((await users.run('acme', 'dataset', 'show', what)).code).toBe(3);
  });

  it('four good files named as IDX can be trained on', async () => {
    const folder = users.path('tiny pictures');
    await mkdir(folder);
    for (const part of ['train', 't10k']) {
      await writeFile(
        join(folder, `${part}-images`),
        Buffer.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 9]),
      );
      await writeFile(join(folder, `${part}-labels`), Buffer.from([0, 0, 8, 1, 0, 0, 0, 2, 0, 1]));
    }
    const { code, value, stderr } = await add(folder);
    expect([code, stderr, value]).toEqual([0, '', expect.objectContaining({ trainable: true, uploaded: true })]);
  });

  it('a training that nobody watches says that its owner still has to sign', async () => {
    const { code, value, stderr } = await users.run(
      ...(['acme', 'train', '--dataset', 'tiny pictures', '--owner', 'Acme Labs', '--license', 'MIT'] as const),
    );
    expect([code, stderr]).toEqual([0, expect.stringContaining(`"muniment train watch ${String(value['id'])}"`)]);
    await users.do('acme', 'train', 'cancel', String(value['id']));
  });

  it('a name that others use, too, means the own dataset', async () => {
    const folder = users.path('beta/numbers');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'c.txt'), 'three');
    const { id } = await users.do<Written>(
      ...(['beta', 'dataset', 'add', folder, '--license', 'MIT', '--origin', 'https://example.org/b'] as const),
      ...['--holder', 'Beta Corp'],
    );
    expect(await users.do('beta', 'dataset', 'show', 'numbers')).toMatchObject({ id });
    expect(await users.do('acme', 'dataset', 'show', 'numbers')).toMatchObject({ id: dataset.id });
    const { code, value } = await users.run('stranger', 'dataset', 'show', 'numbers');
    expect([code, value]).toEqual([2, expect.objectContaining({ fix: expect.stringContaining(id) })]);
  });

  it('a model goes on record, signed by its owner, and its file only where that is asked for', async () => {
    registered = await users.do<Written>(
      ...(['acme', 'register', model(), '--name', 'm', '--license', 'Apache-2.0', '--upload'] as const),
      ...['--owner', 'Acme Labs=2/3', 'Beta Corp=1/3', '--dataset', 'numbers'],
    );
    expect(registered).toMatchObject({
      owners: [{ party: acme, share: '2/3' }, { share: '1/3' }],
      datasets: [dataset.id],
    });
  });

  it('without a pinned key the record is shown, its origin unproven, with exit code 1', async () => {
    const { code, value, stderr } = await users.run<LookedUp>('stranger', 'lookup', model());
    expect([code, value.verdict]).toEqual([1, 'consistent, origin unproven']);
    expect(value.matches).toHaveLength(1);
    expect(stderr).toBe('');
  });

  it('with a pinned key it is proved, by file, weights and name-independent digest', async () => {
    await users.do('stranger', 'trust', 'pin');
    const digests = await users.do<Record<string, string>>('stranger', 'hash', model());
    for (const [name, matched] of [
      ['fileDigest', 'file'],
      ['weightDigest', 'weight'],
      ['namelessDigest', 'nameless'],
    ]) {
      const { verdict, matches } = await users.do<LookedUp>('stranger', 'lookup', digests[name!]!);
      expect(verdict).toBe('proved');
      expect(matches).toEqual([expect.objectContaining({ matched, registration: registered.id, attestedBy: 'maker' })]);
    }
  });

  it('the same weights under other tensor names are found', async () => {
    const renamed = users.path('renamed.safetensors');
    await writeModel(renamed, [1, 2, 3, 4], 'layer0.w');
    const { matches } = await users.do<LookedUp>('stranger', 'lookup', renamed);
    expect(matches[0]).toMatchObject({ matched: 'nameless', registration: registered.id });
  });

  it('other weights are not found, with exit code 3', async () => {
    const other = users.path('other.safetensors');
    await writeModel(other, [1, 2, 3, 5]);
    const { code, value } = await users.run('stranger', 'lookup', other);
    expect([code, value]).toEqual([3, expect.objectContaining({ code: 'not_found' })]);
  });

  it('a trust file that came another way serves as well as a pinned key', async () => {
    const { code } = await users.run('newcomer', 'lookup', model(), '--trust', users.path('stranger/trust.json'));
    expect(code).toBe(0);
  });

  it('a trust file that is named and not there is told as such', async () => {
    const said = await users.run('stranger', 'lookup', model(), '--trust', users.path('nowhere.json'));
    expect([said.code, said.value]).toEqual([4, expect.objectContaining({ code: 'unreachable', field: 'trust' })]);
  });

  it('a record of this very file that tells other digests of its weights is told to be wrong', async () => {
    const file = users.path('claimed.safetensors');
    await writeModel(file, [9, 8, 7]);
    const party = await (await Operator.of(app.url, app.config.data)).makeParty();
    const weights = { ...anyWeights(), fileDigest: digestOf(await readFile(file)) };
    const { id } = await party.made('/v1/models', modelOf(party.id, { weights }));
    const said = await users.run<LookedUp>('stranger', 'lookup', file);
    expect([said.code, said.value]).toEqual([1, expect.objectContaining({ contradicted: [id] })]);
    expect(said.stderr).toContain('what its maker says of them is wrong');
    const honest = ['register', file, '--name', 'ours', '--owner', 'Beta Corp', '--license', 'MIT'] as const;
    await users.do('beta', ...honest);
    const beside = await users.run<LookedUp>('stranger', 'lookup', file);
    expect([beside.code, beside.value.matches.length]).toEqual([0, 2]);
    expect(beside.value).toMatchObject({ contradicted: [id] });
  });

  it('a second registration by somebody else stays on record, marked with the first', async () => {
    const later = await users.run(
      ...(['beta', 'register', model(), '--name', 'mine!', '--owner', 'Beta Corp', '--license', 'MIT'] as const),
    );
    expect(later.value).toMatchObject({ precededBy: registered.id });
    expect(later.stderr).toContain('stand on record since before');
    const { matches } = await users.do<LookedUp>('stranger', 'lookup', model());
    expect(matches.map(({ precededBy }) => precededBy)).toEqual([null, registered.id]);
    expect(matches.map(({ attestedBy }) => attestedBy)).toEqual(['maker', 'registry']);
  });

  it('who renames the tensors of weights and registers them does not hide who registered them first', async () => {
    const renamed = users.path('renamed.safetensors');
    const { id } = await users.do<Written>(
      ...(['beta', 'register', renamed, '--name', 'ours!', '--owner', 'Beta Corp', '--license', 'MIT'] as const),
    );
    const { value, stderr } = await users.run<LookedUp>('stranger', 'lookup', renamed);
    expect(value.verdict).toBe('proved');
    expect(value.matches[0]).toMatchObject({ matched: 'nameless', registration: registered.id });
    expect(value.matches.at(-1)).toMatchObject({ matched: 'file', registration: id });
    expect(new Set(value.matches.map((match) => match.registration)).size).toBe(value.matches.length);
    expect(stderr).toContain(`stand on record earlier under other tensor names: ${registered.id}`);
  });

  it.each([
    ['shares_invalid', ['--owner', 'Acme Labs=1/2', '--license', 'MIT']],
    ['license_unknown', ['--owner', 'Acme Labs', '--license', 'Apache-9.9']],
    ['license_unknown', ['--owner', 'Acme Labs', '--license', 'LicenseRef-mine']],
    ['already_registered', ['--owner', 'Acme Labs', '--license', 'MIT']],
    ['forbidden', ['--owner', 'Beta Corp', '--license', 'MIT']],
  ])('%s refuses with exit code 1', async (code, options) => {
    const said = await users.run('acme', 'register', model(), '--name', 'x', ...options);
    expect([said.code, said.value]).toEqual([1, expect.objectContaining({ code })]);
  });

  it('a license of one’s own comes with its text, and the advice says how', async () => {
    const refused = await users.run(
      ...([
        'acme',
        'register',
        model(),
        '--name',
        'x',
        '--owner',
        'Acme Labs',
        '--license',
        'LicenseRef-mine',
      ] as const),
    );
    expect(refused.value).toMatchObject({ fix: expect.stringContaining('--license-text FILE') });
  });

  it('an owner whom nobody knows is not found', async () => {
    const said = await users.run('acme', 'register', model(), '--name', 'x', '--owner', 'Nobody', '--license', 'MIT');
    expect([said.code, said.value]).toEqual([3, expect.objectContaining({ code: 'not_found' })]);
  });

  it('what begins as a digest and is none is wrong usage', async () => {
    const said = await users.run('stranger', 'lookup', 'sha256:abc');
    expect([said.code, said.value]).toEqual([2, expect.objectContaining({ code: 'digest_malformed' })]);
  });

  it('a hostile container is named and refused', async () => {
    const path = users.path('hostile.safetensors');
    await writeFile(path, Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0, 0, 0x80]), Buffer.from('{}')]));
    const said = await users.run('acme', 'hash', path);
    expect([said.code, said.value]).toEqual([1, expect.objectContaining({ code: 'malformed_container' })]);
  });
});

describe('a license and its token', () => {
  const audience = 'https://inference.example';
  const verify = (user: string, ...more: string[]) =>
    users.run<{ verdict?: string; code?: string }>(
      user,
      'token',
      'verify',
      `@${users.path('token')}`,
      '--audience',
      audience,
      ...more,
    );
  let grant: string;

  it('is valid online, and without a network by the keys that were kept', async () => {
    ({ id: grant } = await users.do<Written>(
      'acme',
      'license',
      'grant',
      '--model',
      model(),
      '--to',
      'Beta Corp',
      '--action',
      'infer',
    ));
    await users.do('beta', 'license', 'accept', grant);
    const { access_token } = await users.do<{ access_token: string }>(
      'beta',
      'token',
      'issue',
      '--grant',
      grant,
      '--audience',
      audience,
    );
    await writeFile(users.path('token'), access_token);
    expect(await verify('beta')).toMatchObject({ code: 0, value: { verdict: 'valid' } });
    expect(await verify('beta', '--offline')).toMatchObject({ code: 0, value: { offline: true } });
  });

  it('is valid, too, for a server that is no side of the license and is shown the token', async () => {
    await users.join('registrar', 'server', 'Somebody With Servers');
    expect(await verify('server')).toMatchObject({ code: 0, value: { verdict: 'valid', audienceChecked: true } });
  });

  it('without an audience the verdict says that nobody checked it', async () => {
    const said = await users.do<{ verdict: string }>('beta', 'token', 'verify', `@${users.path('token')}`);
    expect(said).toMatchObject({
      verdict: `valid for ${audience}; the audience was not checked, name yours with --audience`,
      audienceChecked: false,
    });
  });

  it('is judged by a bundle without a network, for as long as the bundle is fresh', async () => {
    const bundle = users.path('bundle.json');
    await users.do('beta', 'token', 'bundle', '--out', bundle);
    const judged = await users.runHere<{ verdict: string; status: string }>(
      ...(['acme', 'http://127.0.0.1:1', 'token', 'verify', `@${users.path('token')}`, '--offline', bundle] as const),
      ...(['--audience', audience, '--issuer', app.url] as const),
    );
    expect(judged).toMatchObject({ code: 0, value: { offline: true, status: 'valid' } });
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const stale = await verify('beta', '--offline', bundle, '--max-staleness', '1');
    expect(stale).toMatchObject({ code: 1, value: { code: 'status_stale' } });
    const none = await verify('beta', '--offline', users.path('none.json'));
    expect(none).toMatchObject({ code: 4, value: { code: 'unreachable' } });
    await writeFile(users.path('no.json'), '{"type":"something else"}');
    expect(await verify('beta', '--offline', users.path('no.json'))).toMatchObject({
      value: { code: 'invalid_input' },
    });
  });

  it('without kept keys it cannot be judged offline', async () => {
    expect(await verify('acme', '--offline')).toMatchObject({ code: 4, value: { code: 'unreachable' } });
  });

  it('is refused for another audience, from another registry, and with one character changed', async () => {
    const elsewhere = await verify('beta', '--offline', '--audience', 'https://elsewhere.example');
    expect(elsewhere).toMatchObject({ code: 1, value: { code: 'token_wrong_audience' } });
    const jwks = users.path('jwks.json');
    await writeFile(jwks, await (await fetch(`${app.url}/.well-known/jwks.json`)).text());
    const foreign = await verify('beta', '--offline', '--jwks', jwks, '--issuer', 'https://other.example');
    expect(foreign).toMatchObject({ code: 1, value: { code: 'token_foreign' } });
    const [header, payload, signature = ''] = (await readFile(users.path('token'), 'utf8')).split('.');
    const forged = [header, payload, `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`].join('.');
    expect(await users.run('beta', 'token', 'verify', forged, '--offline', '--audience', audience)).toMatchObject({
      code: 1,
      value: { code: 'signature_invalid' },
    });
  });

  it('is refused from its revocation on', async () => {
    await users.do('acme', 'token', 'revoke', `@${users.path('token')}`, '--reason', 'test');
    expect(await verify('beta')).toMatchObject({ code: 1, value: { code: 'token_revoked' } });
    const bundle = users.path('after.json');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await users.do('beta', 'token', 'bundle', '--out', bundle);
    expect(await verify('beta', '--offline', bundle)).toMatchObject({ code: 1, value: { code: 'token_revoked' } });
  });

  it('bound to a key that is made for it, is valid for who has the key: stolen bound token', async () => {
    const key = users.path('holder.key');
    const wish = ['token', 'issue', '--grant', grant, '--audience', audience, '--holder-key', key];
    const { access_token, token_type } = await users.do<{ access_token: string; token_type: string }>('beta', ...wish);
    expect(token_type).toBe('DPoP');
    const again = await users.do<{ access_token: string }>('beta', ...wish);
    const [one, two] = [access_token, again.access_token].map(
      (text) => JSON.parse(Buffer.from(text.split('.')[1]!, 'base64url').toString()) as { cnf: object },
    );
    expect(one!.cnf).toEqual(two!.cnf);
    const judge = (...more: string[]) =>
      users.run('beta', 'token', 'verify', access_token, '--audience', audience, ...more);
    expect(await judge('--holder-key', key)).toMatchObject({ code: 0, value: { verdict: 'valid' } });
    expect(await judge()).toMatchObject({ code: 1, value: { code: 'dpop_proof_missing' } });
    await users.do('beta', 'keygen', '--out', users.path('thief.key'));
    const stolen = await judge('--holder-key', users.path('thief.key'));
    expect(stolen).toMatchObject({ code: 1, value: { code: 'dpop_proof_invalid' } });
    const lost = await judge('--holder-key', users.path('lost.key'));
    expect(lost).toMatchObject({ code: 4, value: { code: 'unreachable' } });
  });

  it('is bound to no key in a hardware token, and to none of another kind', async () => {
    const wish = ['token', 'issue', '--grant', grant, '--audience', audience, '--holder-key'];
    const inHardware = await users.run('beta', ...wish, 'pkcs11:token=acme;object=holder');
    expect(inHardware).toMatchObject({ code: 2, value: { code: 'usage', field: 'holder-key' } });
    await writeFile(
      users.path('ed25519.key'),
      generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }),
      {
        mode: 0o600,
      },
    );
    expect(await users.run('beta', ...wish, users.path('ed25519.key'))).toMatchObject({
      value: { code: 'invalid_input' },
    });
  });

  it('nothing is issued under a license that was taken back', async () => {
    await users.do('acme', 'license', 'terminate', grant, '--reason', 'test');
    expect((await users.run('beta', 'token', 'issue', '--grant', grant, '--audience', audience)).code).toBe(1);
  });
});

describe('the record from outside', () => {
  it('is only ever extended', async () => {
    const { verdict, treeSize } = await users.do<{ verdict: string; treeSize: number }>('stranger', 'log', 'verify');
    await users.do('registrar', 'party', 'create', 'Gamma');
    let seen = treeSize;
    for (let tries = 0; seen === treeSize && tries < 20; tries++) {
      ({ treeSize: seen } = await users.do<{ treeSize: number }>('stranger', 'log', 'verify'));
    }
    expect(verdict).toBe('proved');
    expect(seen).toBeGreaterThan(treeSize);
  });

  it('proves an entry by its place and by its digest, in a file that verifies without a network', async () => {
    const [proof, entry] = [users.path('0.tlog-proof'), users.path('0.json')];
    await users.do('stranger', 'log', 'prove', '0', '--out', proof, '--entry', entry);
    const env = { ...users.env('stranger'), MUNIMENT_URL: 'http://127.0.0.1:1' };
    const offline = (...argv: string[]) => runBuilt(['src/cli/main.js', 'log', 'verify', ...argv, '--json'], env);
    expect(await offline(proof, '--entry', entry)).toMatchObject({ code: 0 });
    await writeFile(entry, (await readFile(entry, 'utf8')).replace('0.0.2', '0.0.3'));
    expect(await offline(proof, '--entry', entry)).toMatchObject({ code: 1 });
    const { keys } = await users.do<{ keys: unknown[]; statement: string }>('acme', 'party', 'show', acme);
    expect(keys).not.toHaveLength(0);
    const { statement } = await users.do<{ statement: string }>('acme', 'party', 'show', acme);
    const proved = await users.do<{ index: number; proof: string }>('stranger', 'log', 'prove', statement);
    expect(proved.proof).toContain(`index ${proved.index}\n`);
  });

  it('proves the entry of a model by its file, and that of a receipt by the receipt', async () => {
    const [proof, entry] = [users.path('model.tlog-proof'), users.path('model.entry')];
    type Found = { matches: { receipts: { registration: { index: number } } }[] };
    const found = await users.do<Found>('stranger', 'lookup', model());
    const { registration } = found.matches[0]!.receipts;
    const prove = ['log', 'prove', '--out', proof, '--entry', entry];
    expect(await users.do('stranger', ...prove, model())).toMatchObject({ index: registration.index });
    const offline = await users.runHere('stranger', 'http://127.0.0.1:1', 'log', 'verify', proof, '--entry', entry);
    expect(offline.code).toBe(0);
    await writeFile(users.path('model.receipt'), JSON.stringify(registration));
    const again = await users.do('stranger', ...prove, users.path('model.receipt'));
    expect(again).toMatchObject({ index: registration.index });
    await writeModel(users.path('unheard.safetensors'), [0.25, 9]);
    expect((await users.run('stranger', 'log', 'prove', users.path('unheard.safetensors'))).code).toBe(3);
  });

  it('a look-up that was kept verifies without a network, every receipt of it', async () => {
    const kept = users.path('lookup.json');
    const found = await users.do<{ matches: { receipts: { datasets: object[] } }[] }>('stranger', 'lookup', model());
    const verify = async (value: object) => {
      await writeFile(kept, JSON.stringify(value));
      return users.runHere<{ receipts?: number; code?: string }>(
        'stranger',
        'http://127.0.0.1:1',
        ...['log', 'verify', kept],
      );
    };
    const receipts = found.matches.reduce((sum, match) => sum + 1 + match.receipts.datasets.length, 0);
    expect(await verify(found)).toMatchObject({ code: 0, value: { verdict: 'proved', receipts } });
    const changed = JSON.parse(JSON.stringify(found)) as {
      matches: { receipts: { registration: { index: number } } }[];
    };
    changed.matches.at(-1)!.receipts.registration.index += 1;
    expect((await verify(changed)).code).toBe(1);
    expect(await verify({ matches: [{}] })).toMatchObject({ code: 1, value: { code: 'malformed_proof' } });
  });

  it('an entry that is not there is not found', async () => {
    expect((await users.run('stranger', 'log', 'prove', '999999')).code).toBe(3);
  });

  it('fsck in a folder without a registry makes none, with exit code 3', async () => {
    const folder = users.path('nothing here');
    const { code, value } = await users.run('stranger', 'fsck', '--data', folder);
    expect([code, value]).toEqual([3, expect.objectContaining({ code: 'not_found' })]);
    await expect(stat(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('fsck of a database without tables says that it is not migrated', async () => {
    const url = new URL(app.database.superuserUrl);
    url.pathname = '/template1';
    const env = { MUNIMENT_DATA: app.config.data, DATABASE_URL: url.href, MUNIMENT_LOG_LEVEL: 'error' };
    const { code, stdout, stderr } = await runBuilt(['src/cli/main.js', 'fsck', '--json'], env);
    expect([code, stderr]).toEqual([1, '']);
    expect(JSON.parse(stdout)).toMatchObject({
      code: 'state_conflict',
      detail: expect.stringContaining('not migrated'),
    });
  });

  it('fsck of the very database finds nothing wrong', async () => {
    const env = {
      MUNIMENT_DATA: app.config.data,
      DATABASE_URL: app.database.appUrl.reveal(),
      MUNIMENT_LOG_LEVEL: 'error',
    };
    const { code, stdout } = await runBuilt(['src/cli/main.js', 'fsck', '--full', '--json'], env);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, findings: [] });
    expect(code).toBe(0);
  });
});

describe('the machine', () => {
  const env = () => ({
    MUNIMENT_DATA: app.config.data,
    DATABASE_URL: app.database.appUrl.reveal(),
    MUNIMENT_LOG_LEVEL: 'error',
  });

  it('doctor finds nothing wrong here, and names a setting that is', async () => {
    const { stdout } = await runBuilt(['src/cli/main.js', 'doctor', '--json'], env());
    const { findings } = JSON.parse(stdout) as { findings: { check: string; state: string }[] };
    expect(findings.filter(({ state }) => state === 'wrong')).toEqual([]);
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['fsync', 'clock', 'anchor', 'training: wasm']),
    );
    const wrong = await runBuilt(['src/cli/main.js', 'doctor', '--json'], { ...env(), MUNIMENT_PORT: 'high' });
    expect(wrong.code).toBe(1);
    expect(JSON.parse(wrong.stdout)).toMatchObject({
      healthy: false,
      findings: [{ check: 'configuration', state: 'wrong' }],
    });
  }, 60_000);

  it('migrate finds the database up to date', async () => {
    const { code, stdout } = await runBuilt(['src/cli/main.js', 'migrate', '--json'], {
      ...env(),
      MUNIMENT_MIGRATION_DATABASE_URL: app.database.ownerUrl.reveal(),
    });
    expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ ran: [] })]);
  });
});

it('client commands load neither Nest nor TypeORM nor TensorFlow.js', async () => {
  const hook = `export const resolve = async (name, context, next) => { const found = await next(name, context); process._rawDebug(found.url); return found; };`;
  const register = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});`;
  const loader = `data:text/javascript,${encodeURIComponent(register)}`;
  const loadedBy = async (...argv: string[]): Promise<string> => {
    const args = ['--import', loader, 'dist/src/cli/main.js', ...argv, '--json'];
    const { stderr } = await promisify(execFile)(process.execPath, args, {
      env: { ...process.env, ...users.env('stranger') },
    });
    return stderr;
  };
  for (const argv of [
    ['hash', model()],
    ['lookup', model()],
    ['log', 'verify'],
    ['trust', 'show'],
  ]) {
    const loaded = await loadedBy(...argv);
    expect(loaded).toContain('/dist/src/cli/program.js');
    expect(loaded).not.toMatch(/node_modules\/(?:@nestjs|typeorm|@tensorflow|pg|fastify)\//);
  }
});
