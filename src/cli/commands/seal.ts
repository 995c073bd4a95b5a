/** `muniment seal`: what you state of a model goes on record as a commitment that tells nobody anything. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import type { TitleFacts } from '../seal-title.ts';
import { fields } from '../table.ts';

export function define(program: Command, context: Context): void {
  program
    .command('seal')
    .description(
      'Prove later what you state now: put a title on record that tells nobody whose it is, of what, or how much it says, and open it later, a field at a time.',
    )
    .argument('[path]', 'file of weights; only its digests are sealed')
    .option('--name <name>', 'what the model is called')
    .option('--owner <party=share...>', 'who owns it: PARTY for all of it, or PARTY=n/d for each owner')
    .option('--license <id>', 'SPDX license expression, or LicenseRef-… with --license-text')
    .option('--license-text <file>', 'the text of the license; its digest is sealed')
    .option('--parent <digest=relation...>', 'a model it came from, e.g. sha256:…=fine-tuned-from')
    .option('--dataset <dataset...>', 'a dataset on record that it was trained on, by id or name')
    .option('--instrument <file>', 'a signed document, such as an agreement; its digest is sealed')
    .option('--note <text>', 'anything else')
    .option(
      '--field <name=value...>',
      'a field by its name, where no option fits: a digest as text, the others as JSON, e.g. weightDigest=sha256:…',
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment seal model.safetensors --owner "Acme Labs=2/3" "Jo Doe=1/3" --license Apache-2.0\n  $ muniment open sealed_0123… --field owners weightDigest\n\n' +
        'Salts and values stay in a file of yours. Keep it: without it nobody can open the record, you included.',
    )
    .action(async (path: string | undefined, facts: TitleFacts) => {
      const [{ sealTitle }, { TITLE_FIELDS }] = await Promise.all([
        import('../seal-title.ts'),
        import('../../core/registry/sealed-title.ts'),
      ]);
      const { receipt, secret, file } = await sealTitle(context, path, facts);
      const { sealed, subject, values } = secret;
      const filled = TITLE_FIELDS.filter((field) => values[field] !== undefined);
      context.print({ sealed, subject, values, file, receipt }, () =>
        fields([
          ['sealed', sealed],
          ['fields', filled.join('\n')],
          ['opened by', `${file}: keep it, nobody can open this without it`],
          ['on record', `entry ${receipt.index}`],
        ]),
      );
    });
}
