/** Licenses that are offered, replaced, withdrawn, and granted, with the built command line. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { formatDigest } from '../../src/core/digest.ts';
import { sha256 } from '../../src/platform/crypto.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { Client } from '../support/client.ts';
import { Users, writeModel } from './cli-user.ts';

interface Offered {
  id: string;
  textDigest: string | null;
  terms: Record<string, unknown>;
  text: string | null;
  receipt: { index: number; statement: string };
}

let app: TestApp;
let users: Users;
const model = () => users.path('model.safetensors');
const offer = (...argv: string[]) => users.do<Offered>('acme', 'license', 'offer', model(), ...argv);

beforeAll(async () => {
  app = await startTestApp();
  users = await Users.at(app.url);
  await users.do('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
  await users.join('registrar', 'acme', 'Acme Labs');
  await users.join('registrar', 'beta', 'Beta Corp');
  await users.do('acme', 'keygen', '--register');
  await writeModel(model(), [1, 2, 3, 4]);
  await users.do('acme', 'register', model(), '--name', 'digits', '--owner', 'Acme Labs', '--license', 'MIT');
}, 120_000);

afterAll(async () => {
  await users.remove();
  await app.close();
});

describe('a license from a template', () => {
  it('has the text that its terms say, which anybody can have again from the record', async () => {
    const kept = users.path('LICENSE.txt');
    const offered = await offer('--template', 'per-call', '--max-calls', '500', '--text-out', kept);
    const bytes = await readFile(kept);
    expect(offered.textDigest).toBe(formatDigest(sha256(bytes)));
    expect(offered.terms).toMatchObject({ maxCalls: 500, termDays: 365 });
    const shown = await users.do<Offered>('beta', 'license', 'show', offered.id);
    expect(shown).toMatchObject({ state: 'offered', version: 1, text: bytes.toString('utf8') });
  }, 60_000);

  it('gives way to another version, and is then found with --all alone', async () => {
    const first = await offer('--template', 'evaluation');
    const second = await offer('--template', 'evaluation', '--days', '60', '--replaces', first.id);
    const ids = async (...more: string[]) =>
      (await users.do<Offered[]>('beta', 'license', 'offers', model(), ...more)).map(({ id }) => id);
    expect(await ids()).toContain(second.id);
    expect(await ids()).not.toContain(first.id);
    expect(await ids('--all')).toEqual(expect.arrayContaining([first.id, second.id]));
    const again = await users.run('acme', 'license', 'withdraw', first.id);
    expect([again.code, again.value]).toEqual([1, expect.objectContaining({ code: 'state_conflict' })]);
    await users.do('acme', 'license', 'withdraw', second.id, '--reason', 'enough');
    expect(await users.do('beta', 'license', 'show', second.id)).toMatchObject({ state: 'ended', version: 2 });
    const stranger = await users.run('beta', 'license', 'withdraw', second.id);
    expect(stranger.code).toBe(1);
  }, 60_000);
});

it('a license of somebody’s own has terms from a file, and a text', async () => {
  await writeFile(
    users.path('terms.yaml'),
    'actions: [infer]\ncommercial: true\nterritory: [DE]\nuseRestrictions: [for war]\n',
  );
  await writeFile(users.path('own.txt'), 'Acme Labs lets you.');
  const file = ['--terms', users.path('terms.yaml'), '--expression', 'LicenseRef-acme'];
  const offered = await offer(...file, '--text', users.path('own.txt'), '--name', 'Acme license');
  expect(offered.terms).toMatchObject({
    actions: ['infer'],
    territory: ['DE'],
    useRestrictions: ['for war'],
    seats: null,
  });
  expect(await users.do('beta', 'license', 'show', offered.id)).toMatchObject({ text: null, name: 'Acme license' });
}, 60_000);

it('what an ancestor blocks is offered by an owner who signs why, and shown with the reason', async () => {
  const [base, tuned] = [users.path('base.safetensors'), users.path('tuned.safetensors')];
  await writeModel(base, [5, 6, 7, 8]);
  await writeModel(tuned, [5, 6, 7, 9]);
  const register = (path: string, ...argv: string[]) =>
    users.run('acme', 'register', path, '--name', 'tuned', '--owner', 'Acme Labs', ...argv);
  await register(base, '--license', 'CC-BY-NC-4.0');
  const { weightDigest } = await users.do<{ weightDigest: string }>('acme', 'hash', base);
  const child = ['--parent', `${weightDigest}=fine-tuned-from`];
  const registered = await register(tuned, '--license', 'MIT', ...child);
  expect([registered.code, registered.stderr]).toEqual([
    0,
    expect.stringContaining('The license grants what an ancestor blocks: '),
  ]);
  const bound = users.path('bound.safetensors');
  await writeModel(bound, [5, 6, 8, 9]);
  const careful = await register(bound, '--license', 'CC-BY-NC-4.0', ...child);
  expect([careful.code, careful.stderr]).toEqual([0, expect.not.stringContaining('an ancestor blocks')]);
  const sell = ['license', 'offer', tuned, '--template', 'per-call'];
  const refused = await users.run('acme', ...sell);
  expect([refused.code, refused.value]).toEqual([1, expect.objectContaining({ code: 'license_blocked' })]);
  const { id } = await users.do<Offered>('acme', ...sell, '--despite', 'We hold the rights in the base.');
  expect(await users.do('beta', 'license', 'show', id)).toMatchObject({ despite: 'We hold the rights in the base.' });
}, 60_000);

describe('what is refused', () => {
  it.each<[string, string[], number, object]>([
    ['a template that is none', ['--template', 'free'], 2, { code: 'usage', field: 'template' }],
    ['a license without a name', ['--action', 'infer'], 2, { code: 'usage', field: 'expression' }],
    ['terms without actions', ['--expression', 'MIT'], 1, { code: 'invalid_input', field: 'terms.actions' }],
    [
      'terms that contradict the license',
      ['--template', 'open', '--no-commercial'],
      1,
      { code: 'terms_contradictory', field: 'terms.commercial' },
    ],
    ['malformed SPDX', ['--template', 'open', '--expression', 'MIT AND'], 1, { code: 'license_unknown' }],
    ['a quota of -1', ['--template', 'per-call', '--max-calls', '-1'], 2, { code: 'usage' }],
    [
      'a license of somebody’s own without a text',
      ['--action', 'infer', '--expression', 'LicenseRef-mine'],
      1,
      { code: 'license_unknown', field: 'textDigest' },
    ],
  ])(
    '%s',
    async (_, argv, code, error) => {
      const answer = await users.run('acme', 'license', 'offer', model(), ...argv);
      expect([answer.code, answer.value]).toEqual([code, expect.objectContaining(error)]);
    },
    60_000,
  );

  it('a grant of which nothing is said, with one sentence', async () => {
    const answer = await users.run('acme', 'license', 'grant');
    expect(answer).toEqual({ code: 2, value: expect.objectContaining({ code: 'usage', field: 'to' }), stderr: '' });
  }, 60_000);

  it('an offer by somebody who owns nothing', async () => {
    const answer = await users.run('beta', 'license', 'offer', model(), '--template', 'open');
    expect([answer.code, answer.value]).toEqual([3, expect.objectContaining({ code: 'not_found', field: 'model' })]);
  }, 60_000);
});

describe('a grant under a license', () => {
  it('is what the license says, unless less is asked for, and never more', async () => {
    const offered = await offer('--template', 'evaluation');
    const grant = (...argv: string[]) =>
      users.run<Record<string, unknown>>(
        'acme',
        'license',
        'grant',
        '--license',
        offered.id,
        '--to',
        'Beta Corp',
        ...argv,
      );
    const given = await grant('--from', '2026-01-01T00:00:00Z');
    expect([given.code, given.value]).toEqual([
      0,
      expect.objectContaining({
        license: offered.id,
        actions: ['infer'],
        constraints: { commercial: false, territory: null, fieldOfUse: 'evaluation', maxCalls: null, seats: 1 },
        termsDigest: offered.receipt.statement,
        expiresAt: '2026-01-31T00:00:00.000Z',
      }),
    ]);
    expect((await grant('--territory', 'DE', '--max-calls', '5')).value).toMatchObject({
      constraints: { territory: ['DE'], maxCalls: 5, seats: 1 },
    });
    for (const [wide, field] of [
      [['--commercial'], 'constraints.commercial'],
      [['--action', 'host'], 'actions'],
      [['--field-of-use', 'war'], 'constraints.fieldOfUse'],
      [['--until', '2999-01-01T00:00:00Z'], 'expiresAt'],
    ] as const) {
      const answer = await grant(...wide);
      expect([answer.code, answer.value]).toEqual([1, expect.objectContaining({ code: 'grant_too_wide', field })]);
    }
  }, 120_000);

  it('needs a model and actions where there is no license', async () => {
    const answer = await users.run('acme', 'license', 'grant', '--to', 'Beta Corp');
    expect([answer.code, answer.value]).toEqual([2, expect.objectContaining({ code: 'usage', field: 'model' })]);
  }, 60_000);
});

it('templates are there for programs, too, with the text of each', async () => {
  const templates = await new Client(app.url).read<{ id: string; text: string | null }[]>('/v1/license-templates');
  expect(templates.map(({ id }) => id)).toEqual(
    (await users.do<{ id: string }[]>('beta', 'license', 'templates')).map(({ id }) => id),
  );
  expect(templates.filter(({ text }) => text === null).map(({ id }) => id)).toEqual(['open']);
  const schema = await new Client(app.url).read<object>('/v1/schemas/license');
  expect(JSON.stringify(schema)).toContain('useRestrictions');
}, 60_000);

describe('a grant', () => {
  it('is accepted, passed on, suspended, resumed, and terminated with notice', async () => {
    await users.join('registrar', 'gamma', 'Gamma GmbH');
    const grant = (user: string, ...argv: string[]) =>
      users.do<{ id: string; notBefore: string }>(user, 'license', 'grant', ...argv);
    const own = await grant('acme', '--model', model(), '--to', 'Beta Corp', '--action', 'infer', '--sublicensing');
    const state = async (id: string) =>
      (await users.do<{ id: string; state: string }[]>('beta', 'license', 'list')).find((each) => each.id === id)!
        .state;
    expect(await state(own.id)).toBe('offered');
    await users.do('beta', 'license', 'accept', own.id);
    const part = await grant('beta', '--under', own.id, '--to', 'Gamma GmbH');
    expect(part).toMatchObject({ parent: own.id, actions: ['infer'], sublicensing: false });
    await users.do('gamma', 'license', 'accept', part.id);
    const timed = await grant('beta', '--under', own.id, '--to', 'Gamma GmbH', '--until', '2030-01-01T00:00:00Z');
    await users.do('gamma', 'license', 'accept', timed.id);
    const renewal = await grant('beta', '--renews', timed.id, '--until', '2031-01-01T00:00:00Z');
    expect(renewal).toMatchObject({ parent: own.id, renews: timed.id, notBefore: '2030-01-01T00:00:00.000Z' });
    await users.do('acme', 'license', 'suspend', own.id, '--reason', 'invoice 17');
    expect([await state(own.id), await state(part.id)]).toEqual(['suspended', 'suspended']);
    await users.do('acme', 'license', 'resume', own.id);
    await users.do('acme', 'license', 'terminate', own.id, '--on', '2999-01-01T00:00:00Z');
    expect(await state(own.id)).toBe('active');
    expect((await users.run('gamma', 'license', 'resume', part.id)).value).toMatchObject({ code: 'forbidden' });
  }, 120_000);

  it('is renewed on the same terms, and declined or withdrawn', async () => {
    const until = ['--until', '2030-01-01T00:00:00Z'];
    const first = await users.do<{ id: string }>(
      ...([
        'acme',
        'license',
        'grant',
        '--model',
        model(),
        '--to',
        'Beta Corp',
        '--action',
        'infer',
        ...until,
      ] as const),
    );
    await users.do('beta', 'license', 'accept', first.id);
    const renewal = () =>
      users.do<{ id: string }>('acme', 'license', 'grant', '--renews', first.id, '--until', '2031-01-01T00:00:00Z');
    const [declined, withdrawn] = [await renewal(), await renewal()];
    expect(declined).toMatchObject({ renews: first.id, notBefore: '2030-01-01T00:00:00.000Z', actions: ['infer'] });
    await users.do('beta', 'license', 'decline', declined.id);
    await users.do('acme', 'license', 'withdraw', withdrawn.id);
    const late = await users.run('beta', 'license', 'accept', withdrawn.id);
    expect([late.code, late.value]).toEqual([1, expect.objectContaining({ code: 'state_conflict', field: 'act' })]);
  }, 120_000);
});
