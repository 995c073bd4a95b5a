/** `muniment replay MODEL`: trains it again from its record, on this machine or at the registry, and compares every epoch. */
import type { Command } from 'commander';
import { RegistryError } from '../../core/errors.ts';
import type { Context } from '../context.ts';
import { threadsOf } from '../parse.ts';
import type { ReplayReport } from '../replay-model.ts';
import { columns, fields, percent } from '../table.ts';

interface Options {
  epochs?: readonly [number, number];
  data?: string;
  threads?: number;
  record?: boolean;
  atRegistry?: boolean;
  watch?: boolean;
}

export function define(program: Command, context: Context): void {
  program
    .command('replay')
    .description(
      'Train a model again from its record, on this machine, and compare the weights after every epoch with those on record.',
    )
    .argument('<model>', 'its id, a digest, its file, or the id of a training; or that of a replay at the registry')
    .option(
      '--epochs <a..b>',
      'tell of epochs a to b, and end with b; those before a are trained all the same',
      epochsOf,
    )
    .option('--data <folder>', 'the four IDX files that it was trained on; MNIST is at hand')
    .option('--threads <n>', 'threads to train with, 1 to 8; the weights do not depend on it', threadsOf)
    .option('--record', 'put the result on record, as what you found')
    .option('--at-registry', 'let a worker of the registry do it, and put the result on record')
    .option('--watch', 'follow it to its end (with --at-registry)')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment replay model.safetensors --epochs 1..2\n  $ muniment replay model.safetensors --at-registry --watch',
    )
    .action(async (model: string, options: Options) => {
      requireTogether(options);
      if (options.atRegistry === true || /^replay_[0-9a-z]{26}$/.test(model))
        return atRegistry(context, model, options);
      const { recordReplay, replayHere } = await import('../replay-model.ts');
      // Before the work: whoever is nobody to the registry learns it now.
      if (options.record === true) await context.session();
      const report = await replayHere(context, model, options);
      const receipt = options.record === true ? await recordReplay(context, report) : undefined;
      if (report.outcome === 'differs') context.refuse();
      context.print({ ...report, ...(receipt === undefined ? {} : { receipt }) }, () =>
        describe(report, receipt?.index),
      );
    });
}

/** @throws RegistryError `usage` */
function requireTogether({ atRegistry, watch, data, threads, record }: Options): void {
  if (watch === true && atRegistry !== true) {
    throw new RegistryError('usage', 'The option --watch needs --at-registry.', { field: 'watch' });
  }
  const here = Object.entries({ data, threads, record }).find(([, value]) => value !== undefined)?.[0];
  if (atRegistry !== true || here === undefined) return;
  throw new RegistryError('usage', `The option --${here} is for a replay on this machine.`, {
    field: here,
    fix: `Leave out --${here} or --at-registry.`,
  });
}

async function atRegistry(context: Context, model: string, options: Options): Promise<void> {
  const { askForReplay, followReplay } = await import('../replay-at-registry.ts');
  const job = options.atRegistry === true ? await askForReplay(context, model, options) : model;
  if (typeof job !== 'string' && options.watch !== true) {
    context.print(job, () => `The replay ${job.id} is queued: "muniment replay ${job.id}".\n`);
    return;
  }
  const report = await followReplay(context, job);
  if (report.outcome === 'differs') context.refuse();
  context.print(report, () => describe(report, undefined));
}

/** @throws RegistryError `usage` */
function epochsOf(text: string): readonly [number, number] {
  const [, from, to = from] = /^(\d{1,5})(?:\.\.(\d{1,5}))?$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (first >= 1 && first <= last) return [first, last];
  throw new RegistryError('usage', `"${text.slice(0, 40)}" are no epochs.`, {
    field: 'epochs',
    fix: 'Write one as 3, or several as 1..3.',
  });
}

function describe(
  { run, model, epochs, file, outcome, firstDifference, environment, code, earlier, approximation }: ReplayReport,
  index: number | undefined,
): string {
  const last = epochs.at(-1)!.epoch;
  const distances = new Map(approximation?.epochs.map(({ epoch, distance }) => [epoch, distance.toExponential(1)]));
  const verdict =
    outcome === 'bit-exact'
      ? file === null
        ? `bit-exact: up to epoch ${last} the record makes these weights`
        : 'bit-exact: the record makes these weights, and this file'
      : outcome === 'within-tolerance'
        ? `within tolerance: each epoch ends nearer to the record than ${approximation!.tolerance} of another training`
        : firstDifference === null
          ? 'DIFFERS: the weights are those on record, and their file is another one'
          : `DIFFERS: epoch ${firstDifference} is not what the record says`;
  return (
    columns(
      ['epoch', approximation === undefined ? 'weights' : 'distance', 'right', 'on record'],
      epochs.map(({ epoch, replayed, differing }) => [
        String(epoch),
        distances.get(epoch) ?? replayed.weightDigest,
        percent(replayed.testAccuracy),
        differing.length === 0 ? (approximation === undefined ? 'the same' : 'near') : `other: ${differing.join(', ')}`,
      ]),
    ) +
    '\n' +
    fields([
      ['verdict', verdict],
      ['training', run],
      ['model', model ?? undefined],
      ['file', file === null ? undefined : file.replayed],
      [
        'trained with',
        `${String(environment['backend'])} (${String(environment['variant'] ?? environment['device'])})`,
      ],
      ['code', code.recorded === code.here ? 'the same as on record' : 'another version than the one on record'],
      ['replayed before', earlier.length === 0 ? undefined : earlierText(earlier)],
      ['on record', index === undefined ? undefined : `entry ${index}`],
    ])
  );
}

function earlierText(earlier: ReplayReport['earlier']): string {
  return (['bit-exact', 'within-tolerance', 'differs'] as const)
    .map((one) => [earlier.filter(({ outcome }) => outcome === one).length, one] as const)
    .filter(([times]) => times > 0)
    .map(([times, outcome]) => `${times} × ${outcome}`)
    .join(', ');
}
