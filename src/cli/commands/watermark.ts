/** `muniment watermark`: a mark in the weights that only its key finds, and that stays when neurons are shuffled and scaled. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { fields, percent } from '../table.ts';
import type { MarkReport } from '../watermark.ts';

const MODEL = 'a safetensors file as "muniment train" or "muniment fetch" writes it';

export function define(program: Command, context: Context): void {
  const watermark = program
    .command('watermark')
    .description(
      'Mark a model with a secret key, and look for the mark in a copy. Keys and weights stay on this machine.',
    );

  watermark
    .command('keygen')
    .description(
      'Make the key of a mark, for one model, and put a sealed commitment to it on record. Do so before anybody else has the model.',
    )
    .requiredOption('--out <file>', 'where to write it (mode 0600); never overwrites')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment watermark keygen --out digits.watermark\n\n' +
        'Keep the file: without it nobody can find the mark, and whoever has it can take the mark out.',
    )
    .action(async ({ out }: { out: string }) => {
      const { makeKey } = await import('../watermark.ts');
      const made = await makeKey(context, out);
      context.print(made, () =>
        fields([
          ['key file', made.file],
          ['speaks for', made.party],
          ['commitment', made.sealed],
          ['on record', `entry ${made.receipt.index}`],
        ]),
      );
    });

  watermark
    .command('embed')
    .description('Write a marked copy of a model. It needs no data; measure the copy before you publish it.')
    .argument('<path>', MODEL)
    .requiredOption('--mark-key <file>', 'the key of the mark')
    .requiredOption('--out <file>', 'where to write the copy; never overwrites')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment watermark embed model.safetensors --mark-key digits.watermark --out marked.safetensors\n  $ muniment register marked.safetensors --parent sha256:…=fine-tuned-from …',
    )
    .action(async (path: string, { markKey, out }: { markKey: string; out: string }) => {
      const { markModel } = await import('../watermark.ts');
      const marked = await markModel(path, markKey, out);
      context.print(marked, () =>
        fields([
          ['marked copy', marked.file],
          ['in layer', `${marked.layer}, changed by ${percent(marked.change)}`],
          ['strength', `${marked.margin} deviations a bit`],
          ['file digest', marked.fileDigest],
          ['weight digest', marked.weightDigest],
        ]),
      );
    });

  watermark
    .command('verify')
    .description(
      'Look for the mark of a key in a model, and tell since when the key is committed to. Ends with 1 where it is not found.',
    )
    .argument('<path>', 'file or folder of weights whose layers can be put in order (docs/containers.md)')
    .requiredOption('--mark-key <file>', 'the key of the mark')
    .option('--offline', 'do not ask the registry since when the key is committed to')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment watermark verify suspect.safetensors --mark-key digits.watermark\n\n' +
        'Others than the maker of the key see its record once it is open: muniment open sealed_0123…',
    )
    .action(async (path: string, { markKey, offline = false }: { markKey: string; offline?: boolean }) => {
      const { lookForMark } = await import('../watermark.ts');
      const report = await lookForMark(context, path, markKey, { offline });
      if (!report.found) context.refuse();
      context.print(report, () => describe(report));
    });
}

function describe({ found, bits, best, layers, pValue, party, record }: MarkReport): string {
  return fields([
    ['verdict', found ? `the mark of ${party} is in it` : 'no mark of this key'],
    ['bits', `${best.matched} of ${bits} agree, in layer ${best.layer}`],
    [
      'by chance',
      `p ≤ ${pValue.toExponential(1)}, over ${layers.length === 1 ? 'one layer' : `${layers.length} layers`}`,
    ],
    [
      'committed to',
      record === null
        ? 'not looked up: a key that was made after the model proves nothing'
        : `since entry ${record.index}; the chance holds for models that came to be after it`,
    ],
  ]);
}
