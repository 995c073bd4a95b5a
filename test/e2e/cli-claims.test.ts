/** Adverse claims at the command line: the employer and the employee, each with the built program. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { Client, Operator } from '../support/client.ts';
import { anyDigest, modelOf } from '../support/bodies.ts';
import { Users, writeModel } from './cli-user.ts';

interface Written {
  id: string;
  receipt: { index: number };
}
interface Filed extends Written {
  evidence: { sealed: string; digest: string }[];
}

let app: TestApp;
let users: Users;
let acme: string;
let eve: string;
let model: Written;
let sealed: { sealed: string; digests: string[]; receipt: { index: number } };
let claim: Filed;
const agreement = () => users.path('agreement.txt');
const owners = async () =>
  (await new Client(app.url).read<{ owners: { party: string }[] }>(`/v1/titles/${model.id}`)).owners;

beforeAll(async () => {
  app = await startTestApp();
  users = await Users.at(app.url);
  await users.do('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
  acme = await users.join('registrar', 'acme', 'Acme Labs');
  eve = await users.join('registrar', 'eve', 'Eve');
  await users.do('acme', 'keygen', '--register');
  await writeModel(users.path('model.safetensors'), [1, 2, 3, 4]);
  await writeFile(agreement(), 'What Eve makes at work belongs to Acme Labs.');
  sealed = await users.do('acme', 'register', agreement(), '--sealed', '--as', 'evidence');
  model = await users.do(
    ...([
      'eve',
      'register',
      users.path('model.safetensors'),
      '--name',
      'mine',
      '--owner',
      'Eve',
      '--license',
      'MIT',
    ] as const),
  );
}, 120_000);

afterAll(async () => {
  await users.remove();
  await app.close();
});

const claiming = (...more: string[]) =>
  ['title', 'claim', model.id, '--share', '1', '--document', agreement(), ...more] as const;

it('a claim to an earlier execution without evidence is refused, and what is no ground is no claim', async () => {
  const law = ['--executed', new Date().toISOString().slice(0, 10), '--jurisdiction', 'US', '--rule', 'us-patent'];
  const early = await users.run('acme', ...claiming('--ground', 'earlier-execution', ...law));
  expect([early.code, early.value]).toEqual([1, expect.objectContaining({ code: 'claim_unsupported' })]);
  const odd = await users.run('acme', ...claiming('--ground', 'envy'));
  expect([odd.code, odd.value]).toEqual([1, expect.objectContaining({ code: 'invalid_input', field: 'ground' })]);
}, 60_000);

it('names as evidence only what was opened', async () => {
  const named = await users.run('acme', ...claiming('--ground', 'employment', '--evidence', agreement()));
  expect([named.code, named.value]).toEqual([3, expect.objectContaining({ code: 'not_found', field: 'evidence' })]);
}, 60_000);

it('the employer opens what it sealed, and its claim leans on that by itself', async () => {
  await users.do('acme', 'open', sealed.sealed);
  claim = await users.do<Filed>('acme', ...claiming('--ground', 'employment', '--jurisdiction', 'DE'));
  expect(claim.evidence).toEqual([{ sealed: sealed.sealed, digest: sealed.digests[0] }]);
  const listed = await users.do('stranger', 'title', 'claims', model.id);
  expect(listed).toMatchObject([
    {
      id: claim.id,
      claimant: acme,
      share: '1/1',
      state: 'standing',
      evidence: [{ sealedIndex: sealed.receipt.index }],
    },
  ]);
  expect(await owners()).toMatchObject([{ party: eve, share: '1/1' }]);
}, 60_000);

it('of two sealed records of the document the earlier one supports an earlier execution', async () => {
  await users.do(
    'acme',
    'open',
    (await users.do<typeof sealed>('acme', 'register', agreement(), '--sealed', '--as', 'evidence')).sealed,
  );
  const law = ['--executed', new Date().toISOString().slice(0, 10), '--jurisdiction', 'US', '--rule', 'us-patent'];
  const { evidence } = await users.do<Filed>('acme', ...claiming('--ground', 'earlier-execution', ...law));
  expect(evidence).toHaveLength(2);
}, 60_000);

it('an owner acknowledges a claim, its claimant alone withdraws it, and nothing moves', async () => {
  await users.do('eve', 'title', 'claim-acknowledge', claim.id, '--reason', 'It was made at work.');
  const refused = await users.run('eve', 'title', 'claim-withdraw', claim.id);
  expect([refused.code, refused.value]).toEqual([1, expect.objectContaining({ code: 'forbidden' })]);
  await users.do('acme', 'title', 'claim-withdraw', claim.id);
  const [first] = await users.do<{ state: string; acknowledged: string[] }[]>('stranger', 'title', 'claims', model.id);
  expect(first).toMatchObject({ state: 'withdrawn', acknowledged: [eve] });
  expect(await owners()).toMatchObject([{ party: eve, share: '1/1' }]);
}, 60_000);

it('shows all claims, however many there are', async () => {
  const operator = await Operator.of(app.url, app.config.data);
  const [ada, ben] = [await operator.makeParty(), await operator.makeParty()];
  const { id } = await ada.made('/v1/models', modelOf(ada.id));
  const body = {
    asset: id,
    contested: id,
    share: '1/1',
    ground: 'authorship',
    documentDigest: anyDigest(),
    executedOn: null,
    effectiveFrom: new Date().toISOString().slice(0, 10),
    jurisdiction: null,
    grace: null,
    note: null,
    evidence: [],
  };
  const filed = await Promise.all(Array.from({ length: 101 }, () => ben.made('/v1/claims', body)));
  const shown = await users.do<{ id: string }[]>('eve', 'title', 'claims', id);
  expect(new Set(shown.map((claim) => claim.id))).toEqual(new Set(filed.map((claim) => claim.id)));
}, 120_000);
