/** `muniment register PATH`: puts a model that already exists on record, from its file. */
import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { fields } from '../table.ts';
import type { ModelView, RegistrationBody } from '../views.ts';

interface Options {
  name: string;
  owner: string[];
  license: string;
  licenseText?: string;
  parent?: string[];
  dataset?: string[];
  upload?: boolean;
}

export function define(program: Command, context: Context): void {
  program
    .command('register')
    .description(
      'Put a model that you already have on record. The file is hashed here and stays here, unless you upload it.',
    )
    .argument('<path>', 'file of weights, e.g. model.safetensors')
    .requiredOption('--name <name>', 'what the model is called')
    .requiredOption('--owner <party=share...>', 'who owns it: PARTY for all of it, or PARTY=n/d for each owner')
    .requiredOption('--license <id>', 'SPDX license expression, or LicenseRef-… with --license-text')
    .option('--license-text <file>', 'the text of the license; its digest goes on record')
    .option('--parent <digest=relation...>', 'a model it came from, e.g. sha256:…=fine-tuned-from')
    .option('--dataset <dataset...>', 'a dataset on record that it was trained on, by id or name')
    .option('--upload', 'also store the file in the registry, encrypted')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment register model.safetensors --name digits --owner "Acme Labs=2/3" "Jo Doe=1/3" --license Apache-2.0',
    )
    .action(async (path: string, options: Options) => {
      const { describeModel, registerModel } = await import('../register-model.ts');
      const session = await context.session();
      const body = await describeModel(context, session, path, options);
      const receipt = await registerModel(context, session, body);
      if (options.upload === true) {
        await session.client.put(
          `/v1/models/${receipt.id}/artifact`,
          createReadStream(path, { highWaterMark: 1 << 18 }),
        );
      }
      const { precededBy } = await session.client.get<ModelView>(`/v1/models/${receipt.id}`);
      if (precededBy !== null) {
        context.note(
          `The same weights stand on record since before, registered by somebody else: ${precededBy} ("muniment lookup").`,
        );
      }
      context.print({ id: receipt.id, ...body, uploaded: options.upload === true, precededBy, receipt }, () =>
        describeRegistered(receipt, body),
      );
    });
}

export function describeRegistered(receipt: { id: string; index: number }, body: RegistrationBody): string {
  return fields([
    ['registered', receipt.id],
    ['name', body.name],
    ['weight digest', body.weights.weightDigest ?? undefined],
    ['file digest', body.weights.fileDigest],
    ['owners', body.owners.map(({ party, share }) => `${share}  ${party}`).join('\n')],
    ['license', body.license.expression],
    ['on record', `entry ${receipt.index}`],
  ]);
}
