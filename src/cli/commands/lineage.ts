/** `muniment lineage`: whether a model came from the parents that its registration names, by their files. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { RELATIONS } from '../../core/licensing/relations.ts';
import type { CheckFacts, CheckReport } from '../check-lineage.ts';
import type { Context } from '../context.ts';
import { findAnyModel } from '../find-model.ts';
import { columns, count, fields, inOneLine } from '../table.ts';
import type { LineageCheckView, LineageJobView } from '../views.ts';

export function define(program: Command, context: Context): void {
  const lineage = program
    .command('lineage')
    .description('Check whether a model came from its declared parents.')
    .addHelpText('after', '\nExample:\n  $ muniment lineage checks model.safetensors');

  lineage
    .command('check')
    .description(
      'Make the conversion, quantization, pruning or merge again from the files, and compare byte for byte. Nothing leaves this machine.',
    )
    .argument('<child>', 'file of the model, or a folder that holds it; with --at-registry also its id or a digest')
    .argument('[parent...]', 'file of the parent; of a merge, the files of all of them')
    .addOption(
      new Option('--as <relation>', 'the relation to check, where it is not on record').choices([...RELATIONS]),
    )
    .option(
      '--fingerprint',
      'judge a fine-tuned model by its fingerprint, against those of older models on record; the registry is sent that of the child',
    )
    .option('--record', 'put what you find on record, as your word')
    .option('--at-registry', 'let a worker of the registry do it with the files that are kept there, as its word')
    .option('--watch', 'follow it to its end (with --at-registry)')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment lineage check model-Q8_0.gguf model.safetensors --as quantized-from\n  $ muniment lineage check model-Q8_0.gguf --at-registry --watch',
    )
    .action(async (child: string, parents: string[], facts: CheckFacts & { atRegistry?: true; watch?: true }) => {
      const { checkAtRegistry, requireAtRegistry } = await import('../lineage-at-registry.ts');
      requireAtRegistry(parents, facts);
      if (facts.atRegistry === true) {
        const jobs = await checkAtRegistry(context, child, facts.watch === true);
        if (jobs.some(({ state, finding }) => state === 'failed' || finding === 'contradicted')) context.refuse();
        context.print(jobs, () => jobs.map(describeJob).join('\n'));
        return;
      }
      const { checkLineage } = await import('../check-lineage.ts');
      const report = await checkLineage(context, child, parents, facts);
      if (report.finding === 'contradicted') context.refuse();
      context.print(report, () => describe(report));
    });

  lineage
    .command('checks')
    .description('Show who checked the parents of a model, and what was found.')
    .argument('<model>', 'its id, a digest, or its file')
    .addHelpText('after', '\nExample:\n  $ muniment lineage checks model.safetensors')
    .action(async (model: string) => {
      const id = await findAnyModel(context, model);
      const client = await context.client();
      const checks = await client.get<LineageCheckView[]>(`/v1/lineage-checks?registration=${id}`);
      context.print(checks, () =>
        checks.length === 0
          ? 'Nobody has checked the parents of this model.\n'
          : columns(
              ['relation', 'parent', 'finding', 'method', 'by', 'entry'],
              checks.map(({ relation, parent, finding, method, maker, counts, recordedIndex }) => [
                relation,
                parent,
                finding,
                method,
                counts ? 'the registry' : inOneLine(maker),
                String(recordedIndex),
              ]),
            ),
      );
    });
}

function describeJob({ relation, parents, state, finding, because, statements, error }: LineageJobView): string {
  return fields([
    ['relation', relation],
    ['parents', parents.join('\n')],
    ['state', state],
    ['finding', finding === 'contradicted' ? 'CONTRADICTED' : (finding ?? undefined)],
    ['because', because ?? error?.detail],
    ['on record', statements.join('\n') || undefined],
  ]);
}

function describe({ relation, finding, because, significance, evidence, recorded }: CheckReport): string {
  const { conversions, tensors, explained, coefficients } = evidence;
  return fields([
    ['relation', relation],
    ['finding', finding === 'contradicted' ? 'CONTRADICTED' : finding],
    ['because', because],
    ['conversions', conversions?.join('\n')],
    ['tensors', tensors === undefined ? undefined : `${count(explained ?? 0)} of ${count(tensors)} made again`],
    ['score', significance?.score.toFixed(2)],
    ['p-value', significance && `${significance.pValue.toFixed(4)}, n=${significance.n}`],
    ['weights', coefficients?.map((each) => each.toFixed(6)).join(', ')],
    ['on record', recorded.map(({ index }) => `entry ${index}`).join('\n') || undefined],
  ]);
}
