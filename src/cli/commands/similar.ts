/** `muniment similar MODEL`: which models on record are nearer to it than chance explains. */
import type { Command } from 'commander';
import type { Evidence } from '../../core/fingerprint/evidence.ts';
import type { Context } from '../context.ts';
import { countOf } from '../parse.ts';
import type { SimilarReport } from '../similar-models.ts';
import { fields } from '../table.ts';

interface Options {
  with?: string;
  against?: string;
  candidates: number;
  unrelated: number;
  checkAll?: boolean;
}

export function define(program: Command, context: Context): void {
  program
    .command('similar')
    .description(
      'Models on record that a model is a near copy of: trained on, pruned, quantized, its neurons put in another order. Its fingerprint is computed here; the weights stay here.',
    )
    .argument('<model>', 'file or folder of weights; a digest or id of a model whose fingerprint is on record')
    .option('--with <file>', 'compare with this file alone, and ask nobody')
    .option('--against <model>', 'one model on record, suspected before; no other is looked at')
    .option('--candidates <n>', 'how many of the nearest are judged, 1 to 50', countOf(1, 50), 5)
    .option(
      '--unrelated <n>',
      'how many older models, related to neither, to hold each against, at most 200',
      countOf(0, 200),
      200,
    )
    .option('--check-all', 'hold each unrelated model to the log, too')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment similar suspect.safetensors\n  $ muniment similar suspect.onnx --against registration_…\n\nA p-value is how often an older model on record that nobody declared related comes as near, corrected\nfor the candidates. It holds for a model that was suspected before (--against). One that a search among\nmany brought up is a lead: among enough models some come near by chance.',
    )
    .action(async (model: string, { with: other, ...options }: Options) => {
      const { compareFiles, similarTo } = await import('../similar-models.ts');
      if (other !== undefined) {
        const compared = await compareFiles(context, model, other);
        return context.print({ ...compared }, () => describePair(compared));
      }
      const report = await similarTo(context, model, options);
      context.print({ ...report }, () => describe(report));
    });
}

function describe({ shape, registration, by, findings }: SimilarReport): string {
  const own = registration === null ? '' : `This model is on record itself, as ${registration}.\n\n`;
  if (findings.length === 0) {
    return `${own}No other model on record has a fingerprint that ${shape} could be held against.\n`;
  }
  const shown = findings.map(({ model, score, seen, layers, pValue, corrected, n, words }) =>
    fields([
      ['model', model.name ?? undefined],
      ['record', `${model.registration}, fingerprint in entry ${model.index}`],
      ['score', `${score.toFixed(2)}, ${SEEN[seen]}`],
      ['layers', layersText(layers)],
      ['p-value', `${pValue.toFixed(4)}, of ${findings.length} candidates ${corrected.toFixed(4)}; n = ${n}`],
      ['finding', words],
    ]),
  );
  const lead =
    by === null ? '' : '\nFound by a search among all on record: a lead, until it was suspected before (--help).\n';
  return own + shown.join('\n') + lead;
}

function describePair({ score, seen, layers, shapes }: Evidence & { shapes: [string, string] }): string {
  return fields([
    ['models', shapes.join(' and ')],
    ['score', `${score.toFixed(2)}, ${SEEN[seen]}`],
    ['layers', layersText(layers)],
    ['finding', 'None: what a score is worth, only scores of unrelated models tell ("muniment similar --against").'],
  ]);
}

const SEEN = {
  ahead: 'of hidden neurons, seen from the input',
  behind: 'of hidden neurons, seen from behind',
  moments: 'of hidden neurons, by the moments of their kernels',
  outputs: 'of the outputs and what they see',
} as const;

const layersText = (layers: Evidence['layers']): string =>
  layers.length === 0
    ? 'no layers that compare'
    : layers
        .map(
          ({ a, b, pairs, cosine, chance }) =>
            `layer ${a + 1} as ${b + 1}: ${pairs} neurons at ${cosine.toFixed(2)}, by chance ${chance.toFixed(2)}`,
        )
        .join('; ');
