/** Rights records and the disclosures that are filled from them: over HTTP with every refusal, and by the command line. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { citationsOf } from '../../src/core/disclosure.ts';
import type { DisclosureDocument } from '../../src/core/disclosure.ts';
import { dataRights, dataset, protectionRecord, registration } from '../../src/core/registry/index.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { heldDatasetOf, modelOf } from '../support/bodies.ts';
import type { Party } from '../support/client.ts';
import { Client, Operator } from '../support/client.ts';
import { Users, writeModel } from './cli-user.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(60_000);

let app: TestApp;
let nobody: Client;
let [ada, ben]: Party[] = [];
let data: Receipt;
let model: Receipt;

beforeAll(async () => {
  app = await startTestApp();
  nobody = new Client(app.url);
  const operator = await Operator.of(app.url, app.config.data);
  ada = await operator.makeParty({ name: 'Ada', keyed: true });
  ben = await operator.makeParty({ name: 'Ben' });
  const held = heldDatasetOf(ada.id, [{ name: 'a', bytes: new Uint8Array(1) }]);
  data = await ada.made('/v1/datasets', ada.signedWrite(dataset, held, [ada.statement]));
  const body = modelOf(ada.id, { datasets: [data.id] });
  model = await ada.made('/v1/models', ada.signedWrite(registration, body, [data.statement]));
});
afterAll(() => app.close());

const claim = () => ({
  registration: model.id,
  jurisdiction: 'DE',
  legalBasis: 'copyright' as const,
  status: 'asserted' as const,
});

describe('protection records', () => {
  const list = (query = '') =>
    nobody.read<{ id: string; standing: boolean; supersedes: string | null }[]>(
      `/v1/protection-records?registration=${model.id}${query}`,
    );

  it('stand in the place of earlier ones, which stay readable', async () => {
    const [first, second] = [ada!.signedWrite(protectionRecord, claim(), [model.statement]), claim()];
    const before = await ada!.made('/v1/protection-records', first);
    const basis = [model.statement, before.statement];
    const after = await ada!.made('/v1/protection-records', ada!.signedWrite(protectionRecord, second, basis));
    expect(await list()).toMatchObject([{ id: after.id, standing: true, supersedes: before.id }]);
    expect(await list('&history=yes')).toMatchObject([{ id: after.id }, { id: before.id, standing: false }]);
    expect(await list('&history=yes&limit=1')).toHaveLength(1);
    expect(await list('&jurisdiction=FR')).toEqual([]);
    expect(await list(`&maker=${ben!.id}`)).toEqual([]);
  });

  it('that do not name the one which stands are refused', async () => {
    const stale = ada!.signedWrite(protectionRecord, claim(), [model.statement]);
    expect(await ada!.post('/v1/protection-records', stale)).toMatchObject({
      status: 409,
      body: { code: 'basis_stale' },
    });
  });

  it.each<[string, object, number, string]>([
    ['by a stranger', {}, 403, 'forbidden'],
    ['of a country that is none', { jurisdiction: 'UK' }, 400, 'invalid_input'],
    ['of a model that is not there', { registration: `registration_${'0'.repeat(26)}` }, 404, 'not_found'],
  ])('%s are refused', async (_, different, status, code) => {
    const answer = await ben!.post('/v1/protection-records', { ...claim(), ...different });
    expect(answer).toMatchObject({ status, body: { code } });
  });

  it('of a model that is not there are not found', async () => {
    expect(await nobody.get('/v1/protection-records?registration=registration_0')).toMatchObject({ status: 404 });
    expect(await nobody.get('/v1/market-records?registration=registration_0')).toMatchObject({ status: 404 });
    expect(await nobody.get('/v1/data-rights?dataset=dataset_0')).toMatchObject({ status: 404 });
  });
});

describe('data rights', () => {
  it('are refused in one answer where they are more than a server should hold at once, and read page by page', async () => {
    const held = heldDatasetOf(ada!.id, [{ name: 'b', bytes: new Uint8Array(2) }]);
    const crawled = await ada!.made('/v1/datasets', ada!.signedWrite(dataset, held, [ada!.statement]));
    const label = 'x'.repeat(60);
    const domains = Array.from({ length: 1000 }, (_, i) => `${label}.${label}.${label}.n${i}.example`);
    const body = { dataset: crawled.id, sourceCategory: 'crawled' as const, domains };
    const basis = [crawled.statement];
    // 200 KB each.
    for (let i = 0; i < 45; i++) {
      const stated = await ada!.made('/v1/data-rights', ada!.signedWrite(dataRights, body, basis));
      basis.splice(1, 1, stated.statement);
    }
    const all = `/v1/data-rights?dataset=${crawled.id}&history=yes`;
    expect(await nobody.get(`${all}&limit=1000`)).toMatchObject({ status: 413, body: { code: 'payload_too_large' } });
    expect(await nobody.read(`${all}&limit=20`)).toHaveLength(20);
    expect(await nobody.read(`/v1/data-rights?dataset=${crawled.id}`)).toHaveLength(1);
  });
});

describe('a disclosure', () => {
  const path = (form: string) => `/v1/models/${model.id}/disclosures/${form}`;
  const answers = ({ sections }: DisclosureDocument, question: string) =>
    sections.flatMap(({ questions }) => questions).find((each) => each.question === question)!.answers;

  it('shows what nobody stated as open, and the statement behind what somebody did', async () => {
    const open = await nobody.read<DisclosureDocument>(path('cn-filing'));
    expect(answers(open, 'Category of source')).toMatchObject([{ value: null, from: [] }]);
    const body = { dataset: data.id, sourceCategory: 'synthetic' as const };
    const stated = await ada!.made('/v1/data-rights', ada!.signedWrite(dataRights, body, [data.statement]));
    const filled = await nobody.read<DisclosureDocument>(path('cn-filing'));
    expect(answers(filled, 'Category of source')).toMatchObject([
      { value: 'synthetic', from: [{ kind: 'data-rights', statement: stated.statement, index: stated.index }] },
    ]);
    expect(citationsOf(filled).map(({ kind }) => kind)).toEqual(['dataset', 'registration', 'data-rights']);
  });

  it('is Markdown for whoever asks for it', async () => {
    const asked = await nobody.get(path('ca-ab-2013'), { accept: 'text/markdown' });
    const named = await nobody.get(`${path('ca-ab-2013')}?format=md`);
    expect(asked.headers.get('content-type')).toBe('text/markdown; charset=utf-8');
    expect(asked.text).toBe(named.text);
    expect(asked.text).toContain('Assembly Bill 2013');
    expect(asked.text).toContain('**not stated**');
  });

  it('of a form or a model that is not there is refused', async () => {
    expect(await nobody.get(path('tax-return'))).toMatchObject({ status: 400, body: { code: 'invalid_input' } });
    expect(await nobody.get('/v1/models/registration_0/disclosures/cn-filing')).toMatchObject({ status: 404 });
  });
});

describe('the command line', () => {
  let users: Users;
  const file = () => users.path('model.safetensors');
  beforeAll(async () => {
    users = await Users.at(app.url);
    await users.do('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
    await users.join('registrar', 'acme', 'Acme Labs');
    await users.do('acme', 'keygen', '--register');
    await users.do('acme', 'trust', 'pin');
    await writeModel(file(), [1, 2, 3]);
    await users.do('acme', 'register', file(), '--name', 'digits', '--owner', 'Acme Labs', '--license', 'MIT');
  });
  afterAll(() => users.remove());

  it('states protection anew on top of what stands, and refuses what does not fit before it is sent', async () => {
    const args = ['protection', 'add', file(), '--in', 'DE', '--basis', 'copyright', '--status'];
    const first = await users.do<{ id: string }>('acme', ...args, 'asserted');
    const second = await users.do<{ id: string }>('acme', ...args, 'contested');
    expect(await users.do('acme', 'protection', 'list', file(), '--history')).toMatchObject([
      { id: second.id, supersedes: first.id, status: 'contested' },
      { id: first.id, standing: false },
    ]);
    expect(await users.run('acme', ...args, 'upheld')).toMatchObject({ code: 1, value: { code: 'authority_missing' } });
    expect(await users.run('acme', ...args, 'true')).toMatchObject({ code: 1, value: { field: 'status' } });
  });

  it('fills a form from a YAML file, verifies what it cites, and tells what is open', async () => {
    await writeFile(users.path('eu.yaml'), 'jurisdiction: EU\nplacedOn: 2026-02-01\nsources: [public]\n');
    await users.do('acme', 'market', 'add', file(), '--file', users.path('eu.yaml'), '--name', 'Digits 2');
    const out = users.path('summary.md');
    const told = await users.do<{ open: string[] }>(
      'acme',
      ...['disclosure', file(), '--for', 'eu-training-summary', '-o', out],
    );
    expect(told).toMatchObject({ statements: 2, edition: expect.stringContaining('2025-07-24') as unknown });
    expect(told.open).toContain('1.1 Provider: Authorized representative');
    const text = await readFile(out, 'utf8');
    expect(text).toContain('- Date of placement on the Union market: 2026-02-01 [2]\n');
    expect(text).toContain('- Versions: **not stated**\n');
  });

  it('lists all records of a model, however many pages they take', async () => {
    const basis = [model.statement];
    const made: string[] = [];
    for (let i = 0; i < 35; i++) {
      const body = { ...claim(), jurisdiction: 'FR' };
      const record = await ada!.made('/v1/protection-records', ada!.signedWrite(protectionRecord, body, basis));
      basis.splice(1, 1, record.statement);
      made.unshift(record.id);
    }
    const argv = ['protection', 'list', model.id, '--history'];
    const { code, value } = await users.runHere<{ id: string; jurisdiction: string }[]>('stranger', app.url, ...argv);
    expect(code).toBe(0);
    const listed = value.filter(({ jurisdiction }) => jurisdiction === 'FR');
    expect(listed.map(({ id }) => id)).toEqual(made);
  });

  it('refuses a file that states nothing by name', async () => {
    await writeFile(users.path('list.yaml'), '- a\n- b\n');
    const args = ['market', 'add', file(), '--file', users.path('list.yaml')];
    expect(await users.run('acme', ...args)).toMatchObject({ code: 2, value: { code: 'usage', field: 'file' } });
  });
});
