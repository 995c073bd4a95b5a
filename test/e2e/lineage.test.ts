/** What a model came from, and what came from it, over HTTP and at the command line. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { utf8 } from '../../src/core/bytes.ts';
import type { Digest } from '../../src/core/digest.ts';
import type { RegistrationBody } from '../../src/core/registry/registration.ts';
import type { TestApp } from '../support/app.ts';
import { startTestApp } from '../support/app.ts';
import { anyDigest, datasetOf, modelOf } from '../support/bodies.ts';
import type { Party } from '../support/client.ts';
import { Client, Operator } from '../support/client.ts';
import { query } from '../support/postgres.ts';
import { runCli } from '../unit/cli/support.ts';

interface Shown {
  direction: string;
  nodes: { id: string; name: string | null; license: string | null }[];
  edges: { child: string; parent: string; relation: string }[];
}
type Registered = RegistrationBody['weights'] & { id: string; weights: RegistrationBody['weights'] };

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

const from = (...digests: (Digest | null)[]): Pick<RegistrationBody, 'parents'> => ({
  parents: digests.map((digest) => ({ digest: digest!, relation: 'merged-from' })),
});

async function register(party: Party, different: Partial<RegistrationBody> = {}): Promise<Registered> {
  const body = modelOf(party.id, different);
  const { id } = await party.made('/v1/models', body);
  return { ...body.weights, weights: body.weights, id };
}

const lineage = (id: string, direction: string) =>
  anybody.read<Shown>(`/v1/models/${id}/lineage?direction=${direction}`);
const ids = ({ nodes }: Shown) => nodes.map(({ id }) => id).sort();
const merged = (child: string, parent: string) => ({ child, parent, relation: 'merged-from' });

describe('the lineage of a model', () => {
  it('is followed in both directions, through data and past one generation, each model once', async () => {
    const data = await ada.made('/v1/datasets', datasetOf([{ name: 'a.bin', bytes: utf8('data') }]));
    const base = await register(ada, { datasets: [data.id], license: { expression: 'MIT', textDigest: null } });
    const [left, right] = [await register(ada, from(base.weightDigest)), await register(ben, from(base.weightDigest))];
    const model = await register(ben, from(left.weightDigest, right.weightDigest));
    const edges = [
      merged(model.id, left.id),
      merged(model.id, right.id),
      merged(left.id, base.id),
      merged(right.id, base.id),
    ];

    const above = await lineage(model.id, 'ancestors');
    expect(ids(above)).toEqual([model.id, left.id, right.id, base.id, data.id].sort());
    expect(above.nodes).toContainEqual(expect.objectContaining({ id: base.id, license: 'MIT' }));
    expect(above.edges).toHaveLength(5);
    expect(above.edges).toEqual(
      expect.arrayContaining([...edges, { child: base.id, parent: data.id, relation: 'trained-on' }]),
    );

    const below = await lineage(base.id, 'descendants');
    expect(ids(below)).toEqual([model.id, left.id, right.id, base.id].sort());
    expect(below.edges).toHaveLength(4);
    expect(below.edges).toEqual(expect.arrayContaining(edges));
  });

  it('knows a parent by its file, its tensors under other names, and its weights', async () => {
    const base = await register(ada);
    const model = await register(ben, from(base.fileDigest, base.namelessDigest, base.weightDigest));
    const edge = merged(model.id, base.id);
    expect((await lineage(model.id, 'ancestors')).edges).toEqual([edge, edge, edge]);
    expect((await lineage(base.id, 'descendants')).edges).toEqual([edge, edge, edge]);
  });

  it('has a parent that went on record after its child', async () => {
    const { weights } = modelOf(ada.id);
    const model = await register(ben, from(weights.weightDigest, weights.fileDigest, weights.namelessDigest));
    const before = await lineage(model.id, 'ancestors');
    expect(ids(before)).toEqual([model.id, weights.weightDigest, weights.fileDigest, weights.namelessDigest].sort());
    expect(before.nodes).toContainEqual({ id: weights.weightDigest, name: null, license: null });
    const root = await register(ben);
    const base = await register(ada, { weights, ...from(root.weightDigest) });
    const later = await register(ben, from(base.weightDigest, model.weightDigest));
    const same = await register(ben, { weights });

    const above = await lineage(later.id, 'ancestors');
    expect(ids(above)).toEqual([later.id, base.id, model.id, root.id].sort());
    expect(above.edges).toHaveLength(6);
    for (const [top, edges] of [
      [root, 6],
      [base, 5],
    ] as const) {
      const below = await lineage(top.id, 'descendants');
      expect(ids(below)).toEqual([...new Set([top.id, base.id, model.id, later.id])].sort());
      expect(below.edges).toHaveLength(edges);
      for (const edge of below.edges) expect(above.edges).toContainEqual(edge);
    }
    expect(ids(await lineage(same.id, 'descendants'))).toEqual([same.id]);
  });

  it('gives no descendants to a later registration of the same weights', async () => {
    const base = await register(ada);
    const model = await register(ada, from(base.weightDigest));
    const later = await register(ben, { weights: base.weights });
    expect(ids(await lineage(base.id, 'descendants'))).toEqual([base.id, model.id].sort());
    expect(ids(await lineage(later.id, 'descendants'))).toEqual([later.id]);
  });

  it('ends where it goes in a circle, in both directions', async () => {
    const [one, two] = [modelOf(ada.id).weights, modelOf(ada.id).weights];
    const a = await register(ada, { weights: one, ...from(two.weightDigest) });
    const b = await register(ada, { weights: two, ...from(one.weightDigest) });
    for (const direction of ['ancestors', 'descendants']) {
      const found = await lineage(a.id, direction);
      expect([direction, ids(found), found.edges.length]).toEqual([direction, [a.id, b.id].sort(), 2]);
    }
  });

  it.each([
    ['more than 10,000 models', 10_001, 0, 1],
    ['more parents than can be read', 250, 1000, 1000],
    ['the same parents more often than can be read', 250, 1000, 1],
  ])('of %s is refused', async (_, children, strangers, different) => {
    const base = await register(ada);
    // Rows as registrations leave them, as far as a lineage is read from them.
    await query(
      app.database.superuserUrl,
      `WITH base AS (SELECT recorded_index AS index FROM registry.registration WHERE id = $1),
       child AS (
         INSERT INTO registry.registration (id, model_digest, nameless_digest, file_digest, maker, name,
           license_expression, parents, awaited, statement, recorded_index)
         SELECT $1 || n, $1 || n, '', '', '', '', 'MIT', json_build_object('merged-from', (
           SELECT json_agg('sha256:' || encode(sha256((n || ' ' || p % $4::int)::bytea), 'hex'))
           FROM generate_series(1, $3::int) p)),
           '{}', '', (base.index + 1) * 1000000 + n
         FROM base, generate_series(1, $2::int) n RETURNING id, recorded_index
       )
       INSERT INTO registry.relation (registration_id, position, relation, digest, parent_index, standing, statement,
         recorded_index)
       SELECT child.id, 0, 'merged-from', '', base.index, 'declared', '', child.recorded_index FROM base, child`,
      [base.id, children, strangers, different],
    );
    const answer = await anybody.get(`/v1/models/${base.id}/lineage?direction=descendants`);
    expect([answer.status, answer.body.code]).toEqual([413, 'payload_too_large']);
  });

  it('goes once around a model that names itself', async () => {
    const { weights } = modelOf(ada.id);
    const model = await register(ada, { weights, ...from(weights.weightDigest) });
    for (const direction of ['ancestors', 'descendants']) {
      expect(await lineage(model.id, direction)).toMatchObject({ edges: [merged(model.id, model.id)] });
    }
  });

  it('is asked for a model that exists, in a direction that is known', async () => {
    for (const direction of ['ancestors', 'descendants']) {
      const path = `/v1/models/registration_00000000000000000000000000/lineage?direction=${direction}`;
      expect((await anybody.get(path)).status).toBe(404);
    }
    const { id } = await register(ada);
    const answer = await anybody.get(`/v1/models/${id}/lineage?direction=sideways`);
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_input']);
  });
});

it('is shown at the command line, a line for each relation', async () => {
  const base = await register(ada, { name: 'the base', license: { expression: 'MIT', textDigest: null } });
  const lost = anyDigest();
  const model = await register(ada, { name: 'the child', ...from(base.weightDigest, lost) });
  const run = (...argv: string[]) =>
    runCli(['license', 'lineage', ...argv], { MUNIMENT_URL: app.url, MUNIMENT_HOME: join(app.config.data, 'a-user') });
  const above = await run(model.id);
  expect([above.code, above.out]).toEqual([
    0,
    expect.stringMatching(/the child +merged-from +the base +declared +MIT\n/),
  ]);
  expect(above.out).toMatch(new RegExp(`the child +merged-from +${lost} +declared +not on record\n`));
  const below = await run(base.id, '--descendants');
  expect([below.code, below.out]).toEqual([0, expect.stringMatching(/the child +merged-from +the base/)]);
  expect((await run(base.id)).out).toContain('came from nothing on record');
}, 60_000);
