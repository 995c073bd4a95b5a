/** `muniment fingerprint PATH`: computes it here, and puts it on record for the owner of the model. */
import type { Command } from 'commander';
import { SKETCH_BYTES } from '../../core/fingerprint/fingerprint.ts';
import type { Context } from '../context.ts';
import { fields } from '../table.ts';

interface Options {
  record?: boolean;
}

export function define(program: Command, context: Context): void {
  program
    .command('fingerprint')
    .description(
      'The fingerprint of a model, by which near copies of it are found. It is computed here; weights are not sent.',
    )
    .argument('<path>', 'file or folder of weights')
    .option('--record', 'put it on record for your registration of this model; everybody can read it then')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment fingerprint model.safetensors --record\n\nA fingerprint tells of each neuron in which half of 512 fixed directions it lies. That is far from the weights,\nand more than nothing: what it tells is told for good.',
    )
    .action(async (path: string, { record }: Options) => {
      const { fingerprintOfFile, recordFingerprint } = await import('../similar-models.ts');
      if (record === true) {
        const { model, receipt } = await recordFingerprint(context, path);
        return context.print({ model, receipt }, () =>
          fields([
            ['model', model],
            ['fingerprint', `on record, entry ${receipt.index}`],
          ]),
        );
      }
      const fingerprint = await fingerprintOfFile(context, path);
      const { formatFingerprint } = await import('../../core/fingerprint/document.ts');
      context.print(formatFingerprint(fingerprint), () =>
        fields([
          ['shape', fingerprint.shape],
          ...fingerprint.layers.map(
            ({ units, rows }, i) => [`layer ${i + 1}`, `${rows.length / SKETCH_BYTES} of ${units} neurons`] as const,
          ),
          ['bytes', fingerprint.retrieval.length + fingerprint.layers.reduce((sum, { rows }) => sum + rows.length, 0)],
        ]),
      );
    });
}
