/** Asking for a training, and what comes after it: the registration that its owner signs, and the file of weights. */
import { RegistryError } from '../core/errors.ts';
import type { Contributor } from '../core/registry/contributor.ts';
import { proposeContributors, withContributors } from '../core/registry/contributor.ts';
import type { Spoken } from '../core/registry/kind.ts';
import type { RunBody } from '../core/registry/run.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { newId } from '../platform/crypto.ts';
import type { Client } from './client.ts';
import type { Context, Session } from './context.ts';
import { download } from './download.ts';
import { findContributors, findDataset, findOwners } from './find.ts';
import { readRecord } from './read-record.ts';
import { licenseOf, registerModel } from './register-model.ts';
import type { DatasetBody, DatasetView, RegistrationBody, RunView } from './views.ts';

export interface RunFacts {
  dataset: string;
  owner: string[];
  license: string;
  licenseText?: string;
  name?: string;
  arch?: string;
  epochs?: number;
  lr?: number;
  batch?: number;
  seed?: number;
  hidden?: number[];
  optimizer?: string;
  dropout?: number;
  backend?: string;
  contributor?: string[];
  /** False: name none */
  contributors?: boolean;
}

/**
 * Whom the registration is to name, where its owner says so; null leaves it to the record of the run.
 * @throws RegistryError `usage`, `not_found`
 */
export async function contributorsOf(
  client: Client,
  { contributor, contributors }: Pick<RunFacts, 'contributor' | 'contributors'>,
): Promise<Contributor[] | null> {
  if (contributors !== false) return contributor === undefined ? null : findContributors(client, contributor);
  if (contributor === undefined) return [];
  throw new RegistryError('usage', 'The options --contributor and --no-contributors exclude each other.', {
    field: 'contributor',
    fix: 'Leave one of them out.',
  });
}

export async function startRun(context: Context, facts: RunFacts): Promise<RunView> {
  const { client, me } = await context.session();
  const { arch, epochs, lr, batch, seed, hidden, optimizer, dropout, backend } = facts;
  const license = await licenseOf(facts);
  const dataset = await findDataset(client, facts.dataset, me.party.id);
  const asked = { arch, epochs, learningRate: lr, batchSize: batch, seed, hidden, optimizer, dropout };
  return client.post<RunView>('/v1/runs', {
    id: newId('run'),
    name: facts.name ?? `${dataset.name}-${arch ?? 'mlp'}`,
    dataset: dataset.id,
    hyperparameters: Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)),
    ...(backend === undefined ? {} : { backend }),
    owners: await findOwners(client, facts.owner),
    contributors: await contributorsOf(client, facts),
    license,
  });
}

/**
 * Sees to it that a finished run's model is on record: for a party with a key the registration is built and signed
 * here, from what the signed records of the run and its data say.
 * @param contributors null: as was asked when the run was started, else those whom the records propose
 */
export async function recordRun(
  context: Context,
  run: RunView,
  contributors: readonly Contributor[] | null,
): Promise<{ registrationId: string; receipt: Receipt | undefined }> {
  if (run.registrationId !== null && run.state === 'registered') {
    if (contributors !== null) {
      throw new RegistryError('state_conflict', `The model of the run ${run.id} is on record, with its contributors.`, {
        field: 'contributor',
        fix: 'Leave the contributors out.',
      });
    }
    return { registrationId: run.registrationId, receipt: undefined };
  }
  if (run.state !== 'trained' || run.result === null || run.statement === null) throw notTrained(run);
  const { name, owners, license, result, dataset, id, statement } = run;
  if (name === null || owners === null || license === null) throw notTrained(run);
  const session = await context.session();
  const recorded = await readRecord<RunBody>(context, session.client, statement);
  const told = (recorded.body as Partial<RunBody>).result;
  if (told?.weightDigest !== result.weightDigest || told.fileDigest !== result.fileDigest) {
    throw new RegistryError('proof_invalid', `The signed record of the run ${id} tells of other weights.`);
  }
  const named = contributors ?? run.contributors ?? (await proposed(context, session, recorded));
  const rest: RegistrationBody = {
    name,
    weights: { ...result, container: 'safetensors' },
    owners,
    license,
    run: id,
    datasets: [dataset],
    parents: [],
  };
  const receipt = await registerModel(context, session, withContributors(rest, [...named]), statement);
  return { registrationId: receipt.id, receipt };
}

/** The same as the registry proposes, from signed records alone: nobody gets named here on its word. */
async function proposed(context: Context, session: Session, { body: run }: Spoken<RunBody>): Promise<Contributor[]> {
  const { statement } = await session.client.get<DatasetView>(`/v1/datasets/${run.dataset}`);
  const { common, body } = await readRecord<DatasetBody>(context, session.client, statement);
  if (common.id !== run.dataset) {
    throw new RegistryError('proof_invalid', `The signed record is not the one of the dataset ${run.dataset}.`);
  }
  return proposeContributors({ run, dataset: { ...body, maker: common.maker } });
}

/** @throws RegistryError as `download` does */
export async function fetchArtifact(context: Context, { id, result }: RunView, out: string): Promise<void> {
  const { client } = await context.session();
  const { fileDigest: digest, bytes } = result!;
  await download(context, client, { path: `/v1/runs/${id}/artifact`, out, digest, bytes });
}

function notTrained({ id, state, error }: RunView): RegistryError {
  const why = error === null ? '' : ` ${error.detail}`;
  return new RegistryError(state === 'cancelled' ? 'cancelled' : 'state_conflict', `The run ${id} is ${state}.${why}`, {
    ...(error?.fix === undefined ? {} : { fix: error.fix }),
  });
}
