/** `muniment train`: asks the registry for a training, follows it, and ends with the model on record. */
import type { Command } from 'commander';
import { RegistryError } from '../../core/errors.ts';
import type { Contributor } from '../../core/registry/contributor.ts';
import type { Context } from '../context.ts';
import { numberOf } from '../parse.ts';
import { columns, count, fields, percent } from '../table.ts';
import type { RunView } from '../views.ts';

interface Options {
  dataset?: string;
  arch?: string;
  owner?: string[];
  license?: string;
  licenseText?: string;
  name?: string;
  epochs?: number;
  lr?: number;
  batch?: number;
  seed?: number;
  hidden?: number[];
  optimizer?: string;
  dropout?: number;
  backend?: string;
  watch?: boolean;
  out?: string;
  contributor?: string[];
  contributors?: boolean;
}

/** Spelled alike where a training begins and where its model goes on record. */
const withContributorOptions = (command: Command): Command =>
  command
    .option('--contributor <party:role...>', 'who contributed, e.g. "Acme Labs:funder", in place of whom the run names')
    .option('--no-contributors', 'name nobody as contributor');

export function define(program: Command, context: Context): void {
  const train = withContributorOptions(program.command('train'))
    .description(
      'Train a model on a dataset on record. The registry sees the training happen and records what it was made from.',
    )
    .option('--dataset <dataset>', 'what to train on, by id or name (required)')
    .option('--owner <party=share...>', 'who will own the model: PARTY, or PARTY=n/d for each owner (required)')
    .option('--license <id>', 'on which license: SPDX expression, or LicenseRef-… with --license-text (required)')
    .option('--license-text <file>', 'the text of the license')
    .option('--name <name>', 'what the model is called; the dataset and kind of model where none is given')
    .option('--arch <kind>', 'mlp or cnn')
    .option('--epochs <n>', 'passes over the data', numberOf)
    .option('--lr <n>', 'learning rate', numberOf)
    .option('--batch <n>', 'images a step', numberOf)
    .option('--seed <n>', 'every random draw comes from it', numberOf)
    .option('--hidden <n...>', 'units of each hidden layer', (text: string, before?: number[]) => [
      ...(before ?? []),
      numberOf(text),
    ])
    .option('--optimizer <name>', 'sgd, momentum or adam')
    .option('--dropout <n>', 'share of units left out at random', numberOf)
    .option('--backend <name>', 'cuda, webgpu, wasm, native or auto')
    .option('--watch', 'follow it to its end, and put the model on record')
    .option('--out <file>', 'download the model to this file at the end (with --watch)')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment train --dataset mnist --arch mlp --owner "Acme Labs" --license CC-BY-SA-3.0 --watch --out model.safetensors',
    )
    .action(async (options: Options) => {
      if (options.out !== undefined && options.watch !== true) {
        throw new RegistryError('usage', 'The option --out needs --watch.', { field: 'out', fix: 'Add --watch.' });
      }
      const { startRun } = await import('../start-run.ts');
      const started = await startRun(context, { ...options, ...required(options) });
      if (options.watch !== true) {
        if ((await context.session()).key !== undefined) {
          context.note(
            `When it has ended, its model is not on record before you sign: "muniment train watch ${started.id}".`,
          );
        }
        context.print(started, () => `The training ${started.id} is queued: "muniment train watch ${started.id}".\n`);
        return;
      }
      await followToRecord(context, started, null, options.out);
    });

  withContributorOptions(train.command('watch'))
    .description('Follow a training to its end, and put its model on record if that is still to be done.')
    .argument('<run>', 'its id')
    .option('--out <file>', 'download the model to this file at the end')
    .addHelpText('after', '\nExample:\n  $ muniment train watch run_0123…')
    .action(async (id: string, _: object, command: Command) => {
      // `train` knows these options too, and has taken them.
      const { out, ...options } = command.optsWithGlobals<Options>();
      const { client } = await context.session();
      const { contributorsOf } = await import('../start-run.ts');
      const contributors = await contributorsOf(client, options);
      const run = await client.get<RunView>(`/v1/runs/${encodeURIComponent(id)}`);
      await followToRecord(context, run, contributors, out);
    });

  train
    .command('cancel')
    .description('End a training; nothing goes on record.')
    .argument('<run>', 'its id')
    .addHelpText('after', '\nExample:\n  $ muniment train cancel run_0123…')
    .action(async (id: string) => {
      const { client } = await context.session();
      const run = await client.post<RunView>(`/v1/runs/${encodeURIComponent(id)}/cancel`, {});
      context.print(run, () => `The training ${run.id} is ${run.state}.\n`);
    });

  train
    .command('list')
    .description('Show trainings: those on record, and your own.')
    .addHelpText('after', '\nExample:\n  $ muniment train list')
    .action(async () => {
      const runs = await (await context.client()).get<RunView[]>('/v1/runs');
      context.print(runs, () =>
        columns(
          ['training', 'state', 'epochs', 'right', 'model'],
          runs.map(({ id, state, epochs, name }) => [
            id,
            state,
            String(epochs.length),
            epochs.length === 0 ? '' : percent(epochs.at(-1)!.testAccuracy),
            name ?? '',
          ]),
        ),
      );
    });
}

/** Checked here, because a required option of `train` would be asked of `train watch` too. */
function required({ dataset, owner, license }: Options) {
  const missing = Object.entries({ dataset, owner, license }).find(([, value]) => value === undefined)?.[0];
  if (dataset === undefined || owner === undefined || license === undefined) {
    throw new RegistryError('usage', `The option --${missing} is missing.`, { fix: 'See --help.' });
  }
  return { dataset, owner, license };
}

async function followToRecord(
  context: Context,
  started: RunView,
  contributors: Contributor[] | null,
  out: string | undefined,
): Promise<void> {
  const [{ followRun }, { recordRun, fetchArtifact }] = await Promise.all([
    import('../follow-run.ts'),
    import('../start-run.ts'),
  ]);
  const run = await followRun(context, started);
  const { registrationId, receipt } = await recordRun(context, run, contributors);
  if (out !== undefined) await fetchArtifact(context, run, out);
  const recorded = { ...run, state: 'registered', registrationId };
  context.print(
    { ...recorded, ...(receipt === undefined ? {} : { receipt }), ...(out === undefined ? {} : { out }) },
    () => describeRun(recorded, receipt?.index, out),
  );
}

function describeRun(run: RunView, index: number | undefined, out: string | undefined): string {
  const last = run.epochs.at(-1);
  return fields([
    ['model', run.name ?? undefined],
    ['registered', run.registrationId ?? undefined],
    ['weight digest', run.result?.weightDigest],
    ['parameters', run.result === null ? undefined : count(run.result.parameters)],
    ['right', last === undefined ? undefined : `${percent(last.testAccuracy)} of the test images`],
    ['trained on', (run.environment as { backend?: string } | null)?.backend],
    ['license', run.license?.expression],
    ['on record', index === undefined ? undefined : `entry ${index}`],
    ['file', out],
  ]);
}
