/** `muniment export MODEL`: a registered model for other tools, in their formats. */
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Context } from '../context.ts';
import { fields } from '../table.ts';

interface Options {
  format: 'oms';
  out: string;
  publicKey?: string;
  withoutTime?: boolean;
}

export function define(program: Command, context: Context): void {
  program
    .command('export')
    .description(
      'Sign a model that you own for other tools, put the signature on record, and write it as they read it.',
    )
    .argument('<model>', 'its file, its file digest, or the id of its registration')
    .addOption(
      new Option('--format <format>', 'oms: OpenSSF model signing, a sigstore bundle')
        .choices(['oms'])
        .makeOptionMandatory(),
    )
    .option('--out <file>', 'where the bundle goes', 'model.sig')
    .option('--public-key <file>', 'also write your public key (PEM), which verifiers need')
    .option('--without-time', 'without an outside timestamp')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment export model.safetensors --format oms --public-key owner.pem\n  $ model_signing verify key model.safetensors --signature model.sig --public_key owner.pem',
    )
    .action(async (model: string, options: Options) => {
      const { exportModelSignature } = await import('../export-model.ts');
      const session = await context.session();
      const time = options.withoutTime === true ? 'none' : 'attested';
      const { bundle, publicKey, ...told } = await exportModelSignature(context, session, model, time);
      await writeFile(options.out, `${JSON.stringify(bundle)}\n`);
      if (options.publicKey !== undefined) {
        const [{ formatSpkiPem }, { fromBase64 }] = await Promise.all([
          import('../../core/statement/public-key.ts'),
          import('../../core/bytes.ts'),
        ]);
        await writeFile(options.publicKey, formatSpkiPem(fromBase64(publicKey)));
      }
      context.print({ ...told, file: options.out, publicKey }, () =>
        fields([
          ['model', told.registration],
          ['signature', told.signature],
          ['bundle', options.out],
          ['existed before', told.existedBefore === null ? undefined : `${told.existedBefore}, says ${told.authority}`],
        ]),
      );
    });
}
