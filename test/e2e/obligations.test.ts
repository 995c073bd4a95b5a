/** What flows down to a model over HTTP and at the command line, from lineages on record. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { utf8 } from '../../src/core/bytes.ts';
import type { Digest } from '../../src/core/digest.ts';
import { LICENSE_TEMPLATES } from '../../src/core/licensing/license-templates.ts';
import type { RegistrationBody } from '../../src/core/registry/registration.ts';
import type { TestApp } from '../support/app.ts';
import { startTestApp } from '../support/app.ts';
import { anyDigest, datasetOf, modelOf } from '../support/bodies.ts';
import type { Party } from '../support/client.ts';
import { Client, Operator } from '../support/client.ts';
import { runCli } from '../unit/cli/support.ts';

interface Shown {
  nodes: { id: string; license: string | null }[];
  conservative: Judged;
  permissive: Judged;
}
interface Judged {
  verdict: string;
  obstacles: { verdict: string; license: string; from: string[]; path: { relation: string; node: string }[] }[];
}

const OPEN = LICENSE_TEMPLATES.find(({ id }) => id === 'open')!;

let app: TestApp;
let ada: Party;
let ben: Party;
let anybody: Client;

beforeAll(async () => {
  app = await startTestApp();
  anybody = new Client(app.url);
  const operator = await Operator.of(app.url, app.config.data);
  [ada, ben] = [await operator.makeParty(), await operator.makeParty()];
});
afterAll(() => app.close());

const license = (expression: string) => ({ license: { expression, textDigest: null } });

async function register(party: Party, different: Partial<RegistrationBody>): Promise<{ id: string; digest: Digest }> {
  const body = modelOf(party.id, different);
  const { id } = await party.made('/v1/models', body);
  return { id, digest: body.weights.weightDigest! };
}

const obligations = (id: string, query = '') => anybody.read<Shown>(`/v1/models/${id}/obligations${query}`);

describe('what flows down to a model', () => {
  it('comes from all that it came from, with the way to it', async () => {
    const base = await register(ada, license('CC-BY-NC-4.0'));
    const middle = await register(ada, {
      ...license('MIT'),
      parents: [{ digest: base.digest, relation: 'fine-tuned-from' }],
    });
    const model = await register(ben, {
      ...license('MIT'),
      parents: [{ digest: middle.digest, relation: 'quantized-from' }],
    });
    const shown = await obligations(model.id, '?action=host&commercial=true');
    expect(new Set(shown.nodes.map(({ id }) => id))).toEqual(new Set([model.id, middle.id, base.id]));
    expect(shown.conservative.verdict).toBe('BLOCK');
    expect(shown.conservative.obstacles[0]).toMatchObject({
      license: 'CC-BY-NC-4.0',
      from: [base.id],
      path: [
        { relation: 'quantized-from', node: middle.id },
        { relation: 'fine-tuned-from', node: base.id },
      ],
    });
    expect((await obligations(middle.id, '?action=infer')).conservative.verdict).not.toBe('BLOCK');
  });

  it('comes from its data, too', async () => {
    const restricted = { license: { expression: 'CC-BY-NC-ND-4.0', status: 'asserted' } };
    const data = await ada.made('/v1/datasets', datasetOf([{ name: 'a.bin', bytes: utf8('data') }], restricted));
    const model = await register(ada, { ...license('MIT'), datasets: [data.id] });
    const shown = await obligations(model.id, '?action=redistribute&commercial=true');
    expect(shown.nodes.map(({ id }) => id)).toContain(data.id);
    expect(shown.conservative.verdict).toBe('BLOCK');
  });

  it('is not known where a parent is not on record', async () => {
    const parent = anyDigest();
    const model = await register(ada, { ...license('MIT'), parents: [{ digest: parent, relation: 'merged-from' }] });
    const shown = await obligations(model.id);
    expect(shown.nodes).toContainEqual({ id: parent, name: null, license: null });
    expect([shown.conservative.verdict, shown.permissive.verdict]).toEqual(['UNKNOWN', 'UNKNOWN']);
  });

  it('is what the first registration of a parent says, whatever others register later', async () => {
    const weights = modelOf(ada.id).weights;
    const first = await register(ada, { ...license('MIT'), weights });
    const model = await register(ben, {
      ...license('MIT'),
      parents: [{ digest: first.digest, relation: 'converted-from' }],
    });
    await register(ben, { ...license('CC-BY-NC-4.0'), weights });
    expect((await obligations(model.id, '?commercial=true')).conservative.verdict).toBe('OK');
  });

  it('ends where a lineage goes in a circle', async () => {
    const [one, two] = [modelOf(ada.id).weights, modelOf(ada.id).weights];
    const parent = (digest: Digest) => [{ digest, relation: 'merged-from' as const }];
    const a = await register(ada, { ...license('MIT'), weights: one, parents: parent(two.weightDigest!) });
    await register(ada, { ...license('MIT'), weights: two, parents: parent(one.weightDigest!) });
    expect((await obligations(a.id)).nodes).toHaveLength(2);
  });

  it('is asked for a model that exists, by words that are known', async () => {
    expect((await anybody.get('/v1/models/registration_00000000000000000000000000/obligations')).status).toBe(404);
    const { id } = await register(ada, license('MIT'));
    for (const query of ['action=steal', 'commercial=maybe', 'on=tomorrow', 'edition=1999-01']) {
      const answer = await anybody.get(`/v1/models/${id}/obligations?${query}`);
      expect([query, answer.status, answer.body.code]).toEqual([query, 400, 'invalid_input']);
    }
  });
});

it('at the command line ends with 1 unless the careful reading allows the use', async () => {
  const base = await register(ada, license('CC-BY-NC-4.0'));
  const parents = [{ digest: base.digest, relation: 'fine-tuned-from' as const }];
  const model = await register(ada, { ...license('MIT'), parents });
  const run = (...argv: string[]) =>
    runCli(argv, { MUNIMENT_URL: app.url, MUNIMENT_HOME: join(app.config.data, 'a-user') });
  const blocked = await run('license', 'check', model.id, '--action', 'host', '--commercial');
  expect([blocked.code, blocked.out]).toEqual([
    1,
    expect.stringMatching(/conservative: BLOCK\n[^]*CC-BY-NC-4\.0 of [^]*way out: /),
  ]);
  const free = await register(ada, license('MIT'));
  const allowed = await run('license', 'check', free.id, '--json');
  expect([allowed.code, JSON.parse(allowed.out)]).toEqual([
    0,
    expect.objectContaining({ conservative: expect.objectContaining({ verdict: 'OK' }) }),
  ]);
  expect((await run('license', 'check', free.id, '--action', 'steal')).code).toBe(2);
}, 60_000);

describe('a license on a model', () => {
  const terms = (commercial: boolean) => ({ ...OPEN.terms, commercial });
  const offered = async (commercial: boolean, more: object = {}, own = 'MIT') => {
    const base = await register(ben, license('CC-BY-NC-4.0'));
    const parents = [{ digest: base.digest, relation: 'fine-tuned-from' as const }];
    const model = await register(ada, { ...license(own), parents });
    const body = {
      asset: model.id,
      name: 'Terms of Ada',
      expression: 'LicenseRef-ada',
      textDigest: anyDigest(),
      terms: terms(commercial),
      replaces: null,
      ...more,
    };
    return { base, answer: await ada.post('/v1/licenses', body), body };
  };

  it.each(['MIT', 'CC-BY-NC-4.0'])(
    'is refused where it grants what an ancestor blocks, of a model under %s',
    async (own) => {
      const { base, answer, body } = await offered(true, {}, own);
      expect([answer.status, answer.body.code, answer.body.field]).toEqual([409, 'license_blocked', 'terms']);
      expect(JSON.stringify(answer.body)).toMatch(
        new RegExp(`fine-tuned-from[^]*${base.id}[^]*CC-BY-NC-4\\.0, 2\\(a\\)\\(1\\)[^]*consent[^]*despite`),
      );
      expect(await anybody.read(`/v1/licenses?asset=${body.asset}`)).toEqual([]);
    },
  );

  it('is recorded with the reason that its owner states', async () => {
    const { answer } = await offered(true, { despite: 'Ben agreed in writing on 1 March.' });
    expect(answer.status).toBe(201);
    const { id } = answer.body as unknown as { id: string };
    expect(await anybody.read(`/v1/licenses/${id}`)).toMatchObject({ despite: 'Ben agreed in writing on 1 March.' });
  });

  it('is recorded where it grants nothing that an ancestor blocks', async () => {
    expect((await offered(false)).answer.status).toBe(201);
  });

  it('is refused as before for a model that is not on record, and without a reason that says something', async () => {
    const asset = 'registration_00000000000000000000000000';
    expect((await offered(true, { asset })).answer.body).toMatchObject({ code: 'not_found', field: 'asset' });
    expect((await offered(true, { despite: '' })).answer.body).toMatchObject({ code: 'invalid_input' });
  });
});
