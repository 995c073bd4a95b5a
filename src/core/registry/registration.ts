/**
 * Registrations: one party's record of a model, with its owners, contributors, license, run, data and parents, in one
 * statement.
 *
 * Somebody else may register the same weights later, thieves included, and under other tensor names: both records stay,
 * in log order, and the later one is marked with the first. The same party registers the same weights once; a run's result is registered once.
 */
import { z } from 'zod';
import type { Digest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { isLicenseRef, licenseIds } from '../licensing/expression.ts';
import { RELATIONS } from '../licensing/relations.ts';
import { requireWhole } from '../share.ts';
import { digest, form, id } from '../statement/statement.ts';
import { contributorRows, contributorsSchema, requireContributors } from './contributor.ts';
import { requireNotEnded } from './ended-party.ts';
import type { Rows, Spoken } from './kind.ts';
import { kind, need, requireBasis, requireNew } from './kind.ts';
import type { Row, RowKey } from './row-keys.ts';
import type { RowChange } from './tables.ts';
import { put } from './tables.ts';
import { firstTitle } from './title.ts';

/** What an owner states of a model, openly here or sealed first (`sealed-title.ts`). */
export const statedShape = {
  name: z.string().min(1).max(200),
  owners: z
    .array(z.strictObject({ party: id('party'), share: z.string().max(40).describe('An exact fraction such as 1/2') }))
    .min(1)
    .max(1000),
  license: z.strictObject({
    expression: z.string().max(1000).describe('SPDX license expression'),
    textDigest: digest.nullable().describe('Of the license text; required for a LicenseRef-*'),
  }),
  parents: z.array(z.strictObject({ digest, relation: z.enum(RELATIONS) })).max(1000),
};

const shape = {
  ...statedShape,
  weights: z
    .strictObject({
      fileDigest: digest,
      weightDigest: digest.nullable().describe('Null when the container cannot be read'),
      namelessDigest: digest.nullable(),
      container: z.string().min(1).max(40),
      bytes: z.int().nonnegative(),
      tensors: z.int().nonnegative().nullable(),
      parameters: z.int().nonnegative().nullable(),
    })
    .refine((weights) => (weights.weightDigest === null) === (weights.namelessDigest === null), {
      message: 'the weight digest and the nameless digest come together',
      path: ['namelessDigest'],
    }),
  contributors: contributorsSchema.optional(),
  run: id('run').nullable(),
  datasets: z.array(id('dataset')).max(1000),
};

/** A model is known by its weight digest, or by its file digest where the container cannot be read. */
export const modelDigestOf = (weights: { weightDigest: Digest | null; fileDigest: Digest }): Digest =>
  weights.weightDigest ?? weights.fileDigest;

/** Where registrations of the same model stand: of the same weights, under whatever tensor names, or of the same file. */
const sameModel = ({ weights }: RegistrationBody) => [
  ['first_of_model', modelDigestOf(weights)] as const,
  ...(weights.namelessDigest === null ? [] : [['first_of_nameless', weights.namelessDigest] as const]),
  ['first_of_file', weights.fileDigest] as const,
];

/** Where the model stands that a digest names, which may be any of its digests. */
export const modelOf = (named: Digest) => [
  ['first_of_model', named] as const,
  ['first_of_nameless', named] as const,
  ['first_of_file', named] as const,
];

type ModelKey = ReturnType<typeof modelOf | typeof sameModel>[number];

/** The digests of the model that a relation named already, this registration's own included. */
const namedBefore = (body: RegistrationBody, rows: Rows): Digest[] =>
  [...new Set(sameModel(body).map(([, digest]) => digest))].filter(
    (own) => rows.get('first_relation_to', own) !== undefined || body.parents.some(({ digest }) => digest === own),
  );

/** The first registration, in log order, of those that stand under `keys`. */
export const firstUnder = (keys: readonly ModelKey[], rows: Rows): Row<'registration'> | undefined =>
  keys.flatMap(([name, digest]) => rows.get(name, digest) ?? []).sort((a, b) => a.recordedIndex - b.recordedIndex)[0];

const registrationForm = form('registration', shape, (_, { name, weights }) => [
  ...(weights.weightDigest === null ? [] : [{ name: 'weights', digest: weights.weightDigest }]),
  { name, digest: weights.fileDigest },
]);

export type RegistrationBody = z.infer<typeof registrationForm.body>;

export const registration = kind(registrationForm, {
  aboutTitle: true,
  reads: ({ common, body }, rows) => [
    ['registration', common.id],
    ...sameModel(body),
    ...sameModel(body).map(([, digest]): RowKey => ['first_relation_to', digest]),
    ...namedBefore(body, rows).flatMap(modelOf),
    ['registration_by', modelDigestOf(body.weights), common.maker],
    ...body.owners.flatMap(({ party }): RowKey[] => [
      ['party', party],
      ['ended_party', party],
    ]),
    ...(body.contributors ?? []).map((contributor): RowKey => ['party', contributor.party]),
    ...body.datasets.map((dataset): RowKey => ['dataset', dataset]),
    ...body.parents.flatMap(({ digest }): RowKey[] => modelOf(digest)),
    ...(body.run === null ? [] : [['run', body.run] as const]),
  ],
  names: ({ weights }) =>
    [...new Set([weights.namelessDigest, weights.weightDigest, weights.fileDigest])].filter(isDigest),
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    const { contributors = [] } = body;
    requireNew(rows, 'registration', common.id);
    requireLicense(body.license);
    requireOwners(spoken, rows);
    requireContributors(contributors, rows);
    const runChange = judgeRun(spoken, rows);
    requireBasis(spoken, ...body.datasets.map((dataset, i) => need(rows, 'dataset', dataset, `datasets.${i}`)));

    const relations = body.parents.map(({ relation, digest }) => ({
      relation,
      digest,
      parentIndex: firstUnder(modelOf(digest), rows)?.recordedIndex ?? null,
    }));
    const modelDigest = modelDigestOf(body.weights);
    const { id: registrationId, maker } = common;
    const again = rows.get('registration_by', modelDigest, maker);
    if (again !== undefined) {
      throw new RegistryError('already_registered', `You registered these weights already, as ${again.id}.`, {
        field: 'weights',
        fix: 'Use the registration that is on record.',
      });
    }
    return [
      put('registration', {
        id: registrationId,
        modelDigest,
        namelessDigest: body.weights.namelessDigest,
        fileDigest: body.weights.fileDigest,
        maker,
        name: body.name,
        licenseExpression: body.license.expression,
        licenseTextDigest: body.license.textDigest,
        runId: body.run,
        precededBy: firstUnder(sameModel(body), rows)?.id ?? null,
        parents: byRelation(relations),
        awaited: namedBefore(body, rows).filter((digest) => firstUnder(modelOf(digest), rows) === undefined),
        ...place,
      }),
      ...runChange,
      ...firstTitle(common, body.owners, place),
      ...contributorRows(registrationId, contributors, place),
      ...relations.map((relation, position) =>
        put('relation', { registrationId, position, ...relation, standing: 'declared', ...place }),
      ),
      ...body.datasets.map((datasetId, position) =>
        put('trained_on', { registrationId, position, datasetId, ...place }),
      ),
    ];
  },
});

function byRelation(relations: readonly Pick<Row<'relation'>, 'digest' | 'parentIndex' | 'relation'>[]) {
  const parents: Row<'registration'>['parents'] = {};
  for (const { relation, digest, parentIndex } of relations) (parents[relation] ??= []).push(parentIndex ?? digest);
  return parents;
}

/** @param under what the members stand under, e.g. `license.` @throws RegistryError `license_unknown` */
export function requireLicense({ expression, textDigest }: RegistrationBody['license'], under = 'license.'): void {
  const named = licenseIds(expression, `${under}expression`);
  if (textDigest !== null || !named.some(isLicenseRef)) return;
  throw new RegistryError('license_unknown', `${expression} is not on the SPDX list and comes without a text.`, {
    field: `${under}textDigest`,
    fix: 'Give the SHA-256 of the license text.',
  });
}

function requireOwners({ common, body }: Spoken<RegistrationBody>, rows: Rows): void {
  requireWhole(body.owners);
  for (const [i, { party }] of body.owners.entries()) {
    need(rows, 'party', party, `owners.${i}.party`);
    requireNotEnded(rows, party, `owners.${i}.party`);
  }
  if (!body.owners.some(({ party }) => party === common.maker)) {
    throw new RegistryError('forbidden', 'Whoever registers a model must be one of its owners.', { field: 'owners' });
  }
}

/** A run's result is registered by whoever started it, with the run's own weights and data, and once. */
function judgeRun(spoken: Spoken<RegistrationBody>, rows: Rows): RowChange[] {
  const { common, body } = spoken;
  if (body.run === null) return [];
  const row = need(rows, 'run', body.run, 'run');
  requireBasis(spoken, row);
  if (row.owner !== common.maker) {
    throw new RegistryError('forbidden', `The run ${row.id} was started by another party.`, { field: 'run' });
  }
  if (row.weightDigest !== body.weights.weightDigest || row.fileDigest !== body.weights.fileDigest) {
    throw new RegistryError('digest_mismatch', `The weights are not the ones that the run ${row.id} made.`, {
      field: 'weights',
    });
  }
  if (!body.datasets.includes((row.document as { dataset: string }).dataset)) {
    throw new RegistryError('invalid_input', `The data that the run ${row.id} was trained on is missing.`, {
      field: 'datasets',
    });
  }
  if (row.registrationId !== null) {
    throw new RegistryError('already_registered', `The run ${row.id} is registered as ${row.registrationId}.`, {
      field: 'run',
    });
  }
  return [put('run', { ...row, registrationId: common.id })];
}

const isDigest = (digest: Digest | null): digest is Digest => digest !== null;
