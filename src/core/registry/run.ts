/**
 * Training runs, as SLSA provenance v1 (slsa.dev/spec/v1.0/provenance) with our build type: what was asked for, which
 * data and code it used, on which machine, and the weight digest after each epoch. Made by the registry, whose worker
 * did the training and saw it happen.
 */
import { z } from 'zod';
import type { Common, StatementForm } from '../statement/statement.ts';
import { commonShape, digest, id, instant } from '../statement/statement.ts';
import { requireRegistry } from './authority.ts';
import { kind, need, requireBasis, requireNew } from './kind.ts';
import type { RowKey } from './row-keys.ts';
import { put } from './tables.ts';

export const BUILD_TYPE = 'urn:muniment:build:training:v1';
const BUILDER = 'urn:muniment:worker:v1';

const json = z.record(z.string(), z.json());

const epochSchema = z.strictObject({
  epoch: z.int().positive(),
  loss: z.number(),
  trainAccuracy: z.number(),
  validationAccuracy: z.number().nullable(),
  testAccuracy: z.number(),
  weightDigest: digest,
  checkpointDigest: digest
    .optional()
    .describe("Of the file with the weights and the optimizer's state, where a replay begins with it"),
  seconds: z.number(),
});

const seconds = z.number().nonnegative().max(1e10);

const workerSchema = z.strictObject({
  instance: z.string().max(200),
  party: id('party').describe('Whose worker it was'),
  attempt: z.int().positive(),
  spent: z
    .strictObject({
      wallSeconds: seconds,
      coreSeconds: seconds.describe('Processor time of the process, all its threads'),
      deviceSeconds: seconds.nullable().describe('For which a graphics device was held'),
      backend: z.string().max(40),
      device: z.string().max(300).describe("The processor's or the graphics adapter's own name"),
    })
    .optional(),
});

const bodyShape = {
  owner: id('party').describe('The party that started the run'),
  dataset: id('dataset'),
  hyperparameters: json,
  preprocessing: json,
  code: z.strictObject({ digest, version: z.string().max(100) }).describe('The training code and its lockfile'),
  environment: json.describe('Backend, device, driver, versions'),
  compute: z
    .object({ workers: z.array(workerSchema).max(1000).optional().describe('In the order in which they took the run') })
    .catchall(z.json())
    .describe('Wall, core and device seconds; the workers, their parties and what each spent'),
  startedOn: instant,
  finishedOn: instant,
  epochs: z.array(epochSchema).min(1).max(10_000),
  testImages: z.int().positive().describe('How many images the test accuracy was measured on, none of them trained on'),
  result: z.strictObject({
    weightDigest: digest,
    namelessDigest: digest,
    fileDigest: digest,
    bytes: z.int().positive(),
    tensors: z.int().positive(),
    parameters: z.int().positive(),
  }),
};

const bodySchema = z.strictObject(bodyShape);
export type RunBody = z.infer<typeof bodySchema>;

const predicate = z.strictObject({
  buildDefinition: z.strictObject({
    buildType: z.literal(BUILD_TYPE),
    externalParameters: z.strictObject({ dataset: bodyShape.dataset, hyperparameters: json }),
    internalParameters: z.strictObject({ preprocessing: json }),
    resolvedDependencies: z.tuple([
      z.strictObject({
        name: z.literal('code'),
        digest: z.strictObject({ sha256: z.string() }),
        annotations: z.strictObject({ version: z.string() }),
      }),
    ]),
  }),
  runDetails: z.strictObject({
    builder: z.strictObject({ id: z.literal(BUILDER) }),
    metadata: z.strictObject({ invocationId: z.string(), startedOn: instant, finishedOn: instant }),
  }),
  muniment_statement: z.strictObject(commonShape),
  muniment_run: bodySchema.omit({
    dataset: true,
    hyperparameters: true,
    preprocessing: true,
    code: true,
    startedOn: true,
    finishedOn: true,
  }),
});

const slsa: StatementForm<RunBody> = {
  kind: 'run',
  predicateType: 'https://slsa.dev/provenance/v1',
  predicate,
  body: bodySchema,
  embed(
    common: Common,
    { dataset, hyperparameters, preprocessing, code, startedOn, finishedOn, ...rest },
  ): z.infer<typeof predicate> {
    return {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { dataset, hyperparameters },
        internalParameters: { preprocessing },
        resolvedDependencies: [
          {
            name: 'code',
            digest: { sha256: code.digest.slice('sha256:'.length) },
            annotations: { version: code.version },
          },
        ],
      },
      runDetails: { builder: { id: BUILDER }, metadata: { invocationId: common.id, startedOn, finishedOn } },
      muniment_statement: common,
      muniment_run: rest,
    };
  },
  extract({ buildDefinition, runDetails, muniment_statement, muniment_run }: z.infer<typeof predicate>) {
    const { externalParameters, internalParameters, resolvedDependencies } = buildDefinition;
    const { startedOn, finishedOn } = runDetails.metadata;
    const [code] = resolvedDependencies;
    return {
      common: muniment_statement,
      body: {
        ...muniment_run,
        ...externalParameters,
        ...internalParameters,
        code: { digest: `sha256:${code.digest.sha256}` as const, version: code.annotations.version },
        startedOn,
        finishedOn,
      },
    };
  },
  subjects: (_, { result }) => [
    { name: 'weights', digest: result.weightDigest },
    { name: 'artifact', digest: result.fileDigest },
  ],
};

export const run = kind(slsa, {
  reads: ({ common, body }) => [
    ['run', common.id],
    ['party', body.owner],
    ['dataset', body.dataset],
    ...spenders(body).map(({ party }): RowKey => ['party', party]),
  ],
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    requireRegistry(spoken, rows);
    requireNew(rows, 'run', common.id);
    need(rows, 'party', body.owner, 'owner');
    requireBasis(spoken, need(rows, 'dataset', body.dataset, 'dataset'));
    const { weightDigest, fileDigest } = body.result;
    return [
      put('run', {
        id: common.id,
        owner: body.owner,
        weightDigest,
        fileDigest,
        document: body,
        registrationId: null,
        ...place,
      }),
      ...spenders(body).map(({ position, party, spent }) => {
        need(rows, 'party', party, `compute.workers.${position}.party`);
        const { coreSeconds, deviceSeconds, backend, device } = spent;
        return put('compute', {
          runId: common.id,
          position,
          provider: party,
          consumer: body.owner,
          coreMs: milliseconds(coreSeconds),
          deviceMs: deviceSeconds === null ? null : milliseconds(deviceSeconds),
          backend,
          device,
          ...place,
        });
      }),
    ];
  },
});

/** The workers of which the record says what they spent; older records tell it of all together only. */
const spenders = ({ compute: { workers = [] } }: RunBody) =>
  workers.flatMap(({ party, spent }, position) => (spent === undefined ? [] : [{ position, party, spent }]));

const milliseconds = (seconds: number): number => Math.round(seconds * 1000);
