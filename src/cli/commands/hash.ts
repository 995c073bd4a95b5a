/** `muniment hash PATH`: the digests by which a model can be looked up. Reads its files and tells nobody. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { bytes, count, fields } from '../table.ts';
import { hashModel } from '../hash-model.ts';

export function define(program: Command, context: Context): void {
  program
    .command('hash')
    .description('Print the digests by which a model can be looked up. Nothing leaves this machine.')
    .argument('<path>', 'file of weights, e.g. model.safetensors; of several, their index; or a folder with one model')
    .addHelpText('after', '\nExample:\n  $ muniment hash model.safetensors')
    .action(async (path: string) => {
      const report = await hashModel(context.io, path);
      context.print(report, () =>
        fields([
          ['file digest', report.fileDigest],
          ['weight digest', report.weightDigest ?? 'none: the container cannot be read'],
          ['nameless digest', report.namelessDigest ?? undefined],
          ['signing root', report.rootDigest],
          ['container', report.container],
          ['tensors', report.tensors === null ? undefined : count(report.tensors)],
          ['parameters', report.parameters === null ? undefined : count(report.parameters)],
          ['files', report.files === 1 ? undefined : count(report.files)],
          ['size', bytes(report.bytes)],
        ]),
      );
    });
}
